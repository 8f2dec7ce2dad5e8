#include "sieve/fields.h"

#include "base/bytes.h"
#include "mail/encoded_word.h"
#include "mail/mime_header.h"
#include "mail/rfc822_lexer.h"

namespace gemel::sieve {
namespace {

/// The headers that a test looks at.
Result<std::vector<std::string_view>> headers_for(Machine& machine, const Node& node) {
  WorkMessage& message = machine.message();
  std::vector<std::string_view> out;
  // RFC 5703 §4.1: without :mime the message's own, with it that of the current part.
  const PartPath top = node.has(Tag::kMime) ? machine.current_part() : machine.root_part();
  TRY(const std::string_view header, message.header_of(top));
  out.push_back(header);
  if (!node.has(Tag::kAnychild)) return out;
  std::optional<PartPath> part = top;
  for (;;) {
    TRY(part, message.next_part(*part, top));
    if (!part) return out;
    TRY(const std::string_view inner, message.header_of(*part));
    out.push_back(inner);
  }
}

/// The one that :index names, counted from 1 or with :last from the end.
std::vector<std::string_view> indexed(const Node& node, std::vector<std::string_view> fields) {
  const Argument* index = node.find(Tag::kIndex);
  if (index == nullptr) return fields;
  if (index->number == 0 || index->number > fields.size()) return {};
  const size_t at = node.has(Tag::kLast) ? fields.size() - index->number : index->number - 1;
  return {fields[at]};
}

}  // namespace

std::vector<std::string_view> fields_in(std::string_view header, std::string_view name) {
  std::vector<std::string_view> out;
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next())
    if (equals_ignoring_case(field->name, name) && out.size() < kFieldsMax)
      out.push_back(field->value);
  return out;
}

namespace {

/// The same of the message's own header, which is read once for all tests.
Result<std::vector<std::string_view>> own_values(Machine& machine, std::string_view name) {
  TRY(const std::vector<HeaderField>* fields, machine.message().fields());
  if (fields == nullptr) {
    TRY(const std::string_view header, machine.message().header());
    return fields_in(header, name);
  }
  std::vector<std::string_view> out;
  for (const HeaderField& field : *fields)
    if (equals_ignoring_case(field.name, name)) out.push_back(field.value);
  return out;
}

}  // namespace

Result<std::vector<std::string_view>> fields_of(Machine& machine, const Node& node,
                                                const std::vector<std::string>& names) {
  TRY(const std::vector<std::string_view> headers, headers_for(machine, node));
  TRY(const std::string_view own, machine.message().header());
  std::vector<std::string_view> out;
  for (const std::string& name : names) {
    for (const std::string_view header : headers) {
      TRY_OK(machine.budget().take_for(header.substr(0, kHeaderBytesMax)));
      TRY(const std::vector<std::string_view> values,
          header.data() == own.data() ? own_values(machine, name) : fields_in(header, name));
      for (const std::string_view value : values)
        if (out.size() < kFieldsMax) out.push_back(value);
    }
  }
  return indexed(node, std::move(out));
}

Result<std::optional<std::string>> first_field(Machine& machine, std::string_view name) {
  TRY(const std::string_view header, machine.message().header_of(machine.root_part()));
  TRY_OK(machine.budget().take_for(header));
  const auto field = find_field(header, name);
  if (!field) return std::optional<std::string>();
  return std::optional(decoded_value(field->value));
}

std::string decoded_value(std::string_view raw) {
  return std::string(trim(decode_encoded_words(unfold(raw))));
}

}  // namespace gemel::sieve
