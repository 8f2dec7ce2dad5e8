#include "mail/mime_soundness.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/charset.h"

namespace gemel {
namespace {

size_t count_of(const MimePart& part) {
  size_t count = 1;
  for (const MimePart& child : part.children) count += count_of(child);
  return count;
}

size_t depth_of(const MimePart& part) {
  size_t depth = 0;
  for (const MimePart& child : part.children) depth = std::max(depth, 1 + depth_of(child));
  return depth;
}

std::string fault_in_children(std::string_view message, const MimePart& part) {
  size_t free_from = part.body_start;
  for (const MimePart& child : part.children) {
    if (child.header_start < free_from) return "parts overlap";
    if (child.body_end > part.body_end) return "a child ends behind its parent";
    free_from = child.body_end;
    if (std::string fault = fault_in_structure(message, child); !fault.empty()) return fault;
  }
  return {};
}

/// Reads one string, number or NIL off the front of `text`; false if there is none.
bool take_atom(std::string_view& text) {
  size_t size = 0;
  if (text.starts_with("NIL")) {
    size = 3;
  } else if (text.starts_with('"')) {
    for (size = 1; size < text.size() && text[size] != '"'; ++size) {
      if (text[size] == '\\') ++size;
      if (size < text.size() && (text[size] == '\r' || text[size] == '\n')) return false;
    }
    ++size;
  } else if (text.starts_with('{')) {
    const size_t end = text.find("}\r\n");
    if (end == std::string_view::npos) return false;
    const auto count = parse_number(text.substr(1, end - 1));
    if (!count) return false;
    size = end + 3 + static_cast<size_t>(*count);
  } else {
    while (size < text.size() && text[size] >= '0' && text[size] <= '9') ++size;
  }
  if (size == 0 || size > text.size()) return false;
  text.remove_prefix(size);
  return true;
}

}  // namespace

std::string fault_in_structure(std::string_view message, const MimePart& part) {
  if (part.header_start > part.body_start || part.body_start > part.body_end) return "order";
  if (part.body_end > message.size()) return "out of the message";
  const auto newlines = std::ranges::count(part.body_in(message), '\n');
  if (part.lines != static_cast<uint64_t>(newlines)) return "wrong line count";
  const size_t children = part.children.size();
  if (part.kind == MimePart::Kind::kLeaf && children != 0) return "a leaf with children";
  if (part.kind == MimePart::Kind::kLeaf && part.type == "multipart") return "a multipart leaf";
  if (part.kind == MimePart::Kind::kMultipart && children == 0) return "an empty multipart";
  if (part.kind == MimePart::Kind::kMessage && children != 1) return "a message without message";
  if (part.type.empty() || part.subtype.empty() || part.encoding.empty()) return "no type";
  if (part.header_start == 0 &&
      (depth_of(part) > kMimeDepthMax || count_of(part) > kMimePartsMax + 1))
    return "beyond the limits";
  return fault_in_children(message, part);
}

std::string fault_in_imap_value(std::string_view text) {
  if (!is_utf8(text)) return "not UTF-8";
  if (text.find('\0') != std::string_view::npos) return "a NUL";
  size_t depth = 0;
  while (!text.empty()) {
    if (text.starts_with("()")) return "an empty list";
    if (text.front() == '(') {
      ++depth;
      text.remove_prefix(1);
    } else if (text.front() == ')') {
      if (depth == 0) return "a list that was not opened";
      --depth;
      text.remove_prefix(1);
      if (depth == 0) return text.empty() ? "" : "text behind the value";
      // "(" may follow at once (addresses, parts); anything else needs a space.
      if (!text.starts_with(')') && !text.starts_with(' ') && !text.starts_with('('))
        return "no space behind a list";
      if (text.starts_with(' ')) text.remove_prefix(1);
    } else {
      if (depth == 0 || !take_atom(text)) return "no value at: " + std::string(text.substr(0, 40));
      if (text.starts_with(' '))
        text.remove_prefix(1);
      else if (!text.starts_with(')'))
        return "no space behind a value";
    }
  }
  return "an open list";
}

}  // namespace gemel
