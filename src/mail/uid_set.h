// A set of UIDs as sorted ranges: what a client names, what a transaction touched, what crosses the
// wire. Also used for message numbers inside imap.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mail/ids.h"

namespace gemel {

class UidSet {
 public:
  struct Range {
    uint32_t first;
    uint32_t last;  // inclusive
    bool operator==(const Range&) const = default;
  };

  UidSet() = default;
  static UidSet of(Uid first, Uid last);

  /// Cost: O(1) when `uid` is above or just after all others, else O(ranges).
  void add(Uid uid) { add(uid, uid); }
  /// Nothing when last < first.
  void add(Uid first, Uid last);
  /// Cost: O(ranges of both).
  void add(const UidSet& other);

  bool contains(Uid uid) const;  // O(log ranges)
  bool empty() const { return ranges_.empty(); }
  uint64_t size() const;  // O(ranges)
  Uid first() const;      // the set must not be empty
  Uid last() const;
  /// The lowest members, at most `count`. Cost: O(ranges of those).
  UidSet lowest(uint64_t count) const;
  const std::vector<Range>& ranges() const { return ranges_; }
  bool operator==(const UidSet&) const = default;

  UidSet operator&(const UidSet& other) const;
  UidSet operator-(const UidSet& other) const;

  /// fn(Uid) for each, ascending.
  template <class Fn>
  void for_each(Fn fn) const {
    for (const Range& range : ranges_)
      for (uint64_t uid = range.first; uid <= range.last; ++uid)
        fn(Uid(static_cast<uint32_t>(uid)));
  }

  /// "1:3,7"; empty gives "".
  std::string text() const;
  /// What text() gives: ascending or not, ranges either way round, numbers from 1; no "*".
  /// Errors: kSyntax; kLimit, more than `ranges_max` ranges.
  static Result<UidSet> parse(std::string_view text, size_t ranges_max);

  /// Compact bytes for storage.
  void encode(std::string& out) const;
  /// Errors: kCorrupt.
  static Result<UidSet> decode(std::string_view bytes);

 private:
  std::vector<Range> ranges_;  // ascending, never touching
};

}  // namespace gemel
