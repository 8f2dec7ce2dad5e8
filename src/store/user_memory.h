// What deliveries to a user remember for a while: messages that came, replies that were sent.
//
// Kept in the user's items, so that it is written in the transaction of what it belongs to and
// replicates. A memory of its own item for each thing would leave a tombstone for each message ever
// delivered; so there are 256 slots of each kind, "duplicate/00" to "duplicate/ff", by the first
// two digits of a hash. Behind a full slot are 16 more, by the next digit, and behind those again,
// so that a delivery never has much to write. A slot's value is the unix time of its last entry,
// LF, and for each entry 24 hexadecimal digits of the hash, from the third on, a space, the unix
// time until which it counts, LF. What has lapsed goes when its slot is written next.
//
// Threads  any; values, and reads of the store.
// Source   doc/decisions/0011-delivery-memory.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel {

class MailStore;

enum class MemoryKind : uint8_t {
  kDuplicate,  // items "duplicate/…": a message was filed or sent on (also RFC 7352)
  kVacation,   // items "vacation/…": a reply was sent (RFC 5230 §4.2)
};

inline constexpr std::string_view kUserItemDuplicate = "duplicate/";
inline constexpr std::string_view kUserItemVacation = "vacation/";

/// The digits in a slot's name; a thing may be in the slot of each number of them.
inline constexpr size_t kMemorySlotDigitsMin = 2;
inline constexpr size_t kMemorySlotDigitsMax = 4;
/// A slot with so many entries that count is full.
inline constexpr size_t kMemorySlotEntriesFull = 32;
/// Of one slot that has none behind it, or that was united of two; the entries that would lapse
/// first go.
inline constexpr size_t kMemorySlotEntriesMax = 4096;

/// What a thing is called in slots: made once, for a hash of its token is in it.
struct MemoryName {
  std::string_view kind;  // "duplicate/", "vacation/"
  std::string hash;       // SHA-256 in hexadecimal digits

  /// The slot with so many digits that it may be kept in.
  std::string item_key(size_t digits) const;
};

/// One thing to remember. `token` is any text that names it; only its SHA-256 is kept.
struct Remembrance {
  std::string userid;
  MemoryKind kind = MemoryKind::kDuplicate;
  std::string token;
  int64_t until_s = 0;  // unix time

  MemoryName name() const;
  /// The first slot that it may be kept in.
  std::string item_key() const { return name().item_key(kMemorySlotDigitsMin); }
};

/// What a slot has to say of a thing. `value` is what the slot holds, or empty.
enum class MemorySlot : uint8_t { kHolds, kHasRoom, kIsFull };
MemorySlot look_for(const MemoryName& name, std::string_view value, int64_t now_s);

/// The slot's value with `what` added, or nothing if it is there already and has not lapsed.
/// `value` is what the slot holds, or empty; what is broken in it counts as forgotten.
std::optional<std::string> remembered(std::string_view value, const Remembrance& what,
                                      int64_t now_s);

/// A slot without what has lapsed, and empty where nothing was added to it after `added_s`.
struct TrimmedMemory {
  std::string value;
  uint64_t forgotten = 0;  // things
};
TrimmedMemory trimmed(std::string_view value, int64_t now_s, int64_t added_s);

/// The slot of two servers that each remembered something: all that either has, at most
/// kMemorySlotEntriesMax. Which of the two comes first does not matter.
std::string united_memory(std::string_view slot, std::string_view other);

/// Is it remembered, and has it not lapsed? Errors: kIo.
Result<bool> remembers(const MailStore& store, const Remembrance& what, int64_t now_s);

}  // namespace gemel
