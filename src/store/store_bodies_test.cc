// Bodies that rot: found by reads and scrubs, marked, told of, brought back.
#include <fstream>

#include "store/lost_notes.h"
#include "store/replica_fixture.h"
#include "store/rows.h"

namespace gemel {
namespace {

using On = TestStore::On;
using LostBody = MailStore::LostBody;

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

Guid guid_of(std::string_view body) { return Guid{sha256(body)}; }

/// Scrubs all in steps of `bytes_max`; the number of bodies read.
uint64_t scrub_all(MailStore& store, uint64_t bytes_max = UINT64_MAX) {
  uint64_t bodies = 0;
  std::string cursor;
  double done = 0;
  do {
    const auto step = store.scrub(cursor, bytes_max);
    EXPECT_TRUE(step);
    if (!step) return bodies;
    EXPECT_LE(step->bodies, MailStore::kScrubBodiesMax);
    EXPECT_GE(step->done, done);
    done = step->done;
    bodies += step->bodies;
    cursor = step->next;
  } while (!cursor.empty());
  EXPECT_EQ(done, 1);
  return bodies;
}

class StoreBodies : public StoreTest {};
GEMEL_ON_BOTH_ENGINES(StoreBodies);

TEST_P(StoreBodies, ASummaryIsWhereItsBodyIsAndGoesWithIt) {
  const UniqueId inbox = store.inbox();
  const UniqueId far = store.create("Far", "archive");
  const std::string text = "Subject: short\r\n\r\nbody";
  const auto subject_in = [&](const UniqueId& mailbox) {
    const auto summary = store->view(mailbox)->summary(guid_of(text)).value();
    return summary ? std::string(summary->header()) : "none";
  };
  store.append(inbox, text);
  EXPECT_EQ(subject_in(inbox), "Subject: short\r\n\r\n");
  EXPECT_EQ(subject_in(far), "none");
  ASSERT_TRUE(store->copy(inbox, kAll, far, MailStore::Keep::kMove));
  EXPECT_EQ(subject_in(far), "Subject: short\r\n\r\n");
  ASSERT_TRUE(store->purge_expunged(inbox, store.info(inbox).highestmodseq));
  EXPECT_EQ(subject_in(inbox), "none");
  store.open();
  EXPECT_EQ(subject_in(far), "Subject: short\r\n\r\n");
  // What has chunks is read instead.
  store.append(inbox, text + std::string(kBodyChunkBytes, 'x'));
  const auto record = store->view(inbox)->record(Uid(2)).value();
  EXPECT_FALSE(store->view(inbox)->summary(record.facts.guid).value());
}

TEST_P(StoreBodies, AScrubReadsEachBodyOnceAndGoesOnAfterARestart) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 50);
  store.append_many(inbox, 50);  // the same bodies
  const UniqueId far = store.create("Far", "archive");
  store.append(far, std::string(kBodyChunkBytes + 1, 'x'));
  store.append(far, "message 0");  // another body in another partition
  EXPECT_EQ(scrub_all(*store), 52u);
  EXPECT_EQ(scrub_all(*store, 100), 52u);
  const auto first = store->scrub("", 100).value();
  EXPECT_LT(first.bodies, 52u);
  store.open();
  uint64_t bodies = first.bodies;
  for (std::string cursor = first.next; !cursor.empty();) {
    const auto step = store->scrub(cursor, 100).value();
    bodies += step.bodies;
    cursor = step.next;
  }
  EXPECT_EQ(bodies, 52u);
  EXPECT_EQ(store->lost_bodies().value(), std::vector<LostBody>());
  EXPECT_EQ(store->scrub("what", 1).error().code, Code::kInvalid);
}

TEST_P(StoreBodies, AScrubOfAnEmptyStoreIsDoneAtOnce) {
  const auto step = store->scrub("", 1).value();
  EXPECT_EQ(step.bodies, 0u);
  EXPECT_EQ(step.next, "");
  EXPECT_EQ(step.done, 1);
}

