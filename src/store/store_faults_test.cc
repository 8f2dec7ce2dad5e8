// Crashes, full and failing disks, second openers, readers of a stopped store, many at once.
#include <latch>
#include <map>
#include <mutex>
#include <thread>

#include "base/bytes.h"
#include "base/pack.h"
#include "store/committer.h"
#include "store/replica_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));
using On = TestStore::On;

class StoreFaults : public StoreTest {};
GEMEL_ON_BOTH_ENGINES(StoreFaults);

TEST_P(StoreFaults, ASecondOpenIsBusy) {
  EXPECT_EQ(MailStore::open(store.options).error().code, Code::kBusy);
}

TEST_P(StoreFaults, AStoppedStoreIsReadWithoutAWrite) {
  const UniqueId inbox = store.inbox();
  store.append(inbox, "kept");
  store.options.read_only = true;
  store.open();
  EXPECT_EQ(store.body(inbox, 1), "kept");
  EXPECT_EQ(store->expunge(inbox, kAll).error().code, Code::kReadOnly);
  EXPECT_EQ(store->stage("default").error().code, Code::kReadOnly);
  EXPECT_EQ(store->channel_put("c", {{"a", "b"}}).error().code, Code::kReadOnly);
  EXPECT_EQ(store->apply(UserUpdate{}).get().error().code, Code::kReadOnly);
  EXPECT_EQ(store->verify({.userid = "alice"})->records, 1u);
}

TEST_P(StoreFaults, VerifyOfTheIndexAloneReadsNoBodies) {
  store.append(store.inbox(), "kept");
  const auto report = store->verify({.depth = MailStore::VerifyOptions::Depth::kIndex});
  EXPECT_EQ(report->problems.size(), 0u);
  EXPECT_EQ(report->bodies, 0u);
  EXPECT_EQ(report->records, 1u);
}

TEST(StoreDisk, ADemotionThatMetAFullDiskIsFinishedByTheNextTerm) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const Term term{store->term().epoch + 1, 7};
  store.memory.fail_writes(Code::kNoSpace);
  EXPECT_FALSE(store->demote(term));
  EXPECT_EQ(store->role(), Role::kReplica);
  store.memory.fail_writes(std::nullopt);
  ASSERT_TRUE(store->follow(term));
  store.open();
  EXPECT_EQ(store->role(), Role::kReplica);
  EXPECT_EQ(store->term(), term);
}

TEST(StoreCrash, WhatWasAnsweredIsThereAfterACrash) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  const std::string large(2 * kBodyChunkBytes + 1, 'x');
  store.append(inbox, large);
  store.append(store.create("Far", "archive"), large);
  store.memory.crash();
  store.open();
  EXPECT_EQ(store.body(inbox, 1), large);
  EXPECT_EQ(store.body(store->find(MailboxName{"alice", "Far"})->id, 1), large);
  store.expect_sound();
}

TEST(StoreCrash, StagesThatNoTransactionTookAreFreed) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const std::string large(2 * kBodyChunkBytes + 1, 'x');
  {
    const StagedBody dropped = store.stage(large);
    BodyWriter half = store->stage("archive").value();
    ASSERT_TRUE(half.append(large));
    store.expect_sound();
  }
  store.expect_sound();
  auto lost = std::make_unique<StagedBody>(store.stage(large));
  store.append(store.inbox(), "syncs what came before");
  store.memory.crash();
  lost.reset();
  store.open();
  store.expect_sound();
  EXPECT_EQ(store->verify({})->bodies, 1u);
}

TEST(StoreDisk, AFullDiskRefusesUntilThereIsRoomAgain) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  store.append(inbox, "before");
  const Digest before = store->digest();
  store.memory.fail_writes(Code::kNoSpace);
  const auto full = store->store_flags(inbox, kAll, FlagOp::kAdd, flag_names({"\\Seen"}));
  EXPECT_EQ(full.error().code, Code::kNoSpace);
  store.clock.advance_s(2);
  EXPECT_EQ(store->create({.name = {"alice", "x"}}).error().code, Code::kNoSpace);
  EXPECT_EQ(store->digest(), before);
  EXPECT_EQ(store.flags(inbox, 1), "");
  store.memory.fail_writes(std::nullopt);
  EXPECT_TRUE(store->store_flags(inbox, kAll, FlagOp::kAdd, flag_names({"\\Seen"})));
  EXPECT_EQ(store.info(inbox).highestmodseq, ModSeq(3));
  EXPECT_EQ(store.flags(inbox, 1), "\\Seen");
  store.expect_sound();
}

