// What the index names is at least what holds a text, whatever happens to it and to the store.

#include "store/text_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/random.h"
#include "mail/text.h"
#include "store/store_fixture.h"
#include "store/text_indexer.h"

namespace gemel {
namespace {

constexpr UniqueId kMailbox{.origin = 7, .number = 1};
constexpr UniqueId kOther{.origin = 7, .number = 2};
constexpr uint64_t kFast = 1 << 30;

std::unique_ptr<TextIndex> open_index(EngineOpener& opener) {
  return TextIndex::open(opener, "/text-index").value();
}

std::string random_text(SeededRandom& random, size_t size) {
  std::string out;
  while (out.size() < size) out += static_cast<char>('A' + random.u64() % 6);
  return out;
}

TEST(TextIndex, NamesAllThatHoldATextAndFewOthers) {
  SeededRandom random(3);
  MemoryOpener disk;
  const auto index = open_index(disk);
  std::vector<std::string> texts{""};
  for (uint32_t first = 1; first <= 600; first += 200) {
    TextBatch batch;
    for (uint32_t uid = first; uid < first + 200; ++uid) {
      texts.push_back(random_text(random, random.u64() % 60));
      batch.begin_message(Uid(uid));
      batch.add_text(texts.back());
    }
    ASSERT_TRUE(index->add(kMailbox, batch, Uid(first + 199)));
  }
  size_t named = 0;
  size_t held = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string key = random_text(random, 3 + random.u64() % 20);
    const auto found = index->look(kMailbox, key).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->covered, Uid(600));
    for (uint32_t uid = 1; uid <= 600; ++uid) {
      const bool is_named = found->may_hold.contains(Uid(uid));
      if (texts[uid].contains(key)) {
        ASSERT_TRUE(is_named) << key << " in " << texts[uid];
        ++held;
      }
      named += is_named ? 1 : 0;
    }
  }
  EXPECT_GT(held, 100);
  EXPECT_LT(named, 300 * 600 / 4);
}

TEST(TextIndex, SaysNothingOfShortTextsAndUnknownMailboxes) {
  MemoryOpener disk;
  const auto index = open_index(disk);
  TextBatch batch;
  batch.begin_message(Uid(5));
  batch.add_text("ABCD");
  batch.add_text("EF");
  ASSERT_TRUE(index->add(kMailbox, batch, Uid(9)));
  EXPECT_FALSE(index->look(kMailbox, "AB").value());
  EXPECT_FALSE(index->look(kOther, "ABC").value());
  EXPECT_EQ(index->look(kMailbox, "BCD").value()->may_hold, UidSet::of(Uid(5), Uid(5)));
  EXPECT_TRUE(index->look(kMailbox, "XYZ").value()->may_hold.empty());
  // Texts of one message are not one text.
  EXPECT_TRUE(index->look(kMailbox, "CDEF").value()->may_hold.empty());
}

TEST(TextIndex, NamesWhatCouldNotBeReadForEveryText) {
  MemoryOpener disk;
  const auto index = open_index(disk);
  TextBatch batch;
  batch.begin_message(Uid(1));
  batch.add_text("ABC");
  batch.add_unknown(Uid(2));
  ASSERT_TRUE(index->add(kMailbox, batch, Uid(2)));
  EXPECT_EQ(index->look(kMailbox, "XYZ").value()->may_hold, UidSet::of(Uid(2), Uid(2)));
}

TEST(TextIndex, ForgetsAMailboxInPieces) {
  MemoryOpener disk;
  const auto index = open_index(disk);
  for (const UniqueId& mailbox : {kMailbox, kOther}) {
    TextBatch batch;
    batch.begin_message(Uid(1));
    batch.add_text("ABCDEFGHIJ");
    ASSERT_TRUE(index->add(mailbox, batch, Uid(1)));
  }
  EXPECT_EQ(index->mailboxes(UniqueId(), 10).value(), (std::vector<UniqueId>{kMailbox, kOther}));
  EXPECT_EQ(index->mailboxes(kMailbox, 10).value(), std::vector<UniqueId>{kOther});
  EXPECT_FALSE(index->forget(kMailbox, index->cover_of(kMailbox).value(), 3).value());
  EXPECT_FALSE(index->look(kMailbox, "ABC").value());
  while (!index->forget(kMailbox, index->cover_of(kMailbox).value(), 3).value()) {
  }
  EXPECT_EQ(index->mailboxes(UniqueId(), 10).value(), std::vector<UniqueId>{kOther});
  EXPECT_FALSE(index->look(kOther, "ABC").value()->may_hold.empty());
}

