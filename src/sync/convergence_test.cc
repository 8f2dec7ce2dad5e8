// A primary at random work, and a replica that must be like it after each sync, whatever is cut.
#include <gtest/gtest.h>

#include <cstdlib>

#include "sync/test_link.h"

namespace gemel::sync {
namespace {

class RandomWork {
 public:
  RandomWork(TestStore& store, uint64_t seed) : store_(store), random_(seed) {}

  uint64_t below(uint64_t n) { return random_.u64() % n; }

  void step() {
    using Step = void (RandomWork::*)();
    static constexpr Step kSteps[] = {
        &RandomWork::deliver,   &RandomWork::deliver,   &RandomWork::deliver, &RandomWork::flag,
        &RandomWork::flag,      &RandomWork::flag,      &RandomWork::copy,    &RandomWork::copy,
        &RandomWork::move,      &RandomWork::expunge,   &RandomWork::expunge, &RandomWork::create,
        &RandomWork::rename,    &RandomWork::swap,      &RandomWork::remove,  &RandomWork::restore,
        &RandomWork::subscribe, &RandomWork::attribute, &RandomWork::purge,   &RandomWork::user,
        &RandomWork::partition, &RandomWork::recent,
    };
    store_.clock.advance_s(static_cast<int64_t>(below(3)));
    (this->*kSteps[below(std::size(kSteps))])();
  }

 private:
  static constexpr const char* kUsers[] = {"alice", "bob", "carol"};
  std::string user_name() { return kUsers[below(3)]; }
  std::string path() { return std::string(1, static_cast<char>('a' + below(6))); }

  std::optional<MailboxInfo> any(MailStore::Which which = MailStore::Which::kLive) {
    const auto infos = store_->mailboxes(user_name(), which);
    if (!infos || infos->empty()) return std::nullopt;
    return (*infos)[below(infos->size())];
  }

  UidSet some_of(const MailboxInfo& info) {
    UidSet out;
    if (!info.last_uid) return out;
    const auto first = static_cast<uint32_t>(1 + below(info.last_uid.value));
    if (below(3) == 0) return UidSet::of(Uid(first), info.last_uid);
    for (uint32_t uid = first; uid <= info.last_uid.value; uid += 1 + below(4)) out.add(Uid(uid));
    return out;
  }

  FlagNames flags() {
    FlagNames out;
    for (const std::string_view name : {"\\Seen", "\\Flagged", "\\Deleted", "$Junk", "work"})
      if (below(3) == 0) EXPECT_TRUE(out.add(name));
    return out;
  }

  void deliver() {
    std::vector<MailStore::Append> messages;
    std::string body(1 + below(400), static_cast<char>('a' + below(20)));
    if (below(2) == 0) body += "\r\n";
    for (uint64_t i = 0; i <= below(4); ++i)
      if (const auto info = any())
        messages.push_back({info->id, store_.stage(below(2) == 0 ? body : body + "x", "default"),
                            flags(), static_cast<int64_t>(below(100)),
                            below(8) == 0 ? "uidl" + std::to_string(below(1'000'000)) : ""});
    if (!messages.empty()) EXPECT_TRUE(store_->append(std::move(messages)));
  }

  void flag() {
    const auto info = any();
    if (!info) return;
    const auto op = static_cast<FlagOp>(below(3));
    EXPECT_TRUE(store_->store_flags(info->id, some_of(*info), op, flags()));
  }

  void copy_by(MailStore::Keep keep) {
    const auto from = any();
    const auto to = any();
    if (from && to) EXPECT_TRUE(store_->copy(from->id, some_of(*from), to->id, keep));
  }
  void copy() { copy_by(MailStore::Keep::kCopy); }
  void move() { copy_by(MailStore::Keep::kMove); }

  void expunge() {
    if (const auto info = any()) EXPECT_TRUE(store_->expunge(info->id, some_of(*info)));
  }
  void create() {
    (void)store_->create({.name = {user_name(), path() + (below(3) == 0 ? "/" + path() : "")},
                          .partition = below(4) == 0 ? "archive" : ""});
  }
  void rename() {
    if (const auto info = any()) (void)store_->rename(info->name, {info->name.owner, path()});
  }
  void swap() {
    const std::string owner = user_name();
    const MailboxName a{owner, path()};
    const MailboxName b{owner, path()};
    const MailboxName between{owner, "between"};
    if (!store_->find(a) || !store_->find(b) || a == b) return;
    EXPECT_TRUE(store_->rename(a, between));
    EXPECT_TRUE(store_->rename(b, a));
    EXPECT_TRUE(store_->rename(between, b));
  }
  void remove() {
    const auto info = any();
    if (info && !info->name.is_inbox()) EXPECT_TRUE(store_->remove(info->id));
  }
  void restore() {
    const auto info = any(MailStore::Which::kDeletedToo);
    if (info && info->is_deleted()) (void)store_->restore(info->id, {info->name.owner, path()});
  }
  void subscribe() {
    std::optional<std::string> value;
    if (below(3) > 0) value = std::string(below(3), 'v');
    (void)store_->put_user_items(user_name(), {{"subscription/" + path(), value}});
  }
  void attribute() {
    std::optional<std::string> value;
    if (below(3) > 0) value = "lrs";
    if (const auto info = any())
      EXPECT_TRUE(store_->set_attributes(info->id, {{"acl/" + user_name(), value}}));
  }
  void purge() {
    const auto info = any(MailStore::Which::kDeletedToo);
    if (!info) return;
    if (info->is_deleted())
      EXPECT_TRUE(store_->purge_deleted(info->id, 1 + below(4)));
    else
      EXPECT_TRUE(store_->purge_expunged(info->id, ModSeq(below(info->highestmodseq.value + 1)),
                                         1 + below(4)));
  }
  void user() {
    const std::string userid = user_name();
    if (below(3) > 0 || !store_->user(userid))
      (void)store_->create_user(userid, {});
    else
      EXPECT_TRUE(store_->delete_user(userid));
  }
  void partition() {
    if (const auto info = any())
      (void)store_->rename(info->name, info->name, below(2) == 0 ? "archive" : "default");
  }
  void recent() {
    if (const auto info = any()) EXPECT_TRUE(store_->claim_recent(info->id));
  }

