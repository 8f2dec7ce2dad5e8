#include "mail/mime_fields.h"

#include <array>
#include <utility>

#include "base/bytes.h"
#include "mail/mime_header.h"
#include "mail/rfc822_lexer.h"

namespace gemel {
namespace {

void set_default_type(MimePart& part, DefaultType default_type) {
  part.type = default_type == DefaultType::kMessage ? "message" : "text";
  part.subtype = default_type == DefaultType::kMessage ? "rfc822" : "plain";
  // RFC 2045 §5.2 names the charset too.
  if (default_type == DefaultType::kText) part.parameters = {{"charset", "us-ascii"}};
}

void read_type(MimePart& part, std::string_view text) {
  ParameterizedValue value = parse_parameterized(text);
  const size_t slash = value.value.find('/');
  std::string type = value.value.substr(0, slash);
  std::string subtype = slash == std::string::npos ? "" : value.value.substr(slash + 1);
  // The types that RFC 2046 gives a default subtype may come without one; else it is no type.
  if (subtype.empty() && type == "text") subtype = "plain";
  if (subtype.empty() && type == "multipart") subtype = "mixed";
  if (type.empty() || subtype.empty()) return;
  part.type = std::move(type);
  part.subtype = std::move(subtype);
  part.parameters = std::move(value.parameters);
}

void read_encoding(MimePart& part, std::string_view text) {
  ParameterizedValue value = parse_parameterized(text);
  if (!value.value.empty()) part.encoding = std::move(value.value);
}

void read_disposition(MimePart& part, std::string_view text) {
  ParameterizedValue value = parse_parameterized(text);
  if (value.value.empty()) return;
  part.disposition = {std::move(value.value), std::move(value.parameters)};
}

void read_languages(MimePart& part, std::string_view text) {
  Rfc822Lexer lexer(text);
  while (!lexer.at_end() && part.languages.size() < kParametersMax) {
    lexer.skip_cfws();
    const std::string_view tag = lexer.until(" \t\r\n,(");
    if (!tag.empty()) part.languages.emplace_back(tag);
    if (lexer.at(',')) lexer.skip();
  }
}

void read_id(MimePart& part, std::string_view text) { part.content_id = text; }
void read_description(MimePart& part, std::string_view text) { part.description = text; }
void read_md5(MimePart& part, std::string_view text) { part.md5 = text; }
void read_location(MimePart& part, std::string_view text) { part.location = text; }

struct FieldReader {
  std::string_view name;
  void (*read)(MimePart& part, std::string_view text);
};
constexpr std::array kReaders = {
    FieldReader{"content-description", read_description},
    FieldReader{"content-disposition", read_disposition},
    FieldReader{"content-id", read_id},
    FieldReader{"content-language", read_languages},
    FieldReader{"content-location", read_location},
    FieldReader{"content-md5", read_md5},
    FieldReader{"content-transfer-encoding", read_encoding},
    FieldReader{"content-type", read_type},
};

}  // namespace

MimePart describe_part(std::string_view header, DefaultType default_type) {
  MimePart part;
  set_default_type(part, default_type);
  std::array<bool, kReaders.size()> seen{};
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next()) {
    for (size_t i = 0; i < kReaders.size(); ++i) {
      if (seen[i] || !equals_ignoring_case(field->name, kReaders[i].name)) continue;
      seen[i] = true;
      kReaders[i].read(part, unfold(field->value));
    }
  }
  return part;
}

}  // namespace gemel
