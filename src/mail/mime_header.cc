#include "mail/mime_header.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/rfc822_lexer.h"

namespace gemel {
namespace {

/// Offset behind the line that starts at `start`.
size_t line_end(std::string_view text, size_t start) {
  const size_t newline = text.find('\n', start);
  return newline == std::string_view::npos ? text.size() : newline + 1;
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_empty_line(std::string_view text, size_t start) {
  return text.substr(start, 1) == "\n" || text.substr(start, 2) == "\r\n";
}

/// RFC 5322 §3.6.8: printable ASCII but the colon; 8-bit bytes are tolerated, for the name of a
/// broken field is still a better guess than none.
bool is_field_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte != 0x7f;
  });
}

}  // namespace

std::optional<HeaderField> HeaderReader::next() {
  if (position_ >= block_.size() || is_empty_line(block_, position_)) return std::nullopt;
  HeaderField field;
  field.start = position_;
  field.end = line_end(block_, position_);
  while (field.end < block_.size() && (block_[field.end] == ' ' || block_[field.end] == '\t'))
    field.end = line_end(block_, field.end);
  position_ = field.end;
  const std::string_view whole =
      without_line_end(block_.substr(field.start, field.end - field.start));
  // The colon must be on the first line, or a folded garbage line would be taken for a field.
  const size_t colon = whole.substr(0, whole.find('\n')).find(':');
  const std::string_view name =
      colon == std::string_view::npos ? std::string_view() : trim(whole.substr(0, colon));
  if (is_field_name(name) && !is_white_space(whole.front())) {
    field.name = name;
    field.value = whole.substr(colon + 1);
  } else {
    field.value = whole;
  }
  return field;
}

size_t header_size(std::string_view message) {
  size_t position = 0;
  while (position < message.size()) {
    const bool last = is_empty_line(message, position);
    position = line_end(message, position);
    if (last) break;
  }
  return position;
}

std::optional<HeaderField> find_field(std::string_view block, std::string_view name) {
  HeaderReader reader(block.substr(0, kHeaderBytesMax));
  while (auto field = reader.next())
    if (equals_ignoring_case(field->name, name)) return field;
  return std::nullopt;
}

std::string field_text(std::string_view block, std::string_view name) {
  const std::optional<HeaderField> field = find_field(block, name);
  return field ? unfold(field->value) : std::string();
}

std::string unfold(std::string_view value) {
  value = trim(value);
  std::string out;
  out.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\0') continue;
    if (c != '\r' && c != '\n') {
      out += c;
      continue;
    }
    if (c == '\r' && i + 1 < value.size() && value[i + 1] == '\n') ++i;
    const bool folded = i + 1 < value.size() && (value[i + 1] == ' ' || value[i + 1] == '\t');
    if (!folded) out += ' ';
  }
  return out;
}

std::vector<std::string> message_ids_of(std::string_view value) {
  std::vector<std::string> out;
  const auto shorten = [&] {
    if (out.size() > kReferencesMax)
      out.erase(out.begin() + 1, out.end() - static_cast<ptrdiff_t>(kReferencesMax - 1));
  };
  for (;;) {
    const size_t open = value.find('<');
    if (open == std::string_view::npos) break;
    value.remove_prefix(open);
    const size_t close = value.find('>');
    if (close == std::string_view::npos) break;
    std::string id(value.substr(0, close + 1));
    std::erase_if(id, [](char c) { return is_white_space(c) || c == '\0'; });
    if (id.size() > 2) out.push_back(std::move(id));
    if (out.size() == 2 * kReferencesMax) shorten();  // now and then: each id is moved once
    value.remove_prefix(close + 1);
  }
  shorten();
  return out;
}

}  // namespace gemel
