#include "work.h"

#include <fmt/format.h>

#include <map>

namespace gemel::sim {
namespace {

constexpr const char* kUsers[] = {"alice", "bob", "carol"};
constexpr const char* kFlags[] = {"\\Seen", "\\Flagged", "\\Deleted", "$Junk", "work"};

UidSet all_of(const MailboxInfo& info) {
  return info.last_uid ? UidSet::of(Uid(1), info.last_uid) : UidSet();
}

}  // namespace

const Work::Kind Work::kKinds[] = {
    {"deliver", &Work::deliver},     {"deliver", &Work::deliver},     {"deliver", &Work::deliver},
    {"deliver", &Work::deliver},     {"flag", &Work::flag},           {"flag", &Work::flag},
    {"flag", &Work::flag},           {"copy", &Work::copy},           {"move", &Work::move},
    {"expunge", &Work::expunge},     {"create", &Work::create},       {"rename", &Work::rename},
    {"swap", &Work::swap},           {"remove", &Work::remove},       {"restore", &Work::restore},
    {"subscribe", &Work::subscribe}, {"attribute", &Work::attribute}, {"purge", &Work::purge},
    {"user", &Work::user},           {"partition", &Work::partition}, {"recent", &Work::recent},
};

const Work::Kind Work::kAnew = {"anew", &Work::anew};
const Work::Kind Work::kSee = {"see", &Work::see};

void Work::begin(Server& server) {
  require(server.store().create_user("alice", {}).has_value(), "the first user can't be made");
}

std::string Work::step(Server& server) {
  const bool is_anew = names_ == Names::kReused && dice_.one_in(8);
  const bool sees = !is_anew && readers_ == Readers::kSome && dice_.one_in(5);
  const Kind& kind = is_anew ? kAnew : sees ? kSee : kKinds[dice_.below(std::size(kKinds))];
  about_ = kind.name;
  (this->*kind.step)(server);
  return std::exchange(about_, {});
}

// Of the step under way, for people.
void Work::note(const MailboxInfo& info) {
  about_ += fmt::format(" {} ({})", info.name.text(), info.id.text());
}
void Work::note(const std::string& what) { about_ += " " + what; }

std::string Work::user_name() { return kUsers[dice_.below(std::size(kUsers))]; }
std::string Work::path() { return std::string(1, static_cast<char>('a' + dice_.below(6))); }

FlagNames Work::flags() {
  FlagNames out;
  for (const char* name : kFlags)
    if (dice_.one_in(3)) require(out.add(name).has_value(), "not a flag");
  return out;
}

// A refusal for a reason of its own is no fault; what must not be is checked elsewhere.
template <typename T>
bool Work::took(const Result<T>& result) {
  if (result)
    ++accepted_;
  else
    note("- refused: " + result.error().text);
  return result.has_value();
}

std::optional<MailboxInfo> Work::any(Server& server, MailStore::Which which) {
  const auto infos = server.store().mailboxes(user_name(), which);
  if (!infos || infos->empty()) return std::nullopt;
  const MailboxInfo& info = (*infos)[dice_.below(infos->size())];
  note(info);
  ledger_.touched(info.id, server.name());
  return info;
}

UidSet Work::some_of(const MailboxInfo& info) {
  UidSet out;
  if (!info.last_uid) return out;
  const auto first = static_cast<uint32_t>(1 + dice_.below(info.last_uid.value));
  if (dice_.one_in(4))
    out = UidSet::of(Uid(first), info.last_uid);
  else
    for (uint32_t uid = first; uid <= info.last_uid.value; uid += 1 + dice_.below(8))
      out.add(Uid(uid));
  note(out.text());
  return out;
}

std::vector<Guid> Work::guids_of(Server& server, const UniqueId& mailbox, const UidSet& uids,
                                 MailboxView::Include include) {
  std::vector<Guid> out;
  const auto view = server.store().view(mailbox);
  if (!view || uids.empty()) return out;
  const auto states = view->states(uids, include);
  if (!states) return out;
  for (const RecordState& state : *states)
    if (const auto record = view->record(state.uid)) out.push_back(record->facts.guid);
  return out;
}

std::vector<Guid> Work::note_removed(Server& server, const MailboxInfo& info, const UidSet& uids) {
  std::vector<Guid> guids = guids_of(server, info.id, uids);
  for (const Guid& guid : guids) ledger_.removed(guid);
  return guids;
}

void Work::deliver(Server& server) {
  std::vector<MailStore::Append> messages;
  std::vector<Guid> guids;
  for (uint64_t i = 0; i <= dice_.below(4); ++i) {
    const auto info = any(server);
    if (!info) continue;
    auto writer = server.store().stage("default");
    if (!writer) return;
    const std::string text =
        fmt::format("message {}\r\n{}", bodies_++, std::string(dice_.below(400), 'x'));
    if (!writer->append(text)) return;
    auto body = writer->finish();
    if (!body) return;
    guids.push_back(body->guid());
    note(body->guid().text().substr(0, 6));
    messages.push_back({info->id, *body, flags(), static_cast<int64_t>(dice_.below(100))});
  }
  if (messages.empty()) return;
  AnswerGate gate = server.answer_gate();
  {
    const WitnessScope scope = gate.scope();
    if (!took(server.store().append(std::move(messages)))) return;
  }
  waiting_.push_back({&server, std::move(gate), std::move(guids)});
  settle();
}

void Work::settle() {
  std::erase_if(waiting_, [&](Answer& answer) {
    const std::optional<Result<void>> verdict = answer.gate.verdict();
    if (!verdict) return false;
    if (*verdict)
      for (const Guid& guid : answer.guids) ledger_.delivered(guid);
    return true;
  });
}

void Work::forget(const Server& server) {
  std::erase_if(waiting_, [&](const Answer& answer) { return answer.server == &server; });
}

void Work::flag(Server& server) {
  const auto info = any(server);
  if (!info) return;
  const UidSet uids = some_of(*info);
  const std::string name = kFlags[dice_.below(std::size(kFlags))];
  FlagNames names;
  require(names.add(name).has_value(), "not a flag");
  const auto to = dice_.one_in(2) ? Ledger::Flag::kOn : Ledger::Flag::kOff;
  note((to == Ledger::Flag::kOn ? "+" : "-") + name);
  const std::vector<Guid> guids = guids_of(server, info->id, uids);
  const auto done = server.store().store_flags(
      info->id, uids, to == Ledger::Flag::kOn ? FlagOp::kAdd : FlagOp::kRemove, names);
  // What was not acknowledged may have been done all the same: then it counts for nobody.
  const std::string who = took(done) ? server.name() : "an answer that was lost";
  for (const Guid& guid : guids) {
    ledger_.flagged(guid, name, to, who);
    if (!done) ledger_.flagged(guid, name, to, server.name());
  }
}

void Work::copy_by(Server& server, MailStore::Keep keep) {
  const auto from = any(server);
  const auto to = any(server);
  if (!from || !to) return;
  const UidSet uids = some_of(*from);
  for (const Guid& guid : guids_of(server, from->id, uids)) ledger_.copied(guid);
  took(server.store().copy(from->id, uids, to->id, keep));
}
void Work::copy(Server& server) { copy_by(server, MailStore::Keep::kCopy); }
void Work::move(Server& server) { copy_by(server, MailStore::Keep::kMove); }

void Work::expunge(Server& server) {
  const auto info = any(server);
  if (!info) return;
  const UidSet uids = some_of(*info);
  const std::vector<Guid> guids = note_removed(server, *info, uids);
  if (!took(server.store().expunge(info->id, uids))) return;
  for (const Guid& guid : guids) ledger_.expunged(guid);
}

void Work::create(Server& server) {
  const MailboxName name{user_name(), path() + (dice_.one_in(3) ? "/" + path() : "")};
  note(name.text());
  took(server.store().create({.name = name, .partition = dice_.one_in(4) ? "archive" : ""}));
}

void Work::rename(Server& server) {
  const auto info = any(server);
  if (!info) return;
  // INBOX keeps its place, and its messages move.
  if (info->name.is_inbox())
    for (const Guid& guid : guids_of(server, info->id, all_of(*info))) ledger_.copied(guid);
  const MailboxName name{info->name.owner, path()};
  note("to " + name.path);
  took(server.store().rename(info->name, name));
}

void Work::swap(Server& server) {
  const std::string owner = user_name();
  const MailboxName a{owner, path()};
  const MailboxName b{owner, path()};
  const MailboxName between{owner, "between"};
  note(fmt::format("{} {}", a.text(), b.path));
  const auto info_a = server.store().find(a);
  const auto info_b = server.store().find(b);
  if (a == b || !info_a || !info_b) return;
  for (const MailboxInfo& info : {*info_a, *info_b}) ledger_.touched(info.id, server.name());
  took(server.store().rename(a, between)) && took(server.store().rename(b, a)) &&
      took(server.store().rename(between, b));
}

void Work::remove(Server& server) {
  const auto info = any(server);
  if (info && !info->name.is_inbox()) remove(server, *info);
}

bool Work::remove(Server& server, const MailboxInfo& info) {
  const std::vector<Guid> guids = note_removed(server, info, all_of(info));
  const bool done = took(server.store().remove(info.id));
  for (const Guid& guid : guids) {
    ledger_.deleted(guid);
    if (done) ledger_.deleted_with(guid, info.id);
  }
  return done;
}

// Deletes a mailbox or puts it away, or deletes a user, and makes one of that name.
void Work::anew(Server& server) {
  if (dice_.one_in(5)) {
    const std::string userid = user_name();
    if (!server.store().user(userid)) return;
    remove_user(server, userid);
    make_user(server, userid);
    return;
  }
  const auto info = any(server);
  if (!info || info->name.is_inbox()) return;
  if (dice_.one_in(2)) {
    const MailboxName away{info->name.owner, path() + ".old"};
    note("to " + away.path);
    if (!took(server.store().rename(info->name, away))) return;
  } else if (!remove(server, *info)) {
    return;
  }
  took(server.store().create({.name = info->name}));
}

void Work::restore(Server& server) {
  const auto info = any(server, MailStore::Which::kDeletedToo);
  if (!info || !info->is_deleted()) return;
  // A merge may have taken what was in it elsewhere.
  for (const Guid& guid : guids_of(server, info->id, all_of(*info))) ledger_.copied(guid);
  const MailboxName name{info->name.owner, path()};
  note("to " + name.path);
  took(server.store().restore(info->id, name));
}

void Work::subscribe(Server& server) {
  std::optional<std::string> value;
  if (!dice_.one_in(3)) value = fmt::format("v{}", dice_.below(1000));
  const std::string userid = user_name();
  const std::string key = "subscription/" + path();
  note(fmt::format("{} {}={}", userid, key, value.value_or("(none)")));
  const bool done = took(server.store().put_user_items(userid, {{key, value}}));
  if (!done) ledger_.item_put(userid, key, value, "an answer that was lost");
  ledger_.item_put(userid, key, value, server.name());
}

void Work::attribute(Server& server) {
  std::optional<std::string> value;
  if (!dice_.one_in(3)) value = "lrs";
  if (const auto info = any(server))
    took(server.store().set_attributes(info->id, {{"acl/" + user_name(), value}}));
}

void Work::purge(Server& server) {
  const auto info = any(server, MailStore::Which::kDeletedToo);
  if (!info) return;
  if (info->is_deleted()) {
    for (const Guid& guid : guids_of(server, info->id, all_of(*info)))
      ledger_.freed(guid, server.name());
    for (const Guid& guid :
         guids_of(server, info->id, all_of(*info), MailboxView::Include::kExpungedToo))
      // Where the other side has something new in it, all that side has comes back: nobody can tell
      // which of it was expunged before the mailbox was deleted.
      ledger_.deleted(guid);
    took(server.store().purge_deleted(info->id));
    return;
  }
  took(server.store().purge_expunged(info->id, ModSeq(dice_.below(info->highestmodseq.value + 1))));
}

void Work::user(Server& server) {
  const std::string userid = user_name();
  if (!dice_.one_in(3) || !server.store().user(userid))
    make_user(server, userid);
  else
    remove_user(server, userid);
}

void Work::make_user(Server& server, const std::string& userid) {
  note(userid);
  if (took(server.store().create_user(userid, {}))) ledger_.user_replaced(userid, server.name());
}

void Work::remove_user(Server& server, const std::string& userid) {
  note(userid + " deleted");
  const auto infos = server.store().mailboxes(userid, MailStore::Which::kLive);
  std::map<Guid, UniqueId> guids;
  if (infos)
    for (const MailboxInfo& info : *infos) {
      ledger_.touched(info.id, server.name());
      for (const Guid& guid : note_removed(server, info, all_of(info))) {
        ledger_.deleted(guid);
        guids.emplace(guid, info.id);
      }
    }
  if (took(server.store().delete_user(userid)))
    for (const auto& [guid, id] : guids) ledger_.deleted_with(guid, id);
  ledger_.user_replaced(userid, server.name());
}

void Work::partition(Server& server) {
  if (const auto info = any(server))
    took(server.store().rename(info->name, info->name, dice_.one_in(2) ? "archive" : "default"));
}

void Work::recent(Server& server) {
  if (const auto info = any(server)) took(server.store().claim_recent(info->id));
}

// A mailbox that a user reads is shared with that one.
void Work::see(Server& server) {
  const auto info = any(server);
  const std::string userid = user_name();
  if (!info || info->name.owner == userid || !server.store().user(userid)) return;
  const std::string right = "acl/" + userid;
  if (!info->attributes.contains(right) &&
      !took(server.store().set_attributes(info->id, {{right, "lrs"}})))
    return;
  const UidSet uids = some_of(*info);
  const auto to = dice_.one_in(4) ? Ledger::Flag::kOff : Ledger::Flag::kOn;
  note((to == Ledger::Flag::kOn ? "by " : "no more by ") + userid);
  FlagNames names;
  require(names.add("\\Seen").has_value(), "not a flag");
  const std::vector<Guid> guids = guids_of(server, info->id, uids);
  const bool done = took(server.store().store_flags(
      info->id, uids, to == Ledger::Flag::kOn ? FlagOp::kAdd : FlagOp::kRemove, names,
      {.seen_by = userid}));
  for (const Guid& guid : guids)
    ledger_.seen(userid, guid, to, done ? Ledger::Answered::kYes : Ledger::Answered::kNo);
}

}  // namespace gemel::sim
