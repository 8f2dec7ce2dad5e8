#include "mail/html_text.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/bytes.h"

namespace gemel {
namespace {

struct Entity {
  std::string_view name;
  std::string_view text;
};
constexpr std::array kEntities = {Entity{"amp", "&"}, Entity{"apos", "'"}, Entity{"gt", ">"},
                                  Entity{"lt", "<"},  Entity{"nbsp", " "}, Entity{"quot", "\""}};

/// The character that a reference "&#65;" or "&#x41;" names, without the "&#" and ";".
std::string numbered_character(std::string_view digits) {
  const bool is_hex = digits.starts_with('x') || digits.starts_with('X');
  if (is_hex) digits.remove_prefix(1);
  uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  const bool fits = error == std::errc() && end == digits.data() + digits.size() && value > 0 &&
                    value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  if (!fits) return "\xef\xbf\xbd";
  char bytes[U8_MAX_LENGTH];
  int32_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, static_cast<UChar32>(value));
  return {bytes, static_cast<size_t>(size)};
}

/// What the reference at the start of `html`, an "&", stands for, and its length.
struct Replaced {
  std::string text;
  size_t size;
};
Replaced entity_at(std::string_view html) {
  constexpr size_t kEntityBytesMax = 12;
  const size_t end = html.substr(0, kEntityBytesMax).find(';');
  if (end == std::string_view::npos) return {"&", 1};
  const std::string_view name = html.substr(1, end - 1);
  if (name.starts_with('#')) return {numbered_character(name.substr(1)), end + 1};
  for (const Entity& entity : kEntities)
    if (entity.name == name) return {std::string(entity.text), end + 1};
  return {"&", 1};
}

// Elements whose content is no text; the first two for every use.
constexpr std::array<std::string_view, 4> kHidden = {"script", "style", "head", "title"};
constexpr size_t kHiddenFromSearch = 2;

class Reader {
 public:
  Reader(std::string_view html, HtmlUse use) : html_(html), use_(use) {}
  std::string text();

 private:
  size_t behind_tag(size_t at);
  std::optional<size_t> hidden_element(size_t at) const;
  size_t find_closing(size_t element, size_t from);

  std::string_view html_;
  HtmlUse use_;
  std::array<bool, kHidden.size()> has_no_more_closings_{};  // or many start tags would cost n²
};

/// Which of kHidden the tag that starts at `at` begins.
std::optional<size_t> Reader::hidden_element(size_t at) const {
  const std::string_view rest = html_.substr(at + 1);
  const size_t count = use_ == HtmlUse::kSearch ? kHiddenFromSearch : kHidden.size();
  for (size_t i = 0; i < count; ++i) {
    const std::string_view name = kHidden[i];
    if (!equals_ignoring_case(rest.substr(0, name.size()), name)) continue;
    const std::string_view behind = rest.substr(name.size(), 1);
    if (behind.empty() || std::string_view(" \t\r\n/>").contains(behind)) return i;
  }
  return std::nullopt;
}

/// Where "</name" begins at or behind `from`, in any case; the end if nowhere.
size_t Reader::find_closing(size_t element, size_t from) {
  const std::string_view name = kHidden[element];
  size_t at = has_no_more_closings_[element] ? std::string_view::npos : html_.find("</", from);
  while (at != std::string_view::npos &&
         !equals_ignoring_case(html_.substr(at + 2, name.size()), name))
    at = html_.find("</", at + 2);
  if (at != std::string_view::npos) return at;
  has_no_more_closings_[element] = true;
  return html_.size();
}

/// Offset behind the tag or comment that starts at `at`, with what it hides.
size_t Reader::behind_tag(size_t at) {
  if (html_.substr(at).starts_with("<!--")) {
    const size_t end = html_.find("-->", at + 4);
    return end == std::string_view::npos ? html_.size() : end + 3;
  }
  if (const auto element = hidden_element(at)) {
    const size_t closing = find_closing(*element, at);
    if (closing < html_.size() || use_ == HtmlUse::kSearch) at = closing;
  }
  const size_t end = html_.find('>', at);
  return end == std::string_view::npos ? html_.size() : end + 1;
}

std::string Reader::text() {
  std::string out;
  out.reserve(html_.size());
  for (size_t at = 0; at < html_.size();) {
    const size_t next = std::min(html_.find_first_of("<&", at), html_.size());
    out += html_.substr(at, next - at);
    if (next == html_.size()) break;
    if (html_[next] == '<') {
      at = behind_tag(next);
      if (use_ == HtmlUse::kPreview) out += ' ';
    } else {
      const Replaced replaced = entity_at(html_.substr(next));
      out += replaced.text;
      at = next + replaced.size;
    }
  }
  return out;
}

}  // namespace

std::string text_of_html(std::string_view html, HtmlUse use) { return Reader(html, use).text(); }

}  // namespace gemel
