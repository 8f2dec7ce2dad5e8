// Tests of header fields, addresses, the envelope and the size.
#include <fmt/format.h>

#include "base/bytes.h"
#include "mail/content_type.h"
#include "mail/mime_header.h"
#include "sieve/commands.h"
#include "sieve/field_names.h"
#include "sieve/fields.h"
#include "sieve/mail_address.h"
#include "sieve/matching.h"

namespace gemel::sieve {
namespace {

/// RFC 5703 §4.1: what :type, :subtype, :contenttype and :param look at in the field `name`.
Result<std::vector<std::string>> mime_values(Machine& machine, const Node& node,
                                             std::string_view name, std::string_view raw) {
  const bool is_type = equals_ignoring_case(name, "content-type");
  const bool is_disposition = equals_ignoring_case(name, "content-disposition");
  const ParameterizedValue parsed = parse_parameterized(unfold(raw));
  if (const Argument* wanted = node.find(Tag::kParam)) {
    std::vector<std::string> out;
    TRY(const std::vector<std::string> names, machine.texts(*wanted));
    for (const std::string& each : names)
      if (auto value = parameter_of(parsed.parameters, to_lower(each)))
        out.push_back(std::move(*value));
    return out;
  }
  const size_t slash = parsed.value.find('/');
  std::string value;  // for other fields a blank string
  if (is_type && node.has(Tag::kType)) value = parsed.value.substr(0, slash);
  if (is_type && node.has(Tag::kSubtype) && slash != std::string::npos)
    value = parsed.value.substr(slash + 1);
  if (is_type && node.has(Tag::kContenttype)) value = parsed.value;
  if (is_disposition && !node.has(Tag::kSubtype)) value = parsed.value;
  return std::vector{std::move(value)};
}

bool has_mime_part(const Node& node) {
  return node.has(Tag::kType) || node.has(Tag::kSubtype) || node.has(Tag::kContenttype) ||
         node.has(Tag::kParam);
}

/// The tests whose values depend on the field's name take one name at a time.
Result<bool> match_mime_parts(Machine& machine, const Node& node, Matching& matching) {
  TRY(const std::vector<std::string> names, machine.texts(node.at(0)));
  for (const std::string& name : names) {
    TRY(const std::vector<std::string_view> fields, fields_of(machine, node, {name}));
    for (const std::string_view raw : fields) {
      TRY(const std::vector<std::string> values, mime_values(machine, node, name, raw));
      for (const std::string& value : values) {
        TRY(const bool fits, matching.see(value));
        if (fits) return true;
      }
    }
  }
  return matching.finish();
}

/// The value of an address for a test, given to `matching` if there is one.
Result<bool> see_address(Machine& machine, const Node& node, const MailAddress& address,
                         Matching& matching) {
  const auto value = part_of(address, node.match.part, machine.delivery().detail_separator);
  if (!value) return false;
  return matching.see(*value);
}

}  // namespace

// RFC 5228 §5.7.
Result<bool> test_header(Machine& machine, const Node& node) {
  TRY(Matching matching, Matching::start(machine, node));
  if (has_mime_part(node)) return match_mime_parts(machine, node, matching);
  TRY(const std::vector<std::string> names, machine.texts(node.at(0)));
  TRY(const std::vector<std::string_view> fields, fields_of(machine, node, names));
  for (const std::string_view raw : fields) {
    if (!matching.counts()) TRY_OK(machine.budget().take_for(raw));
    TRY(const bool fits, matching.see(matching.counts() ? std::string() : decoded_value(raw)));
    if (fits) return true;
  }
  return matching.finish();
}

// RFC 5228 §5.5: all must be there.
Result<bool> test_exists(Machine& machine, const Node& node) {
  TRY(const std::vector<std::string> names, machine.texts(node.at(0)));
  for (const std::string& name : names) {
    TRY(const std::vector<std::string_view> fields, fields_of(machine, node, {name}));
    if (fields.empty()) return false;
  }
  return true;
}

// RFC 5228 §5.1.
Result<bool> test_address(Machine& machine, const Node& node) {
  TRY(Matching matching, Matching::start(machine, node));
  TRY(std::vector<std::string> names, machine.texts(node.at(0)));
  std::erase_if(names, [](const std::string& name) { return !holds_addresses(name); });
  TRY(const std::vector<std::string_view> fields, fields_of(machine, node, names));
  for (const std::string_view raw : fields) {
    TRY_OK(machine.budget().take_for(raw));
    for (const MailAddress& address : addresses_in(unfold(raw))) {
      TRY(const bool fits, see_address(machine, node, address, matching));
      if (fits) return true;
    }
  }
  return matching.finish();
}

// RFC 5228 §5.4.
Result<bool> test_envelope(Machine& machine, const Node& node) {
  TRY(Matching matching, Matching::start(machine, node));
  TRY(const std::vector<std::string> parts, machine.texts(node.at(0)));
  const Envelope& envelope = machine.delivery().envelope;
  for (const std::string& part : parts) {
    const bool is_from = equals_ignoring_case(part, "from");
    if (!is_from && !equals_ignoring_case(part, "to"))
      return fail(Code::kInvalid, fmt::format("the envelope has no part \"{}\"", part));
    const MailAddress address = parse_path(is_from ? envelope.from : envelope.to);
    bool fits = false;
    if (address.local.empty() && address.domain.empty()) {
      // The null path is the empty string for any part; RFC 5231 §4.2: and is not counted.
      if (matching.counts()) continue;
      TRY(fits, matching.see(""));
    } else {
      TRY(fits, see_address(machine, node, address, matching));
    }
    if (fits) return true;
  }
  return matching.finish();
}

// RFC 5228 §5.9.
Result<bool> test_size(Machine& machine, const Node& node) {
  uint64_t size = 0;
  if (machine.root_part().empty()) {
    TRY(size, machine.message().size());
  } else {
    TRY(const MimePart* part, machine.message().part(machine.root_part()));
    if (part != nullptr) size = part->body_end - part->header_start;
  }
  const uint64_t limit = node.at(0).number;
  return node.has(Tag::kOver) ? size > limit : size < limit;
}

}  // namespace gemel::sieve