TEST_P(StoreBodies, OnlyABodyThatARecordHoldsIsRestored) {
  store.append(store.inbox(), "held");
  EXPECT_TRUE(store->restore_body(store.stage("held"), "default"));
  EXPECT_EQ(store->restore_body(store.stage("held"), "archive").error().code, Code::kNotFound);
  EXPECT_EQ(store->restore_body(store.stage("other"), "default").error().code, Code::kNotFound);
  EXPECT_EQ(store->restore_body(store.stage("held"), "none").error().code, Code::kNotFound);
  EXPECT_EQ(store.body(store.inbox(), 1), "held");
}

/// Rot in memory, under the running store.
class Rot : public testing::Test {
 protected:
  Rot() : store(On::kMemory) {
    EXPECT_TRUE(store->create_user("alice", {}));
    inbox = store.inbox();
    store.append(inbox, kSmall);
    store.append(inbox, large);
  }
  ~Rot() override { store.expect_sound(); }

  void rot(std::string_view body, std::optional<std::string> row) {
    store.memory.rot(store.options.path,
                     {Table::kBody, std::string(guid_of(body).view()), std::move(row)});
  }
  /// The last chunk of the large body goes, or becomes another.
  void rot_chunk(std::optional<std::string> bytes) {
    EngineWrite row{Table::kBody, chunk_key(), std::move(bytes)};
    store.memory.rot(store.options.path, std::move(row));
  }
  std::string chunk_key() {
    store.store.reset();
    const auto engine = store.memory.open(store.options.path, EngineOpener::Mode::kCreate).value();
    std::string last;
    const auto rows = engine->scan(Table::kBody, "", std::string(33, '\xff'));
    for (; rows->valid(); rows->next())
      if (rows->key().size() == kStageIdBytes + 4) last = rows->key();
    return last;
  }
  Result<std::string> read(uint32_t uid) {
    const MailboxView view = store->view(inbox).value();
    TRY(const Body body, view.body(view.record(Uid(uid)).value().facts.guid));
    return body.read_all();
  }
  std::vector<LostBody> lost() { return store->lost_bodies().value(); }
  const std::vector<LostBody> kNone;
  const std::vector<LostBody> kSmallIsLost = {{guid_of(kSmall), "default"}};

  static constexpr std::string_view kSmall = "small";
  const std::string large = std::string(kBodyChunkBytes, 'x') + "the second chunk";
  TestStore store;
  UniqueId inbox;
};

TEST_F(Rot, AMissingBodyIsLostOnceItIsReadUntilItIsRestored) {
  rot(kSmall, std::nullopt);
  EXPECT_EQ(lost(), kNone);  // nobody has looked
  EXPECT_EQ(read(1).error().code, Code::kNotFound);
  EXPECT_EQ(lost(), kSmallIsLost);
  store.memory.crash();
  store.open();
  EXPECT_EQ(lost(), kSmallIsLost);
  const std::vector<BodyHolder> holders = {{inbox, Uid(1)}};
  EXPECT_EQ(store->holders(lost()[0], 10).value(), holders);
  ASSERT_TRUE(store->restore_body(store.stage(kSmall), "default"));
  EXPECT_EQ(lost(), kNone);
  store.memory.crash();
  store.open();
  EXPECT_EQ(lost(), kNone);
  EXPECT_EQ(read(1).value(), kSmall);
}

TEST_F(Rot, AReplicasBodyIsRestoredToo) {
  rot(kSmall, std::nullopt);
  ASSERT_TRUE(store->demote());
  EXPECT_FALSE(read(1));
  EXPECT_EQ(lost(), kSmallIsLost);
  ASSERT_TRUE(store->restore_body(store.stage(kSmall), "default"));
  EXPECT_EQ(read(1).value(), kSmall);
  EXPECT_EQ(lost(), kNone);
}

TEST_F(Rot, ALargeBodyWithoutAChunkIsLostAndRestored) {
  rot_chunk(std::nullopt);
  store.open();
  EXPECT_EQ(read(2).error().code, Code::kCorrupt);
  EXPECT_EQ(lost(), (std::vector<LostBody>{{guid_of(large), "default"}}));
  ASSERT_TRUE(store->restore_body(store.stage(large), "default"));
  EXPECT_EQ(lost(), kNone);
  EXPECT_EQ(read(2).value(), large);
}