  TestStore& store_;
  SeededRandom random_;
};

std::string dump(TestStore& store) {
  std::string out;
  const std::vector<UserInfo> users = store->users(MailStore::Which::kDeletedToo).value();
  for (const UserInfo& user : users) {
    out += "user " + user.userid + " " + std::to_string(user.modseq.value) + "\n";
    const std::vector<MailboxInfo> infos =
        store->mailboxes(user.userid, MailStore::Which::kDeletedToo).value();
    for (const MailboxInfo& info : infos) {
      out += info.id.text() + " " + info.name.text() + " " + info.partition + " " +
             std::to_string(info.highestmodseq.value) + " " + std::to_string(info.last_uid.value) +
             " recent " + std::to_string(info.recent_uid.value) + " purged " +
             std::to_string(info.purged_modseq.value) + " deleted " +
             std::to_string(info.deleted_s) + " " + info.digest.text() + "\n";
      const MailboxView view = store->view(info.id).value();
      if (!info.last_uid) continue;
      const std::vector<RecordState> states =
          view.states(UidSet::of(Uid(1), info.last_uid), MailboxView::Include::kExpungedToo)
              .value();
      for (const RecordState& state : states) {
        const Record record = view.record(state.uid).value();
        out += "  " + std::to_string(state.uid.value) + " " + std::to_string(state.modseq.value) +
               " (" + names_of(state.flags, view.info().keywords).text() + ")" +
               (state.expunged ? " expunged" : "") + " " + record.facts.guid.text().substr(0, 6) +
               " created " + std::to_string(record.facts.created_modseq.value) + " " +
               std::to_string(record.facts.internaldate_s) + " " +
               std::to_string(record.facts.savedate_s) + "\n";
      }
    }
  }
  return out;
}

struct Weather {
  int cycles = 30;
  uint64_t steps_max = 12;
  uint64_t cut_each = 0;  // one cycle of so many is cut; 0: none
  ChunkLimits chunks = {};
};

// GEMEL_SEED=N tries other worlds.
uint64_t first_seed(uint64_t usual) {
  const char* shift = std::getenv("GEMEL_SEED");
  return usual + (shift == nullptr ? 0 : std::strtoull(shift, nullptr, 10));
}

void converge(uint64_t seed, const Weather& weather) {
  TestLink link;
  link.channel_options.chunks = weather.chunks;
  link.open_channel();
  ASSERT_TRUE(link.primary->create_user("alice", {}));
  RandomWork work(link.primary, seed);
  for (int cycle = 0; cycle < weather.cycles; ++cycle) {
    SCOPED_TRACE(cycle);
    for (uint64_t i = work.below(weather.steps_max); i > 0; --i) work.step();
    if (weather.cut_each > 0 && work.below(weather.cut_each) == 0)
      link.cut_after = work.below(3000);
    SyncReport report{.result = fail(Code::kUnavailable, ""), .actions = {}};
    for (int i = 0; i < 4 && !report.result; ++i) {
      if (!link.sender) link.connect();
      report = link.sync();
      if (work.below(8) == 0) link.open_channel_later();
    }
    link.cut_after.reset();
    ASSERT_TRUE(report.result) << report.result.error().text;
    ASSERT_EQ(link.primary->digest().text(), link.replica->digest().text())
        << "primary\n"
        << dump(link.primary) << "replica\n"
        << dump(link.replica);
  }
  link.expect_in_step();
}

TEST(Convergence, OnALinkThatHolds) {
  const uint64_t first = first_seed(1);
  for (uint64_t seed = first; seed <= first + 29 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    converge(seed, {});
  }
}

TEST(Convergence, InSmallChunks) {
  const uint64_t first = first_seed(100);
  for (uint64_t seed = first; seed <= first + 30 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    converge(seed, {.steps_max = 40, .chunks = {.body_bytes = 500, .messages = 3}});
  }
}

TEST(Convergence, OnALinkThatIsCut) {
  const uint64_t first = first_seed(200);
  for (uint64_t seed = first; seed <= first + 30 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    converge(seed, {.cut_each = 2, .chunks = {.body_bytes = 1000, .messages = 10}});
  }
}

}  // namespace
}  // namespace gemel::sync