TEST(TextIndex, TakesNothingForAMailboxThatIsBeingMended) {
  MemoryOpener disk;
  const auto index = open_index(disk);
  TextBatch batch;
  batch.begin_message(Uid(1));
  batch.add_text("ABC");
  ASSERT_TRUE(index->add(kMailbox, batch, Uid(1)));
  const TextIndex::Cover before = index->cover_of(kMailbox).value();
  ASSERT_TRUE(index->distrust(kMailbox, Digest{.low = 1, .high = 2}));
  EXPECT_FALSE(index->look(kMailbox, "ABC").value());
  EXPECT_EQ(index->add(kMailbox, batch, Uid(1)).error().code, Code::kModified);
  EXPECT_EQ(index->forget(kMailbox, before, 10).error().code, Code::kModified);
  const TextIndex::Cover cover = index->cover_of(kMailbox).value();
  EXPECT_EQ(cover.distrusted, (Digest{.low = 1, .high = 2}));
  EXPECT_TRUE(index->forget(kMailbox, cover, 100).value());
  EXPECT_TRUE(index->add(kMailbox, batch, Uid(1)));
  EXPECT_TRUE(index->look(kMailbox, "ABC").value());
}

TEST(TextIndex, BeginsAnewAfterAnotherVersion) {
  MemoryOpener disk;
  {
    const auto engine = disk.open("/text-index", EngineOpener::Mode::kCreate).value();
    ASSERT_TRUE(engine->write({{.key = "v", .value = "0"}, {.key = "c", .value = "odd"}},
                              Engine::Durability::kSynced));
  }
  const auto index = open_index(disk);
  EXPECT_TRUE(index->mailboxes(UniqueId(), 10).value().empty());
}

class TextIndexerTest : public testing::Test {
 protected:
  TextIndexerTest() {
    EXPECT_TRUE(store->create_user("alice", {}));
    reopen();
  }

  void reopen() {
    index.reset();
    index = open_index(disk);
    store.options.before_mend = [this](const UniqueId& id, const Digest& before) {
      return index->distrust(id, before);
    };
    store.open();
    indexer = std::make_unique<TextIndexer>(*store, *index, kFast);
  }

  /// Steps to the end of a pass.
  void pass() {
    while (indexer->step().value() < TextIndexer::kRestMs) {
    }
  }

  // In one transaction, which is fast.
  void append(size_t count, std::string_view word) {
    std::vector<MailStore::Append> all;
    for (size_t i = 0; i < count; ++i)
      all.push_back({store.inbox(),
                     store.stage(fmt::format("Subject: {} {}\r\n\r\nx", word, ++messages)),
                     {},
                     store.clock.unix_s()});
    ASSERT_TRUE(store->append(std::move(all)));
  }

  UidSet named(std::string_view text) {
    const auto found = index->look(store.inbox(), search_fold(text)).value();
    return found ? found->may_hold : UidSet();
  }
  Uid covered() { return index->cover_of(store.inbox()).value().up_to; }

  size_t messages = 0;
  MemoryOpener disk;
  TestStore store{TestStore::On::kMemory};
  std::unique_ptr<TextIndex> index;
  std::unique_ptr<TextIndexer> indexer;
};

TEST_F(TextIndexerTest, CoversWholeBatches) {
  append(kTextBatchMessages - 1, "early");
  pass();
  EXPECT_EQ(covered(), Uid());
  append(kTextBatchMessages + 1, "late");
  append(3, "beyond");
  pass();
  EXPECT_EQ(covered(), Uid(2 * kTextBatchMessages));
  EXPECT_TRUE(named("EARLY 7\n").contains(Uid(7)));
  EXPECT_LT(named("EARLY 7\n").size(), 20);
  EXPECT_EQ(named("late"), UidSet::of(Uid(kTextBatchMessages), Uid(2 * kTextBatchMessages)));
  const TextIndexStatus status = indexer->status();
  EXPECT_EQ(status.messages, 2 * kTextBatchMessages + 3);
  EXPECT_EQ(status.covered, 2 * kTextBatchMessages);
  EXPECT_EQ(status.bytes_per_s, kFast);
}