TEST_F(Rot, BytesThatChangedAreFoundByAScrub) {
  rot(kSmall, std::string("\0smell", 6));
  rot_chunk("The second chunk");
  store.open();
  EXPECT_EQ(read(1).value(), "smell");  // no read hashes
  const auto scrubbed = store->scrub("", UINT64_MAX).value();
  EXPECT_EQ(scrubbed.bodies, 2u);
  EXPECT_EQ(scrubbed.bytes, kSmall.size() + large.size());
  EXPECT_EQ(scrubbed.lost.size(), 2u);
  EXPECT_EQ(lost().size(), 2u);
  ASSERT_TRUE(store->restore_body(store.stage(large), "default"));
  ASSERT_TRUE(store->restore_body(store.stage(kSmall), "default"));
  EXPECT_EQ(lost(), kNone);
  EXPECT_EQ(read(1).value(), kSmall);
  EXPECT_EQ(read(2).value(), large);
}

TEST_F(Rot, ABodyThatIsWellAgainIsNotLostAnyMore) {
  rot(kSmall, std::nullopt);
  scrub_all(*store);
  EXPECT_EQ(lost(), kSmallIsLost);
  rot(kSmall, std::string("\0small", 6));  // the cable was loose
  scrub_all(*store);
  EXPECT_EQ(lost(), kNone);
}

TEST_F(Rot, ANewMessageWithTheSameBodyBringsItBack) {
  rot(kSmall, std::string("\0smell", 6));
  scrub_all(*store);
  store.append(inbox, kSmall);
  EXPECT_EQ(lost(), kNone);
  EXPECT_EQ(read(1).value(), kSmall);
}

TEST_F(Rot, ALostBodyIsNotSaidToBeHeld) {
  rot(kSmall, std::nullopt);
  scrub_all(*store);
  const std::array guids = {guid_of(kSmall), guid_of(large)};
  EXPECT_EQ(store->reserve("default", guids).value().held, std::vector<Guid>{guid_of(large)});
  ASSERT_TRUE(store->restore_body(store.stage(kSmall), "default"));
}

TEST_F(Rot, AnUpdateThatNamesALostBodyIsToldThatItIsMissing) {
  TestReplica replica(On::kMemory);
  replica.catch_up(store);
  replica.store.memory.rot(replica.store.options.path,
                           {Table::kBody, std::string(guid_of(kSmall).view()), "\1"});
  scrub_all(*replica.store);
  EXPECT_EQ(replica.store->lost_bodies().value(), kSmallIsLost);
  store.append(inbox, kSmall);
  replica.catch_up(store);  // asks for what is missing, and brings it
  EXPECT_EQ(replica.store->lost_bodies().value(), kNone);
  replica.expect_equal(store);
  replica.store.expect_sound();
}

TEST_F(Rot, WhenNothingHoldsALostBodyItIsForgotten) {
  rot(kSmall, std::nullopt);
  rot_chunk(std::nullopt);
  store.open();
  scrub_all(*store);
  EXPECT_EQ(lost().size(), 2u);
  ASSERT_TRUE(store->expunge(inbox, kAll));
  EXPECT_EQ(lost().size(), 2u);  // kept messages can come back
  ASSERT_TRUE(store->purge_expunged(inbox, store.info(inbox).highestmodseq));
  EXPECT_EQ(lost(), kNone);
}

// Mail must be able to leave a disk that fails.
TEST_F(Rot, AMoveToAnotherPartitionTakesLostBodiesAlong) {
  rot(kSmall, std::nullopt);
  rot_chunk(std::nullopt);
  store.open();
  store.append(inbox, "well");
  ASSERT_TRUE(store->rename({"alice", "INBOX"}, {"alice", "INBOX"}, "archive"));
  EXPECT_EQ(store.body(inbox, 3), "well");
  EXPECT_EQ(lost().size(), 2u);
  for (const LostBody& body : lost()) EXPECT_EQ(body.partition, "archive");
  ASSERT_TRUE(store->restore_body(store.stage(kSmall), "archive"));
  ASSERT_TRUE(store->restore_body(store.stage(large, "archive"), "archive"));
  EXPECT_EQ(lost(), kNone);
  EXPECT_EQ(read(1).value(), kSmall);
  EXPECT_EQ(read(2).value(), large);
}

