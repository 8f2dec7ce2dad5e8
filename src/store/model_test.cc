// Random operations on a store, against a model that is too simple to be wrong: maps of what should
// be there. With crashes in between, and two replicas that must end equal.
#include <set>

#include "base/bytes.h"
#include "store/replica_fixture.h"

namespace gemel {
namespace {

struct ModelRecord {
  std::string body;
  std::set<std::string> flags;
  bool expunged = false;
};

struct ModelMailbox {
  std::string owner;
  std::string path;
  bool deleted = false;
  uint32_t last_uid = 0;
  std::map<uint32_t, ModelRecord> records;
};

const std::array<std::string_view, 6> kFlags = {"\\Seen",     "\\Deleted", "\\Flagged",
                                                "$Forwarded", "Work",      "Later"};
const std::array<std::string_view, 8> kPaths = {"A",   "B",   "C",        "A/x",
                                                "A/y", "B/x", "A/x/deep", "D"};

class Model {
 public:
  Model(TestStore::On on, uint64_t seed) : random_(seed), primary_(on), near_(on), far_(on) {
    primary_.options.inline_commits = true;
    primary_.options.random = &store_random_;
    primary_.open();
    add_user("alice");
    add_user("bob");
  }

  void step();
  void check_all();
  void check_replicas();

 private:
  using Step = void (Model::*)();
  using Entry = std::pair<const UniqueId, ModelMailbox>;

  uint64_t below(uint64_t limit) { return random_.u64() % limit; }
  bool once_in(uint64_t count) { return below(count) == 0; }

  void add_user(const std::string& userid) {
    ASSERT_TRUE(primary_->create_user(userid, {}));
    mailboxes_[primary_.inbox(userid)] = {userid, "INBOX", false, 0, {}};
  }
  Entry* any(bool deleted = false) {
    std::vector<Entry*> fit;
    for (Entry& entry : mailboxes_)
      if (entry.second.deleted == deleted) fit.push_back(&entry);
    return fit.empty() ? nullptr : fit[below(fit.size())];
  }
  Entry* named(const std::string& owner, const std::string& path) {
    for (Entry& entry : mailboxes_)
      if (!entry.second.deleted && entry.second.owner == owner && entry.second.path == path)
        return &entry;
    return nullptr;
  }
  std::string any_body() {
    if (once_in(60)) return std::string(kBodyChunkBytes + 1 + below(3), 'L');
    return "body " + std::to_string(below(30));
  }
  UidSet any_uids(const ModelMailbox& mailbox) {
    UidSet out;
    const uint64_t last = mailbox.last_uid + 2;
    for (uint64_t ranges = 1 + below(3); ranges > 0; --ranges) {
      const auto first = static_cast<uint32_t>(1 + below(last));
      out.add(Uid(first), Uid(static_cast<uint32_t>(first + below(once_in(4) ? 1000 : 3))));
    }
    return out;
  }
  FlagNames any_flags() {
    FlagNames out;
    for (uint64_t count = below(3); count > 0; --count)
      EXPECT_TRUE(out.add(kFlags[below(kFlags.size())]));
    return out;
  }
  static std::set<std::string> set_of(const FlagNames& names) {
    std::set<std::string> out;
    std::string text = names.text();
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(' ', at), text.size());
      out.insert(to_lower(text.substr(at, end - at)));
      at = end + 1;
    }
    return out;
  }
  std::string any_path() { return std::string(kPaths[below(kPaths.size())]); }
  void made_levels(const std::string& owner);

  void append();
  void store_flags();
  void expunge();
  void copy();
  void create();
  void remove();
  void restore();
  void rename();
  void attributes();
  void items();
  void recent();
  void purge();
  void stage_in_vain();
  void reopen();
  void replicate();
  void check(const UniqueId& id, const ModelMailbox& model);

  static constexpr std::array kSteps = {
      &Model::append,        &Model::append,  &Model::append,   &Model::store_flags,
      &Model::store_flags,   &Model::expunge, &Model::copy,     &Model::copy,
      &Model::create,        &Model::remove,  &Model::restore,  &Model::rename,
      &Model::attributes,    &Model::items,   &Model::recent,   &Model::purge,
      &Model::stage_in_vain, &Model::reopen,  &Model::replicate};

  SeededRandom random_;
  SeededRandom store_random_{7};
  TestStore primary_;
  TestReplica near_;  // follows often
  TestReplica far_;   // follows seldom: expunges that it has not seen are purged
  std::map<UniqueId, ModelMailbox> mailboxes_;
};

