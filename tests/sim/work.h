// What clients do on one server: deliver, flag, copy, move, expunge, rename, create, delete, purge,
// user data. What was accepted goes into the ledger: where answers wait for the replicas, when they
// have come.
#pragma once

#include "ledger.h"
#include "server.h"

namespace gemel::sim {

class Work {
 public:
  /// kReused: now and then a mailbox or user is put away or deleted, and made anew at once.
  enum class Names : uint8_t { kLasting, kReused };
  /// kSome: users look at mailboxes of others.
  enum class Readers : uint8_t { kNone, kSome };
  Work(Dice& dice, Ledger& ledger, Names names, Readers readers)
      : dice_(dice), ledger_(ledger), names_(names), readers_(readers) {}
  /// The user that is always there.
  void begin(Server& server);
  /// One operation on `server`, which is up. Returns what it was, for people.
  std::string step(Server& server);
  /// Answers that may go now.
  void settle();
  /// The server's clients never hear of what still waits: it crashes.
  void forget(const Server& server);
  uint64_t accepted() const { return accepted_; }

 private:
  struct Kind {
    const char* name;
    void (Work::*step)(Server&);
  };
  static const Kind kKinds[];
  static const Kind kAnew;
  static const Kind kSee;

  // Of a delivery.
  struct Answer {
    const Server* server;
    AnswerGate gate;
    std::vector<Guid> guids;
  };

  std::string user_name();
  std::string path();
  FlagNames flags();
  std::optional<MailboxInfo> any(Server& server, MailStore::Which which = MailStore::Which::kLive);
  UidSet some_of(const MailboxInfo& info);
  std::vector<Guid> guids_of(Server& server, const UniqueId& mailbox, const UidSet& uids,
                             MailboxView::Include include = MailboxView::Include::kLive);
  /// Returns what they are.
  std::vector<Guid> note_removed(Server& server, const MailboxInfo& info, const UidSet& uids);
  void note(const MailboxInfo& info);
  void note(const std::string& what);
  template <typename T>
  bool took(const Result<T>& result);

  void deliver(Server& server);
  void flag(Server& server);
  void copy(Server& server);
  void move(Server& server);
  void copy_by(Server& server, MailStore::Keep keep);
  void expunge(Server& server);
  void create(Server& server);
  void rename(Server& server);
  void swap(Server& server);
  void remove(Server& server);
  bool remove(Server& server, const MailboxInfo& info);
  void anew(Server& server);
  void restore(Server& server);
  void subscribe(Server& server);
  void attribute(Server& server);
  void purge(Server& server);
  void user(Server& server);
  void make_user(Server& server, const std::string& userid);
  void remove_user(Server& server, const std::string& userid);
  void partition(Server& server);
  void recent(Server& server);
  void see(Server& server);

  Dice& dice_;
  Ledger& ledger_;
  const Names names_;
  const Readers readers_;
  std::vector<Answer> waiting_;
  uint64_t bodies_ = 0;
  uint64_t accepted_ = 0;
  std::string about_;  // the step under way
};

}  // namespace gemel::sim