TEST(StoreDisk, ADiskThatFailedTakesNoWriteUntilOpenedAnew) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  store.memory.fail_writes(Code::kIo);
  EXPECT_EQ(store->create({.name = {"alice", "x"}}).error().code, Code::kIo);
  store.memory.fail_writes(std::nullopt);
  EXPECT_EQ(store->create({.name = {"alice", "x"}}).error().code, Code::kIo);
  EXPECT_EQ(store.info(store.inbox()).exists, 0u);
  store.open();
  EXPECT_TRUE(store->create({.name = {"alice", "x"}}));
  store.expect_sound();
}

TEST(StoreDisk, AnotherFormatIsNamedAndRefused) {
  TestStore store(On::kMemory);
  store.store.reset();
  {
    const auto engine = store.memory.open(store.options.path, EngineOpener::Mode::kCreate).value();
    EngineBatch batch;
    batch.push_back({Table::kIndex, "v", std::string("\x63", 1)});
    ASSERT_TRUE(engine->write(batch, Engine::Durability::kSynced));
  }
  const auto opened = MailStore::open(store.options);
  ASSERT_EQ(opened.error().code, Code::kUnsupported);
  EXPECT_EQ(opened.error().text,
            "the store has format 99, this program needs " + std::to_string(kFormatVersion));
}

class OldFormat : public testing::TestWithParam<char> {
 public:
  /// Until version 5 rows of mailboxes and users did not say where their journal entries are, and
  /// the changes index had the last page too.
  static void put_as_format_5(const Engine& engine, EngineBatch& batch) {
    const auto scan = [&](std::string prefix, const auto& visit) {
      const auto cursor = engine.scan(Table::kIndex, prefix, key::end_of(prefix));
      for (; cursor->valid(); cursor->next()) visit(cursor->key(), cursor->value());
    };
    const auto put_without_journal = [&](std::string_view row_key, std::string_view value,
                                         JournalSeq journal) {
      std::string number;
      put_varint(number, journal.value);
      ASSERT_TRUE(value.ends_with(number));
      value.remove_suffix(number.size());
      batch.push_back({Table::kIndex, std::string(row_key), std::string(value)});
    };
    scan("m", [&](std::string_view row_key, std::string_view value) {
      const UniqueId id = UniqueId::from_key(row_key.substr(1));
      put_without_journal(row_key, value, MailboxRow::decode(id, value).value().journal);
    });
    scan("u", [&](std::string_view row_key, std::string_view value) {
      put_without_journal(row_key, value,
                          UserRow::decode(row_key.substr(1), value).value().journal);
    });
    scan("j", [&](std::string_view row_key, std::string_view entity) {
      batch.push_back({Table::kIndex, "e" + std::string(entity), std::string(row_key.substr(1))});
    });
    scan("p", [&](std::string_view row_key, std::string_view value) {
      const UniqueId id = UniqueId::from_key(row_key.substr(1, 16));
      const auto page = Page::decode(get_be32(row_key.substr(17)), value).value();
      batch.push_back({Table::kIndex, key::change(id, page.max_modseq, page.number), ""});
    });
  }
  static void make_format_5(TestStore& store) {
    store.store.reset();
    const auto engine = store.memory.open(store.options.path, EngineOpener::Mode::kCreate).value();
    std::string meta = engine->get(Table::kIndex, key::kMeta).value().value();
    meta[0] = 5;
    EngineBatch batch = {{Table::kIndex, std::string(key::kMeta), meta}};
    put_as_format_5(*engine, batch);
    ASSERT_TRUE(engine->write(batch, Engine::Durability::kSynced));
  }
};
INSTANTIATE_TEST_SUITE_P(All, OldFormat, testing::Values(3, 4, 5));

