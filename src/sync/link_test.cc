// What each kind of change costs on a link that lasts: turns of the wire, and compressed bytes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "sync/test_link.h"

namespace gemel::sync {
namespace {

constexpr uint64_t kSyncUser = 50;  // users of one delivery

class LinkTest : public testing::Test {
 protected:
  LinkTest() {
    EXPECT_TRUE(primary->create_user("alice", {}));
    link.connect();
  }
  ~LinkTest() override { link.expect_in_step(); }

  // Brings everything over and gives what that cost.
  Traffic sync() {
    link.take_traffic();
    const SyncReport report = link.sync();
    EXPECT_TRUE(report.result) << report.result.error().text;
    EXPECT_EQ(primary->digest().text(), link.replica->digest().text());
    const Traffic traffic = link.take_traffic();
    EXPECT_EQ(report.round_trips, traffic.turns);
    return traffic;
  }

  // Text that does not compress well.
  std::string text(size_t size) {
    std::string out;
    while (out.size() < size) out += to_base64(random_.bytes(54)) + "\r\n";
    return out.substr(0, size);
  }

  void fill(const UniqueId& mailbox, size_t count, size_t size = 200) {
    for (size_t i = 0; i < count; ++i)
      primary.append(mailbox, text(size), i % 3 == 0 ? FlagNames() : flag_names({"\\Seen"}));
  }

  UidSet uids(uint32_t first, uint32_t last) { return UidSet::of(Uid(first), Uid(last)); }

