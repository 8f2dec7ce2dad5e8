// The part of a command that makes output, in pieces: a session pulls no more than its connection
// takes, so a slow client and a mailbox of a million messages cost no memory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "pop3/top_lines.h"
#include "store/body_bytes.h"
#include "wire/dot_stuffing.h"

namespace gemel::pop3 {

enum class Progress : uint8_t { kMore, kDone };

class Work {
 public:
  virtual ~Work() = default;
  /// Appends a piece and says whether it was the last one. The reply has begun, so that an error
  /// can only be told by ending the connection without the final dot.
  virtual Result<Progress> step(std::string& out) = 0;
};

/// The lines for messages `first` to `last`, both included, some at a time, and the final dot.
class ListingWork final : public Work {
 public:
  using Lines = std::function<Result<std::string>(size_t first, size_t last)>;
  ListingWork(size_t count, Lines lines) : count_(count), lines_(std::move(lines)) {}
  Result<Progress> step(std::string& out) override;

  /// Lines that are made at once.
  static constexpr size_t kBlock = 1000;

 private:
  size_t count_;
  Lines lines_;
  size_t next_ = 1;
};

/// A message, whole or its top, dot-stuffed. Memory: as BodyBytes.
class MessageWork final : public Work {
 public:
  MessageWork(Body body, TopLines top, size_t piece_bytes)
      : body_(std::move(body)), top_(top), piece_bytes_(piece_bytes) {}
  Result<Progress> step(std::string& out) override;

 private:
  BodyBytes body_;
  TopLines top_;
  size_t piece_bytes_;
  wire::DotStuffer stuffer_;
  uint64_t at_ = 0;  // what comes next of the body
};

}  // namespace gemel::pop3