TEST_F(Rot, ACopyFromAnotherPartitionBringsBackWhatWasLost) {
  const UniqueId far = store.create("Far", "archive");
  ASSERT_TRUE(store->copy(inbox, kAll, far, MailStore::Keep::kCopy));
  rot(kSmall, std::nullopt);
  scrub_all(*store);
  EXPECT_EQ(lost(), kSmallIsLost);
  ASSERT_TRUE(store->copy(far, UidSet::of(Uid(1), Uid(1)), inbox, MailStore::Keep::kCopy));
  EXPECT_EQ(lost(), kNone);
  EXPECT_EQ(read(1).value(), kSmall);
}

TEST_F(Rot, AFullDiskMarksButDoesNotRestore) {
  rot(kSmall, std::nullopt);
  store.memory.fail_writes(Code::kNoSpace);
  EXPECT_FALSE(read(1));
  EXPECT_TRUE(store->lost_bodies());  // not to be marked now
  store.memory.fail_writes(std::nullopt);
  const StagedBody body = store.stage(kSmall);
  store.memory.fail_writes(Code::kNoSpace);
  store.clock.advance_s(10);
  EXPECT_EQ(store->restore_body(body, "default").error().code, Code::kNoSpace);
  store.memory.fail_writes(std::nullopt);
  EXPECT_FALSE(read(1));
  EXPECT_EQ(lost(), kSmallIsLost);
  ASSERT_TRUE(store->restore_body(body, "default"));
}

TEST_F(Rot, ReadersOfAStoppedStoreMarkNothing) {
  rot(kSmall, std::nullopt);
  store.options.read_only = true;
  store.open();
  EXPECT_FALSE(read(1));
  EXPECT_EQ(lost(), kNone);
  EXPECT_EQ(store->scrub("", 1).error().code, Code::kReadOnly);
  store.options.read_only = false;
  store.open();
  ASSERT_TRUE(store->restore_body(store.stage(kSmall), "default"));
}

TEST_F(Rot, VerifyNotesWhatIsLostAndGoesOn) {
  rot(kSmall, std::string("\0smell", 6));
  rot_chunk(std::nullopt);
  store.open();
  const auto report = store->verify({}).value();
  ASSERT_EQ(report.problems.size(), 2u);
  EXPECT_EQ(report.problems[0].invariant, "I9");
  EXPECT_EQ(report.problems[1].invariant, "I9");
  EXPECT_EQ(lost().size(), 2u);
  ASSERT_TRUE(store->restore_body(store.stage(kSmall), "default"));
  EXPECT_EQ(store->verify({.userid = "alice"})->problems.size(), 1u);
  ASSERT_TRUE(store->restore_body(store.stage(large), "default"));
}

// R36: a tool lists what takes space for nothing.
TEST_F(Rot, VerifyListsBodiesAndChunksThatNothingNames) {
  const std::string stray(sizeof(Guid::bytes), 's');
  const std::string chunk(kStageIdBytes + 4, '\0');
  store.memory.rot(store.options.path, {Table::kBody, stray, std::string("\0stray", 6)});
  store.memory.rot(store.options.path + "_archive", {Table::kBody, chunk, "bytes"});
  const auto report = store->verify({}).value();
  ASSERT_EQ(report.problems.size(), 2u);
  EXPECT_EQ(report.problems[0].invariant, "orphan");
  EXPECT_EQ(report.problems[0].where, "body " + Guid::from_view(stray).text());
  EXPECT_EQ(report.problems[1].invariant, "orphan");
  store.memory.rot(store.options.path, {Table::kBody, stray, std::nullopt});
  store.memory.rot(store.options.path + "_archive", {Table::kBody, chunk, std::nullopt});
}