  TestLink link;
  TestStore& primary = link.primary;
  SeededRandom random_{5};
};

TEST_F(LinkTest, BringsANewUserOver) {
  fill(primary.inbox(), 1);
  const Traffic first = sync();
  EXPECT_EQ(first.turns, 3U);  // two to log in, one to send: an empty replica need not be asked
  EXPECT_EQ(sync().turns, 0U);
  EXPECT_EQ(link.replica.body(link.replica.inbox(), 1), primary.body(primary.inbox(), 1));
}

TEST_F(LinkTest, TakesUpWhereItEndedWithoutAsking) {
  fill(primary.inbox(), 3);
  sync();
  link.open_channel_later();
  primary.append(primary.inbox(), "one more");
  EXPECT_EQ(sync().turns, 3U);  // two to log in, one to send
}

TEST_F(LinkTest, NoticesAReplicaThatComesBackEmpty) {
  fill(primary.inbox(), 3);
  sync();
  link.disconnect("new disk");
  link.replica.options.path += "_new";
  link.replica.open();
  link.connect();
  EXPECT_EQ(sync().turns, 3U);
}

// Another store with other contents at the same address stands for a restored backup too.
TEST_F(LinkTest, NoticesAReplicaThatHasSomethingElse) {
  ASSERT_TRUE(primary->create_user("bob", {}));
  fill(primary.inbox(), 3);
  sync();
  link.disconnect("another disk");
  const std::string path = link.replica.options.path;
  link.replica.options.path = path + "_older";
  link.replica.open();
  link.connect();
  fill(primary.inbox("bob"), 2);
  sync();
  link.disconnect("the first disk again, which lacks what came last");
  link.replica.options.path = path;
  link.replica.open();
  link.connect();
  EXPECT_EQ(sync().turns, 5U);  // two to log in; users, then those that differ, then what differs
}

// Ids are the same in each run: some take more bytes than others.
TEST(LinkBytes, FlagChanges) {
  TestLink link(ChannelOptions::Mode::kOneShot, TestLink::Ids::kAlike);
  TestStore& primary = link.primary;
  ASSERT_TRUE(primary->create_user("alice", {}));
  for (int i = 0; i < 30; ++i) primary.append(primary.inbox(), fmt::format("message {}", i));
  link.connect();
  ASSERT_TRUE(link.sync().result);
  Traffic last;
  for (uint32_t uid = 5; uid <= 20; uid += 5) {
    ASSERT_TRUE(primary->store_flags(primary.inbox(), UidSet::of(Uid(uid), Uid(uid)), FlagOp::kAdd,
                                     flag_names({"\\Flagged"})));
    link.traffic = {};
    ASSERT_TRUE(link.sync().result);
    last = link.traffic;
    EXPECT_EQ(last.turns, 1U);
    EXPECT_LE(last.packed_up + last.packed_down, 60U) << last.packed_up << " " << last.packed_down;
  }
  EXPECT_LE(last.up, 80U);
}

TEST_F(LinkTest, AFlagChangeIsShortBehindMuchMail) {
  fill(primary.inbox(), 20, 600'000);
  sync();
  ASSERT_TRUE(
      primary->store_flags(primary.inbox(), uids(5, 5), FlagOp::kAdd, flag_names({"\\Seen"})));
  const Traffic traffic = sync();
  EXPECT_LE(traffic.packed_up + traffic.packed_down, 60U)
      << traffic.packed_up << " " << traffic.packed_down;
}

TEST_F(LinkTest, OneNewMessage) {
  fill(primary.inbox(), 10, 4400);
  sync();
  Traffic last;
  uint64_t body = 0;
  for (int i = 0; i < 3; ++i) {
    primary.clock.advance_s(60);
    const std::string bytes = text(4400);
    Packer alone;
    body = alone.size_of(bytes, wire::Compressor::Flush::kFlush);
    primary.append(primary.inbox(), bytes);
    last = sync();
    EXPECT_EQ(last.turns, 1U);
  }
  EXPECT_LE(last.packed_up + last.packed_down, body + 120);
}

TEST_F(LinkTest, CopiesByReference) {
  fill(primary.inbox(), 510);
  const UniqueId folder = primary.create("Folder01");
  fill(folder, 139);
  sync();
  ASSERT_TRUE(primary->copy(primary.inbox(), uids(6, 505), folder, MailStore::Keep::kCopy));
  Traffic traffic = sync();
  EXPECT_EQ(traffic.turns, 1U);
  EXPECT_LT(traffic.packed_up, 300U);
  ASSERT_TRUE(primary->copy(primary.inbox(), uids(1, 400), folder, MailStore::Keep::kMove));
  traffic = sync();
  EXPECT_EQ(traffic.turns, 1U);
  EXPECT_LT(traffic.packed_up, 300U);
}

TEST_F(LinkTest, DoesNotAskForBodiesThatItCanCopy) {
  fill(primary.inbox(), 100);
  const UniqueId folder = primary.create("Folder01");
  sync();
  ASSERT_TRUE(primary->copy(primary.inbox(), uids(1, 100), folder, MailStore::Keep::kCopy));
  link.disconnect("forgetful");
  ASSERT_TRUE(primary->channel_forget(link.channel_options.name));
  link.open_channel();
  link.connect();
  // Two to log in, one to ask where it is, one to send, one to see whether it has more than we.
  EXPECT_EQ(sync().turns, 5U);
}

TEST_F(LinkTest, ExpungesASet) {
  fill(primary.inbox(), 600);
  sync();
  ASSERT_TRUE(primary->store_flags(primary.inbox(), uids(11, 510), FlagOp::kAdd,
                                   flag_names({"\\Deleted"})));
  ASSERT_TRUE(primary->expunge(primary.inbox(), uids(11, 510)));
  const Traffic traffic = sync();
  EXPECT_EQ(traffic.turns, 1U);
  EXPECT_LT(traffic.packed_up, 300U);
}

TEST_F(LinkTest, OneBodyForManyUsers) {
  std::vector<MailStore::Append> messages;
  const std::string body = text(200'000);
  for (uint64_t i = 0; i < kSyncUser; ++i) {
    const std::string userid = "user" + std::to_string(i);
    ASSERT_TRUE(primary->create_user(userid, {}));
  }
  sync();
  for (uint64_t i = 0; i < kSyncUser; ++i)
    messages.push_back({primary.inbox("user" + std::to_string(i)), primary.stage(body), {}, 7});
  ASSERT_TRUE(primary->append(std::move(messages)));
  const Traffic traffic = sync();
  EXPECT_EQ(traffic.turns, 1U);
  EXPECT_LT(traffic.up, 220'000U);
}

TEST_F(LinkTest, AFlagOnEveryMessage) {
  primary.append_many(primary.inbox(), 5000);
  sync();
  ASSERT_TRUE(
      primary->store_flags(primary.inbox(), uids(2, 2), FlagOp::kAdd, flag_names({"\\Seen"})));
  sync();
  ASSERT_TRUE(primary->store_flags(primary.inbox(), uids(1, 5000), FlagOp::kAdd,
                                   flag_names({"\\Flagged"})));
  const Traffic traffic = sync();
  EXPECT_EQ(traffic.turns, 1U);
  EXPECT_LE(traffic.packed_up, 120U);
}

TEST_F(LinkTest, ManyNewMailboxes) {
  sync();
  for (int i = 1; i <= 200; ++i) primary.create(fmt::format("Box{:03}", i));
  Traffic traffic = sync();
  EXPECT_EQ(traffic.turns, 1U);
  EXPECT_LT(traffic.packed_up, 5000U);
  // And what W13 changes.
  for (int i = 1; i <= 50; ++i)
    ASSERT_TRUE(primary->put_user_items("alice", {{fmt::format("subscription/Box{:03}", i), ""}}));
  const UniqueId box = primary->find(MailboxName{"alice", "Box001"}).value().id;
  ASSERT_TRUE(primary->set_attributes(box, {{"acl/friend", "lrs"}}));
  ASSERT_TRUE(primary->put_user_items("alice", {{"sieve/filter", "keep;\r\n"}}));
  traffic = sync();
  EXPECT_EQ(traffic.turns, 1U);
}

TEST_F(LinkTest, RenamesAndSwapsAndMoves) {
  const UniqueId a = primary.create("A");
  const UniqueId b = primary.create("B");
  fill(a, 3);
  fill(b, 2);
  sync();
  ASSERT_TRUE(primary->rename({"alice", "A"}, {"alice", "C"}));
  EXPECT_EQ(sync().turns, 1U);
  ASSERT_TRUE(primary->rename({"alice", "C"}, {"alice", "between"}));
  ASSERT_TRUE(primary->rename({"alice", "B"}, {"alice", "C"}));
  ASSERT_TRUE(primary->rename({"alice", "between"}, {"alice", "B"}));
  ASSERT_TRUE(primary->store_flags(a, uids(1, 1), FlagOp::kAdd, flag_names({"\\Draft"})));
  EXPECT_EQ(sync().turns, 1U);
  ASSERT_TRUE(primary->remove(a));
  ASSERT_TRUE(primary->rename({"alice", "C"}, {"alice", "B"}));
  primary.create("C");
  EXPECT_EQ(sync().turns, 1U);
  const std::vector<MailboxInfo> infos = primary->mailboxes("alice").value();
  for (const MailboxInfo& info : infos)
    ASSERT_TRUE(primary->rename(info.name, info.name, "archive"));
  EXPECT_EQ(sync().turns, 1U);
  EXPECT_EQ(link.replica.info(b).partition, "archive");
}

// Whatever is cut, a body that was applied is not sent again.
TEST(LinkCut, AtEveryByteOfAConversationIsMended) {
  for (uint64_t cut = 1; cut < 1700; cut += 7) {
    SCOPED_TRACE(cut);
    TestLink link;
    ASSERT_TRUE(link.primary->create_user("alice", {}));
    const UniqueId inbox = link.primary.inbox();
    for (int i = 0; i < 3; ++i) link.primary.append(inbox, "the body number " + std::to_string(i));
    link.channel_options.chunks.messages = 1;
    link.open_channel();
    std::string up;
    link.on_bytes = [&](char way, std::string_view bytes) {
      if (way == '>') up += bytes;
    };
    link.connect();
    link.cut_after = cut;
    (void)link.sync();
    link.cut_after.reset();
    uint32_t applied = 0;
    if (const Result<MailboxInfo> info = link.replica->find(inbox)) applied = info->last_uid.value;
    up.clear();
    if (!link.sender) link.connect();
    EXPECT_TRUE(link.sync().result);
    for (uint32_t i = 0; i < applied; ++i)
      EXPECT_EQ(up.find("the body number " + std::to_string(i)), std::string::npos);
    link.expect_in_step();
  }
}

TEST(LinkRolling, SendsWhatIsCommittedByItself) {
  TestLink link(ChannelOptions::Mode::kRolling);
  ASSERT_TRUE(link.primary->create_user("alice", {}));
  link.connect();
  ASSERT_TRUE(link.run());
  link.take_traffic();
  for (int i = 0; i < 3; ++i) {
    link.primary.append(link.primary.inbox(), "message " + std::to_string(i));
    ASSERT_TRUE(link.run());
    EXPECT_EQ(link.take_traffic().turns, 1U);
    EXPECT_EQ(link.channel->status().changes_behind, 0U);
  }
  link.channel->pause();
  link.primary.append(link.primary.inbox(), "held back");
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.take_traffic().turns, 0U);
  EXPECT_EQ(link.channel->status().changes_behind, 1U);
  link.channel->resume();
  ASSERT_TRUE(link.run());
  link.expect_in_step();
}

TEST(LinkTrouble, OneBrokenMailboxStopsNoOther) {
  TestLink link(ChannelOptions::Mode::kRolling);
  ASSERT_TRUE(link.primary->create_user("alice", {}));
  const UniqueId broken = link.primary.create("Broken");
  link.connect();
  ASSERT_TRUE(link.run());
  // The replica gets ahead of its primary, by another hand.
  MailboxUpdate update;
  update.id = broken;
  update.from = link.replica.info(broken).highestmodseq;
  update.to = ModSeq(50);
  ASSERT_TRUE(link.replica->apply(update, {}).get());
  link.primary.append(broken, "lost on it");
  link.primary.append(link.primary.inbox(), "goes on");
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.replica.info(link.replica.inbox()).exists, 1U);
  const ChannelStatus status = link.channel->status();
  ASSERT_EQ(status.set_aside.size(), 1U);
  EXPECT_EQ(status.set_aside[0].entity, "alice/Broken");
  EXPECT_EQ(status.set_aside[0].retry_in_ms, kAsideFirstMs);
  // It waits for its time, and is tried again when the primary has got past it.
  for (int i = 0; i < 60; ++i)
    ASSERT_TRUE(link.primary->claim_recent(broken) &&
                link.primary->set_attributes(broken, {{"annotation/n", std::to_string(i)}}));
  link.primary.clock.advance_s(kAsideFirstMs / 1000);
  link.sender->timed_out();
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.replica.info(link.replica.inbox()).exists, 1U);
  EXPECT_FALSE(link.channel->status().set_aside.empty() &&
               link.primary->digest() != link.replica->digest());
}

TEST(LinkDryRun, SaysWhatItWouldDoAndDoesNothing) {
  TestLink link;
  ASSERT_TRUE(link.primary->create_user("alice", {}));
  link.primary.append(link.primary.inbox(), "hello");
  link.connect();
  const SyncReport report = link.sync({.users = {"alice"}, .mailboxes = {}}, SyncEffect::kDryRun);
  ASSERT_TRUE(report.result) << report.result.error().text;
  EXPECT_EQ(report.actions,
            (std::vector<std::string>{"alice: 0 entries of the user",
                                      "alice/INBOX: 1 new, 1 bodies, 5 bytes of bodies"}));
  EXPECT_FALSE(link.replica->user("alice"));
  EXPECT_TRUE(link.sync({.users = {"alice"}, .mailboxes = {}}).result);
  link.expect_in_step();
}

}  // namespace
}  // namespace gemel::sync
