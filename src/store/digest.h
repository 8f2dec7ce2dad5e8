// Digest version 1: what makes two mailboxes, users or servers equal.
//
// Sums of hashes, so that a change costs what it touches and the order does not matter. A record
// is two summands: what never changes of it, and its state; so a flag change needs no facts.
// Source   doc/storage-format.md, "Digest". Any change here is a new kDigestVersion.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mail/record.h"

namespace gemel {

/// Of flags by name, so that it does not depend on the bits a mailbox gave its keywords.
uint64_t flags_digest(const Flags& flags, const std::vector<std::string>& keywords);

/// flags_digest for many messages: most have the same few flags. One thread, one mailbox.
class FlagsDigests {
 public:
  uint64_t of(const Flags& flags, const std::vector<std::string>& keywords);

 private:
  std::map<Flags, uint64_t> known_;
};

Digest state_digest(const RecordState& state, uint64_t flags);
Digest facts_digest(Uid uid, const RecordFacts& facts);
/// Of all in `info` but counters, keywords and the digest.
Digest header_digest(const MailboxInfo& info);
/// Of the user's row; add those of the items, tombstones too.
Digest user_digest(const UserInfo& info);
Digest item_digest(const UserItem& item);
/// A user as a summand of the server's digest.
Digest in_server_digest(const UserInfo& info);

}  // namespace gemel
