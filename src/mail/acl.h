// Access control lists: rights, who they are given to, and what they come to for one user.
//
// Threads  any; pure values and functions.
// Source   RFC 4314 §2 (identifiers, negative rights), §2.1 (rights), §2.1.1 ("c" and "d").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mail/flags.h"

namespace gemel {

/// In the order in which RFC 4314 §2.1 lists them.
enum class Right : uint8_t {
  kLookup,          // l: LIST shows it
  kRead,            // r: SELECT, STATUS
  kSeen,            // s: one's \Seen is kept
  kWrite,           // w: flags other than \Seen and \Deleted
  kInsert,          // i: APPEND, COPY into it
  kPost,            // p: mail may be sent to it
  kCreate,          // k: mailboxes below it, also by RENAME
  kDeleteMailbox,   // x: DELETE, RENAME of it
  kDeleteMessages,  // t: \Deleted
  kExpunge,         // e: EXPUNGE, and by CLOSE
  kAdminister,      // a: its ACL
};
inline constexpr std::string_view kRightLetters = "lrswipkxtea";
/// RFC 2086's rights as this server reads and tells them (RFC 4314 §2.1.1).
inline constexpr std::string_view kCreateLetters = "kx";  // "c"
inline constexpr std::string_view kDeleteLetters = "te";  // "d"
/// For the capability RIGHTS= (RFC 4314 §2.2): what RFC 2086 did not have.
inline constexpr std::string_view kNewRightLetters = "kxte";

/// A set of rights.
class Rights {
 public:
  constexpr Rights() = default;
  constexpr Rights(std::initializer_list<Right> rights) {
    for (const Right right : rights) bits_ |= bit(right);
  }
  static constexpr Rights all() {
    Rights out;
    out.bits_ = (1U << kRightLetters.size()) - 1;
    return out;
  }

  constexpr bool has(Right right) const { return (bits_ & bit(right)) != 0; }
  constexpr bool has_all(Rights rights) const { return (rights.bits_ & ~bits_) == 0; }
  constexpr bool has_any(Rights rights) const { return (rights.bits_ & bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const Rights&) const = default;
  friend constexpr Rights operator|(Rights a, Rights b) { return from_bits(a.bits_ | b.bits_); }
  friend constexpr Rights operator&(Rights a, Rights b) { return from_bits(a.bits_ & b.bits_); }
  friend constexpr Rights operator-(Rights a, Rights b) { return from_bits(a.bits_ & ~b.bits_); }

  /// "lrs", in the order of kRightLetters: what is stored.
  std::string text() const;
  /// The same with "c" and "d" where any of their members is there: what a client is told (RFC 4314
  /// §2.1.1).
  std::string wire_text() const;
  /// Letters in any order; "c" and "d" stand for their members. Errors: kSyntax, an unknown letter
  /// (RFC 4314 §3.1: never passed over).
  static Result<Rights> parse(std::string_view letters);

 private:
  static constexpr uint16_t bit(Right right) {
    return static_cast<uint16_t>(1U << static_cast<int>(right));
  }
  static constexpr Rights from_bits(int bits) {
    Rights out;
    out.bits_ = static_cast<uint16_t>(bits);
    return out;
  }
  uint16_t bits_ = 0;
};

/// What SETACL does: "lrs" sets, "+lrs" adds, "-lrs" takes away (RFC 4314 §3.1).
struct RightsChange {
  enum class Op : uint8_t { kSet, kAdd, kRemove } op = Op::kSet;
  Rights rights;
  Rights of(Rights was) const;
  /// Errors: kSyntax.
  static Result<RightsChange> parse(std::string_view text);
};

/// The flags that may be changed with these rights (RFC 4314 §4, STORE).
constexpr FlagScope scope_of(Rights rights) {
  return {.seen = rights.has(Right::kSeen),
          .deleted = rights.has(Right::kDeleteMessages),
          .others = rights.has(Right::kWrite)};
}

inline constexpr std::string_view kAnyone = "anyone";  // everybody, senders of mail too
/// Everybody who has logged in; this server's own identifier (RFC 4314 §2 lets it have some).
inline constexpr std::string_view kAuthenticated = "authenticated";
inline constexpr size_t kAclEntriesMax = 1000;  // of one mailbox

/// Errors: kInvalid, kTooBig: not a userid, "anyone" or "authenticated", perhaps with "-" in front.
Result<void> check_acl_identifier(std::string_view identifier);

/// A mailbox's list. An identifier that begins with "-" takes rights away (RFC 4314 §2), so nothing
/// can be given to a userid that begins with "-".
class Acl {
 public:
  /// From a mailbox's attributes ("acl/IDENTIFIER" -> rights).
  static Acl of(const std::map<std::string, std::string>& attributes);

  const std::map<std::string, Rights>& entries() const { return entries_; }
  /// The entry of an identifier, none if there is no entry.
  Rights entry(std::string_view identifier) const;

  /// What `userid` may do: what it, "authenticated" and "anyone" are given, less what is taken away
  /// from them. Empty: somebody who did not log in (a sender of mail). The owner has all rights
  /// without an entry, and what the entry says with one, but in either case at least
  /// kOwnerRightsMin, so that nobody locks himself out.
  Rights rights_of(std::string_view userid, std::string_view owner) const;

 private:
  std::map<std::string, Rights> entries_;
};
inline constexpr Rights kOwnerRightsMin = {Right::kLookup, Right::kAdminister};

}  // namespace gemel
