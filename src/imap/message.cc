#include "imap/message.h"

#include <algorithm>

#include "mail/imap_envelope.h"
#include "mail/mime_header.h"

namespace gemel::imap {
namespace {

// Most headers are within this.
constexpr uint64_t kFirstReadBytes = 16 << 10;

std::unexpected<Error> too_short() {
  return fail(Code::kCorrupt, "a stored body is shorter than it says");
}

}  // namespace

Result<void> Message::open() {
  if (body_) return {};
  TRY(Body body, mailbox_->body(guid_));
  body_.emplace(std::move(body));
  return {};
}

/// Null where it has none.
Result<const Summary*> Message::summary() {
  if (!has_asked_ && mailbox_ != nullptr) {
    TRY(summary_, mailbox_->summary(guid_));
    has_asked_ = true;
  }
  return summary_ ? &*summary_ : nullptr;
}

Result<std::string_view> Message::known_header() {
  TRY(const Summary* const known, summary());
  return known != nullptr ? known->header() : header();
}

Result<std::string> Message::envelope(ImapDialect dialect) {
  TRY(const Summary* const known, summary());
  if (known != nullptr)
    if (const auto text = known->envelope(dialect)) return std::string(*text);
  TRY(const std::string_view text, known_header());
  return imap_envelope(text, dialect);
}

Result<std::string> Message::bodystructure(ImapDialect dialect) {
  TRY(const Summary* const known, summary());
  if (known != nullptr)
    if (const auto text = known->bodystructure(dialect)) return std::string(*text);
  TRY(const MimePart* const parts, structure());
  std::string out = imap_bodystructure(*this, *parts, dialect);
  TRY_OK(failure());
  return out;
}

Result<std::string_view> Message::header() {
  TRY_OK(open());
  while (!header_size_) {
    const size_t size = header_size(read_);
    // A header that ends where reading did may go on behind.
    if (size < read_.size() || read_.size() == body_->size() || size >= kHeaderBytesMax) {
      header_size_ = std::min(size, kHeaderBytesMax);
      break;
    }
    // Twice as much each time: linear in the header's size together.
    const uint64_t count = std::max<uint64_t>(kFirstReadBytes, read_.size());
    TRY(const std::string more, body_->read(read_.size(), count));
    if (more.empty()) return too_short();
    read_ += more;
  }
  return std::string_view(read_).substr(0, *header_size_);
}

// Where the header ends, also one that is longer than what is looked at of it.
Result<uint64_t> Message::header_end() {
  TRY(const std::string_view text, header());
  if (text.size() < kHeaderBytesMax) return text.size();
  TRY(const MimePart* const parts, structure());
  return parts->body_start;
}

Result<std::string_view> Message::read(uint64_t start, uint64_t count) {
  TRY_OK(open());
  const std::string_view piece = from(start);
  TRY_OK(failure());
  if (piece.size() < count) return too_short();
  return piece.substr(0, count);
}

std::string_view Message::from(size_t start) {
  const uint64_t wanted =
      std::min<uint64_t>(kMessagePieceBytesMin, body_->size() - std::min(start, body_->size()));
  if (start + wanted <= read_.size()) return std::string_view(read_).substr(start);
  return body_->from(start);
}

Result<const MimePart*> Message::structure() {
  if (!structure_) {
    TRY_OK(open());
    MimePart parsed = parse_structure(*this);
    TRY_OK(failure());
    structure_ = std::move(parsed);
  }
  return &*structure_;
}

Result<std::optional<SectionBytes>> Message::resolve(const Section& section) {
  using Kind = Section::Kind;
  if (section.path.empty() && section.kind == Kind::kHeaderFields &&
      std::ranges::all_of(section.fields, Summary::holds)) {
    TRY(const std::string_view text, known_header());
    return select_fields(text, section.fields, FieldChoice::kOnly);
  }
  TRY_OK(open());
  if (section.path.empty()) {
    // What needs no structure is answered without reading the body.
    if (section.kind == Kind::kWhole) return ByteRange{0, body_->size()};
    if (section.kind == Kind::kHeader || section.kind == Kind::kText) {
      TRY(const uint64_t end, header_end());
      return section.kind == Kind::kHeader ? ByteRange{0, end} : ByteRange{end, body_->size()};
    }
    TRY(const std::string_view text, header());
    if (section.kind == Kind::kHeaderFields)
      return select_fields(text, section.fields, FieldChoice::kOnly);
    if (section.kind == Kind::kHeaderFieldsNot)
      return select_fields(text, section.fields, FieldChoice::kAllBut);
    return std::nullopt;
  }
  TRY(const MimePart* const parts, structure());
  std::optional<SectionBytes> out = resolve_section(*this, *parts, section);
  TRY_OK(failure());
  return out;
}

}  // namespace gemel::imap
