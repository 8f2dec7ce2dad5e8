// The lineage of a mailbox or user: which terms wrote there, and how far two lineages are one.
//
// Threads  any. Source  doc/decisions/0006-terms-and-merge.md.
#pragma once

#include <map>

#include "mail/record.h"

namespace gemel {

/// `lineage` once something was written in `term` on top of `from`, or of the start of its last
/// term if that is later: the same if its last term is `term` or a later one. At most
/// kLineageTermsMax; the oldest goes for a new one.
Lineage extended(Lineage lineage, const Term& term, ModSeq from);

/// The modseq up to which two histories are the same: the end, on the side where it ends first, of
/// the last term that both have; 0 with no term in common. `highest_…`: the state of each side.
ModSeq common_modseq(const Lineage& lineage_a, ModSeq highest_a, const Lineage& lineage_b,
                     ModSeq highest_b);

/// The term that wrote the state at `at`; none: that is too long ago, or nothing was written.
Term term_at(const Lineage& lineage, ModSeq at);

/// The terms that wrote behind `common`, with the last state of each.
std::map<Term, ModSeq> terms_behind(const Lineage& lineage, ModSeq highest, ModSeq common);

/// Terms rise, none starts before the one ahead of it or above `highest`, and they are not too
/// many.
bool is_sound(const Lineage& lineage, ModSeq highest);

}  // namespace gemel
