// The language as one table: every command and test, what it needs, what it takes, what it does.
//
// Source   the usage lines of RFC 5228 and of the extensions.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "sieve/extension.h"
#include "sieve/tag.h"

namespace gemel::sieve {

class Checker;
class Machine;
struct Node;

/// What comes after a command.
enum class Flow : uint8_t {
  kNext,
  kBreak,   // out of the loop that Machine::breaking() names
  kReturn,  // from this script (RFC 6609 §3.3)
  kStop,    // from all (RFC 5228 §3.3)
};

/// A tagged argument as one command takes it.
struct TagUse {
  Tag tag;
  std::optional<Extension> extension = std::nullopt;  // besides the command's own
  /// Of tags with the same number (not 0), one at most: RFC 5228 §2.6.
  uint8_t group = 0;
  std::optional<Tag> only_with = std::nullopt;
};

struct Keyword {
  enum class Kind : uint8_t { kCommand, kTest };
  enum class Tests : uint8_t { kNone, kOne, kList };
  enum class Block : uint8_t { kNone, kNeeded };
  /// A place in the chain if, elsif, else (RFC 5228 §3.1).
  enum class Chain : uint8_t { kNone, kIf, kElsif, kElse };
  /// A tag group that several commands share.
  using Tags = std::span<const TagUse>;

  std::string_view name;
  Kind kind = Kind::kCommand;
  ExtensionSet needs = {};  // all must be enabled
  /// What must follow the tags: n a number, s a string, S a string or a list, each with a "?"
  /// behind it if it may lack (at most one).
  std::string_view positional = {};
  std::array<Tags, 5> tags = {};
  Tests tests = Tests::kNone;
  Block block = Block::kNone;
  Chain chain = Chain::kNone;
  /// What the table can't say; may be null.
  void (*check)(Checker&, Node&) = nullptr;
  Result<Flow> (*run)(Machine&, const Node&) = nullptr;   // of a command
  Result<bool> (*test)(Machine&, const Node&) = nullptr;  // of a test

  const TagUse* find(Tag tag) const;
  /// Does it compare strings, and so take a comparator and a match type?
  bool compares() const { return find(Tag::kComparator) != nullptr; }
};

/// `name` in lower case.
const Keyword* find_keyword(std::string_view name);

}  // namespace gemel::sieve
