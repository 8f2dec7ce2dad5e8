#include "admin/dump.h"

#include <algorithm>

#include "admin/rows.h"

namespace gemel::admin {
namespace {

constexpr uint32_t kUidsAtOnce = 1024;

}  // namespace

Result<bool> Dump::next(std::string& out) {
  if (!started_) {
    TRY_OK(start());
  }
  if (!mailboxes_.empty()) {
    TRY_OK(dump_some_records(out));
    return true;
  }
  if (users_.empty()) return false;
  const UserInfo user = std::move(users_.back());
  users_.pop_back();
  TRY_OK(dump_user(user, out));
  return true;
}

Result<void> Dump::start() {
  started_ = true;
  if (userid_.empty()) {
    TRY(users_, store_.users(MailStore::Which::kDeletedToo));
    std::ranges::sort(users_, std::greater<>(), &UserInfo::userid);
  } else {
    TRY(UserInfo user, store_.user(userid_, MailStore::Which::kDeletedToo));
    users_.push_back(std::move(user));
  }
  return {};
}

Result<void> Dump::dump_user(const UserInfo& user, std::string& out) {
  out += to_line(row_of(user)) += '\n';
  TRY(std::vector<UserItem> items, store_.user_changes_since(user.userid, ModSeq{0}));
  std::ranges::sort(items, {}, &UserItem::key);
  for (const UserItem& item : items) out += to_line(row_of(user.userid, item)) += '\n';
  TRY(mailboxes_, store_.mailboxes(user.userid, MailStore::Which::kDeletedToo));
  std::ranges::sort(mailboxes_, std::greater<>(), &MailboxInfo::id);
  next_uid_ = 1;
  return {};
}

Result<void> Dump::dump_some_records(std::string& out) {
  TRY(const MailboxView view, store_.view(mailboxes_.back().id));
  if (next_uid_ == 1) out += to_line(row_of(view.info())) += '\n';
  const uint32_t first = next_uid_;
  const uint64_t last =
      std::min<uint64_t>(uint64_t{first} + kUidsAtOnce - 1, view.info().last_uid.value);
  if (last >= first) {
    const UidSet range = UidSet::of(Uid(first), Uid(static_cast<uint32_t>(last)));
    TRY(const auto states, view.states(range, MailboxView::Include::kExpungedToo));
    UidSet present;
    for (const RecordState& state : states) present.add(state.uid);
    TRY(const auto facts, view.facts(present));
    for (size_t i = 0; i < states.size(); ++i)
      out += to_line(row_of(view.info(), Record{states[i], facts[i]})) += '\n';
  }
  if (last >= view.info().last_uid.value) {
    mailboxes_.pop_back();
    next_uid_ = 1;
  } else {
    next_uid_ = static_cast<uint32_t>(last + 1);
  }
  return {};
}

}  // namespace gemel::admin
