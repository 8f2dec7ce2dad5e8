#include "ledger.h"

#include <fmt/format.h>

#include <algorithm>

namespace gemel::sim {
namespace {

bool has(const FlagNames& flags, const std::string& flag) {
  FlagNames with = flags;
  require(with.add(flag).has_value(), "not a flag: " + flag);
  return with == flags;
}

}  // namespace

void Ledger::flagged(const Guid& guid, const std::string& flag, Flag to,
                     const std::string& server) {
  Touch& touch = messages_[guid].flags[flag];
  touch.servers.insert(server);
  touch.last = to;
}

void Ledger::item_put(const std::string& userid, const std::string& key,
                      std::optional<std::string> value, const std::string& server) {
  Item& item = items_[{userid, key}];
  item.servers.insert(server);
  item.value = std::move(value);
}

void Ledger::seen(const std::string& userid, const Guid& guid, Flag to, Answered answered) {
  auto& marks = seen_[userid];
  if (to == Flag::kOn) {
    Mark& mark = marks.try_emplace(guid, Mark::kMaybe).first->second;
    if (mark == Mark::kMaybe && answered == Answered::kYes) mark = Mark::kSure;
  } else if (const auto mark = marks.find(guid); mark != marks.end()) {
    mark->second = Mark::kTakenBack;
  }
}

void Ledger::promoted() {
  for (auto& [userid, marks] : seen_)
    for (auto& [guid, mark] : marks)
      if (mark == Mark::kSure) mark = Mark::kMaybe;
}

void Ledger::user_replaced(const std::string& userid, const std::string& server) {
  for (auto& [guid, mark] : seen_[userid]) mark = Mark::kTakenBack;
  replaced_.insert(userid);
  for (auto at = items_.lower_bound({userid, ""});
       at != items_.end() && at->first.first == userid;) {
    at->second.servers.insert(server);
    at = at->second.servers.size() == 1 ? items_.erase(at) : std::next(at);
  }
}

void Ledger::freed(const Guid& guid, const std::string& server) {
  for (auto& [flag, touch] : messages_[guid].flags)
    if (touch.servers.contains(server)) touch.servers.insert("what was freed");
}

size_t Ledger::messages() const {
  return static_cast<size_t>(
      std::ranges::count_if(messages_, [](const auto& entry) { return entry.second.is_accepted; }));
}

std::map<Guid, Ledger::Found> Ledger::find_all(MailStore& store) const {
  std::map<Guid, Found> found;
  const std::vector<UserInfo> users = store.users().value();
  for (const UserInfo& user : users) {
    const std::vector<MailboxInfo> infos = store.mailboxes(user.userid).value();
    for (const MailboxInfo& info : infos) {
      const MailboxView view = store.view(info.id).value();
      const std::vector<RecordState> states = view.states(view.uids().value()).value();
      for (const RecordState& state : states) {
        const Record record = view.record(state.uid).value();
        Found& one = found[record.facts.guid];
        ++one.copies;
        one.flags = names_of(state.flags, view.info().keywords);
        const auto body = view.body(record.facts.guid);
        require(body && body->read_all(),
                fmt::format("{} uid {} has lost its body", info.name.text(), state.uid.value));
      }
    }
  }
  return found;
}

void Ledger::check_items(MailStore& store, Precision precision) {
  for (auto& [key, item] : items_) {
    const bool is_sure = item.servers.size() == 1 && precision == Precision::kExact;
    item.servers.clear();
    if (!is_sure || !store.user(key.first)) continue;
    const std::optional<std::string> value = store.user_item(key.first, key.second).value();
    require(value == item.value,
            fmt::format("{} {} is {}, not {}", key.first, key.second, value.value_or("(none)"),
                        item.value.value_or("(none)")));
  }
}

// A mailbox that another server knew otherwise may have come back with all that was in it.
bool Ledger::may_live_on(const Message& message) const {
  if (message.deleted_with.empty() || message.may_be_many) return true;
  return std::ranges::any_of(message.deleted_with, [&](const UniqueId& mailbox) {
    const auto servers = touched_.find(mailbox);
    return servers == touched_.end() || servers->second.size() > 1;
  });
}

// A user is shown nothing as seen that is new to that one, and all that was marked; where a message
// was moved or copied, or its mailbox was, the marks stay behind.
void Ledger::check_seen(MailStore& store, Precision precision) {
  const std::vector<UserInfo> users = store.users().value();
  for (auto& [userid, marks] : seen_) {
    if (!store.user(userid)) continue;
    std::set<Guid> shown;
    std::set<Guid> there;
    for (const UserInfo& owner : users) {
      if (owner.userid == userid) continue;
      const std::vector<MailboxInfo> infos = store.mailboxes(owner.userid).value();
      for (const MailboxInfo& info : infos) {
        const MailboxView view = store.view(info.id, userid).value();
        const UidSet seen = view.uids_with(static_cast<size_t>(SystemFlag::kSeen)).value();
        view.uids().value().for_each([&](Uid uid) {
          const Guid guid = view.record(uid).value().facts.guid;
          there.insert(guid);
          if (!seen.contains(uid)) return;
          shown.insert(guid);
          require(marks.contains(guid),
                  fmt::format("{} has never seen message {}, uid {} of {}", userid,
                              guid.text().substr(0, 6), uid.value, info.name.text()));
        });
      }
    }
    // Of a user who was made anew on one side, the marks may be those of the other.
    const bool is_sure = precision == Precision::kExact && !replaced_.contains(userid);
    for (auto& [guid, mark] : marks) {
      if (mark != Mark::kSure && mark != Mark::kInStep) continue;
      const auto found = messages_.find(guid);
      const bool may_stay_behind = found == messages_.end() || found->second.may_be_many ||
                                   found->second.may_be_gone || !there.contains(guid);
      if (is_sure && !may_stay_behind)
        require(shown.contains(guid), fmt::format("{} has seen message {}, and it is unseen again",
                                                  userid, guid.text().substr(0, 6)));
      mark = shown.contains(guid) ? Mark::kInStep : Mark::kMaybe;
    }
  }
  replaced_.clear();
}

void Ledger::check(MailStore& store, Precision precision) {
  const std::map<Guid, Found> found = find_all(store);
  for (auto& [guid, message] : messages_) {
    const auto there = found.find(guid);
    const std::string name = guid.text().substr(0, 6);
    require(there != found.end() || message.may_be_gone || !message.is_accepted,
            "lost: message " + name);
    const bool must_be_gone = !may_live_on(message) && precision == Precision::kExact;
    message.deleted_with.clear();
    if (there == found.end()) continue;
    require(!must_be_gone, "a message is back that was deleted with its mailbox: " + name);
    const bool is_back = message.is_expunged && !message.may_be_many && !message.was_deleted;
    require(!is_back || precision == Precision::kRough, "an expunged message is back: " + name);
    message.is_expunged = false;
    require(there->second.copies == 1 || message.may_be_many,
            fmt::format("doubled: message {}, {} times", name, there->second.copies));
    for (auto& [flag, touch] : message.flags) {
      const bool is_sure =
          touch.servers.size() == 1 && !message.may_be_many && precision == Precision::kExact;
      touch.servers.clear();
      if (!is_sure) continue;
      require(has(there->second.flags, flag) == (touch.last == Flag::kOn),
              fmt::format("message {} has {} wrong: it has ({})", name, flag,
                          there->second.flags.text()));
    }
  }
  touched_.clear();
  check_items(store, precision);
  check_seen(store, precision);
}

}  // namespace gemel::sim
