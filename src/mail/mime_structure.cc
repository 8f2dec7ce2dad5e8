#include "mail/mime_structure.h"

#include <algorithm>
#include <utility>

#include "base/give_back.h"
#include "base/hash.h"
#include "mail/mime_fields.h"
#include "mail/mime_header.h"
#include "mail/rfc822_lexer.h"

namespace gemel {
namespace {

struct Line {
  size_t start;
  size_t end;  // behind its line end
};

/// A part whose end is not yet known.
struct Open {
  MimePart part;
  std::string boundary;  // "" when no delimiter of it counts any more
  uint64_t boundary_hash =
      0;  // so that a line is compared with the boundaries of its own hash only
  uint64_t newlines_before_body = 0;
};

/// A delimiter line (RFC 2046 §5.1.1) of the open part at `level`.
struct Delimiter {
  enum class Role { kNext, kLast } role;
  size_t level;
};

/// A delimiter has a line end before it that belongs to it.
constexpr size_t kLineEndBytesMax = 2;
static_assert(kDelimiterLineBytesMax + kLineEndBytesMax <= kMessagePieceBytesMin);

/// One pass over the lines with a stack of open parts, the message itself at the bottom. What it
/// looks at is in a window, which always has the line at position_, if that may be a delimiter, and
/// the line end before it.
class Scanner {
 public:
  Scanner(MessageBytes& message, const MimeLimits& limits)
      : message_(message), limits_(limits), size_(message.size()) {
    load(0);
  }
  MimePart run();

 private:
  void load(size_t at);
  size_t window_end() const { return window_start_ + window_.size(); }
  bool has(size_t start, size_t end) const { return start >= window_start_ && end <= window_end(); }
  char byte_at(size_t offset) const { return window_[offset - window_start_]; }
  std::string_view text_of(const Line& line) const;
  std::string_view header_text(size_t start);
  Line take_line();
  std::optional<Delimiter> delimiter_in(const Line& line) const;
  void open_parts(DefaultType default_type);
  MimePart::Kind open_part(DefaultType default_type);
  void read_header();
  MimePart::Kind kind_of(const MimePart& part) const;
  bool may_have_children() const;
  void pass_delimiter(const Delimiter& delimiter, const Line& line);
  void close_above(size_t level, size_t end, uint64_t newlines);
  void settle(MimePart& part) const;

