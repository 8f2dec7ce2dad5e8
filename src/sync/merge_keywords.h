// Two sides of a mailbox may have more keywords together than it has places for: which of them a
// merge gives up.
//
// It depends on what the merged mailbox is like alone, and so not on which side merges.
//
// Threads  pure functions, but that give_up_keywords() reads the store.
// Source   doc/decisions/0006-terms-and-merge.md, "Too many keywords".
#pragma once

#include <map>
#include <string>

#include "store/mail_store.h"
#include "sync/merge.h"

namespace gemel::sync {

/// The keywords of a mailbox, message by message.
class KeywordChoice {
 public:
  /// What a message has that the merge leaves as it is: stays.
  void keep(const FlagNames& flags);
  /// What one has that it changes or brings; `live`: 1, or 0 if the message is expunged.
  void count(const FlagNames& flags, size_t live);
  /// Those that have to go so that there is a place for each of the others: first what the fewest
  /// live messages have; of as few, the last by name.
  KeywordSet given_up() const;

 private:
  KeywordSet kept_;
  std::map<std::string, size_t> counted_;
};

/// `flags` without those.
FlagNames without(FlagNames flags, const KeywordSet& keywords);

/// Takes out of `merged` the keywords that it has to give up, and returns them. `ours`: this
/// server's mailbox, for the messages that neither side has changed; null where only the replica
/// has it. `floor`: what is changed here has a higher modseq, as then `merged` has. Cost: O(records
/// of `merged`), and O(messages / 256) where all keywords together may be too many. Errors: those
/// of reading the store.
Result<KeywordSet> give_up_keywords(MergedMailbox& merged, const MailboxView* ours, ModSeq floor);

/// Warns of what a mailbox has lost by a merge that is on disk.
void tell_given_up(const MailboxName& name, const KeywordSet& keywords);

}  // namespace gemel::sync
