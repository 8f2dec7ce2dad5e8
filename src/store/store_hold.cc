// Setting, lifting and asking for holds.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "store/hold.h"
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

using Committed = MailStore::Committed;

/// The longest hold seen, without regard to the time.
class Longest {
 public:
  void add(std::string_view text) {
    const int64_t until_s = parse_hold(text);
    if (!until_s_ || *until_s_ < until_s) until_s_ = until_s;
  }
  std::optional<int64_t> at(int64_t now_s) const {
    return until_s_ && *until_s_ > now_s ? until_s_ : std::nullopt;
  }

 private:
  std::optional<int64_t> until_s_;
};

void add_attribute(Longest& longest, const MailboxInfo& mailbox) {
  const auto own = mailbox.attributes.find(std::string(kAttributeHold));
  if (own != mailbox.attributes.end()) longest.add(own->second);
}

Result<Committed> hold_mailbox(Commit& commit, const UniqueId& id,
                               const std::optional<std::string>& value) {
  TRY(MailboxEdit * mailbox, commit.mailbox(id));
  const std::string name(kAttributeHold);
  const auto was = mailbox->info().attributes.find(name);
  const bool is_there = was != mailbox->info().attributes.end();
  if (value ? !is_there || was->second != *value : is_there) {
    if (value)
      mailbox->header().attributes[name] = *value;
    else
      mailbox->header().attributes.erase(name);
    mailbox->modseq();
  }
  TRY_OK(commit.finish());
  return commit.committed(id);
}

Result<Committed> hold_user(Commit& commit, const std::string& userid,
                            const std::optional<std::string>& value) {
  TRY(UserEdit * user, commit.user(userid));
  if (!user->exists()) return fail(Code::kNotFound, fmt::format("no user \"{}\"", userid));
  const std::string item_key(kUserItemHold);
  TRY(const std::optional<UserItem> was, user->item(item_key));
  const bool is_there = was && !was->deleted;
  if (value ? !is_there || was->value != *value : is_there)
    TRY_OK(user->put({item_key, value.value_or(""), user->modseq(), !value}));
  TRY_OK(commit.finish());
  return commit.committed_user(userid);
}

}  // namespace

std::string hold_text(int64_t until_s) {
  return until_s == kHoldForever ? "forever" : fmt::format("{}", until_s);
}

int64_t parse_hold(std::string_view text) {
  const Result<uint64_t> until_s = parse_number(text);
  return until_s && *until_s < static_cast<uint64_t>(kHoldForever) ? static_cast<int64_t>(*until_s)
                                                                   : kHoldForever;
}

Result<std::optional<int64_t>> hold_on(Commit& commit, const MailboxInfo& mailbox) {
  Longest longest;
  add_attribute(longest, mailbox);
  for (const std::string& userid : {mailbox.name.owner, std::string(kServerUserId)}) {
    TRY(const UserEdit* user, commit.user(userid));
    TRY(const std::optional<UserItem> item, user->item(kUserItemHold));
    if (item && !item->deleted) longest.add(item->value);
  }
  return longest.at(commit.now_s());
}

Result<Committed> MailStore::hold(const HoldPlace& place, std::optional<int64_t> until_s) {
  const std::optional<std::string> value =
      until_s ? std::optional(hold_text(*until_s)) : std::nullopt;
  if (const auto* id = std::get_if<UniqueId>(&place))
    return impl_->commit<Committed>(Purpose::kCommit, [id = *id, value](Commit& commit) {
      return hold_mailbox(commit, id, value);
    });
  const auto* userid = std::get_if<std::string>(&place);
  const std::string holder = userid == nullptr ? std::string(kServerUserId) : *userid;
  if (userid == nullptr && until_s && !user(holder)) {
    const Result<UserInfo> made = create_user(holder, {});
    if (!made && made.error().code != Code::kExists) return std::unexpected(made.error());
  }
  return impl_->commit<Committed>(Purpose::kCommit, [holder, value](Commit& commit) {
    return hold_user(commit, holder, value);
  });
}

Result<std::optional<int64_t>> MailStore::held_until(const MailboxInfo& mailbox) const {
  Longest longest;
  add_attribute(longest, mailbox);
  for (const std::string& userid : {mailbox.name.owner, std::string(kServerUserId)}) {
    TRY(const std::optional<std::string> item, user_item(userid, kUserItemHold));
    if (item) longest.add(*item);
  }
  return longest.at(impl_->options.clock->unix_s());
}

Result<void> MailStore::take_hold_along(const UniqueId& id, std::string_view new_owner) {
  TRY(const MailboxInfo mailbox, find(id));
  if (mailbox.name.owner == new_owner) return {};
  TRY(const std::optional<std::string> of_owner, user_item(mailbox.name.owner, kUserItemHold));
  if (!of_owner) return {};
  Longest longest;
  longest.add(*of_owner);
  add_attribute(longest, mailbox);
  const std::optional<int64_t> until_s = longest.at(impl_->options.clock->unix_s());
  if (!until_s) return {};
  TRY_OK(hold(id, *until_s));
  return {};
}

}  // namespace gemel
