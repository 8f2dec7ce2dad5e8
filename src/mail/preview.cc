#include "mail/preview.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "mail/text.h"

namespace gemel {
namespace {

// Elements whose content is no text, and tags that part words.
constexpr std::array<std::string_view, 4> kHidden = {"head", "script", "style", "title"};
constexpr size_t kTagNameBytesMax = 16;

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kEntities = {{
    {"&amp;", "&"},
    {"&apos;", "'"},
    {"&gt;", ">"},
    {"&lt;", "<"},
    {"&nbsp;", " "},
    {"&quot;", "\""},
    {"&zwnj;", ""},
}};

std::string tag_name(std::string_view tag) {
  if (tag.starts_with('/')) tag.remove_prefix(1);
  const size_t end = tag.find_first_of(" \t\r\n/>");
  return to_lower(tag.substr(0, std::min({end, tag.size(), kTagNameBytesMax})));
}

/// Finds where tags are over.
class Tags {
 public:
  explicit Tags(std::string_view html) : html_(html), lower_(to_lower(html)) {}

  /// Of the tag that begins at `at`, hidden content and its end tag included.
  size_t end_of(size_t at) {
    if (html_.substr(at).starts_with("<!--")) {
      const size_t end = html_.find("-->", at);
      return end == std::string_view::npos ? html_.size() : end + 3;
    }
    size_t end = html_.find('>', at);
    if (end == std::string_view::npos) return html_.size();
    const auto hidden = std::ranges::find(kHidden, tag_name(html_.substr(at + 1, end - at - 1)));
    if (html_[at + 1] != '/' && hidden != kHidden.end()) {
      const size_t close = find_close(static_cast<size_t>(hidden - kHidden.begin()), end);
      // Without an end tag the rest is not all hidden: broken mail should still say something.
      if (close != std::string::npos) end = html_.find('>', close);
    }
    return end == std::string_view::npos ? html_.size() : end + 1;
  }

 private:
  size_t find_close(size_t hidden, size_t from) {
    if (has_no_close_[hidden]) return std::string::npos;  // or many start tags would cost n²
    const size_t close = lower_.find("</" + std::string(kHidden[hidden]), from);
    has_no_close_[hidden] = close == std::string::npos;
    return close;
  }

  std::string_view html_;
  std::string lower_;
  std::array<bool, kHidden.size()> has_no_close_{};
};

size_t put_entity(std::string_view html, size_t at, std::string& out) {
  for (const auto& [entity, text] : kEntities) {
    if (!html.substr(at).starts_with(entity)) continue;
    out += text;
    return at + entity.size();
  }
  out += '&';
  return at + 1;
}

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

std::string preview_of_part(std::string_view message, const MimePart& part) {
  MimePart start = part;
  start.children.clear();
  start.body_end = std::min(part.body_end, part.body_start + kPreviewSourceBytesMax);
  const std::string text = decoded_text(message, start);
  return shortened(part.subtype == "html" ? text_of_html(text) : without_quotes(text),
                   kPreviewCharactersMax);
}

/// The first that says something. Recurses kMimeDepthMax deep at most; messages inside are not the
/// sender's words.
std::string first_preview(std::string_view message, const MimePart& part,
                          std::string_view subtype) {
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

std::string text_of_html(std::string_view html) {
  Tags tags(html);
  std::string out;
  for (size_t at = 0; at < html.size();) {
    if (html[at] == '<' && at + 1 < html.size()) {
      at = tags.end_of(at);
      out += ' ';
    } else if (html[at] == '&') {
      at = put_entity(html, at, out);
    } else {
      out += html[at++];
    }
  }
  return out;
}

std::string preview_of(std::string_view message, const MimePart& structure) {
  std::string out = first_preview(message, structure, "plain");
  return out.empty() ? first_preview(message, structure, "html") : out;
}

}  // namespace gemel