void Model::append() {
  std::vector<MailStore::Append> messages;
  std::vector<std::pair<Entry*, ModelRecord>> expected;
  for (uint64_t count = once_in(20) ? 300 : 1 + below(3); count > 0; --count) {
    Entry* entry = any();
    const std::string body = any_body();
    const FlagNames flags = any_flags();
    messages.push_back({entry->first, primary_.stage(body, once_in(5) ? "archive" : "default"),
                        flags, static_cast<int64_t>(below(1000))});
    expected.push_back({entry, {body, set_of(flags)}});
  }
  const auto appended = primary_->append(messages);
  ASSERT_TRUE(appended) << appended.error().text;
  for (size_t i = 0; i < expected.size(); ++i) {
    ModelMailbox& mailbox = expected[i].first->second;
    EXPECT_EQ((*appended)[i].uid, Uid(++mailbox.last_uid));
    mailbox.records[mailbox.last_uid] = expected[i].second;
  }
}

void Model::store_flags() {
  auto& [id, mailbox] = *any();
  const UidSet uids = any_uids(mailbox);
  const FlagNames names = any_flags();
  const std::set<std::string> flags = set_of(names);
  const auto op = static_cast<FlagOp>(below(3));
  const ModSeq before = primary_.info(id).highestmodseq;
  bool changed = false;
  for (auto& [uid, record] : mailbox.records) {
    if (record.expunged || !uids.contains(Uid(uid))) continue;
    std::set<std::string> now = op == FlagOp::kSet ? std::set<std::string>() : record.flags;
    for (const std::string& flag : flags) {
      if (op == FlagOp::kRemove)
        now.erase(flag);
      else
        now.insert(flag);
    }
    changed |= now != record.flags;
    record.flags = now;
  }
  const auto stored = primary_->store_flags(id, uids, op, names);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->committed.modseq, changed ? next(before) : before);
}

void Model::expunge() {
  auto& [id, mailbox] = *any();
  const UidSet uids = any_uids(mailbox);
  UidSet gone;
  for (auto& [uid, record] : mailbox.records) {
    if (record.expunged || !uids.contains(Uid(uid))) continue;
    record.expunged = true;
    gone.add(Uid(uid));
  }
  EXPECT_EQ(primary_->expunge(id, uids).value().uids, gone);
}

void Model::copy() {
  auto& [source_id, source] = *any();
  auto& [target_id, target] = *any();
  const UidSet uids = any_uids(source);
  const auto keep = once_in(2) ? MailStore::Keep::kCopy : MailStore::Keep::kMove;
  const auto copied = primary_->copy(source_id, uids, target_id, keep);
  ASSERT_TRUE(copied) << copied.error().text;
  std::vector<uint32_t> taken;
  for (const auto& [uid, record] : source.records)
    if (!record.expunged && uids.contains(Uid(uid))) taken.push_back(uid);
  EXPECT_EQ(copied->source_uids.size(), taken.size());
  for (const uint32_t uid : taken) {
    const ModelRecord record = source.records[uid];
    if (keep == MailStore::Keep::kMove) source.records[uid].expunged = true;
    target.records[++target.last_uid] = record;
    EXPECT_TRUE(copied->target_uids.contains(Uid(target.last_uid)));
  }
}

/// Levels above that the store made appear in the model.
void Model::made_levels(const std::string& owner) {
  const auto live = primary_->mailboxes(owner).value();
  for (const MailboxInfo& info : live)
    if (!mailboxes_.contains(info.id)) mailboxes_[info.id] = {owner, info.name.path, false, 0, {}};
}

void Model::create() {
  const std::string path = any_path();
  const bool exists = named("alice", path) != nullptr;
  const auto made =
      primary_->create({.name = {"alice", path}, .partition = once_in(3) ? "archive" : ""});
  EXPECT_EQ(made.has_value(), !exists);
  made_levels("alice");
}

void Model::remove() {
  auto& [id, mailbox] = *any();
  const auto removed = primary_->remove(id);
  EXPECT_EQ(removed.has_value(), mailbox.path != "INBOX");
  if (removed) mailbox.deleted = true;
}

void Model::restore() {
  Entry* entry = any(true);
  if (entry == nullptr) return;
  const std::string path = any_path();
  const bool exists = named(entry->second.owner, path) != nullptr;
  const auto restored = primary_->restore(entry->first, {entry->second.owner, path});
  EXPECT_EQ(restored.has_value(), !exists);
  if (!restored) return;
  entry->second.deleted = false;
  entry->second.path = path;
  made_levels(entry->second.owner);
}

void Model::rename() {
  const MailboxName from{"alice", any_path()};
  const MailboxName to{"alice", any_path()};
  const std::string partition = once_in(3) ? (once_in(2) ? "archive" : "default") : "";
  std::vector<std::pair<Entry*, std::string>> moves;
  bool possible = named("alice", from.path) != nullptr;
  for (Entry& entry : mailboxes_) {
    const MailboxName name{entry.second.owner, entry.second.path};
    if (entry.second.deleted || !name.is_within(from)) continue;
    moves.emplace_back(&entry, to.path + name.path.substr(from.path.size()));
  }
  if (from == to)
    possible = possible && !partition.empty();
  else if (to.is_within(from))
    possible = false;
  else
    for (const auto& [entry, path] : moves) {
      const Entry* there = named("alice", path);
      possible = possible &&
                 (there == nullptr || MailboxName{"alice", there->second.path}.is_within(from));
    }
  const auto renamed = primary_->rename(from, to, partition);
  EXPECT_EQ(renamed.has_value(), possible)
      << from.text() << " to " << to.text() << (renamed ? "" : renamed.error().text);
  if (!renamed) return;
  for (auto& [entry, path] : moves) entry->second.path = path;
  made_levels("alice");
}