  MessageBytes& message_;
  MimeLimits limits_;
  size_t size_;
  std::string_view window_;
  size_t window_start_ = 0;
  std::string header_;                          // one that is in no window
  size_t header_bytes_left_ = kHeaderBytesMax;  // to be looked at
  size_t position_ = 0;
  uint64_t newlines_ = 0;  // before position_
  size_t parts_ = 0;
  std::vector<Open> open_;
};

MimePart Scanner::run() {
  open_parts(DefaultType::kText);
  while (position_ < size_) {
    const Line line = take_line();
    if (const auto delimiter = delimiter_in(line)) pass_delimiter(*delimiter, line);
  }
  close_above(0, size_, newlines_);
  open_.front().part.body_end = size_;
  open_.front().part.lines = newlines_ - open_.front().newlines_before_body;
  settle(open_.front().part);
  return std::move(open_.front().part);
}

/// Moves the window to `at` and the line end before it.
void Scanner::load(size_t at) {
  window_start_ = at - std::min(at, kLineEndBytesMax);
  window_ = message_.from(window_start_);
}

Line Scanner::take_line() {
  Line line{.start = position_, .end = size_};
  for (size_t from = position_;;) {
    const size_t newline = window_.find('\n', from - window_start_);
    if (newline != std::string_view::npos) {
      line.end = window_start_ + newline + 1;
      ++newlines_;
      break;
    }
    if (window_end() >= size_) break;
    // From the line's start, so that all of it is in the window; of a longer one the rest.
    from = window_start_ + kLineEndBytesMax < line.start ? line.start : window_end();
    load(from);
    if (window_end() > from) continue;
    size_ = line.end = from;  // it can't be read any further
    break;
  }
  position_ = line.end;
  return line;
}

/// Nothing of a line that is too long for a delimiter, or can't be read any more.
std::string_view Scanner::text_of(const Line& line) const {
  if (line.end - line.start > kDelimiterLineBytesMax || !has(line.start, line.end)) return {};
  return window_.substr(line.start - window_start_, line.end - line.start);
}

/// What is looked at of the header from `start` to position_.
std::string_view Scanner::header_text(size_t start) {
  const size_t count = std::min(position_ - start, header_bytes_left_);
  header_bytes_left_ -= count;
  if (has(start, start + count)) return window_.substr(start - window_start_, count);
  header_ = copy_of(message_, start, start + count);
  load(position_);
  return header_;
}

/// The innermost open multipart that this line delimits. The boundary must be the whole line but
/// for white space: by RFC 2046 §5.1.1 a boundary that starts another's would cut that one's parts.
std::optional<Delimiter> Scanner::delimiter_in(const Line& line) const {
  std::string_view text = text_of(line);
  if (!text.starts_with("--")) return std::nullopt;
  text.remove_prefix(2);
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  const uint64_t next_hash = xxh64(text);
  const std::string_view closed = text.ends_with("--") ? text.substr(0, text.size() - 2) : "";
  const uint64_t last_hash = closed.empty() ? 0 : xxh64(closed);
  for (size_t level = open_.size(); level-- > 0;) {
    const Open& open = open_[level];
    if (open.boundary.empty()) continue;
    if (open.boundary_hash == next_hash && open.boundary == text)
      return Delimiter{.role = Delimiter::Role::kNext, .level = level};
    if (open.boundary_hash == last_hash && open.boundary == closed)
      return Delimiter{.role = Delimiter::Role::kLast, .level = level};
  }
  return std::nullopt;
}

/// Opens the part that starts here and, while it is a message, the message inside.
void Scanner::open_parts(DefaultType default_type) {
  while (open_part(default_type) == MimePart::Kind::kMessage) {
    default_type = DefaultType::kText;
    ++parts_;
  }
}

MimePart::Kind Scanner::open_part(DefaultType default_type) {
  const size_t header_start = position_;
  read_header();
  Open open;
  open.part = describe_part(header_text(header_start), default_type);
  give_back(header_);
  open.part.header_start = header_start;
  open.part.body_start = position_;
  open.newlines_before_body = newlines_;
  open_.push_back(std::move(open));
  Open& top = open_.back();
  top.part.kind = kind_of(top.part);
  if (top.part.kind == MimePart::Kind::kMultipart) {
    top.boundary = trim(parameter_of(top.part.parameters, "boundary").value_or(""));
    top.boundary_hash = xxh64(top.boundary);
  }
  return top.part.kind;
}

/// Moves behind the empty line, or before a delimiter of an open part, which ends a header too.
void Scanner::read_header() {
  while (position_ < size_) {
    const size_t start = position_;
    const uint64_t newlines = newlines_;
    const Line line = take_line();
    if (delimiter_in(line)) {
      position_ = start;
      newlines_ = newlines;
      return;
    }
    const std::string_view text = text_of(line);
    if (text == "\n" || text == "\r\n") return;
  }
}

bool Scanner::may_have_children() const {
  return open_.size() <= limits_.depth_max && parts_ < limits_.parts_max;
}

MimePart::Kind Scanner::kind_of(const MimePart& part) const {
  if (!may_have_children()) return MimePart::Kind::kLeaf;
  if (part.type == "multipart") return MimePart::Kind::kMultipart;
  // message/global is RFC 6532's message/rfc822.
  const bool whole = part.subtype == "rfc822" || part.subtype == "global";
  return part.type == "message" && whole ? MimePart::Kind::kMessage : MimePart::Kind::kLeaf;
}

void Scanner::pass_delimiter(const Delimiter& delimiter, const Line& line) {
  // The line end before the delimiter belongs to it (RFC 2046 §5.1.1).
  size_t end = line.start;
  if (end > 0 && byte_at(end - 1) == '\n') --end;
  if (end < line.start && end > 0 && byte_at(end - 1) == '\r') --end;
  const uint64_t newline_of_line = byte_at(line.end - 1) == '\n' ? 1 : 0;
  const uint64_t newlines_before_line = newlines_ - newline_of_line;
  close_above(delimiter.level, end, newlines_before_line - (end < line.start ? 1 : 0));
  Open& multipart = open_.back();
  if (delimiter.role == Delimiter::Role::kLast || parts_ >= limits_.parts_max) {
    multipart.boundary.clear();
    return;
  }
  ++parts_;
  const bool digest = multipart.part.subtype == "digest";
  open_parts(digest ? DefaultType::kMessage : DefaultType::kText);
}

/// Ends all open parts above `level` before offset `end`, which has `newlines` before it.
void Scanner::close_above(size_t level, size_t end, uint64_t newlines) {
  while (open_.size() > level + 1) {
    Open open = std::move(open_.back());
    open_.pop_back();
    // A header that a delimiter cut, or that ends just before it, has taken that line end already;
    // then so have the parts around.
    if (end < open.part.body_start) {
      end = open.part.body_start;
      newlines = open.newlines_before_body;
    }
    open.part.body_end = end;
    open.part.lines = newlines - open.newlines_before_body;
    settle(open.part);
    open_.back().part.children.push_back(std::move(open.part));
  }
}

/// Gives a part that can't be what it says a type that it can have.
void Scanner::settle(MimePart& part) const {
  const bool message = part.type == "message" && part.subtype == "rfc822";
  const bool global = part.type == "message" && part.subtype == "global";
  if (!part.children.empty() || (part.type != "multipart" && !message && !global)) return;
  const bool limited = part.kind == MimePart::Kind::kLeaf;
  part.kind = MimePart::Kind::kLeaf;
  part.type = limited ? "application" : "text";
  part.subtype = limited ? "octet-stream" : "plain";
  part.parameters.clear();
}

}  // namespace

MimePart parse_structure(MessageBytes& message, const MimeLimits& limits) {
  return Scanner(message, limits).run();
}

MimePart parse_structure(std::string_view message, const MimeLimits& limits) {
  WholeMessage whole(message);
  return parse_structure(whole, limits);
}

}  // namespace gemel
