// Control commands, and the tests that hold no string.
#include <fmt/format.h>

#include "sieve/commands.h"
#include "sieve/machine.h"
#include "sieve/modifiers.h"

namespace gemel::sieve {

Result<Flow> run_nothing(Machine&, const Node&) { return Flow::kNext; }

Result<Flow> run_stop(Machine&, const Node&) { return Flow::kStop; }

Result<Flow> run_return(Machine&, const Node&) { return Flow::kReturn; }

Result<Flow> run_error(Machine& machine, const Node& node) {
  TRY(std::string text, machine.string(node.at(0)));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return fail(Code::kInvalid, fmt::format("the script says: {}", text));
}

// RFC 6609 §3.2.
Result<Flow> run_include(Machine& machine, const Node& node) {
  TRY(std::string name, machine.string(node.at(0)));
  const ScriptLocation location =
      node.has(Tag::kGlobal) ? ScriptLocation::kGlobal : ScriptLocation::kPersonal;
  if (node.has(Tag::kOnce) && machine.was_included(location, name)) return Flow::kNext;
  auto script = machine.environment().script(location, name);
  if (!script) {
    const Error& error = script.error();
    if (error.code == Code::kNotFound && node.has(Tag::kOptional)) return Flow::kNext;
    return fail(error.code, fmt::format("include \"{}\": {}", name, error.text));
  }
  return machine.run_included(
      {.location = location, .name = std::move(name), .script = std::move(*script)});
}

Result<Flow> run_foreverypart(Machine& machine, const Node& node) { return machine.run_loop(node); }

Result<Flow> run_break(Machine& machine, const Node& node) {
  TRY(const auto name, machine.string(node, Tag::kName));
  machine.breaking() = name.value_or("");
  return Flow::kBreak;
}

Result<Flow> run_set(Machine& machine, const Node& node) {
  TRY(std::string value, machine.string(node.at(1)));
  TRY_OK(machine.set_variable(*node.variable, modified(node, std::move(value))));
  return Flow::kNext;
}

// --- tests ---

Result<bool> test_true(Machine&, const Node&) { return true; }

Result<bool> test_false(Machine&, const Node&) { return false; }

Result<bool> test_not(Machine& machine, const Node& node) {
  TRY(const bool holds, machine.test(node.tests.front()));
  return !holds;
}

// RFC 5229 §3.2, RFC 5463 §4: from left to right, and no further than needed.
Result<bool> test_allof(Machine& machine, const Node& node) {
  for (const Node& test : node.tests) {
    TRY(const bool holds, machine.test(test));
    if (!holds) return false;
  }
  return true;
}

Result<bool> test_anyof(Machine& machine, const Node& node) {
  for (const Node& test : node.tests) {
    TRY(const bool holds, machine.test(test));
    if (holds) return true;
  }
  return false;
}

Result<bool> test_ihave(Machine& machine, const Node& node) {
  ExtensionSet all;
  for (const Text& capability : node.at(0).texts) {
    const auto extension = find_extension(capability.source);
    if (!extension || !machine.is_offered(*extension)) return false;
    // RFC 5463 §4: what changes how a script is read must be there from the start.
    if (kNotByIhave.has(*extension) && !machine.enabled(*extension)) return false;
    all.add(enabled_by(*extension));
  }
  machine.enable(all);
  return true;
}

}  // namespace gemel::sieve
