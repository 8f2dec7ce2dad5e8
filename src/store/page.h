// The states of 256 neighbouring UIDs, as one row.
//
// Source   doc/decisions/0003-pages-of-256-uids.md; doc/storage-format.md, "Pages".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "mail/record.h"
#include "mail/uid_set.h"

namespace gemel {

inline constexpr uint32_t kPageUids = 256;
/// The highest page number there is.
inline constexpr uint32_t kPageNumberMax = UINT32_MAX / kPageUids;

/// One bit for each UID of a page.
struct PageBits {
  std::array<uint64_t, kPageUids / 64> words{};
  bool has(uint32_t slot) const { return words[slot / 64] >> (slot % 64) & 1; }
  void set(uint32_t slot) { words[slot / 64] |= uint64_t{1} << (slot % 64); }
  void clear(uint32_t slot) { words[slot / 64] &= ~(uint64_t{1} << (slot % 64)); }
  bool empty() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }
  /// Those from `first` up to, not including, `end`.
  void set_range(uint32_t first, uint32_t end);
  /// The lowest set or clear slot from `from` on, or kPageUids.
  uint32_t next_set(uint32_t from) const;
  uint32_t next_clear(uint32_t from) const;
  PageBits operator&(const PageBits& other) const;
  PageBits operator-(const PageBits& other) const;
  bool is_within(const PageBits& other) const;
  bool operator==(const PageBits&) const = default;
};

struct Page {
  uint32_t number = 0;  // uid / kPageUids
  ModSeq max_modseq;    // of all that ever changed here: at or above each message's
  PageBits present;
  PageBits expunged;  // within `present`
  std::array<ModSeq, kPageUids> modseqs{};
  std::array<Flags, kPageUids> flags{};

  static uint32_t number_of(Uid uid) { return uid.value / kPageUids; }
  static uint32_t slot_of(Uid uid) { return uid.value % kPageUids; }
  Uid uid_at(uint32_t slot) const { return Uid(number * kPageUids + slot); }
  bool is_live(uint32_t slot) const { return present.has(slot) && !expunged.has(slot); }
  RecordState state_at(uint32_t slot) const {
    return {uid_at(slot), modseqs[slot], flags[slot], expunged.has(slot)};
  }
  /// `state.uid` must be of this page.
  void put(const RecordState& state);
  void remove(uint32_t slot);

  /// Some 20 bytes for a page of messages that are alike, 1 to 4 KB for the wildest.
  std::string encode() const;
  /// Errors: kCorrupt: any bytes that encode() can't give and that would break a rule above.
  static Result<Page> decode(uint32_t number, std::string_view bytes);
};

/// What sets of UIDs are made of: a stored page without its modseqs, and with one flag. Many times
/// cheaper to decode than a Page.
struct PageColumn {
  uint32_t number = 0;
  PageBits present;
  PageBits expunged;  // within `present`
  PageBits flagged;   // of those in `present`: with the flag that was asked for

  /// Adds the UIDs of `bits`, ascending. Cost: O(runs).
  void add_to(UidSet& uids, const PageBits& bits) const;

  /// `flag_bit` is below Flags::kBits. Errors: kCorrupt.
  static Result<PageColumn> decode(uint32_t number, std::string_view bytes, size_t flag_bit);
};

}  // namespace gemel
