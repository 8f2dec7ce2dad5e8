#include "reader.h"

#include <fmt/format.h>

namespace gemel::sim {

void Reader::violation(const MailboxView& view, const std::string& what) const {
  throw Violation(fmt::format("a client of {} in {} ({}): {}", name_, view.info().name.text(),
                              view.info().id.text(), what));
}

void Reader::take_state(const MailboxView& view, const RecordState& state, Cache& cache) {
  if (state.expunged) {
    cache.messages.erase(state.uid);
    cache.gone.insert(state.uid);
    return;
  }
  if (cache.gone.contains(state.uid))
    violation(view, fmt::format("uid {} was expunged and is back", state.uid.value));
  const Guid guid = view.record(state.uid).value().facts.guid;
  const auto known = cache.messages.find(state.uid);
  if (known == cache.messages.end() && state.uid <= cache.last_uid)
    violation(view, fmt::format("uid {} appeared below uidnext", state.uid.value));
  if (known != cache.messages.end() && known->second.guid != guid)
    violation(view, fmt::format("uid {} names another message", state.uid.value));
  cache.messages[state.uid] = {guid, names_of(state.flags, view.info().keywords).text()};
}

void Reader::take_changes(const MailboxView& view, Cache& cache) {
  const auto changes = view.changes_since(cache.highestmodseq);
  if (changes) {
    for (const RecordState& state : *changes) take_state(view, state, cache);
    return;
  }
  if (changes.error().code != Code::kGone) violation(view, changes.error().text);
  // Too long ago: the server answers from the client's own set of uids (RFC 7162 §3.2.5.2).
  const UidSet uids = view.uids().value();
  std::erase_if(cache.messages, [&](const auto& entry) {
    if (uids.contains(entry.first)) return false;
    cache.gone.insert(entry.first);
    return true;
  });
  const std::vector<RecordState> states = view.states(uids).value();
  for (const RecordState& state : states)
    if (state.modseq > cache.highestmodseq) take_state(view, state, cache);
}

void Reader::compare(const MailboxView& view, const Cache& cache) const {
  const std::vector<RecordState> states = view.states(view.uids().value()).value();
  for (const RecordState& state : states) {
    const auto known = cache.messages.find(state.uid);
    if (known == cache.messages.end())
      violation(view, fmt::format("uid {} (modseq {}) was never told", state.uid.value,
                                  state.modseq.value));
    const std::string flags = names_of(state.flags, view.info().keywords).text();
    if (known->second.flags != flags)
      violation(view, fmt::format("uid {} has ({}), the client was told ({})", state.uid.value,
                                  flags, known->second.flags));
    if (known->second.guid != view.record(state.uid).value().facts.guid)
      violation(view, fmt::format("uid {} names another message", state.uid.value));
  }
  if (states.size() == cache.messages.size()) return;
  const UidSet uids = view.uids().value();
  for (const auto& [uid, seen] : cache.messages)
    if (!uids.contains(uid))
      violation(view, fmt::format("uid {} is gone, and the client was not told", uid.value));
}

void Reader::read(MailStore& store, const UniqueId& mailbox) {
  const auto view = store.view(mailbox);
  require(view.has_value(), "a mailbox can't be read");
  const MailboxInfo& info = view->info();
  if (info.is_deleted()) return;
  Cache& cache = cache_[mailbox];
  if (cache.uidvalidity && cache.uidvalidity != info.uidvalidity)
    violation(*view, "uidvalidity changed");
  if (info.highestmodseq < cache.highestmodseq) violation(*view, "highestmodseq went back");
  if (info.last_uid < cache.last_uid) violation(*view, "uidnext went back");
  take_changes(*view, cache);
  compare(*view, cache);
  cache.uidvalidity = info.uidvalidity;
  cache.highestmodseq = info.highestmodseq;
  cache.last_uid = info.last_uid;
}

void Reader::read_all(MailStore& store) {
  const std::vector<UserInfo> users = store.users().value();
  for (const UserInfo& user : users) {
    const std::vector<MailboxInfo> infos = store.mailboxes(user.userid).value();
    for (const MailboxInfo& info : infos) read(store, info.id);
  }
}

}  // namespace gemel::sim
