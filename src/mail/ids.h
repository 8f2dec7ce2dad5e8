// The identities of the field, as types that do not convert into each other.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"

namespace gemel {

template <class Tag, class Rep>
struct Id {
  Rep value = 0;
  constexpr Id() = default;
  constexpr explicit Id(Rep v) : value(v) {}
  constexpr auto operator<=>(const Id&) const = default;
  constexpr explicit operator bool() const { return value != 0; }
};

using Uid = Id<struct UidTag, uint32_t>;                  // RFC 9051 §2.3.1.1; 0 is none
using UidValidity = Id<struct UidValidityTag, uint32_t>;  // RFC 9051 §2.3.1.1; never 0 in use
using ModSeq = Id<struct ModSeqTag, uint64_t>;            // RFC 7162 §3.1; 63 bits; 0 is before all
using JournalSeq =
    Id<struct JournalSeqTag, uint64_t>;  // one per entity changed in a commit; 0 is before all

constexpr Uid next(Uid uid) { return Uid(uid.value + 1); }
constexpr ModSeq next(ModSeq modseq) { return ModSeq(modseq.value + 1); }

/// A mailbox for ever, whatever its name: the store that made it (random, made with the store) and
/// a number there. Text form: 16 hex digits, "-", the number in hex ("4be0d1a2c3f40718-1f"), fit
/// for OBJECTID's MAILBOXID (RFC 8474 §4).
struct UniqueId {
  uint64_t origin = 0;
  uint64_t number = 0;
  auto operator<=>(const UniqueId&) const = default;
  explicit operator bool() const { return origin != 0; }
  std::string text() const;
  /// 16 bytes, big-endian.
  std::string key() const;
  static UniqueId from_key(std::string_view key);
  /// Errors: kSyntax.
  static Result<UniqueId> parse(std::string_view text);
};

/// SHA-256 of a message's bytes: the identity of its content everywhere.
struct Guid {
  Sha256 bytes{};
  auto operator<=>(const Guid&) const = default;
  /// The 32 bytes as they are.
  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// 64 hex digits.
  std::string text() const;
  /// `raw` must be 32 bytes.
  static Guid from_view(std::string_view raw);
  /// Errors: kSyntax.
  static Result<Guid> parse(std::string_view hex);
};

/// 128 bits that are equal when content is equal, and add up: the digest of a whole is the sum
/// (modulo 2^128) of those of its parts, in any order. See doc/storage-format.md, "Digest".
struct Digest {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const Digest&) const = default;
  Digest& operator+=(const Digest& other);
  Digest& operator-=(const Digest& other);
  /// 32 hex digits.
  std::string text() const;
  static Result<Digest> parse(std::string_view hex);
};
inline constexpr int kDigestVersion = 1;

}  // namespace gemel

template <class Tag, class Rep>
struct std::hash<gemel::Id<Tag, Rep>> {
  size_t operator()(gemel::Id<Tag, Rep> id) const { return std::hash<Rep>()(id.value); }
};
template <>
struct std::hash<gemel::UniqueId> {
  size_t operator()(const gemel::UniqueId& id) const {
    return id.origin ^ (id.number * 0x9e3779b97f4a7c15U);
  }
};
template <>
struct std::hash<gemel::Guid> {
  size_t operator()(const gemel::Guid& guid) const {
    return std::hash<std::string_view>()(guid.view());
  }
};
