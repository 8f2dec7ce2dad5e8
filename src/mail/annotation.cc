#include "mail/annotation.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/record.h"

namespace gemel {

Result<std::string> parse_annotation_name(std::string_view text) {
  if (text.size() > kAnnotationNameBytesMax)
    return fail(Code::kSyntax, "an entry's name is too long");
  std::string name = to_lower(text);
  // RFC 5464 §3.2: printable US-ASCII without wildcards, and no empty component.
  const bool is_printable = std::ranges::all_of(
      name, [](char c) { return c >= 0x20 && c <= 0x7e && c != '*' && c != '%'; });
  if (!is_printable || name.ends_with('/') || name.contains("//"))
    return fail(Code::kSyntax,
                "an entry's name has a character or an empty part that is not allowed");
  if (!name.starts_with(kSharedEntry) && !name.starts_with(kPrivateEntry))
    return fail(Code::kSyntax, "an entry's name begins with /shared/ or /private/");
  return name;
}

std::string annotation_attribute(std::string_view entry) {
  return std::string(kAttributeAnnotation) + std::string(entry.substr(1));
}

std::string annotation_item(const UniqueId& mailbox, std::string_view entry) {
  return std::string(kUserItemAnnotation) + mailbox.text() + std::string(entry);
}

std::string server_annotation_item(std::string_view entry) {
  return std::string(kUserItemAnnotation) + "server" + std::string(entry);
}

}  // namespace gemel
