#include "nntp/feed_queue.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "mail/newsgroup.h"
#include "nntp/article_rules.h"
#include "nntp/shelf.h"
#include "store/access.h"

namespace gemel::nntp {
namespace {

constexpr size_t kJournalPiece = 256;
constexpr size_t kUidsAtOnce = 64;

bool has_been_at(const Article& article, std::string_view path_name) {
  if (path_name.empty()) return false;
  const auto path = article.field("Path");
  return path && std::ranges::any_of(path_identities(*path), [&](const std::string& identity) {
           return equals_ignoring_case(identity, path_name);
         });
}

}  // namespace

FeedQueue::FeedQueue(MailStore& store, Clock& clock, std::string prefix, const FeedOptions& options)
    : store_(store),
      clock_(clock),
      prefix_(std::move(prefix)),
      options_(options),
      memory_("nntp-feed/" + options.name) {}

Uid FeedQueue::Group::position() const {
  const Uid first_open = waiting.empty() ? next : *waiting.begin();
  return Uid(first_open.value - 1);
}

// Puts groups with news into behind_: all of them at the start, then those that the journal names.
Result<void> FeedQueue::note_changes() {
  if (!started_) {
    followed_ = store_.journal_head();
    const auto mailboxes = store_.mailboxes(kSharedOwner);
    if (!mailboxes && mailboxes.error().code != Code::kNotFound)
      return std::unexpected(mailboxes.error());
    if (mailboxes)
      for (const MailboxInfo& mailbox : *mailboxes) TRY_OK(note_mailbox(mailbox.id));
    started_ = true;
  }
  while (followed_ < store_.journal_head()) {
    TRY(const auto entries, store_.journal_since(followed_, kJournalPiece));
    if (entries.empty()) return {};
    for (const MailStore::JournalEntry& entry : entries) {
      if (const auto* const id = std::get_if<UniqueId>(&entry.entity)) TRY_OK(note_mailbox(*id));
      followed_ = entry.seq;
    }
  }
  return {};
}

Result<void> FeedQueue::note_mailbox(const UniqueId& id) {
  const auto mailbox = store_.find(id);
  if (!mailbox && mailbox.error().code == Code::kNotFound) return {};
  TRY_OK(mailbox);
  if (mailbox->is_deleted() || mailbox->name.owner != kSharedOwner) return {};
  const auto name = newsgroup_of_path(prefix_, mailbox->name.path);
  if (!name || !options_.groups.matches(*name)) return {};
  TRY_OK(group_of(*mailbox, *name));
  behind_.insert(id);
  return {};
}

Result<FeedQueue::Group*> FeedQueue::group_of(const MailboxInfo& mailbox, const std::string& name) {
  const auto known = groups_.find(mailbox.id);
  if (known != groups_.end()) {
    known->second.name = name;
    return &known->second;
  }
  Group group{.name = name, .next = {}, .saved = {}, .waiting = {}};
  TRY(const auto row, store_.channel_get(memory_, mailbox.id.key()));
  if (row && row->size() == 8 && get_be32(*row) == mailbox.uidvalidity.value) {
    group.saved = Uid(get_be32(std::string_view(*row).substr(4)));
    group.next = gemel::next(group.saved);
  } else {
    TRY(const MailboxView view, store_.view(mailbox.id));
    TRY(const uint64_t first, first_uid_since(view, clock_.unix_s() - options_.backlog_s));
    group.next = Uid(static_cast<uint32_t>(first));
    group.saved = Uid(UINT32_MAX);  // so that it is written
  }
  return &groups_.emplace(mailbox.id, std::move(group)).first->second;
}

Result<std::optional<FeedQueue::Item>> FeedQueue::next() {
  TRY_OK(note_changes());
  while (!behind_.empty()) {
    // In turn, so that a group with very much does not keep the others waiting.
    const auto after = behind_.upper_bound(turn_);
    turn_ = after == behind_.end() ? *behind_.begin() : *after;
    TRY(auto item, next_of(turn_, groups_.at(turn_)));
    if (item) return item;
    behind_.erase(turn_);
  }
  return std::nullopt;
}

Result<std::optional<FeedQueue::Item>> FeedQueue::next_of(const UniqueId& id, Group& group) {
  const auto view = store_.view(id);
  if (!view && view.error().code == Code::kNotFound) return std::nullopt;
  TRY_OK(view);
  if (view->info().is_deleted()) return std::nullopt;
  for (;;) {
    TRY(const UidSet uids, live_uids(*view, group.next.value, view->info().last_uid, kUidsAtOnce));
    for (const UidSet::Range& range : uids.ranges()) {
      for (uint64_t uid = range.first; uid <= range.last; ++uid) {
        TRY(auto item, item_at(*view, group, Uid(static_cast<uint32_t>(uid))));
        group.next = Uid(static_cast<uint32_t>(uid + 1));
        if (!item) continue;
        group.waiting.insert(item->uid);
        return item;
      }
    }
    if (uids.size() < kUidsAtOnce) break;
  }
  group.next = std::max(group.next, view->info().uidnext());
  return std::nullopt;
}

// Nothing where the article is not for this peer.
Result<std::optional<FeedQueue::Item>> FeedQueue::item_at(const MailboxView& view, Group& group,
                                                          Uid uid) {
  auto article = Article::open(view, uid);
  if (!article && article.error().code == Code::kCorrupt) {
    log::error("feed={} passes over {} {}: {}", options_.name, group.name, uid.value,
               article.error().text);
    return std::nullopt;
  }
  TRY_OK(article);
  // RFC 5537 §3.6: not to where it has been. "local" is what does not leave a server.
  if (has_been_at(*article, options_.peer_path_name)) return std::nullopt;
  if (equals_ignoring_case(article->field("Distribution").value_or(""), "local"))
    return std::nullopt;
  if (!is_new(article->facts().guid)) return std::nullopt;
  return Item{view.info().id, uid, group.name, article->message_id()};
}

bool FeedQueue::is_new(const Guid& guid) {
  if (!offered_.insert(guid).second) return false;
  offered_in_order_.push_back(guid);
  if (offered_in_order_.size() > kFeedMemoryMax) {
    offered_.erase(offered_in_order_.front());
    offered_in_order_.pop_front();
  }
  return true;
}

Result<FeedQueue::Opened> FeedQueue::open(const Item& item, std::string_view path_identity) const {
  TRY(const MailboxView view, store_.view(item.mailbox));
  TRY(Article article, Article::open(view, item.uid));
  std::string header =
      article.header({.group = item.group, .path_identity = path_identity, .xref = {}});
  return Opened{std::move(article), std::move(header)};
}

void FeedQueue::settle(const Item& item) {
  const auto group = groups_.find(item.mailbox);
  if (group != groups_.end()) group->second.waiting.erase(item.uid);
}

void FeedQueue::rewind() {
  for (auto& [id, group] : groups_) {
    if (group.waiting.empty()) continue;
    group.next = *group.waiting.begin();
    group.waiting.clear();
    behind_.insert(id);
  }
  offered_.clear();
  offered_in_order_.clear();
}

Result<void> FeedQueue::save() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (auto& [id, group] : groups_) {
    const Uid position = group.position();
    if (position == group.saved) continue;
    const auto mailbox = store_.find(id);
    if (!mailbox) continue;
    std::string row;
    put_be32(row, mailbox->uidvalidity.value);
    put_be32(row, position.value);
    rows.emplace_back(id.key(), std::move(row));
    group.saved = position;
  }
  return rows.empty() ? Result<void>() : store_.channel_put(memory_, rows);
}

}  // namespace gemel::nntp
