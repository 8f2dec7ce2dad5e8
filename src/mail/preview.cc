#include "mail/preview.h"

#include <algorithm>
#include <utility>

#include "mail/html_text.h"
#include "mail/text.h"

namespace gemel {
namespace {

std::string without_quotes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, end + 1);
    if (!line.starts_with('>')) out += line;
    text.remove_prefix(end + 1);
  }
  return out;
}

/// Runs of white space and control characters as one space; the first `characters_max` of it.
std::string shortened(std::string_view utf8, size_t characters_max) {
  std::string out;
  size_t characters = 0;
  bool is_parted = false;
  for (const char c : utf8) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= 0x20 || byte == 0x7f) {
      is_parted = !out.empty();
      continue;
    }
    const bool is_start = (byte & 0xc0) != 0x80;
    if (is_start) {
      characters += is_parted ? 2 : 1;
      if (characters > characters_max) break;
      if (std::exchange(is_parted, false)) out += ' ';
    }
    out += c;
  }
  return out;
}

bool is_attachment(const MimePart& part) {
  return part.disposition && part.disposition->type == "attachment";
}

std::string preview_of_part(MessageBytes& message, const MimePart& part) {
  const std::string bytes = copy_of(
      message, part.body_start, std::min(part.body_end, part.body_start + kPreviewSourceBytesMax));
  MimePart start = part;
  start.body_start = 0;
  start.body_end = bytes.size();
  const std::string text = decoded_text(bytes, start);
  return shortened(
      part.subtype == "html" ? text_of_html(text, HtmlUse::kPreview) : without_quotes(text),
      kPreviewCharactersMax);
}

/// The first that says something. Recurses kMimeDepthMax deep at most; messages inside are not the
/// sender's words.
std::string first_preview(MessageBytes& message, const MimePart& part, std::string_view subtype) {
  if (part.kind == MimePart::Kind::kMessage || is_attachment(part)) return {};
  if (part.kind == MimePart::Kind::kLeaf) {
    if (part.type != "text" || part.subtype != subtype) return {};
    return preview_of_part(message, part);
  }
  for (const MimePart& child : part.children)
    if (std::string found = first_preview(message, child, subtype); !found.empty()) return found;
  return {};
}

}  // namespace

std::string preview_of(MessageBytes& message, const MimePart& structure) {
  std::string out = first_preview(message, structure, "plain");
  return out.empty() ? first_preview(message, structure, "html") : out;
}

}  // namespace gemel