TEST_P(OldFormat, IsOpenedAndFromThenOnOfThisOne) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  const std::string text = "Subject: x\r\n\r\n" + std::string(5000, 'y');
  store.append(inbox, text);
  store.store.reset();
  const auto engine = [&] {
    return store.memory.open(store.options.path, EngineOpener::Mode::kCreate).value();
  };
  const auto meta = [&] { return engine()->get(Table::kIndex, key::kMeta).value().value(); };
  // Version 3 wrote bodies as they are, and no summaries; version 4 made zstd frames of all.
  const bool has_summaries = GetParam() > 3;
  {
    std::string old = meta();
    old[0] = GetParam();
    const Guid guid{sha256(text)};
    EngineBatch batch;
    batch.push_back({Table::kIndex, std::string(key::kMeta), old});
    const std::string body = has_summaries ? std::string(1, kBodyPacked) + packed(text)
                                           : std::string(1, kBodyInline) + text;
    batch.push_back({Table::kBody, std::string(guid.view()), body});
    if (!has_summaries) batch.push_back({Table::kIndex, key::summary(guid), std::nullopt});
    put_as_format_5(*engine(), batch);
    ASSERT_TRUE(engine()->write(batch, Engine::Durability::kSynced));
  }
  store.options.read_only = true;
  store.open();
  EXPECT_EQ(store.body(inbox, 1), text);
  store.store.reset();
  EXPECT_EQ(meta()[0], GetParam());
  store.options.read_only = false;
  store.open();
  EXPECT_EQ(store.body(inbox, 1), text);
  EXPECT_EQ(store->view(inbox)->summary(Guid{sha256(text)}).value().has_value(), has_summaries);
  ASSERT_TRUE(store->scrub("", UINT64_MAX));
  EXPECT_TRUE(store->view(inbox)->summary(Guid{sha256(text)}).value());
  store.expect_sound();
  const ModSeq before = store.info(inbox).highestmodseq;
  const UidSet one = UidSet::of(Uid(1), Uid(1));
  ASSERT_TRUE(store->store_flags(inbox, one, FlagOp::kAdd, flag_names({"\\Seen"})));
  EXPECT_EQ(store->view(inbox)->changes_since(before).value().size(), 1u);
  store.expect_sound();
  EXPECT_EQ(store->journal_since(JournalSeq(), SIZE_MAX)->size(), 2u);
  store.store.reset();
  EXPECT_EQ(meta()[0], static_cast<char>(kFormatVersion));
}

TEST(Format5, MailboxesOfManyPagesBecomeOfThisOneAsTheyAreWritten) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  const UniqueId other = store.create("Other");
  for (const UniqueId& id : {inbox, other})
    while (store.info(id).last_uid < Uid(kPageUids)) store.append(id, "one");
  const ModSeq old = store.info(inbox).highestmodseq;
  OldFormat::make_format_5(store);
  store.options.read_only = true;
  store.open();
  EXPECT_EQ(store->view(inbox)->changes_since(ModSeq(old.value - 1)).value().size(), 1u);
  store.expect_sound();
  store.options.read_only = false;
  store.open();
  store.expect_sound();
  // The last page of one as it was, that of the other no longer the last one.
  const UidSet one = UidSet::of(Uid(1), Uid(1));
  ASSERT_TRUE(store->store_flags(inbox, one, FlagOp::kAdd, flag_names({"\\Seen"})));
  store.expect_sound();
  EXPECT_EQ(store->view(inbox)->changes_since(old).value().size(), 1u);
  EXPECT_EQ(store->view(inbox)->changes_since(ModSeq(old.value - 1)).value().size(), 2u);
  while (store.info(other).last_uid < Uid(2 * kPageUids)) store.append(other, "one");
  store.expect_sound();
  EXPECT_EQ(store->view(other)->changes_since(old).value().size(), kPageUids);
  EXPECT_EQ(store->journal_since(JournalSeq(), SIZE_MAX)->size(), 3u);
}