void Model::attributes() {
  const UniqueId id = any()->first;
  const std::string name = "annotation/" + std::to_string(below(3));
  const auto value = once_in(3) ? std::nullopt : std::optional(std::to_string(below(3)));
  ASSERT_TRUE(primary_->set_attributes(id, {{name, value}}));
  const auto attributes = primary_.info(id).attributes;
  EXPECT_EQ(attributes.contains(name), value.has_value());
}

void Model::items() {
  const std::string item_key = "subscription/" + std::to_string(below(4));
  const auto value = once_in(3) ? std::nullopt : std::optional(std::to_string(below(3)));
  ASSERT_TRUE(primary_->put_user_items("bob", {{item_key, value}}));
  EXPECT_EQ(primary_->user_item("bob", item_key).value(), value);
}

void Model::recent() { ASSERT_TRUE(primary_->claim_recent(any()->first)); }

void Model::purge() {
  if (Entry* gone = any(true); gone != nullptr && once_in(2)) {
    ASSERT_TRUE(primary_->purge_deleted(gone->first));
    gone->second.records.clear();
    return;
  }
  auto& [id, mailbox] = *any();
  const ModSeq up_to(below(primary_.info(id).highestmodseq.value + 1));
  const auto before = primary_->view(id).value().states(UidSet::of(Uid(1), Uid(UINT32_MAX)),
                                                        MailboxView::Include::kExpungedToo);
  ASSERT_TRUE(primary_->purge_expunged(id, up_to));
  for (const RecordState& state : before.value())
    if (state.expunged && state.modseq <= up_to) mailbox.records.erase(state.uid.value);
}

void Model::stage_in_vain() {
  const StagedBody staged = primary_.stage(std::string(kBodyChunkBytes + 5, 'v'));
  const std::array guids = {staged.guid(), Guid{sha256("body 1")}};
  const auto pinned = primary_->reserve("default", guids);
  ASSERT_TRUE(pinned);
  EXPECT_LE(pinned->held.size(), 1u);
  purge();
}

void Model::reopen() {
  if (once_in(2)) primary_.memory.crash();
  primary_.open();
  check_all();
}

void Model::replicate() { (once_in(6) ? far_ : near_).catch_up(primary_); }

void Model::check(const UniqueId& id, const ModelMailbox& model) {
  const MailboxView view = primary_->view(id).value();
  const MailboxInfo& info = view.info();
  SCOPED_TRACE(info.name.text());
  EXPECT_EQ(info.name, (MailboxName{model.owner, model.path}));
  EXPECT_EQ(info.is_deleted(), model.deleted);
  EXPECT_EQ(info.last_uid.value, model.last_uid);
  const auto states =
      view.states(UidSet::of(Uid(1), Uid(UINT32_MAX)), MailboxView::Include::kExpungedToo).value();
  ASSERT_EQ(states.size(), model.records.size());
  auto expected = model.records.begin();
  for (const RecordState& state : states) {
    EXPECT_EQ(state.uid.value, expected->first);
    EXPECT_EQ(state.expunged, expected->second.expunged);
    EXPECT_EQ(set_of(names_of(state.flags, info.keywords)), expected->second.flags);
    EXPECT_EQ(view.record(state.uid).value().facts.guid.bytes, sha256(expected->second.body));
    ++expected;
  }
}

void Model::check_all() {
  for (const auto& [id, mailbox] : mailboxes_) check(id, mailbox);
  primary_.expect_sound();
}

void Model::check_replicas() {
  for (TestReplica* replica : {&near_, &far_}) {
    replica->catch_up(primary_);
    replica->expect_equal(primary_);
    replica->store.expect_sound();
  }
}

void Model::step() {
  primary_.clock.advance_s(static_cast<int64_t>(below(3)));
  (this->*kSteps[below(kSteps.size())])();
}

void run(TestStore::On on, uint64_t seed, int steps) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Model model(on, seed);
  for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    model.step();
  }
  if (testing::Test::HasFailure()) return;
  model.check_all();
  model.check_replicas();
}

TEST(Model, AStoreInMemoryIsWhatTheModelSays) {
  for (uint64_t seed = 1; seed <= 10 && !HasFailure(); ++seed)
    run(TestStore::On::kMemory, seed, 300);
}

TEST(Model, AStoreOnRocksDbIsWhatTheModelSays) {
  for (uint64_t seed = 100; seed < 102 && !HasFailure(); ++seed)
    run(TestStore::On::kRocksDb, seed, 150);
}

}  // namespace
}  // namespace gemel
