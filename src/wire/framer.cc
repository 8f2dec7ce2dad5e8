#include "wire/framer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/give_back.h"

namespace gemel::wire {
namespace {

// `~{18446744073709551615+}` and CRLF.
constexpr size_t kAnnouncementBytesMax = 27;
constexpr size_t kDigitsMax = 20;
// An idle connection keeps no more than this.
constexpr size_t kIdleBufferBytesMax = 512;

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

void Framer::feed(std::string_view bytes) {
  // Moving the rest to the front only when it is the smaller half keeps the total cost linear.
  if (head_ > 0 && head_ >= pending_.size() / 2) {
    pending_.erase(0, head_);
    head_ = 0;
  }
  pending_ += bytes;
}

void Framer::consume(size_t count) {
  head_ += count;
  scanned_ = 0;
  if (head_ < pending_.size()) return;
  head_ = 0;
  if (pending_.capacity() > kIdleBufferBytesMax)
    give_back(pending_);
  else
    pending_.clear();
}

std::optional<Framer::Announcement> Framer::announcement_of(std::string_view line) {
  line = without_line_end(line);
  if (!line.ends_with('}')) return std::nullopt;
  line.remove_suffix(1);
  Announcement out{.size = 0, .synchronising = !line.ends_with('+')};
  if (!out.synchronising) line.remove_suffix(1);
  const size_t before = line.find_last_not_of("0123456789");
  if (before == std::string_view::npos || line[before] != '{') return std::nullopt;
  const std::string_view digits = line.substr(before + 1);
  if (digits.empty() || digits.size() > kDigitsMax) return std::nullopt;
  out.binary = before > 0 && line[before - 1] == '~';
  uint64_t size = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  out.size = parsed.ec == std::errc() ? std::optional(size) : std::nullopt;
  return out;
}

std::optional<std::string_view> Framer::whole_line() {
  const std::string_view bytes = unread();
  const size_t end = bytes.find('\n', scanned_);
  scanned_ = end == std::string_view::npos ? bytes.size() : end;
  if (end == std::string_view::npos) return std::nullopt;
  return bytes.substr(0, end + 1);
}

Result<std::optional<Step>> Framer::next() {
  CHECK(state_ != State::kAnnounced);  // keep(), stream() or refuse() comes first
  if (std::exchange(forget_frame_, false)) frame_ = Frame();
  for (;;) {
    switch (state_) {
      case State::kLine:
        return next_line();
      case State::kAnnounced:
      case State::kBroken:
        return fail(Code::kTooBig, "the stream can't be followed any more");
      case State::kStream:
        return next_streamed();
      case State::kKeep:
      case State::kSkipLiteral: {
        const size_t count = std::min<uint64_t>(left_, buffered_bytes());
        if (state_ == State::kKeep) frame_.bytes += unread().substr(0, count);
        consume(count);
        left_ -= count;
        if (left_ > 0) return std::nullopt;
        state_ = state_ == State::kKeep ? State::kLine : State::kSkipLine;
        break;
      }
      case State::kSkipLine:
        TRY_OK(skip_line());
        if (state_ == State::kSkipLine) return std::nullopt;
        break;
    }
  }
}

Result<std::optional<Step>> Framer::next_line() {
  const std::optional<std::string_view> line = whole_line();
  const size_t size = line ? line->size() : buffered_bytes();
  if (size > limits_.line_bytes_max) {
    // Enough of the line for its tag to be answered.
    if (frame_.bytes.empty()) frame_.bytes = unread().substr(0, limits_.line_bytes_max);
    state_ = State::kSkipLine;
    forget_frame_ = true;
    return fail(Code::kTooBig, "the line is too long");
  }
  if (!line) return std::nullopt;
  const std::optional<Announcement> announced = announcement_of(*line);
  const bool fits = frame_.bytes.size() + size <= limits_.command_bytes_max;
  frame_.bytes += line->substr(0, fits ? size : 0);
  consume(size);
  if (!fits) return abandon({Code::kTooBig, "the command is too long"}, announced);
  if (announced) return announce(*announced);
  return Step{.kind = Step::Kind::kCommand, .frame = std::exchange(frame_, Frame())};
}

Result<std::optional<Step>> Framer::announce(const Announcement& announced) {
  if (!announced.size || *announced.size > limits_.literal_bytes_max)
    return abandon({Code::kTooBig, "the literal is too big"}, announced);
  if (frame_.literals.size() >= limits_.literals_max)
    return abandon({Code::kLimit, "too many literals in one command"}, announced);
  const Literal literal{.size = *announced.size,
                        .position = frame_.bytes.size(),
                        .synchronising = announced.synchronising,
                        .binary = announced.binary};
  frame_.literals.push_back(literal);
  left_ = literal.size;
  state_ = State::kAnnounced;
  return Step{.kind = Step::Kind::kLiteral, .literal = literal};
}

std::optional<Step> Framer::next_streamed() {
  const size_t count = std::min<uint64_t>(left_, buffered_bytes());
  if (count == 0 && left_ > 0) return std::nullopt;
  // The view must outlive consume(), which may free an emptied buffer: so only the head moves here,
  // and the next feed() or line makes room.
  const std::string_view bytes = unread().substr(0, count);
  head_ += count;
  scanned_ = 0;
  left_ -= count;
  if (left_ == 0) state_ = State::kLine;
  return Step{.kind = Step::Kind::kBytes, .bytes = bytes, .left = left_};
}

Result<void> Framer::keep() {
  CHECK(state_ == State::kAnnounced);
  if (left_ > limits_.command_bytes_max - frame_.bytes.size()) {
    refuse();
    return fail(Code::kTooBig, "the literal is too big for this place");
  }
  frame_.literals.back().kept = true;
  state_ = State::kKeep;
  return {};
}

void Framer::stream() {
  CHECK(state_ == State::kAnnounced);
  state_ = State::kStream;
}

void Framer::refuse() {
  CHECK(state_ == State::kAnnounced);
  const Literal& literal = frame_.literals.back();
  const Announcement announced{.size = literal.size, .synchronising = literal.synchronising};
  static_cast<void>(abandon({Code::kTooBig, ""}, announced));
}

std::unexpected<Error> Framer::abandon(Error error, const std::optional<Announcement>& announced) {
  forget_frame_ = true;
  static_cast<void>(skip_after(announced));
  return std::unexpected(std::move(error));
}

Result<void> Framer::skip_after(const std::optional<Announcement>& announced) {
  // A client that waits for "+" and is refused sends nothing more of the command (RFC 9051 §4.3).
  if (!announced || announced->synchronising) {
    state_ = State::kLine;
    return {};
  }
  if (!announced->size || *announced->size > limits_.skip_bytes_max) {
    state_ = State::kBroken;
    return fail(Code::kTooBig, "the literal is too big to be skipped");
  }
  left_ = *announced->size;
  state_ = State::kSkipLiteral;
  return {};
}

Result<void> Framer::skip_line() {
  const std::optional<std::string_view> line = whole_line();
  if (!line) {
    // Only the end of the line matters, for the literal that it may announce.
    if (buffered_bytes() > kAnnouncementBytesMax) {
      consume(buffered_bytes() - kAnnouncementBytesMax);
      scanned_ = kAnnouncementBytesMax;
    }
    return {};
  }
  const std::optional<Announcement> announced = announcement_of(*line);
  consume(line->size());
  return skip_after(announced);
}

}  // namespace gemel::wire
