#include "nntp/intake.h"

#include <algorithm>

#include "nntp/control.h"

namespace gemel::nntp {
namespace {

/// Where the empty line behind the header stands; what is before `from` holds none of it.
size_t empty_line(std::string_view text, size_t from) {
  if (text.starts_with("\r\n")) return 0;
  const size_t found = text.find("\r\n\r\n", from);
  return found == std::string_view::npos ? found : found + 2;
}

}  // namespace

size_t Intake::take(std::string_view bytes) {
  std::string piece;
  const size_t taken = unstuffer_.take(bytes, piece);
  if (result_) take_piece(piece);
  if (!result_) writers_.clear();  // what was staged is dropped at once
  return taken;
}

void Intake::take_piece(std::string_view piece) {
  bytes_ += piece.size();
  if (bytes_ > limits_.article_bytes_max) {
    result_ = fail(Code::kTooBig, "the article is too big");
    return;
  }
  result_ = check_bytes(piece);
  if (result_) result_ = has_header_ ? take_body(piece) : take_header(piece);
}

// CR only before LF, LF only after CR, and no NUL.
Result<void> Intake::check_bytes(std::string_view piece) {
  for (const char c : piece) {
    if (c == '\0') return fail(Code::kInvalid, "the article holds a NUL");
    if ((c == '\n') != (last_ == '\r'))
      return fail(Code::kInvalid, "the article holds a CR or LF that is no line end");
    last_ = c;
  }
  return {};
}

Result<void> Intake::take_header(std::string_view piece) {
  // The end may lie across two pieces.
  const size_t from = header_.size() - std::min<size_t>(header_.size(), 3);
  header_ += piece;
  const size_t end = empty_line(header_, from);
  if (std::min(end, header_.size()) > limits_.header_bytes_max)
    return fail(Code::kTooBig, "the header is too big");
  if (end == std::string::npos) return {};
  has_header_ = true;
  const std::string whole = std::exchange(header_, {});
  TRY(writers_, on_header_(std::string_view(whole).substr(0, end)));
  return take_body(std::string_view(whole).substr(end + 2));
}

Result<void> Intake::take_body(std::string_view piece) {
  const size_t room = kControlBodyBytesMax - body_head_.size();
  body_head_ += piece.substr(0, room);
  for (BodyWriter& writer : writers_) TRY_OK(writer.append(piece));
  return {};
}

Result<std::vector<StagedBody>> Intake::finish() {
  TRY_OK(result_);
  if (!has_header_) return fail(Code::kInvalid, "there is no empty line behind the header");
  std::vector<StagedBody> out;
  for (BodyWriter& writer : writers_) {
    TRY(out.emplace_back(), writer.finish());
  }
  return out;
}

}  // namespace gemel::nntp
