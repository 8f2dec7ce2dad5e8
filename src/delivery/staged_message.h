// A message that came, before it is filed, as delivery looks at it.
//
// Owns     what was read of it: the header, at most kHeaderBytesMax; all of it only when asked.
// Threads  one at a time.
// Source   RFC 5321 §4.4 (Received, Return-Path), RFC 5322 §3.6.4 (Message-ID).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sieve/run.h"
#include "store/mail_store.h"

namespace gemel::delivery {

class StagedMessage final : public sieve::MessageSource {
 public:
  explicit StagedMessage(StagedBody body) : body_(std::move(body)) {}

  const StagedBody& body() const { return body_; }
  uint64_t size() override { return body_.size(); }
  /// Errors: kIo, kCorrupt.
  Result<std::string_view> header() override;
  Result<std::string_view> all() override;

 private:
  StagedBody body_;
  std::optional<std::string> header_;
  std::optional<std::string> all_;
};

/// What decides about a message as a whole.
struct HeaderFacts {
  std::string message_id;          // "<...>"; empty: it has none
  size_t received = 0;             // Received fields: how often it was handed on
  std::vector<std::string> loops;  // what X-Loop fields say, in lower case
};
HeaderFacts facts_of(std::string_view header);

/// The Return-Path field that final delivery put first: its size, 0 if there is none. It ends where
/// the message leaves again (RFC 5321 §4.4).
size_t return_path_size(std::string_view header);

}  // namespace gemel::delivery
