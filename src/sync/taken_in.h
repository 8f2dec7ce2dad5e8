// Which states of other histories are in ours, since a merge took them in.
//
// Of three servers two may have a history that the third has not: the one all of it, the other as
// far as it had come when its link was cut. Once the third has merged the first, the second has
// nothing new. Were it merged as well, what the first took back would come again from the second: a
// message that was expunged, a flag that was removed, an item that was deleted.
//
// A history in one term is a line, so a number for each term says it all. It is kept where it
// replicates, and can't be lost apart from what was merged: for a mailbox in its attribute
// "merged", for a user in the item of that name.
//
// Threads  values.
// Source   doc/decisions/0006-terms-and-merge.md, "Three servers".
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mail/record.h"

namespace gemel::sync {

inline constexpr std::string_view kAttributeMerged = "merged";
inline constexpr std::string_view kUserItemMerged = "merged";

class TakenIn {
 public:
  TakenIn() = default;
  /// What text() gave. What can't be read is left out: such states are merged as any.
  static TakenIn parse(std::string_view text);
  /// As a lineage is said, but with where each term ends; empty: nothing.
  std::string text() const;

  /// All of a history that leads to the state at `highest`, from `common` on: what is before is in
  /// ours anyway. At most kLineageTermsMax terms are kept, the last ones.
  void add(const Lineage& lineage, ModSeq highest, ModSeq common);
  void add(const TakenIn& other);
  /// Whether the state at `highest` of a history is in ours. Cost: O(terms).
  bool has(const Lineage& lineage, ModSeq highest) const;

  bool operator==(const TakenIn&) const = default;

 private:
  void add(const Term& term, ModSeq up_to);

  std::map<Term, ModSeq> up_to_;
};

}  // namespace gemel::sync