TEST_F(TextIndexerTest, ClosesABatchOfLargeMessagesEarly) {
  const std::string large = "Subject: large\r\n\r\n" + std::string(9 << 20, 'x');
  for (int i = 0; i < 3; ++i) store.append(store.inbox(), large + std::to_string(i));
  pass();
  EXPECT_EQ(covered(), Uid(2));
  EXPECT_EQ(named("large"), UidSet::of(Uid(1), Uid(2)));
}

TEST_F(TextIndexerTest, GoesOnAfterACrash) {
  append(kTextBatchMessages, "first");
  pass();
  append(kTextBatchMessages, "second");
  pass();
  EXPECT_EQ(covered(), Uid(2 * kTextBatchMessages));
  disk.crash();  // what was written lazily is lost, the cover with it
  reopen();
  const Uid left = covered();
  EXPECT_LT(left, Uid(2 * kTextBatchMessages));
  pass();
  EXPECT_EQ(covered(), Uid(2 * kTextBatchMessages));
  EXPECT_TRUE(named("first 9\n").contains(Uid(9)));
  EXPECT_LT(named("first 9\n").size(), 20);
}

TEST_F(TextIndexerTest, ClearsMailboxesThatAreGone) {
  append(kTextBatchMessages, "word");
  pass();
  const UniqueId id = store.inbox();
  ASSERT_TRUE(index->look(id, "WORD").value());
  // As for a store that was made anew beside the old index.
  store.options.path += "-new";
  reopen();
  pass();
  EXPECT_TRUE(index->mailboxes(UniqueId(), 10).value().empty());
  EXPECT_FALSE(index->look(id, "WORD").value());
}

TEST_F(TextIndexerTest, NamesWhatTheDiskLostForItMayComeBack) {
  append(kTextBatchMessages, "word");
  const Guid lost{sha256("Subject: word 3\r\n\r\nx")};
  store.memory.rot(store.options.path, {Table::kBody, std::string(lost.view()), std::nullopt});
  pass();
  EXPECT_EQ(covered(), Uid(kTextBatchMessages));
  EXPECT_EQ(named("something else"), UidSet::of(Uid(3), Uid(3)));
}

TEST_F(TextIndexerTest, BeginsAnewWhereAMendPutsAnotherBodyAtAUid) {
  append(kTextBatchMessages, "word");
  pass();
  const UniqueId inbox = store.inbox();
  const StagedBody body = store.stage("Subject: replaced\r\n\r\nx");
  MailboxUpdate update = store.mend_of(inbox);
  update.to = next(update.from);
  update.items.push_back(AppendItem{.uid = Uid(3),
                                    .modseq = update.to,
                                    .created_modseq = update.to,
                                    .flags = {},
                                    .guid = body.guid(),
                                    .size = body.size(),
                                    .crlf_growth = body.crlf_growth()});
  const auto done = store->merge({update}, {body}).get();
  ASSERT_TRUE(done) << done.error().text;
  // Nothing that was known of it is trusted.
  EXPECT_FALSE(index->look(inbox, "WORD").value());
  pass();
  EXPECT_EQ(named("replaced"), UidSet::of(Uid(3), Uid(3)));
  EXPECT_FALSE(named("word 3\n").contains(Uid(3)));
}

TEST_F(TextIndexerTest, WaitsForAMendThatIsStillToCome) {
  append(kTextBatchMessages, "word");
  pass();
  const MailboxInfo info = store.info(store.inbox());
  ASSERT_TRUE(index->distrust(info.id, info.digest));
  pass();
  EXPECT_EQ(covered(), Uid());
  append(1, "changed");
  pass();
  EXPECT_EQ(covered(), Uid(kTextBatchMessages));
}

TEST_F(TextIndexerTest, ForgetsTheUidsOfAnotherCopyOfTheStore) {
  append(kTextBatchMessages, "word");
  TextBatch later;
  later.begin_message(Uid(9000));
  later.add_text("LATER");
  ASSERT_TRUE(index->add(store.inbox(), later, Uid(9000)));
  pass();
  EXPECT_EQ(covered(), Uid(kTextBatchMessages));
  EXPECT_TRUE(named("later").empty());
}

}  // namespace
}  // namespace gemel
