// Checks of commands.
#include <fmt/format.h>

#include <algorithm>

#include "mail/charset.h"
#include "sieve/checker.h"
#include "sieve/checks.h"
#include "sieve/field_names.h"
#include "sieve/mail_address.h"

namespace gemel::sieve {
namespace {

void check_mailbox(Checker& checker, const Text& name) {
  if (name.is_constant() && !is_mailbox_name(name.source))
    checker.error(name.position, fmt::format("\"{}\" is no name of a mailbox", name.source));
}

void check_target(Checker& checker, const Node& node) {
  const Argument* use = node.find(Tag::kSpecialuse);
  if (use == nullptr) return;
  const Text& text = use->texts.front();
  if (text.is_constant() && !is_special_use(text.source))
    checker.error(text.position, fmt::format("\"{}\" is no special use", text.source));
}

void check_fcc(Checker& checker, const Node& node) {
  if (const Argument* fcc = node.find(Tag::kFcc)) check_mailbox(checker, fcc->texts.front());
  check_target(checker, node);
}

void check_from(Checker& checker, const Node& node) {
  const Argument* from = node.find(Tag::kFrom);
  if (from == nullptr) return;
  const Text& text = from->texts.front();
  if (text.is_constant() && !parse_mailbox_list(text.source))
    checker.error(text.position, fmt::format("\"{}\" is no address", text.source));
}

void check_field_name(Checker& checker, const Text& name) {
  if (name.is_constant() && !is_field_name(name.source))
    checker.error(name.position, fmt::format("no header field can be called \"{}\"", name.source));
}

}  // namespace

void check_require(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  for (const Text& capability : node.at(0).texts) checker.require(capability);
}

void check_fileinto(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  check_mailbox(checker, node.at(0).texts.front());
  check_target(checker, node);
}

void check_redirect(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  const Text& address = node.at(0).texts.front();
  if (address.is_constant() && !parse_sieve_address(address.source))
    checker.error(address.position, fmt::format("\"{}\" is no address", address.source));
}

void check_vacation(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  check_from(checker, node);
  check_fcc(checker, node);
  const Text& reason = node.at(0).texts.front();
  // RFC 5230 §5: 8-bit header material SHOULD be rejected.
  if (!node.has(Tag::kMime) || !reason.is_constant()) return;
  const std::string_view header =
      std::string_view(reason.source).substr(0, reason.source.find("\r\n\r\n"));
  if (!is_ascii(header))
    checker.error(reason.position, "the header in the text of \":mime\" must be ASCII");
}

void check_notify(Checker& checker, Node& node) {
  check_from(checker, node);
  check_fcc(checker, node);
  const Argument* importance = node.find(Tag::kImportance);
  if (importance == nullptr) return;
  const Text& text = importance->texts.front();
  const bool fits = text.source == "1" || text.source == "2" || text.source == "3";
  if (text.is_constant() && !fits)
    checker.error(text.position, "\":importance\" is \"1\", \"2\" or \"3\"");
}

void check_addheader(Checker& checker, Node& node) {
  if (!node.positional.empty()) check_field_name(checker, node.at(0).texts.front());
}

void check_deleteheader(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  check_field_name(checker, node.at(0).texts.front());
  const Argument* index = node.find(Tag::kIndex);
  if (index != nullptr && index->number == 0)
    checker.error(index->position, "\":index\" counts from 1");
}

void check_flag_action(Checker& checker, Node& node) {
  if (node.positional.empty() || !node.positional[0]) return;
  // RFC 5232 §3: without variables, the name of one is an error.
  checker.need(node, node.position, Extension::kVariables, "the name of a variable");
  node.variable = checker.variable_for(node.at(0).texts.front());
}

void check_set(Checker& checker, Node& node) {
  if (!node.positional.empty()) node.variable = checker.variable_for(node.at(0).texts.front());
}

void check_global(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  for (const Text& name : node.at(0).texts) checker.declare_global(name);
}

void check_include(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  const Text& name = node.at(0).texts.front();
  const auto value = checker.constant(name, "the name of a script");
  if (value && !is_script_name(*value))
    checker.error(name.position, fmt::format("\"{}\" is no name of a script", *value));
}

void check_break(Checker& checker, Node& node) {
  const Argument* name = node.find(Tag::kName);
  // RFC 5703 §3: there must be a loop around, of that name if one is given.
  if (name == nullptr) {
    if (checker.loops().empty()) checker.error(node.position, "break is in no foreverypart");
    return;
  }
  const auto value = checker.constant(name->texts.front(), "the name of a loop");
  if (value && std::ranges::find(checker.loops(), *value) == checker.loops().end())
    checker.error(name->position, fmt::format("no foreverypart around is called \"{}\"", *value));
}

void check_foreverypart(Checker& checker, Node& node) {
  if (const Argument* name = node.find(Tag::kName))
    checker.constant(name->texts.front(), "the name of a loop");
}

void check_extracttext(Checker& checker, Node& node) {
  if (node.positional.empty()) return;
  node.variable = checker.variable_for(node.at(0).texts.front());
  // RFC 5703 §7: this SHOULD be flagged.
  if (checker.loops().empty()) checker.error(node.position, "extracttext is in no foreverypart");
}

void check_replace(Checker& checker, Node& node) {
  check_from(checker, node);
  // RFC 5703 §5: this SHOULD be flagged.
  if (node.has(Tag::kMime) && (node.has(Tag::kSubject) || node.has(Tag::kFrom)))
    checker.error(node.position, "\":mime\" can't go with \":subject\" or \":from\"");
}

void check_enclose(Checker& checker, Node& node) {
  const Argument* headers = node.find(Tag::kHeaders);
  if (headers == nullptr) return;
  for (const Text& name : headers->texts) check_field_name(checker, name);
}

}  // namespace gemel::sieve
