// The grammar of Sieve, which knows no command yet: identifiers, arguments, tests, blocks.
//
// Threads  any; pure functions.
// Source   RFC 5228 §8.2. Limits: ScriptLimits.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sieve/script.h"

namespace gemel::sieve {

struct SyntaxString {
  Position position;
  std::string value;
};

struct SyntaxArgument {
  enum class Kind : uint8_t { kTag, kNumber, kString, kStringList } kind = Kind::kTag;
  Position position;
  std::string tag;  // in lower case, without the colon
  uint64_t number = 0;
  std::vector<SyntaxString> strings;
};

/// A command, or a test.
struct SyntaxNode {
  enum class Tests : uint8_t { kNone, kOne, kList };
  enum class Ending : uint8_t { kTest, kSemicolon, kBlock };
  Position position;
  std::string name;  // in lower case
  std::vector<SyntaxArgument> arguments;
  Tests tests_kind = Tests::kNone;
  std::vector<SyntaxNode> tests;
  Ending ending = Ending::kTest;
  std::vector<SyntaxNode> block;
};

/// The commands of `text`, or its first mistake. Cost: O(bytes). Recurses nesting_max deep at most.
std::expected<std::vector<SyntaxNode>, Remark> parse_syntax(std::string_view text,
                                                            const ScriptLimits& limits);

}  // namespace gemel::sieve
