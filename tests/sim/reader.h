// A mail client with a cache, as RFC 7162 lets it work: it fetches what changed since the
// HIGHESTMODSEQ that it knows, and must then have exactly what the server shows.
#pragma once

#include <map>
#include <set>

#include "events.h"
#include "store/mail_store.h"

namespace gemel::sim {

class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}
  /// Brings the cache of one mailbox up to date. Throws Violation where the server has lied: a uid
  /// that names other content or goes back, an expunged message that returns, a change that
  /// HIGHESTMODSEQ claimed and that was not told.
  void read(MailStore& store, const UniqueId& mailbox);
  /// All live mailboxes.
  void read_all(MailStore& store);
  /// A server that lost its place in the order of things is read anew.
  void forget() { cache_.clear(); }

 private:
  struct Seen {
    Guid guid;
    std::string flags;
  };
  struct Cache {
    UidValidity uidvalidity;
    ModSeq highestmodseq;
    Uid last_uid;
    std::map<Uid, Seen> messages;
    std::set<Uid> gone;
  };
  void take_changes(const MailboxView& view, Cache& cache);
  void take_state(const MailboxView& view, const RecordState& state, Cache& cache);
  void compare(const MailboxView& view, const Cache& cache) const;
  [[noreturn]] void violation(const MailboxView& view, const std::string& what) const;

  std::string name_;
  std::map<UniqueId, Cache> cache_;
};

}  // namespace gemel::sim
