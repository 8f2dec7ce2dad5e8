// The extensions of Sieve that are known here, each by its capability string.
//
// Threads  any; pure.
// Source   RFC 5228 §6.1 (capability strings), IANA's registry of Sieve extensions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace gemel::sieve {

/// In the order of their names, so that the value is the row.
enum class Extension : uint8_t {
  kBody,
  kComparatorAsciiCasemap,
  kComparatorAsciiNumeric,
  kComparatorOctet,
  kComparatorUnicodeCasemap,
  kCopy,
  kDate,
  kDuplicate,
  kEditheader,
  kEnclose,
  kEncodedCharacter,
  kEnotify,
  kEnvelope,
  kEnvironment,
  kEreject,
  kExtracttext,
  kFcc,
  kFileinto,
  kForeverypart,
  kIhave,
  kImap4flags,
  kInclude,
  kIndex,
  kMailbox,
  kMailboxid,
  kMboxmetadata,
  kMime,
  kRegex,
  kReject,
  kRelational,
  kReplace,
  kServermetadata,
  kSpamtest,
  kSpamtestplus,
  kSpecialUse,
  kSubaddress,
  kVacation,
  kVacationSeconds,
  kVariables,
  kVirustest,
};

inline constexpr std::array<std::string_view, 40> kExtensionNames = {
    "body",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",
    "comparator-i;octet",
    "comparator-i;unicode-casemap",
    "copy",
    "date",
    "duplicate",
    "editheader",
    "enclose",
    "encoded-character",
    "enotify",
    "envelope",
    "environment",
    "ereject",
    "extracttext",
    "fcc",
    "fileinto",
    "foreverypart",
    "ihave",
    "imap4flags",
    "include",
    "index",
    "mailbox",
    "mailboxid",
    "mboxmetadata",
    "mime",
    "regex",
    "reject",
    "relational",
    "replace",
    "servermetadata",
    "spamtest",
    "spamtestplus",
    "special-use",
    "subaddress",
    "vacation",
    "vacation-seconds",
    "variables",
    "virustest",
};
static_assert(static_cast<size_t>(Extension::kVirustest) + 1 == kExtensionNames.size());
static_assert(std::ranges::is_sorted(kExtensionNames));

constexpr std::string_view name_of(Extension extension) {
  return kExtensionNames[static_cast<size_t>(extension)];
}

/// Capability strings compare by case (RFC 5228 §6).
std::optional<Extension> find_extension(std::string_view name);

class ExtensionSet {
 public:
  constexpr ExtensionSet() = default;
  constexpr ExtensionSet(std::initializer_list<Extension> extensions) {
    for (const Extension each : extensions) add(each);
  }
  constexpr void add(Extension extension) { bits_ |= bit(extension); }
  constexpr void add(ExtensionSet other) { bits_ |= other.bits_; }
  constexpr bool has(Extension extension) const { return (bits_ & bit(extension)) != 0; }
  constexpr bool has_all(ExtensionSet other) const { return (other.bits_ & ~bits_) == 0; }
  constexpr bool has_any(ExtensionSet other) const { return (other.bits_ & bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  /// The first, in the order of names; there must be one.
  Extension first() const;
  /// Those of this set that `other` lacks.
  constexpr ExtensionSet without(ExtensionSet other) const {
    ExtensionSet out;
    out.bits_ = bits_ & ~other.bits_;
    return out;
  }
  constexpr bool operator==(const ExtensionSet&) const = default;

 private:
  static constexpr uint64_t bit(Extension extension) {
    return uint64_t{1} << static_cast<int>(extension);
  }
  uint64_t bits_ = 0;
};

/// `extension` and what it brings along: vacation-seconds is also vacation (RFC 6131 §2),
/// spamtestplus also spamtest (RFC 5235 §3.2).
ExtensionSet enabled_by(Extension extension);

/// They change how strings are read, so ihave can't enable them in the midst (RFC 5463 §4).
inline constexpr ExtensionSet kNotByIhave = {Extension::kEncodedCharacter, Extension::kVariables};

}  // namespace gemel::sieve
