// The part of a command that makes output, in pieces: a session pulls no more than its connection
// takes, so a slow client costs no memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"

namespace gemel::imap {

enum class Progress : uint8_t { kMore, kDone };

/// Of so many messages, so many were looked at.
struct Done {
  uint64_t count;
  uint64_t goal;
};

class Work {
 public:
  virtual ~Work() = default;
  /// How far it is, if it can tell and another response may be sent now.
  virtual std::optional<Done> done() const { return std::nullopt; }
  /// Appends a piece, about as long as Limits::output_piece_bytes at most, and says whether it was
  /// the last one. An error ends the command with NO.
  virtual Result<Progress> step(std::string& out) = 0;
};

/// What is to be said after the works before it have run.
class TextWork final : public Work {
 public:
  explicit TextWork(std::string text) : text_(std::move(text)) {}
  Result<Progress> step(std::string& out) override {
    out += text_;
    return Progress::kDone;
  }

 private:
  std::string text_;
};

}  // namespace gemel::imap