TEST_F(Rot, MoreThanOneAnswerTakesAreToldInPortions) {
  std::vector<MailStore::Append> messages;
  for (size_t i = 0; i < MailStore::kLostBodiesMax; ++i)
    messages.push_back({inbox, store.stage(std::to_string(i)), {}, 1});
  ASSERT_TRUE(store->append(messages));
  for (size_t i = 0; i < MailStore::kLostBodiesMax; ++i) rot(std::to_string(i), std::nullopt);
  rot(kSmall, std::nullopt);
  scrub_all(*store);
  std::vector<LostBody> first = lost();
  EXPECT_EQ(first.size(), MailStore::kLostBodiesMax);
  EXPECT_EQ(store->lost_bodies(first.back())->size(), 1u);
  EXPECT_EQ(store->lost_bodies({}, 3)->size(), 3u);
  ASSERT_TRUE(store->expunge(inbox, kAll));
  ASSERT_TRUE(store->purge_expunged(inbox, store.info(inbox).highestmodseq));
  EXPECT_EQ(lost(), kNone);
}

TEST(LostNotes, AreBounded) {
  LostNotes notes;
  size_t told = 0;
  notes.on_note([&] { ++told; });
  for (uint32_t i = 0; i < LostNotes::kNotesMax + 10; ++i) notes.add({i, {}});
  notes.add({0, {}});  // known
  EXPECT_EQ(told, LostNotes::kNotesMax);
  EXPECT_EQ(notes.take(10).size(), 10u);
  EXPECT_EQ(notes.take(SIZE_MAX).size(), LostNotes::kNotesMax - 10);
  EXPECT_FALSE(notes.any());
}

/// Files of RocksDB that rot while the store is closed.
class RotOnDisk : public testing::Test {
 protected:
  RotOnDisk() : store(On::kRocksDb) {
    EXPECT_TRUE(store->create_user("alice", {}));
    far = store.create("Far", "archive");
    store.append(far, body);
    store.append(far, "small");
    store.open();  // what was in the log is in files now
    store.store.reset();
  }
  ~RotOnDisk() override { store.expect_sound(); }
  std::filesystem::path blob_file() {
    for (const auto& entry : std::filesystem::directory_iterator(store.options.path + "_archive"))
      if (entry.path().extension() == ".blob") return entry.path();
    ADD_FAILURE() << "no blob file";
    return {};
  }
  void expect_found_and_restored() {
    store.open();
    const auto report = store->verify({}).value();
    ASSERT_EQ(report.problems.size(), 1u);
    EXPECT_EQ(report.problems[0].invariant, "I9");
    EXPECT_EQ(scrub_all(*store), 2u);
    const std::vector<LostBody> lost = {{guid_of(body), "archive"}};
    EXPECT_EQ(store->lost_bodies().value(), lost);
    store.open();
    EXPECT_EQ(store->lost_bodies().value(), lost);
    const MailboxView view = store->view(far).value();
    EXPECT_EQ(view.body(guid_of(body)).error().code, Code::kCorrupt);
    ASSERT_TRUE(store->restore_body(store.stage(body, "archive"), "archive"));
    EXPECT_EQ(store->lost_bodies().value(), std::vector<LostBody>());
    EXPECT_EQ(store.body(far, 1), body);
    EXPECT_EQ(store.body(far, 2), "small");
  }
  std::string body = [] {
    std::string out;
    for (int i = 0; out.size() < 10'000; ++i) out += std::to_string(i * i) + " ";
    return out;
  }();
  TestStore store;
  UniqueId far;
};

TEST_F(RotOnDisk, AFlippedBitInABlobFileIsFoundAndTheBodyRestored) {
  std::fstream file(blob_file(), std::ios::in | std::ios::out | std::ios::binary);
  const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(blob_file()) / 2);
  file.seekg(middle);
  const int byte = file.get();
  file.seekp(middle);
  file.put(static_cast<char>(byte ^ 1));
  file.close();
  expect_found_and_restored();
}

TEST_F(RotOnDisk, AMissingBlobFileIsFoundAndTheBodyRestored) {
  std::filesystem::remove(blob_file());
  expect_found_and_restored();
}

}  // namespace
}  // namespace gemel
