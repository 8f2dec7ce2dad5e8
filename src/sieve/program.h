// What a script is compiled to: its commands and tests with their arguments in place, every string
// cut into pieces and variables, every name resolved.
//
// Threads  any; values that don't change once they are made.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sieve/extension.h"
#include "sieve/match_spec.h"
#include "sieve/script.h"
#include "sieve/tag.h"

namespace gemel::sieve {

struct Keyword;

struct VariableRef {
  enum class Kind : uint8_t {
    kLocal,   // slot `index` of the running script
    kGlobal,  // by `name`, for all scripts of the run (RFC 6609 §3.4)
    kMatch,   // value `index` of the last match (RFC 5229 §3.2)
  } kind = Kind::kLocal;
  uint32_t index = 0;
  std::string name = {};  // in lower case
};

/// A string of the script.
struct Text {
  struct Piece {
    std::string literal;
    std::optional<VariableRef> variable;  // behind the literal
  };
  Position position;
  /// Before variables are put in: what vacation tells its answers apart by (RFC 5230 §4.2).
  std::string source;
  std::vector<Piece> pieces;  // empty if the source is the value

  bool is_constant() const { return pieces.empty(); }
};

struct Argument {
  Position position;
  uint64_t number = 0;
  std::vector<Text> texts;  // one for a string
};

/// A command or a test.
struct Node {
  const Keyword* keyword = nullptr;  // null: there is no such command here, see `trouble`
  Position position;
  /// With ihave, mistakes that a missing extension may explain wait until they are reached (RFC
  /// 5463 §4): extensions that must be enabled then, and what is wrong in any case.
  ExtensionSet needs;
  std::string trouble;
  std::vector<std::pair<Tag, Argument>> tags;
  std::vector<std::optional<Argument>>
      positional;  // in the keyword's order; optional ones may lack
  MatchSpec match;
  std::optional<VariableRef> variable;  // that set, setflag and their like write
  std::vector<Node> tests;
  std::vector<Node> block;

  bool has(Tag tag) const { return find(tag) != nullptr; }
  const Argument* find(Tag tag) const;
  /// The argument at `place`; it must be there.
  const Argument& at(size_t place) const { return *positional[place]; }
};

struct Script::Program {
  std::vector<Node> commands;
  ExtensionSet enabled;                // by its requires
  ExtensionSet offered;                // what ihave says yes to
  std::vector<std::string> required;   // as they are written, sorted
  std::vector<std::string> variables;  // names of its own, by slot
  size_t text_bytes = 0;
};

}  // namespace gemel::sieve
