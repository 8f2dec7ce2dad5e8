// Flags: the five system flags by bit, keywords by name outside the store and by bit inside a
// mailbox.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gemel {

/// The system flags (RFC 9051 §2.3.2), as the lowest bits of every Flags. \Recent is no stored
/// flag.
enum class SystemFlag : uint8_t { kAnswered, kFlagged, kDeleted, kSeen, kDraft };
inline constexpr size_t kSystemFlagCount = 5;
inline constexpr std::array<std::string_view, kSystemFlagCount> kSystemFlagNames = {
    "\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"};

/// Flags of a message as bits: 5 system flags, then the mailbox's keywords in the order of its
/// table. Only meaningful together with that mailbox's MailboxInfo::keywords.
struct Flags {
  static constexpr size_t kBits = 128;
  std::array<uint64_t, 2> words{};
  constexpr bool has(size_t bit) const { return words[bit / 64] >> (bit % 64) & 1; }
  constexpr bool has(SystemFlag flag) const { return has(static_cast<size_t>(flag)); }
  constexpr void set(size_t bit) { words[bit / 64] |= uint64_t{1} << (bit % 64); }
  constexpr void clear(size_t bit) { words[bit / 64] &= ~(uint64_t{1} << (bit % 64)); }
  constexpr bool operator==(const Flags&) const = default;
  constexpr auto operator<=>(const Flags&) const = default;
  friend constexpr Flags operator|(Flags a, const Flags& b) {
    return {{a.words[0] | b.words[0], a.words[1] | b.words[1]}};
  }
  friend constexpr Flags operator^(Flags a, const Flags& b) {
    return {{a.words[0] ^ b.words[0], a.words[1] ^ b.words[1]}};
  }
  /// `a` without what is in `b`.
  friend constexpr Flags operator-(Flags a, const Flags& b) {
    return {{a.words[0] & ~b.words[0], a.words[1] & ~b.words[1]}};
  }
};

/// Keywords for which a mailbox's table has a place.
inline constexpr size_t kMailboxKeywordPlaces = Flags::kBits - kSystemFlagCount;
/// Keywords that clients, deliveries and all else on this server can give to a mailbox; the next
/// one gives kLimit. The other places are for what comes from other servers: two sides of a split
/// may have made different ones, and the merge is to have room for those of both.
inline constexpr size_t kMailboxKeywordsMax = 100;
static_assert(kMailboxKeywordsMax < kMailboxKeywordPlaces);
inline constexpr size_t kKeywordBytesMax = 255;

/// Flags by name, in no mailbox: what a client or the wire says. Sorted, without doubles; keywords
/// compare without regard to case but keep the case of their first use.
struct FlagNames {
  uint8_t system = 0;  // bit n is SystemFlag(n)
  std::vector<std::string> keywords;
  bool operator==(const FlagNames&) const = default;

  bool has(SystemFlag flag) const { return system >> static_cast<int>(flag) & 1; }
  void add(SystemFlag flag) { system |= static_cast<uint8_t>(1 << static_cast<int>(flag)); }
  /// `name` as on the wire: "\\Seen", "$Forwarded". Errors: kInvalid, an unknown system flag,
  /// \Recent, or no atom; kTooBig.
  Result<void> add(std::string_view name);
  bool empty() const { return system == 0 && keywords.empty(); }
  /// "\Seen $Forwarded", without parentheses.
  std::string text() const;
};

/// What a STORE does with its flags (RFC 9051 §6.4.6).
enum class FlagOp : uint8_t { kSet, kAdd, kRemove };

/// Which flags a change may touch, as rights allow (RFC 4314 §4, STORE and COPY). What is out of
/// scope stays as it is.
struct FlagScope {
  bool seen = true;
  bool deleted = true;
  bool others = true;
  bool allows(SystemFlag flag) const {
    if (flag == SystemFlag::kSeen) return seen;
    return flag == SystemFlag::kDeleted ? deleted : others;
  }
  bool is_empty() const { return !seen && !deleted && !others; }
  /// Without those out of scope.
  FlagNames of(FlagNames flags) const;
  Flags of(const Flags& flags) const;
};

/// The names of `flags` by a mailbox's keyword table, system flags first, in bit order.
FlagNames names_of(const Flags& flags, const std::vector<std::string>& keywords);
/// `flags` as IMAP prints them, without parentheses. Cost: O(flags set).
std::string text_of(const Flags& flags, const std::vector<std::string>& keywords);

}  // namespace gemel
