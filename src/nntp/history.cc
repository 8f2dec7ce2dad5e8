#include "nntp/history.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"
#include "mail/newsgroup.h"
#include "nntp/article.h"
#include "store/access.h"

namespace gemel::nntp {
namespace {

constexpr std::string_view kMemory = "nntp-history";
constexpr std::string_view kIdKey = "m";     // and a Key -> places
constexpr std::string_view kGroupKey = "g";  // and a mailbox's id -> uidvalidity, uid
constexpr size_t kPlaceBytes = 20;
constexpr size_t kPieceUids = 256;
constexpr size_t kJournalPiece = 256;
constexpr size_t kSweepRows = 256;

std::string row_key(std::string_view kind, std::string_view rest) {
  return std::string(kind) += rest;
}

std::string encode(const std::vector<History::Place>& places) {
  std::string out;
  for (const History::Place& place : places) {
    out += place.mailbox.key();
    put_be32(out, place.uid.value);
  }
  return out;
}

std::vector<History::Place> decode(std::string_view bytes) {
  std::vector<History::Place> out;
  for (; bytes.size() >= kPlaceBytes; bytes.remove_prefix(kPlaceBytes))
    out.push_back({UniqueId::from_key(bytes.substr(0, 16)), Uid(get_be32(bytes.substr(16)))});
  return out;
}

}  // namespace

// Claims and refusals have a lock of their own: they never wait for the disk.
struct History::Claims {
  std::mutex mutex;
  std::set<Key> held;
  std::set<Key> refused;
  std::deque<Key> refused_in_order;
};

History::History(MailStore& store, std::string prefix)
    : store_(store), prefix_(std::move(prefix)), claims_(std::make_shared<Claims>()) {}

History::Key History::key_of(std::string_view message_id) {
  const Sha256 hash = sha256(message_id);
  Key out;
  std::copy_n(hash.begin(), out.size(), out.begin());
  return out;
}

Result<std::vector<History::Place>> History::places(std::string_view message_id) {
  const std::scoped_lock lock(mutex_);
  TRY(const Progress progress, catch_up(kCatchUpMax));
  if (progress == Progress::kMore) return fail(Code::kBusy, "the message ids are being indexed");
  return read_places(key_of(message_id));
}

Result<History::Claim> History::claim(std::string_view message_id) {
  const Key key = key_of(message_id);
  {
    const std::scoped_lock lock(claims_->mutex);
    if (claims_->refused.contains(key)) return fail(Code::kExists, "it was refused before");
    if (claims_->held.size() >= kClaimsMax) return fail(Code::kBusy, "too many are coming in");
    if (!claims_->held.insert(key).second)
      return fail(Code::kBusy, "it is coming in from elsewhere");
  }
  Claim claim(std::shared_ptr<void>(nullptr, [claims = claims_, key](void*) {
    const std::scoped_lock lock(claims->mutex);
    claims->held.erase(key);
  }));
  // Only now: what was committed before somebody else's claim ended is found.
  TRY(const std::vector<Place> there, places(message_id));
  if (!there.empty()) return fail(Code::kExists, "it is here already");
  return claim;
}

void History::refuse(std::string_view message_id) {
  const Key key = key_of(message_id);
  const std::scoped_lock lock(claims_->mutex);
  if (!claims_->refused.insert(key).second) return;
  claims_->refused_in_order.push_back(key);
  if (claims_->refused_in_order.size() <= kRefusedMax) return;
  claims_->refused.erase(claims_->refused_in_order.front());
  claims_->refused_in_order.pop_front();
}

Result<History::Progress> History::follow() {
  const std::scoped_lock lock(mutex_);
  return catch_up(kCatchUpMax);
}

Result<void> History::start() {
  if (started_) return {};
  // First the head, then the list: what comes between is in both, which does no harm.
  followed_ = store_.journal_head();
  const auto mailboxes = store_.mailboxes(kSharedOwner);
  if (!mailboxes && mailboxes.error().code != Code::kNotFound)
    return std::unexpected(mailboxes.error());
  if (mailboxes)
    for (const MailboxInfo& mailbox : *mailboxes)
      if (newsgroup_of_path(prefix_, mailbox.name.path)) behind_.insert(mailbox.id);
  started_ = true;
  return {};
}

Result<bool> History::is_group(const UniqueId& id) const {
  const Result<MailboxInfo> mailbox = store_.find(id);
  if (!mailbox && mailbox.error().code == Code::kNotFound) return false;
  TRY_OK(mailbox);
  return !mailbox->is_deleted() && mailbox->name.owner == kSharedOwner &&
         newsgroup_of_path(prefix_, mailbox->name.path).has_value();
}

// Puts the groups among what changed into behind_.
Result<void> History::note_journal() {
  while (followed_ < store_.journal_head()) {
    TRY(const auto entries, store_.journal_since(followed_, kJournalPiece));
    if (entries.empty()) return {};
    for (const MailStore::JournalEntry& entry : entries) {
      followed_ = entry.seq;
      const auto* const id = std::get_if<UniqueId>(&entry.entity);
      if (id == nullptr) continue;
      TRY(const bool is_one, is_group(*id));
      if (is_one) behind_.insert(*id);
    }
  }
  return {};
}

Result<History::Progress> History::catch_up(size_t articles_max) {
  TRY_OK(start());
  TRY_OK(note_journal());
  while (!behind_.empty()) {
    if (articles_max == 0) return Progress::kMore;
    const UniqueId id = *behind_.begin();
    TRY(const size_t count, index_piece(id, std::min(articles_max, kPieceUids)));
    if (count == 0) behind_.erase(id);
    articles_max -= std::min(count, articles_max);
  }
  return Progress::kDone;
}

Result<Uid> History::done_up_to(const UniqueId& id, UidValidity uidvalidity) {
  const auto known = done_.find(id);
  if (known != done_.end() && known->second.uidvalidity == uidvalidity) return known->second.uid;
  TRY(const auto row, store_.channel_get(kMemory, row_key(kGroupKey, id.key())));
  Uid done;
  // Under another uidvalidity the UIDs are others.
  if (row && row->size() == 8 && get_be32(*row) == uidvalidity.value)
    done = Uid(get_be32(std::string_view(*row).substr(4)));
  done_[id] = {uidvalidity, done};
  return done;
}

/// The next UIDs that have a record, expunged ones that are kept too.
Result<UidSet> History::next_uids(const MailboxView& view, Uid done, size_t count_max) const {
  UidSet out;
  const Uid last = view.info().last_uid;
  for (uint64_t at = done.value + uint64_t{1}; at <= last.value && out.size() < count_max;) {
    const auto end = static_cast<uint32_t>(std::min<uint64_t>(at + kPieceUids - 1, last.value));
    TRY(const auto states, view.states(UidSet::of(Uid(static_cast<uint32_t>(at)), Uid(end)),
                                       MailboxView::Include::kExpungedToo));
    for (const RecordState& state : states)
      if (out.size() < count_max) out.add(state.uid);
    at = end + uint64_t{1};
  }
  return out;
}

// Gives how many articles it took; 0 when there are none left.
Result<size_t> History::index_piece(const UniqueId& id, size_t articles_max) {
  const auto view = store_.view(id);
  if (!view && view.error().code == Code::kNotFound) return 0;
  TRY_OK(view);
  TRY(const Uid done, done_up_to(id, view->info().uidvalidity));
  if (done >= view->info().last_uid) return 0;
  TRY(const UidSet uids, next_uids(*view, done, articles_max));
  TRY_OK(add_places(*view, uids, uids.empty() ? view->info().last_uid : uids.last()));
  return uids.size();
}

Result<std::multimap<History::Key, History::Place>> History::places_of(const MailboxView& view,
                                                                       const UidSet& uids) const {
  TRY(const std::vector<RecordFacts> facts, view.facts(uids));
  std::multimap<Key, Place> out;
  size_t at = 0;
  for (const UidSet::Range& range : uids.ranges()) {
    for (uint64_t uid = range.first; uid <= range.last; ++uid) {
      const RecordFacts& its_facts = facts[at++];
      const auto message_id = [&]() -> Result<std::string> {
        TRY(Body body, view.body(its_facts.guid));
        TRY(const Article article, Article::open(std::move(body), its_facts));
        return article.message_id();
      }();
      // One body that is broken must not keep all others from being found.
      if (!message_id && message_id.error().code == Code::kCorrupt)
        log::error("nntp index passes over {} uid {}: {}", view.info().name.text(), uid,
                   message_id.error().text);
      else if (!message_id)
        return std::unexpected(message_id.error());
      else
        out.emplace(key_of(*message_id), Place{view.info().id, Uid(static_cast<uint32_t>(uid))});
    }
  }
  return out;
}

Result<void> History::add_places(const MailboxView& view, const UidSet& uids, Uid done) {
  TRY(const auto added, places_of(view, uids));
  std::vector<std::pair<std::string, std::string>> rows;
  for (auto at = added.begin(); at != added.end();) {
    const Key key = at->first;
    TRY(std::vector<Place> places, read_places(key));
    for (; at != added.end() && at->first == key; ++at)
      if (places.size() < kPlacesMax && std::ranges::find(places, at->second) == places.end())
        places.push_back(at->second);
    rows.emplace_back(row_key(kIdKey, {key.data(), key.size()}), encode(places));
  }
  std::string position;
  put_be32(position, view.info().uidvalidity.value);
  put_be32(position, done.value);
  rows.emplace_back(row_key(kGroupKey, view.info().id.key()), position);
  TRY_OK(store_.channel_put(kMemory, rows));
  done_[view.info().id] = {view.info().uidvalidity, done};
  return {};
}

Result<std::vector<History::Place>> History::read_places(const Key& key) const {
  TRY(const auto row, store_.channel_get(kMemory, row_key(kIdKey, {key.data(), key.size()})));
  return row ? decode(*row) : std::vector<Place>();
}

Result<std::string> History::sweep(std::string_view after) {
  const std::scoped_lock lock(mutex_);
  TRY(const auto rows, store_.channel_scan(kMemory, kIdKey, after, kSweepRows));
  std::vector<std::string> gone;
  std::vector<std::pair<std::string, std::string>> shorter;
  for (const auto& [key, value] : rows) {
    std::vector<Place> places = decode(value);
    const size_t before = places.size();
    std::erase_if(places, [&](const Place& place) {
      const auto view = store_.view(place.mailbox);
      if (!view) return view.error().code == Code::kNotFound;
      const auto record = view->record(place.uid);
      return !record && record.error().code == Code::kNotFound;
    });
    if (places.empty())
      gone.push_back(key);
    else if (places.size() < before)
      shorter.emplace_back(key, encode(places));
  }
  TRY_OK(store_.channel_put(kMemory, shorter));
  TRY_OK(store_.channel_erase(kMemory, gone));
  return rows.size() < kSweepRows ? std::string() : rows.back().first;
}

}  // namespace gemel::nntp
