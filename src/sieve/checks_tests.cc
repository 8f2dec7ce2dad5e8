// Checks of tests.
#include <fmt/format.h>

#include "base/bytes.h"
#include "sieve/checker.h"
#include "sieve/checks.h"
#include "sieve/date_parts.h"
#include "sieve/field_names.h"

namespace gemel::sieve {
namespace {

/// RFC 5228 §2.4.2.2: a name that no field can have is no error, but the test will always fail.
void check_field_names(Checker& checker, const Argument& names) {
  for (const Text& name : names.texts)
    if (name.is_constant() && !is_field_name(name.source))
      checker.warn(name.position, fmt::format("no header field is called \"{}\"", name.source));
}

void check_index(Checker& checker, const Node& node) {
  const Argument* index = node.find(Tag::kIndex);
  if (index != nullptr && index->number == 0)
    checker.error(index->position, "\":index\" counts from 1");
}

void check_date_arguments(Checker& checker, const Node& node, const Text& part) {
  if (const Argument* zone = node.find(Tag::kZone)) {
    const Text& text = zone->texts.front();
    if (text.is_constant() && !parse_zone(text.source))
      checker.error(text.position, fmt::format("\"{}\" is no zone like \"+0100\"", text.source));
  }
  if (part.is_constant() && !find_date_part(part.source))
    checker.error(part.position, fmt::format("a date has no part \"{}\"", part.source));
}

}  // namespace

void check_address(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  check_index(checker, node);
  for (const Text& name : node.at(0).texts)
    if (name.is_constant() && !holds_addresses(name.source))
      checker.error(name.position, fmt::format("the field \"{}\" holds no addresses", name.source));
}

void check_header(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  check_index(checker, node);
  check_field_names(checker, node.at(0));
}

void check_exists(Checker& checker, Node& node) {
  if (!node.positional.empty()) check_field_names(checker, node.at(0));
}

void check_envelope(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  // RFC 5228 §5.4: unknown parts are an error.
  for (const Text& part : node.at(0).texts) {
    if (part.is_constant() && !equals_ignoring_case(part.source, "from") &&
        !equals_ignoring_case(part.source, "to"))
      checker.error(part.position, fmt::format("the envelope has no part \"{}\"", part.source));
  }
}

void check_size(Checker& checker, Node& node) {
  if (!node.has(Tag::kOver) && !node.has(Tag::kUnder))
    checker.error(node.position, "size needs \":over\" or \":under\"");
}

void check_date(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  check_index(checker, node);
  check_field_names(checker, node.at(0));
  check_date_arguments(checker, node, node.at(1).texts.front());
}

void check_currentdate(Checker& checker, Node& node) {
  if (!node.positional.empty()) check_date_arguments(checker, node, node.at(0).texts.front());
}

void check_hasflag(Checker& checker, Node& node) {
  if (node.positional.empty() || !node.positional[0]) return;
  checker.need(node, node.position, Extension::kVariables, "the name of a variable in hasflag");
  for (Text& name : node.positional[0]->texts)
    if (const auto variable = checker.variable_to_read(name))
      name.pieces = {{.literal = "", .variable = variable}};
}

void check_ihave(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  // RFC 5463 §4: constant strings.
  for (const Text& capability : node.at(0).texts) checker.constant(capability, "ihave");
}

void check_specialuse_exists(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  for (const Text& use : node.at(1).texts)
    if (use.is_constant() && !is_special_use(use.source))
      checker.error(use.position, fmt::format("\"{}\" is no special use", use.source));
}

}  // namespace gemel::sieve
