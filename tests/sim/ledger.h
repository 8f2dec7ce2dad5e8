// What clients were told has been done, apart from what did it: every message that was accepted and
// that nobody removed must be there in the end, once, with the flags it was given.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "events.h"
#include "store/mail_store.h"

namespace gemel::sim {

class Ledger {
 public:
  /// A message was accepted; its body is like no other's.
  void delivered(const Guid& guid) { messages_[guid].is_accepted = true; }
  /// From now on it may be gone, for somebody removed it, or something it was in.
  void removed(const Guid& guid) { messages_[guid].may_be_gone = true; }
  /// It was expunged, and must not come back; unless all of its mailbox was deleted as well, which
  /// may be revived, and freed, so that nobody knows what was expunged there before.
  void expunged(const Guid& guid) { messages_[guid].is_expunged = true; }
  void deleted(const Guid& guid) { messages_[guid].was_deleted = true; }
  /// Beside deleted(): it was in this mailbox, which is gone. Where nobody else had to do with that
  /// mailbox since all were in step last, it must not come back.
  void deleted_with(const Guid& guid, const UniqueId& mailbox) {
    messages_[guid].deleted_with.insert(mailbox);
  }
  /// Somebody on `server` did something with the mailbox, or may have.
  void touched(const UniqueId& mailbox, const std::string& server) {
    touched_[mailbox].insert(server);
  }
  /// From now on it may be there several times.
  void copied(const Guid& guid) { messages_[guid].may_be_many = true; }
  /// On `server` it was given the flag, or lost it.
  enum class Flag : uint8_t { kOff, kOn };
  void flagged(const Guid& guid, const std::string& flag, Flag to, const std::string& server);
  /// A user has marked a message in a mailbox of another one, or taken that back.
  enum class Answered : uint8_t { kNo, kYes };
  void seen(const std::string& userid, const Guid& guid, Flag to, Answered answered);
  /// A term begins. What it had got of marks without their messages is forgotten.
  void promoted();
  /// An item of a user's data was put, or deleted.
  void item_put(const std::string& userid, const std::string& key, std::optional<std::string> value,
                const std::string& server);
  /// `server` deleted the user, or made one of the name. What others put meanwhile may stay.
  void user_replaced(const std::string& userid, const std::string& server);
  /// `server` freed all that it had of the message, in a mailbox that was deleted: should the
  /// mailbox live on elsewhere, the flags that it gave the message are known to nobody.
  void freed(const Guid& guid, const std::string& server);

  /// kRough: the primary changed more than once, so that a merge may have been cut off by the next
  /// one and knows changes without their order, or a machine was lost with changes of which nobody
  /// was told that they are safe; then flags and items are not looked at.
  enum class Precision : uint8_t { kExact, kRough };
  /// All servers are in step. Throws Violation where something is missing or too much.
  void check(MailStore& store, Precision precision);
  size_t messages() const;

 private:
  struct Touch {
    std::set<std::string> servers;  // since all were in step last
    Flag last = Flag::kOff;
  };
  struct Message {
    bool is_accepted = false;
    bool may_be_gone = false;
    bool may_be_many = false;
    bool is_expunged = false;
    bool was_deleted = false;
    std::set<UniqueId> deleted_with = {};  // since all were in step last
    std::map<std::string, Touch> flags;
  };
  struct Item {
    std::set<std::string> servers;
    std::optional<std::string> value;
  };
  struct Found {
    uint32_t copies = 0;
    FlagNames flags;
  };
  std::map<Guid, Found> find_all(MailStore& store) const;
  void check_items(MailStore& store, Precision precision);
  void check_seen(MailStore& store, Precision precision);

  bool may_live_on(const Message& message) const;

  std::map<Guid, Message> messages_;
  std::map<UniqueId, std::set<std::string>> touched_;  // since then
  std::map<std::pair<std::string, std::string>, Item> items_;
  // What users have ever seen of others. kSure: it was acknowledged, and not taken back; kInStep:
  // and all servers had it.
  enum class Mark : uint8_t { kMaybe, kSure, kInStep, kTakenBack };
  std::map<std::string, std::map<Guid, Mark>> seen_;
  std::set<std::string> replaced_;  // users, since all were in step
};

}  // namespace gemel::sim
