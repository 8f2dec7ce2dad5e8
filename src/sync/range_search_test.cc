#include "sync/range_search.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "sync/test_link.h"

namespace gemel::sync {
namespace {

// A replica that differs from its primary at equal numbers.
class RangeSearchTest : public LinkFixture {
 protected:
  RangeSearchTest() { inbox = primary.inbox(); }

  void begin(size_t messages) {
    for (size_t left = messages; left > 0; left -= std::min(left, kAtOnce))
      primary.append_many(inbox, std::min(left, kAtOnce));
    link.connect();
    ASSERT_TRUE(link.sync().result);
    link.expect_in_step();
  }
  // Behind everyone's back: no modseq tells of it.
  void damage(const UidSet& uids, FlagNames flags) {
    damage(StoreItem{.uids = uids, .modseq = replica.info(inbox).highestmodseq, .flags = flags});
  }
  void damage(ChangeItem item) {
    MailboxUpdate update = replica.mend_of(inbox);
    update.items.push_back(std::move(item));
    ASSERT_TRUE(replica->apply(std::move(update), {}).get());
    ASSERT_NE(replica.info(inbox).digest, primary.info(inbox).digest);
  }
  // The digest that is said in login tells that they differ.
  SyncReport mend() {
    link.disconnect("to meet again");
    link.connect();
    link.traffic = {};
    SyncReport report = link.sync();
    EXPECT_TRUE(report.result) << report.result.error().text;
    link.expect_in_step();
    return report;
  }
  size_t said(std::string_view command) {
    size_t count = 0;
    for (size_t at = said_.find(command); at != said_.npos; at = said_.find(command, at + 1))
      ++count;
    return count;
  }
  void listen() {
    said_.clear();
    link.on_bytes = [this](char, std::string_view bytes) { said_ += bytes; };
  }

