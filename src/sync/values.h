// What the two ends tell each other besides updates: where a mailbox and a user stand, and records
// when two sides must be compared in full.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
  bool operator==(const MailboxState&) const = default;
};
MailboxState state_of(const MailboxInfo& info);

/// One end's user: `* USER`.
struct UserState {
  std::string userid;
  ModSeq modseq;
  Digest data_digest;  // of the user's own data
  Digest digest;       // of that and all the user's mailboxes
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
