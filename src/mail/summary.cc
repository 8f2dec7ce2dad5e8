#include "mail/summary.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/imap_envelope.h"
#include "mail/mime_header.h"

namespace gemel {
namespace {

constexpr uint8_t kSameInUtf8 = 1;

constexpr std::array<std::string_view, 11> kFields = {
    "date",   "subject",  "from",       "to",         "cc",         "bcc",
    "sender", "reply-to", "message-id", "references", "in-reply-to"};

/// The fields of `header` that a summary holds, and what ends it.
std::string kept_of(std::string_view header) {
  std::string out;
  HeaderReader reader(header);
  while (const auto field = reader.next())
    if (Summary::holds(field->name)) out += header.substr(field->start, field->end - field->start);
  out += header.substr(reader.position());
  return out;
}

}  // namespace

bool Summary::holds(std::string_view field_name) {
  return std::ranges::any_of(kFields, [&](std::string_view known) {
    return known.size() == field_name.size() && equals_ignoring_case(known, field_name);
  });
}

std::optional<Summary> Summary::decode(std::string bytes) {
  Summary out;
  out.bytes_ = std::move(bytes);
  Decoder in(out.bytes_);
  if (in.byte() != kSummaryVersion) return std::nullopt;
  out.same_in_utf8_ = (in.byte() & kSameInUtf8) != 0;
  for (Range* const range : {&out.envelope_, &out.bodystructure_, &out.header_}) {
    const std::string_view text = in.string();
    if (!in.ok()) return std::nullopt;
    *range = {static_cast<size_t>(text.data() - out.bytes_.data()), text.size()};
  }
  if (!in.at_end()) return std::nullopt;
  return out;
}

std::optional<std::string_view> Summary::envelope(ImapDialect dialect) const {
  if (dialect != ImapDialect::kAscii && !same_in_utf8_) return std::nullopt;
  return at(envelope_);
}

std::optional<std::string_view> Summary::bodystructure(ImapDialect dialect) const {
  if (dialect != ImapDialect::kAscii && !same_in_utf8_) return std::nullopt;
  return at(bodystructure_);
}

std::optional<std::string> summarize(std::string_view message) {
  const std::string_view header = message.substr(0, header_size(message));
  if (header.size() > kHeaderBytesMax) return std::nullopt;
  const std::string kept = kept_of(header);
  if (kept.size() > kSummaryBytesMax) return std::nullopt;
  const MimePart structure = parse_structure(message);
  WholeMessage bytes(message);
  const auto envelope = [&](ImapDialect dialect) { return imap_envelope(kept, dialect); };
  const auto parts = [&](ImapDialect dialect) {
    return imap_bodystructure(bytes, structure, dialect);
  };
  const std::string envelope_text = envelope(ImapDialect::kAscii);
  const std::string parts_text = parts(ImapDialect::kAscii);
  // In an envelope the dialects differ only where there are 8 bits.
  const bool same_in_utf8 = (is_ascii(kept) || envelope(ImapDialect::kUtf8) == envelope_text) &&
                            parts(ImapDialect::kUtf8) == parts_text;
  std::string out;
  out.reserve(16 + envelope_text.size() + parts_text.size() + kept.size());
  out += static_cast<char>(kSummaryVersion);
  out += static_cast<char>(same_in_utf8 ? kSameInUtf8 : 0);
  for (const std::string* const text : {&envelope_text, &parts_text, &kept}) put_string(out, *text);
  if (out.size() > kSummaryBytesMax) return std::nullopt;
  return out;
}

}  // namespace gemel
