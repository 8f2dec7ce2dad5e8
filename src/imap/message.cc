#include "imap/message.h"

#include <algorithm>

#include "mail/mime_header.h"

namespace gemel::imap {
namespace {

// Most headers are within this.
constexpr uint64_t kFirstReadBytes = 16 << 10;

}  // namespace

Result<std::string_view> Message::header() {
  while (!header_size_) {
    const size_t size = header_size(read_);
    // A header that ends where reading did may go on behind.
    if (size < read_.size() || read_.size() == body_.size()) {
      header_size_ = size;
      break;
    }
    // Twice as much each time: linear in the header's size together.
    const uint64_t count = std::max<uint64_t>(kFirstReadBytes, read_.size());
    TRY(const std::string more, body_.read(read_.size(), count));
    if (more.empty()) return fail(Code::kCorrupt, "a stored body is shorter than it says");
    read_ += more;
  }
  return std::string_view(read_).substr(0, *header_size_);
}

Result<std::string_view> Message::read(uint64_t start, uint64_t count) {
  if (start + count <= read_.size()) return std::string_view(read_).substr(start, count);
  if (start < window_start_ || start + count > window_start_ + window_.size()) {
    // The store reads whole chunks, so a piece at a time would read each chunk many times.
    window_start_ = start;
    TRY(window_, body_.read(start, kBodyChunkBytes));
    if (window_.size() < count)
      return fail(Code::kCorrupt, "a stored body is shorter than it says");
  }
  return std::string_view(window_).substr(start - window_start_, count);
}

Result<std::string_view> Message::whole() {
  if (read_.size() < body_.size()) {
    TRY(read_, body_.read_all());
    if (read_.size() != body_.size())
      return fail(Code::kCorrupt, "a stored body is shorter than it says");
  }
  return std::string_view(read_);
}

Result<const MimePart*> Message::structure() {
  if (!structure_) {
    TRY(const std::string_view text, whole());
    structure_ = parse_structure(text);
  }
  return &*structure_;
}

void Message::forget() {
  read_ = std::string();
  header_size_.reset();
}

Result<std::optional<SectionBytes>> Message::resolve(const Section& section) {
  using Kind = Section::Kind;
  if (section.path.empty()) {
    // What needs no structure is answered without reading the body.
    if (section.kind == Kind::kWhole) return ByteRange{0, body_.size()};
    TRY(const std::string_view text, header());
    switch (section.kind) {
      case Kind::kHeader:
        return ByteRange{0, text.size()};
      case Kind::kText:
        return ByteRange{text.size(), body_.size()};
      case Kind::kHeaderFields:
        return select_fields(text, section.fields, FieldChoice::kOnly);
      case Kind::kHeaderFieldsNot:
        return select_fields(text, section.fields, FieldChoice::kAllBut);
      case Kind::kWhole:
      case Kind::kMime:
        return std::nullopt;
    }
  }
  TRY(const std::string_view text, whole());
  TRY(const MimePart* const parts, structure());
  return resolve_section(text, *parts, section);
}

}  // namespace gemel::imap