/// Changes rows behind the store's back; verify must tell.
class Damaged : public testing::Test {
 protected:
  Damaged() : store(On::kMemory) {
    EXPECT_TRUE(store->create_user("alice", {{"a", "b"}}));
    inbox = store.inbox();
    store.append(inbox, "one");
    store.append(inbox, std::string(kBodyChunkBytes + 1, 'x'));
    store.store.reset();
  }
  /// The first key of the table that starts with `prefix` gets `value`, or goes.
  void damage(Table table, std::string_view prefix, std::optional<std::string> value) {
    const auto engine = store.memory.open(store.options.path, EngineOpener::Mode::kCreate).value();
    const auto cursor = engine->scan(table, std::string(prefix), std::string(prefix) + "\xff\xff");
    ASSERT_TRUE(cursor->valid());
    EngineBatch batch;
    batch.push_back({table, std::string(cursor->key()), std::move(value)});
    ASSERT_TRUE(engine->write(batch, Engine::Durability::kSynced));
  }
  void put(Table table, std::string row_key, std::string value) {
    const auto engine = store.memory.open(store.options.path, EngineOpener::Mode::kCreate).value();
    EngineBatch batch;
    batch.push_back({table, std::move(row_key), std::move(value)});
    ASSERT_TRUE(engine->write(batch, Engine::Durability::kSynced));
  }
  std::string problems() {
    store.open();
    std::string out;
    const auto report = store->verify({}).value();
    for (const MailStore::Problem& problem : report.problems) out += problem.invariant + " ";
    return out;
  }
  TestStore store;
  UniqueId inbox;
};

TEST_F(Damaged, AMissingFactIsFound) {
  damage(Table::kIndex, "r", std::nullopt);
  EXPECT_NE(problems().find("I1"), std::string::npos);
}
TEST_F(Damaged, AMissingPageIsFound) {
  damage(Table::kIndex, "p", std::nullopt);
  EXPECT_NE(problems().find("I10"), std::string::npos);
}
TEST_F(Damaged, ABadPageIsFound) {
  damage(Table::kIndex, "p", "\xff");
  EXPECT_NE(problems().find("format"), std::string::npos);
}
TEST_F(Damaged, AMissingChangesRowIsFound) {
  store.open();
  while (store.info(inbox).last_uid < Uid(kPageUids)) store.append(inbox, "more");
  EXPECT_EQ(problems(), "");
  store.store.reset();
  damage(Table::kIndex, "s", std::nullopt);
  EXPECT_EQ(problems(), "changes ");
}
TEST_F(Damaged, AChangesRowOfTheLastPageIsFound) {
  put(Table::kIndex, key::change(inbox, ModSeq(2), 0), "");
  EXPECT_EQ(problems(), "changes ");
}
TEST_F(Damaged, AStaleJournalEntryIsFound) {
  put(Table::kIndex, key::journal(JournalSeq(3)), key::encode(key::Entity(inbox)));
  EXPECT_EQ(problems(), "journal ");
}
TEST_F(Damaged, APlaceOfAnEntryThatItsMailboxSaysItselfIsFound) {
  put(Table::kIndex, key::entity(key::Entity(inbox)), std::string(8, '\0'));
  EXPECT_EQ(problems(), "journal ");
}
TEST_F(Damaged, AMissingLinkIsFound) {
  damage(Table::kIndex, "l", std::nullopt);
  EXPECT_NE(problems().find("links"), std::string::npos);
}
TEST_F(Damaged, AMissingBodyIsFound) {
  const Guid guid{sha256("one")};
  damage(Table::kBody, guid.view(), std::nullopt);
  EXPECT_EQ(problems(), "I9 ");
}
TEST_F(Damaged, AnotherBodyIsFound) {
  const Guid guid{sha256("one")};
  damage(Table::kBody, guid.view(), std::string("\0two", 4));
  EXPECT_EQ(problems(), "I9 ");
}
TEST_F(Damaged, ASummaryOfAnotherMessageIsFound) {
  damage(Table::kIndex, key::kSummaries, summarize("Subject: two\r\n\r\n"));
  EXPECT_EQ(problems(), "summary ");
}
TEST_F(Damaged, ASummaryOfAnotherVersionIsAsGoodAsNone) {
  damage(Table::kIndex, key::kSummaries, "\xff and whatever");
  EXPECT_EQ(problems(), "");
  EXPECT_FALSE(store->view(inbox)->summary(Guid{sha256("one")}).value());
}
TEST_F(Damaged, ASummaryOfNoBodyIsFound) {
  put(Table::kIndex, key::summary(Guid{sha256("nobody's")}), "x");
  EXPECT_EQ(problems(), "orphan ");
}
TEST_F(Damaged, AnItemChangedBehindItsDigestIsFound) {
  damage(Table::kIndex, "i", std::string("\1\0c", 3));
  EXPECT_EQ(problems(), "digest ");
}
TEST_F(Damaged, AMissingNameIsFound) {
  damage(Table::kIndex, "n", std::nullopt);
  EXPECT_EQ(problems(), "names ");
}
TEST_F(Damaged, AMissingJournalEntryIsFound) {
  damage(Table::kIndex, "j", std::nullopt);
  EXPECT_EQ(problems(), "journal ");
}