  static constexpr size_t kAtOnce = 20'000;
  UniqueId inbox;
  std::string said_;
};

// GEMEL_RANGE_MESSAGES says of how many; scripts/test-long takes a million.
TEST_F(RangeSearchTest, OneRecordOfManyIsFoundInFewTurnsAndBytes) {
  const char* many = std::getenv("GEMEL_RANGE_MESSAGES");
  begin(many == nullptr ? 8000 : std::stoul(many));
  damage(UidSet::of(Uid(7777), Uid(7777)), flag_names({"\\Answered"}));
  listen();
  mend();
  if (many != nullptr)
    fmt::print("one record of {}: {} turns of the wire, {} bytes\n", many, link.traffic.turns,
               link.traffic.packed_up + link.traffic.packed_down);
  EXPECT_LE(link.traffic.turns, 22U);
  EXPECT_LE(link.traffic.packed_up + link.traffic.packed_down, 16'384U);
  EXPECT_GT(said("* RECORD "), 0U);
  EXPECT_LE(said("* RECORD "), 64U);  // where fewer are left, no smaller ranges are asked for
  EXPECT_EQ(primary.flags(inbox, 7777), replica.flags(inbox, 7777));
}

// Both have one history, so nothing else can have been under its uid.
TEST_F(RangeSearchTest, AMessageThatTheReplicaLostComesBackUnderItsUid) {
  begin(1000);
  const std::string body = primary.body(inbox, 500);
  damage(DropItem{UidSet::of(Uid(500), Uid(500))});
  mend();
  EXPECT_EQ(replica.uids(inbox), "1:1000");
  EXPECT_EQ(replica.body(inbox, 500), body);
  EXPECT_EQ(replica.info(inbox).purged_modseq, ModSeq());  // no reader has to ask for all uids
}

TEST_F(RangeSearchTest, AMessageThatThePrimaryLostComesBackUnderItsUid) {
  begin(1000);
  const std::string body = primary.body(inbox, 500);
  MailboxUpdate update = primary.mend_of(inbox);
  update.items = {DropItem{UidSet::of(Uid(500), Uid(500))}};
  std::vector<MailboxUpdate> updates;
  updates.push_back(std::move(update));
  ASSERT_TRUE(primary->merge(std::move(updates), {}).get());
  ASSERT_EQ(primary.uids(inbox), "1:499,501:1000");
  mend();
  EXPECT_EQ(primary.uids(inbox), "1:1000");
  EXPECT_EQ(primary.body(inbox, 500), body);
}

// The same where the whole is compared, for the primary goes on meanwhile.
TEST_F(RangeSearchTest, AMessageComesBackUnderItsUidThoughMoreCame) {
  begin(1000);
  damage(DropItem{UidSet::of(Uid(500), Uid(500))});
  bool has_come = false;
  link.on_bytes = [&](char, std::string_view bytes) {
    if (has_come || bytes.find("RANGES") == bytes.npos) return;
    has_come = true;
    primary.append(inbox, "new");
  };
  mend();
  EXPECT_TRUE(has_come);
  EXPECT_EQ(replica.uids(inbox), "1:1001");
}

// Purged or lost, nobody can tell: then its uid is not used again.
TEST_F(RangeSearchTest, AMessageThatMayHaveBeenPurgedComesBackUnderANewUid) {
  begin(1000);
  damage(UidSet::of(Uid(7), Uid(7)), flag_names({"\\Flagged"}));
  bool is_freed = false;
  link.on_bytes = [&](char, std::string_view bytes) {
    if (is_freed || bytes.find("RANGES") == bytes.npos) return;
    is_freed = true;
    EXPECT_TRUE(primary->expunge(inbox, UidSet::of(Uid(500), Uid(500))));
    EXPECT_TRUE(primary->purge_expunged(inbox, primary.info(inbox).highestmodseq));
  };
  mend();
  EXPECT_TRUE(is_freed);
  EXPECT_EQ(replica.uids(inbox), "1:499,501:1001");
}

TEST_F(RangeSearchTest, ManyPlacesAreFoundTogether) {
  begin(10'000);
  UidSet uids;
  for (uint32_t uid = 100; uid <= 1500; uid += 200) uids.add(Uid(uid));
  damage(uids, flag_names({"\\Flagged"}));
  listen();
  mend();
  EXPECT_GT(said("RANGES "), 1U);
  EXPECT_LT(said("* RECORD "), 200U);
}

TEST_F(RangeSearchTest, VerifyNamesTheRecordsAndChangesNothing) {
  begin(1000);
  damage(DropItem{UidSet::of(Uid(500), Uid(500))});
  damage(UidSet::of(Uid(7), Uid(8)), flag_names({"\\Flagged"}));
  const Digest before = replica->digest();
  for (const SyncScope& scope : {SyncScope{}, SyncScope{.users = {"alice"}, .mailboxes = {}}}) {
    const SyncReport report = link.sync(scope, SyncEffect::kVerify);
    ASSERT_TRUE(report.result);
    EXPECT_EQ(report.actions,
              (std::vector<std::string>{"alice/INBOX: differs in uids 7:8,500, would be merged"}));
  }
  EXPECT_EQ(replica->digest(), before);
}

TEST_F(RangeSearchTest, VerifyFindsNothingWhereTheTwoAreAlike) {
  begin(10);
  EXPECT_TRUE(link.sync({}, SyncEffect::kVerify).actions.empty());
  EXPECT_EQ(link.sync({}, SyncEffect::kVerify).round_trips, 1U);
}

// What is remembered of the replica says that all is well.
TEST_F(RangeSearchTest, RepairAsksTheReplicaOnALinkThatStands) {
  begin(100);
  damage(UidSet::of(Uid(7), Uid(7)), flag_names({"\\Flagged"}));
  ASSERT_TRUE(link.sync().result);
  ASSERT_NE(primary->digest(), replica->digest());
  ASSERT_TRUE(link.sync({}, SyncEffect::kRepair).result);
  link.expect_in_step();
}

TEST_F(RangeSearchTest, WhereAllDiffersVerifySaysSo) {
  begin(10'500);
  damage(UidSet::of(Uid(1), Uid(10'500)), flag_names({"\\Seen"}));
  EXPECT_EQ(
      link.sync({}, SyncEffect::kVerify).actions,
      (std::vector<std::string>{"alice/INBOX: differs in very many messages, would be merged"}));
}

TEST_F(RangeSearchTest, WhereAllDiffersAllIsCompared) {
  begin(10'500);
  damage(UidSet::of(Uid(1), Uid(10'500)), flag_names({"\\Seen"}));
  listen();
  mend();
  EXPECT_EQ(said("RANGES "), 1U);
  EXPECT_EQ(said("* RECORD "), 10'500U);
}

}  // namespace
}  // namespace gemel::sync
