// What the two ends tell each other besides updates: where a mailbox and a user stand, what has
// changed on one side, and records when two sides must be compared in full.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "mail/change_set.h"
#include "mail/record.h"
#include "mail/uid_set.h"

namespace gemel::sync {

/// One end's mailbox, in one line: `* MAILBOX`.
struct MailboxState {
  UniqueId id;
  MailboxName name;
  std::string partition;
  UidValidity uidvalidity;
  Uid last_uid;
  ModSeq highestmodseq;
  ModSeq purged_modseq;
  Digest digest;
  int64_t deleted_s = 0;
  Lineage lineage;
  bool operator==(const MailboxState&) const = default;
};
MailboxState state_of(const MailboxInfo& info);

/// One end's user: `* USER`.
struct UserState {
  std::string userid;
  ModSeq modseq;
  Digest data_digest;  // of the user's own data
  Digest digest;       // of that and all the user's mailboxes
  int64_t created_s = 0;
  int64_t deleted_s = 0;
  Lineage lineage;
  bool operator==(const UserState&) const = default;
};
UserState state_of(const UserInfo& info);

/// One message as the other end has it: `* RECORD`.
struct RecordRow {
  Uid uid;
  ModSeq modseq;
  FlagNames flags;
  bool expunged = false;
  RecordFacts facts;
};
bool operator==(const RecordRow& a, const RecordRow& b);

/// As an update brings it.
AppendItem append_of(const RecordRow& row);

/// Everything that the facts say, for one order of them.
inline auto order_of(const RecordFacts& facts) {
  return std::tie(facts.guid, facts.internaldate_s, facts.savedate_s, facts.created_modseq,
                  facts.size, facts.crlf_growth, facts.uidl);
}

/// A record that was changed since some modseq.
struct ChangedRecord {
  RecordRow row;
  std::optional<FlagNames> flipped = {};  // flags that are other than they were; nothing: not known
};
bool operator==(const ChangedRecord& a, const ChangedRecord& b);

/// UIDs of all records of a mailbox: `* UIDS`.
struct RecordUids {
  UidSet live;
  UidSet expunged;
  bool operator==(const RecordUids&) const = default;
};

/// What a mailbox's state does not say of its header: `* HEADER`. The modseqs are those of the last
/// change at that end; an attribute without a value has been removed.
struct HeaderState {
  struct Attribute {
    ModSeq modseq;
    std::optional<std::string> value;
    bool operator==(const Attribute&) const = default;
  };
  Uid recent_uid;
  int64_t created_s = 0;
  ModSeq header_modseq;
  std::map<std::string, Attribute> attributes;
  bool operator==(const HeaderState&) const = default;
};
HeaderState header_state_of(const MailboxInfo& info);

/// A body that some record holds and that is not there, or damaged: `* LOST`.
struct LostRow {
  std::string partition;
  Guid guid;
  bool operator==(const LostRow&) const = default;
};

/// A range of UIDs in short: `* RANGE`. `sum` adds up the hashes of its records.
struct RangeRow {
  UidSet::Range uids = {};
  uint64_t count = 0;
  Digest sum;
  bool operator==(const RangeRow&) const = default;
};

/// The part of a digest that an OK carries: enough to tell that two ends differ.
inline uint64_t check_of(const Digest& digest) { return digest.low; }

/// The header of a mailbox as an update says it.
MailboxHeader header_of(const MailboxInfo& info);

}  // namespace gemel::sync
