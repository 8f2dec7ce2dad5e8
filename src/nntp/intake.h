// An article on its way in: off the wire, checked line by line, changed in its header, and into the
// store, never whole in memory.
//
// Owns     the writers. Memory: the header, at most header_bytes_max, BodyWriter's chunks, and the
//          start of the body that control messages need.
// Threads  one.
// Source   RFC 3977 §3.1.1 (dot-stuffing), RFC 5536 §2.2 (no bare CR or LF, no NUL).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "store/mail_store.h"
#include "wire/dot_stuffing.h"

namespace gemel::nntp {

class Intake {
 public:
  struct Limits {
    size_t header_bytes_max;
    uint64_t article_bytes_max;  // as sent, without dot-stuffing
  };
  /// Called once with the header, without the empty line behind it. Gives the writers that take the
  /// body, each with its own header in it already.
  using OnHeader = std::function<Result<std::vector<BodyWriter>>(std::string_view header)>;

  Intake(Limits limits, OnHeader on_header) : limits_(limits), on_header_(std::move(on_header)) {}

  /// Takes all of `bytes`, or up to and with the end of the article; returns how many. After an
  /// error the rest is read and dropped.
  size_t take(std::string_view bytes);
  bool done() const { return unstuffer_.done(); }

  /// What the writers made; call once, when done. Errors: kInvalid, it is no article; kTooBig; what
  /// `on_header` gave; of the store.
  Result<std::vector<StagedBody>> finish();
  /// The first kControlBodyBytesMax of the body.
  std::string_view body_head() const { return body_head_; }

 private:
  void take_piece(std::string_view piece);
  Result<void> take_header(std::string_view piece);
  Result<void> take_body(std::string_view piece);
  Result<void> check_bytes(std::string_view piece);

  Limits limits_;
  OnHeader on_header_;
  wire::DotUnstuffer unstuffer_;
  std::string header_;  // while it is not whole
  bool has_header_ = false;
  char last_ = '\n';
  uint64_t bytes_ = 0;
  std::vector<BodyWriter> writers_;
  std::string body_head_;
  Result<void> result_;
};

}  // namespace gemel::nntp