TEST(StoreThreads, BeyondTheQueueATransactionIsRefused) {
  TestStore store(On::kMemory, Role::kReplica);
  std::latch may_go(1);
  ASSERT_TRUE(store
                  ->apply(UserUpdate{.userid = "alice",
                                     .from = {},
                                     .to = ModSeq(1),
                                     .created_s = 1,
                                     .deleted_s = 0,
                                     .items = {}})
                  .get());
  const Watch watch = store->watch_all([&](const Published&) { may_go.wait(); });
  UserUpdate update{
      .userid = "alice", .from = {}, .to = ModSeq(1), .created_s = 1, .deleted_s = 0, .items = {}};
  std::vector<std::future<Result<MailStore::Applied>>> under_way;
  for (size_t i = 0; i < Committer::kQueuedMax + 2 * Committer::kBatchRequestsMax; ++i) {
    update.from = update.to;
    update.to = next(update.to);
    under_way.push_back(store->apply(update));
  }
  may_go.count_down();
  size_t busy = 0;
  size_t done = 0;
  for (auto& one : under_way) {
    const auto applied = one.get();
    if (applied)
      ++done;
    else
      busy += applied.error().code == Code::kBusy ? 1 : 0;
  }
  EXPECT_GE(done, Committer::kQueuedMax);
  EXPECT_GE(busy, 1u);
}

// The thread may just have its turn, for bodies that were let go; so not each of them is.
TEST(StoreThreads, WhoWaitsCommits) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  std::mutex mutex;
  std::map<std::thread::id, int> told;
  const Watch watch = store->watch_all([&](const Published&) {
    const std::lock_guard lock(mutex);
    ++told[std::this_thread::get_id()];
  });
  for (int i = 0; i < 100; ++i) store.append(inbox, std::to_string(i));
  const int own = told[std::this_thread::get_id()];
  EXPECT_GT(own, 0);
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(store
                    ->begin_delivery({{.append = MailStore::Append{.mailbox = inbox,
                                                                   .body = store.stage("x"),
                                                                   .flags = {}}}})
                    .get());
  EXPECT_EQ(told[std::this_thread::get_id()], own);
}

TEST(StoreThreads, ManyAtOnceLeaveASoundStore) {
  TestStore store(On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  const UniqueId other = store.create("Other");
  std::atomic<uint64_t> told = 0;
  const Watch watch = store->watch_all([&](const Published&) { ++told; });
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) {
        store.append(inbox, std::to_string(thread) + " " + std::to_string(i % 7));
        EXPECT_TRUE(store->store_flags(inbox, kAll, i % 2 == 0 ? FlagOp::kAdd : FlagOp::kRemove,
                                       flag_names({"\\Seen"})));
        EXPECT_TRUE(store->copy(inbox, UidSet::of(Uid(1), Uid(3)), other, MailStore::Keep::kCopy));
        const MailboxView view = store->view(inbox).value();
        EXPECT_EQ(view.uids()->size(), view.info().exists);
        const Watch brief = store->watch(inbox, [&](const Published&) { ++told; });
        const std::array guids = {Guid{sha256("0 1")}};
        EXPECT_TRUE(store->reserve("default", guids));
      }
    });
  threads.clear();
  EXPECT_EQ(store.info(inbox).exists, 200u);
  EXPECT_GE(store.info(other).exists, 4u * 49 * 3);  // only first copies may find fewer messages
  EXPECT_GT(told.load(), 0u);
  store.expect_sound();
}

}  // namespace
}  // namespace gemel
