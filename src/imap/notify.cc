#include "imap/notify.h"

#include <fmt/format.h>

#include <algorithm>

#include "imap/list.h"
#include "imap/metadata.h"
#include "imap/names.h"
#include "imap/session.h"
#include "imap/status_items.h"

namespace gemel::imap {
namespace {

using Filter = NotifyGroup::Filter;

/// Names of annotations that are other than before.
std::vector<std::string> changed_names(const AnnotationMap& before, const AnnotationMap& now) {
  std::vector<std::string> out;
  for (const auto& [name, value] : before)
    if (!now.contains(name)) out.push_back(name);
  for (const auto& [name, value] : now)
    if (const auto at = before.find(name); at == before.end() || at->second != value)
      out.push_back(name);
  return out;
}

// RFC 5464 §4.4.2: names alone.
void put_annotations(std::string& out, std::string_view path, const AnnotationMap& before,
                     const AnnotationMap& now, ImapDialect dialect) {
  const std::vector<std::string> names = changed_names(before, now);
  if (names.empty()) return;
  out += "* METADATA ";
  put_path(out, path, dialect);
  for (const std::string& name : names) {
    out += ' ';
    wire::put_astring(out, name);
  }
  out += "\r\n";
}

bool have_messages_changed(const MailboxInfo& before, const MailboxInfo& now) {
  return before.exists != now.exists || before.last_uid != now.last_uid ||
         before.uidvalidity != now.uidvalidity;
}

// RFC 5465 §5.1 to §5.3.
Result<void> put_counters(std::string& out, const Session& session, const MailboxInfo& mailbox,
                          uint8_t events) {
  StatusRequest request{
      .items = {StatusItem::kMessages, StatusItem::kUidNext, StatusItem::kUidValidity},
      .append_limit = 0};
  if ((events & kNotifyFlagChange) != 0 || session.tells_modseq())
    request.items.push_back(StatusItem::kHighestModSeq);
  const Result<void> put = put_status(out, session, mailbox, request);
  // One that goes right now is told with the next look.
  if (!put && put.error().code != Code::kNotFound) return std::unexpected(put.error());
  return {};
}

std::optional<UniqueId> selected_id(const Session& session) {
  return session.has_view() ? std::optional(session.view().id()) : std::nullopt;
}

/// The path it is directly below; empty: it is at the top.
std::string parent_of(const std::string& path) {
  const std::optional<MailboxName> parent = MailboxName{.owner = {}, .path = path}.parent();
  return parent ? parent->path : std::string();
}

std::string_view leaf_of(std::string_view path) {
  return path.substr(path.rfind(kHierarchySeparator) + 1);
}

/// Of the user's data; 0 where there is no such user.
Result<ModSeq> data_modseq(const MailStore& store, std::string_view userid) {
  const Result<UserInfo> user = store.user(userid);
  if (!user && user.error().code == Code::kNotFound) return ModSeq();
  TRY_OK(user);
  return user->modseq;
}

std::unexpected<Error> overflow() {
  return fail(Code::kLimit, "[NOTIFICATIONOVERFLOW] too many mailboxes");
}

}  // namespace

bool Interest::set_mailboxes(std::set<UniqueId> mailboxes) {
  const std::lock_guard lock(mutex_);
  const bool has_new = !std::ranges::includes(mailboxes_, mailboxes);
  mailboxes_ = std::move(mailboxes);
  return has_new;
}

bool Interest::may_see(const std::vector<std::string>& appeared_to) const {
  if (sees_ == Sees::kEverything) return !appeared_to.empty();
  return std::ranges::any_of(appeared_to, [&](const std::string& identifier) {
    return identifier == userid_ || identifier == kAnyone || identifier == gemel::kAuthenticated;
  });
}

bool Interest::is_concerned(const Published& change) const {
  if (const auto* const userid = std::get_if<std::string>(&change.entity))
    return *userid == userid_ || *userid == kSharedOwner;
  if (may_see(change.appeared_to)) return true;
  const std::lock_guard lock(mutex_);
  return mailboxes_.contains(std::get<UniqueId>(change.entity));
}

Notifier::Notifier(NotifyRequest request, const UserAccess& user)
    : request_(std::move(request)),
      interest_(std::make_shared<Interest>(
          user.userid(),
          user.is_admin() ? Interest::Sees::kEverything : Interest::Sees::kWhatRightsAllow)) {}

const NotifyGroup* Notifier::selected() const {
  const auto at = std::ranges::find_if(request_.groups, &NotifyGroup::is_of_selected);
  return at == request_.groups.end() ? nullptr : &*at;
}

bool Notifier::wants_any(uint8_t events) const {
  return std::ranges::any_of(
      request_.groups, [&](const NotifyGroup& group) { return (group.events & events) != 0; });
}

bool Notifier::matches(const NotifyGroup& group, const Picture& picture,
                       const std::string& path) const {
  switch (group.filter) {
    case Filter::kSelected:
    case Filter::kSelectedDelayed:
      return false;
    case Filter::kPersonal: {
      const auto at = picture.by_path.find(path);
      return at != picture.by_path.end() && picture.mailboxes.at(at->second).is_own;
    }
    case Filter::kSubscribed:
      return picture.subscribed.contains(path);
    case Filter::kSubtree:
      return std::ranges::any_of(
          group.paths, [&](const std::string& top) { return is_within(path, top, Depth::kAll); });
    case Filter::kMailboxes:
      return std::ranges::find(group.paths, path) != group.paths.end();
  }
  return false;
}

uint8_t Notifier::events_at(const Picture& picture, const std::string& path) const {
  uint8_t out = 0;
  for (const NotifyGroup& group : request_.groups)
    if (matches(group, picture, path)) out |= group.events;
  return out;
}

uint8_t Notifier::personal_events_at(const UserAccess& user, const std::string& path) const {
  const Result<MailboxName> name = user.name_of(path);
  if (!name || name->owner != user.userid()) return 0;
  uint8_t out = 0;
  for (const NotifyGroup& group : request_.groups)
    if (group.filter == Filter::kPersonal) out |= group.events;
  return out;
}

Result<void> Notifier::add_mailboxes(Picture& picture, const Session& session) const {
  const UserAccess& user = session.access();
  TRY(std::vector<MailboxInfo> visible, user.visible());
  if (visible.size() > session.options().limits.notify_mailboxes_max) return overflow();
  const bool wants_annotations = wants_any(kNotifyMailboxMetadata);
  for (MailboxInfo& info : visible) {
    Mailbox mailbox{.info = std::move(info), .path = {}};
    mailbox.path = user.path_of(mailbox.info.name);
    mailbox.is_own = mailbox.info.name.owner == user.userid();
    const Rights rights = user.rights(mailbox.info);
    mailbox.is_readable = rights.has(Right::kRead);
    if (wants_annotations && rights.has_any(kMetadataReaders)) {
      TRY(mailbox.annotations, annotations_of(session.store(), user.userid(), &mailbox.info));
    }
    picture.by_path.emplace(mailbox.path, mailbox.info.id);
    picture.mailboxes.emplace(mailbox.info.id, std::move(mailbox));
  }
  return {};
}

Result<Notifier::Picture> Notifier::take_one_picture(const Session& session) const {
  Picture out;
  const std::string& userid = session.userid();
  const MailStore& store = session.store();
  TRY(out.user_modseq, data_modseq(store, userid));
  TRY(out.shared_modseq, data_modseq(store, kSharedOwner));
  TRY_OK(add_mailboxes(out, session));
  TRY(out.subscribed, subscribed_paths(store, session.access()));
  if (wants_any(kNotifyServerMetadata)) {
    TRY(out.server, annotations_of(store, userid, nullptr));
  }
  TRY(const ModSeq user_modseq, data_modseq(store, userid));
  TRY(const ModSeq shared_modseq, data_modseq(store, kSharedOwner));
  out.is_whole = out.user_modseq == user_modseq && out.shared_modseq == shared_modseq;
  return out;
}

Result<Notifier::Picture> Notifier::take_picture(const Session& session) const {
  TRY(Picture out, take_one_picture(session));
  // What changed between a picture and the interest in what is on it shows on the next one.
  while (take_interest(session, out)) {
    TRY(out, take_one_picture(session));
  }
  return out;
}

bool Notifier::take_interest(const Session& session, const Picture& picture) const {
  std::set<UniqueId> ids;
  for (const auto& [id, mailbox] : picture.mailboxes) ids.insert(id);
  // It may have been selected without the right to see it in lists.
  if (const std::optional<UniqueId> selected = selected_id(session)) ids.insert(*selected);
  return interest_->set_mailboxes(std::move(ids));
}

std::string Notifier::attributes_at(const Picture& picture, const std::string& path) const {
  const std::string below = path + kHierarchySeparator;
  const auto next = picture.by_path.lower_bound(below);
  const bool has_children = next != picture.by_path.end() && next->first.starts_with(below);
  if (!picture.by_path.contains(path))
    return has_children ? "\\NonExistent \\HasChildren" : "\\NonExistent";
  return has_children ? "\\HasChildren" : "\\HasNoChildren";
}

void Notifier::put_name(std::string& out, const Session& session, const Picture& picture,
                        const std::string& path) const {
  put_line(out, {"LIST", attributes_at(picture, path)}, path, session.dialect());
  out += "\r\n";
}

// RFC 5465 §3.1: to be seen in lists is not enough for the events of messages.
void Notifier::put_inaccessible(std::string& out, const Session& session) const {
  for (const auto& [path, id] : told_.by_path) {
    if (told_.mailboxes.at(id).is_readable || events_at(told_, path) == 0) continue;
    put_line(out, {"LIST", "\\NoAccess"}, path, session.dialect());
    out += "\r\n";
  }
}

Result<void> Notifier::begin(const Session& session, std::string& out) {
  TRY(told_, take_picture(session));
  put_inaccessible(out, session);
  if (!request_.wants_status) return {};
  const std::optional<UniqueId> selected = selected_id(session);
  for (const auto& [path, id] : told_.by_path) {
    const Mailbox& mailbox = told_.mailboxes.at(id);
    const uint8_t events = events_at(told_, path);
    if ((events & kNotifyMessages) == 0 || !mailbox.is_readable || id == selected) continue;
    TRY_OK(put_counters(out, session, mailbox.info, events));
  }
  return {};
}

Result<void> Notifier::look(const Session& session, std::string& out) {
  if (std::ranges::all_of(request_.groups, &NotifyGroup::is_of_selected)) {
    take_interest(session, told_);
  } else {
    TRY(Picture now, take_picture(session));
    TRY_OK(put_changes(out, session, now));
    told_ = std::move(now);
  }
  session.own_changes().forget();
  return {};
}

bool Notifier::is_own_change(const Session& session, const UniqueId& id, const Picture& now) const {
  const auto before = told_.mailboxes.find(id);
  const auto after = now.mailboxes.find(id);
  const ModSeq since =
      before != told_.mailboxes.end() ? before->second.info.highestmodseq : ModSeq();
  ModSeq until;
  if (after != now.mailboxes.end()) {
    until = after->second.info.highestmodseq;
  } else if (const Result<MailboxInfo> gone = session.store().find(id)) {
    until = gone->highestmodseq;
  }
  return until > since && !session.own_changes().have_others_changed(id, since, until);
}

bool Notifier::is_own_data(const Session& session, const Picture& now) const {
  const OwnChanges& own = session.own_changes();
  return now.is_whole &&
         !own.have_others_changed(session.userid(), told_.user_modseq, now.user_modseq) &&
         !own.have_others_changed(std::string(kSharedOwner), told_.shared_modseq,
                                  now.shared_modseq);
}

std::set<UniqueId> Notifier::own_changes(const Session& session, const Picture& now) const {
  std::set<UniqueId> out;
  // What is private of a mailbox is among the user's data.
  if (!is_own_data(session, now)) return out;
  for (const Picture* const picture : {&told_, &now})
    for (const auto& [id, mailbox] : picture->mailboxes)
      if (is_own_change(session, id, now)) out.insert(id);
  return out;
}

Result<void> Notifier::put_changes(std::string& out, const Session& session,
                                   const Picture& now) const {
  const std::set<UniqueId> own = own_changes(session, now);
  for (const auto& [id, mailbox] : told_.mailboxes) {
    if (now.mailboxes.contains(id) || own.contains(id)) continue;
    if ((events_at(told_, mailbox.path) & kNotifyMailboxName) == 0) continue;
    if (!now.by_path.contains(mailbox.path)) put_name(out, session, now, mailbox.path);
  }
  for (const auto& [path, id] : now.by_path) {
    if (own.contains(id)) continue;
    const Mailbox& mailbox = now.mailboxes.at(id);
    const auto before = told_.mailboxes.find(id);
    const uint8_t events = events_at(now, path);
    if (before == told_.mailboxes.end()) {
      if ((events & kNotifyMailboxName) != 0) put_name(out, session, now, path);
      TRY_OK(put_new_mailbox(out, session, mailbox, events));
    } else {
      put_renamed(out, session, before->second, now, mailbox);
      TRY_OK(put_mailbox(out, session, before->second, mailbox, events));
    }
  }
  put_parents(out, session, now, own);
  if (is_own_data(session, now)) return {};
  put_subscriptions(out, session, now);
  if (wants_any(kNotifyServerMetadata))
    put_annotations(out, "", told_.server, now.server, session.dialect());
  return {};
}

Result<void> Notifier::put_new_mailbox(std::string& out, const Session& session, const Mailbox& now,
                                       uint8_t events) const {
  if ((events & kNotifyMessages) == 0 || !now.is_readable || now.info.exists == 0) return {};
  return put_counters(out, session, now.info, events);
}

void Notifier::put_renamed(std::string& out, const Session& session, const Mailbox& before,
                           const Picture& now, const Mailbox& mailbox) const {
  const auto is_told = [&](const std::string& was, const std::string& is) {
    return ((events_at(told_, was) | events_at(now, is)) & kNotifyMailboxName) != 0;
  };
  if (before.path == mailbox.path || !is_told(before.path, mailbox.path)) return;
  const std::string old_parent = parent_of(before.path);
  const std::string parent = parent_of(mailbox.path);
  const auto old_at = told_.by_path.find(old_parent);
  const auto at = now.by_path.find(parent);
  const bool went_along = old_at != told_.by_path.end() && at != now.by_path.end() &&
                          old_at->second == at->second && old_parent != parent &&
                          leaf_of(before.path) == leaf_of(mailbox.path);
  if (went_along && is_told(old_parent, parent)) return;
  put_line(out, {"LIST", attributes_at(now, mailbox.path)}, mailbox.path, session.dialect());
  put_old_name(out, before.path, session.dialect());
  out += "\r\n";
}

void Notifier::put_parents(std::string& out, const Session& session, const Picture& now,
                           const std::set<UniqueId>& own) const {
  std::set<std::string> parents;
  const auto note = [&](const Picture& here, const Picture& there) {
    for (const auto& [id, mailbox] : here.mailboxes)
      if (!there.mailboxes.contains(id) && !own.contains(id))
        parents.insert(parent_of(mailbox.path));
  };
  note(told_, now);
  note(now, told_);
  for (const std::string& path : parents) {
    const auto before = told_.by_path.find(path);
    const auto at = now.by_path.find(path);
    // What has itself been made, renamed or has gone was told before.
    const bool was_there = before != told_.by_path.end();
    const bool is_there = at != now.by_path.end();
    if (path.empty() || was_there != is_there || (is_there && before->second != at->second))
      continue;
    const auto events = static_cast<uint8_t>(events_at(now, path) | events_at(told_, path));
    if ((events & kNotifyMailboxName) != 0) put_name(out, session, now, path);
  }
}

Result<void> Notifier::put_mailbox(std::string& out, const Session& session, const Mailbox& before,
                                   const Mailbox& now, uint8_t events) const {
  if ((events & kNotifyMailboxMetadata) != 0)
    put_annotations(out, now.path, before.annotations, now.annotations, session.dialect());
  if (!now.is_readable || (events & kNotifyMessages) == 0) return {};
  const bool is_due =
      have_messages_changed(before.info, now.info) ||
      ((events & kNotifyFlagChange) != 0 && before.info.highestmodseq != now.info.highestmodseq);
  if (!is_due || selected_id(session) == now.info.id) return {};
  return put_counters(out, session, now.info, events);
}

void Notifier::put_subscriptions(std::string& out, const Session& session,
                                 const Picture& now) const {
  if (!wants_any(kNotifySubscriptionChange)) return;
  std::vector<std::string> changed;
  std::ranges::set_symmetric_difference(told_.subscribed, now.subscribed,
                                        std::back_inserter(changed));
  for (const std::string& path : changed) {
    // What is subscribed no more was in its group until now. There need be no such mailbox.
    const auto events = static_cast<uint8_t>(events_at(now, path) | events_at(told_, path) |
                                             personal_events_at(session.access(), path));
    if ((events & kNotifySubscriptionChange) == 0) continue;
    std::string attributes = attributes_at(now, path);
    if (now.subscribed.contains(path)) attributes += " \\Subscribed";
    put_line(out, {"LIST", std::move(attributes)}, path, session.dialect());
    out += "\r\n";
  }
}

}  // namespace gemel::imap
