// What went wrong between other servers and their replicas, as tests.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mail/annotation.h"
#include "sync/codec.h"
#include "sync/test_link.h"
#include "wire/framer.h"

namespace gemel::sync {
namespace {

class Cases : public LinkFixture {
 protected:
  Cases() { link.connect(); }

  void sync() {
    const SyncReport report = link.sync();
    ASSERT_TRUE(report.result) << report.result.error().text;
    link.expect_in_step();
  }
  static FlagNames names_at(TestStore& store, const UniqueId& id, uint32_t uid) {
    const MailboxView view = store->view(id).value();
    return names_of(view.record(Uid(uid))->state.flags, view.info().keywords);
  }
  UniqueId at(TestStore& store, const std::string& path) {
    return store->find(named(path)).value().id;
  }
};

// R01: the replica has another mailbox of the name by then.
TEST_F(Cases, ADeletionSparesAnotherMailboxOfTheName) {
  const UniqueId deleted = primary.create("a");
  const UniqueId other = primary.create("b");
  primary.append(other, "to be kept");
  sync();
  ASSERT_TRUE(primary->remove(deleted));
  ASSERT_TRUE(primary->rename(named("b"), named("a")));
  sync();
  // Deleted once more under that name, by what was said of it before.
  ASSERT_TRUE(primary->purge_deleted(deleted));
  sync();
  EXPECT_EQ(at(replica, "a"), other);
  EXPECT_EQ(replica.body(other, 1), "to be kept");
  EXPECT_NE(replica.info(deleted).deleted_s, 0);
}

// R01, as it was reported: the replica was a primary for a while, and has made one of that name.
TEST_F(Cases, ADeletionSparesWhatTheReplicaMadeUnderTheName) {
  const UniqueId deleted = primary.create("a");
  sync();
  ASSERT_TRUE(primary->remove(deleted));
  ASSERT_TRUE(replica->promote());
  ASSERT_TRUE(replica->rename(named("a"), named("z")));
  const UniqueId made = replica.create("a");
  replica.append(made, "to be kept");
  ASSERT_TRUE(replica->demote());
  ASSERT_TRUE(primary->promote(replica->term()));
  link.disconnect("each had its time");
  link.connect();
  sync();
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_EQ(at(*store, "a"), made);
    EXPECT_EQ(store->body(made, 1), "to be kept");
    EXPECT_FALSE((*store)->find(named("z")));
  }
}

// R03, R04: a userid is taken by somebody else before the sync.
TEST_F(Cases, AUserOfAFormerUsersNameGetsNothingOfTheirs) {
  const UniqueId before = primary.inbox();
  primary.append(before, "of the former");
  ASSERT_TRUE(primary->put_user_items("alice", {{"subscription/former", "1"}}));
  sync();
  ASSERT_TRUE(primary->delete_user("alice"));
  ASSERT_TRUE(primary->create_user("alice", {}));
  ASSERT_TRUE(primary->put_user_items("alice", {{"subscription/x", "1"}}));
  primary.append(primary.inbox(), "of the new one");
  sync();
  const UniqueId now = replica.inbox();
  EXPECT_NE(now, before);
  EXPECT_EQ(replica.uids(now), "1");
  EXPECT_EQ(replica.body(now, 1), "of the new one");
  EXPECT_EQ(replica->user_item("alice", "subscription/x").value(), "1");
  EXPECT_FALSE(replica->user_item("alice", "subscription/former").value());
}

// R05: what is remembered of the replica says that all is there; it has lost it behind everyone's
// back.
TEST_F(Cases, AHoleInAUserIsFilledWhenTheUserIsAskedFor) {
  const UniqueId inbox = primary.inbox();
  primary.append(inbox, "one");
  primary.append(inbox, "two", flag_names({"$Label1"}));
  sync();
  MailboxUpdate hole = replica.mend_of(inbox);
  hole.items.push_back(DropItem{UidSet::of(Uid(1), Uid(2))});
  ASSERT_TRUE(replica->apply(std::move(hole), {}).get());
  ASSERT_EQ(replica.uids(inbox), "");
  const SyncReport report = link.sync({.users = {"alice"}, .mailboxes = {}});
  ASSERT_TRUE(report.result) << report.result.error().text;
  link.expect_in_step();
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_EQ(store->uids(inbox), "1:2");
    EXPECT_EQ(store->body(inbox, 1), "one");
    EXPECT_EQ(store->flags(inbox, 2), "$Label1");
  }
}

// Between two chunks the replica has keywords of before and of now, together more than a mailbox
// has places for: what finds none is mended when the last chunk is there.
TEST_F(Cases, KeywordsWithoutAPlaceOnTheWayAreThereInTheEnd) {
  const auto keywords = [](char letter) {
    FlagNames out;
    for (size_t i = 0; i < kMailboxKeywordsMax; ++i)
      EXPECT_TRUE(out.add(fmt::format("{}{}", letter, i)));
    return out;
  };
  const UniqueId inbox = primary.inbox();
  primary.append(inbox, "freed", keywords('a'));
  sync();
  ASSERT_TRUE(primary->expunge(inbox, UidSet::of(Uid(1), Uid(1))));
  ASSERT_TRUE(primary->purge_expunged(inbox, ModSeq(INT64_MAX)));
  primary.append(inbox, "first", keywords('b'));
  primary.append(inbox, "second", keywords('b'));
  link.channel_options.chunks.messages = 1;
  link.open_channel_later();
  const SyncReport report = link.sync();
  ASSERT_FALSE(report.result);
  EXPECT_EQ(replica.uids(inbox), "2:3");
  primary.clock.advance_s(60);  // until what was set aside is tried again
  sync();
  for (const uint32_t uid : {2U, 3U}) EXPECT_EQ(names_at(replica, inbox, uid), keywords('b'));
}

// R16: as much as an annotation may hold, of any octets.
TEST_F(Cases, LargeAnnotationsCrossByteForByte) {
  std::string value;
  while (value.size() < kAnnotationValueBytesMax - 16) value += "\xc3\xa4 \"\\{3+}\r\n) ~{2} ";
  ASSERT_TRUE(primary->set_attributes(primary.inbox(), {{"annotation/shared/comment", value}}));
  sync();
  EXPECT_EQ(replica.info(replica.inbox()).attributes.at("annotation/shared/comment"), value);
}

// R09: renames back and forth beside a verify that runs in steps, and a scrub.
TEST_F(Cases, RenamesBesideAVerifyKeepEveryId) {
  const UniqueId id = primary.create("a");
  primary.append_many(id, 20);
  sync();
  const auto verification = primary->begin_verify({});
  std::string scrubbed;
  size_t steps = 0;
  for (bool goes_on = true; goes_on || steps < 100; ++steps) {
    ASSERT_TRUE(
        primary->rename(named(steps % 2 == 0 ? "a" : "z"), named(steps % 2 == 0 ? "z" : "a")));
    if (goes_on) goes_on = verification->step().value();
    scrubbed = primary->scrub(scrubbed, 1 << 20).value().next;
    ASSERT_EQ(at(primary, steps % 2 == 0 ? "z" : "a"), id);
    if (steps % 10 == 0) sync();
  }
  sync();
  EXPECT_TRUE(verification->report().problems.empty());
  EXPECT_TRUE(primary->verify({}).value().problems.empty());
  EXPECT_EQ(at(replica, steps % 2 == 1 ? "z" : "a"), id);
}

// R15: a keyword, and no system flag, on what was lost and came back from a copy.
TEST_F(Cases, AMessageFromACopyHasItsKeyword) {
  const UniqueId inbox = primary.inbox();
  const UniqueId backup = primary.create("Backup");
  primary.append(inbox, "message", flag_names({"$Label1"}));
  ASSERT_TRUE(primary->copy(inbox, UidSet::of(Uid(1), Uid(1)), backup, MailStore::Keep::kCopy));
  sync();
  ASSERT_TRUE(primary->expunge(inbox, UidSet::of(Uid(1), Uid(1))));
  sync();
  ASSERT_TRUE(primary->copy(backup, UidSet::of(Uid(1), Uid(1)), inbox, MailStore::Keep::kCopy));
  sync();
  EXPECT_EQ(replica.uids(inbox), "2");
  EXPECT_EQ(replica.flags(inbox, 2), "$Label1");
}

// R25: a chain of renames whose first name is used again, in one sync.
TEST_F(Cases, RenamesInAChainAreFollowed) {
  const UniqueId first = primary.create("a");
  sync();
  ASSERT_TRUE(primary->rename(named("a"), named("b")));
  primary.append(first, "first");
  ASSERT_TRUE(primary->rename(named("b"), named("c")));
  const UniqueId second = primary.create("a");
  primary.append(second, "second");
  const UniqueId third = primary.create("b");
  primary.append(third, "third");
  sync();
  EXPECT_EQ(at(replica, "c"), first);
  EXPECT_EQ(at(replica, "a"), second);
  EXPECT_EQ(at(replica, "b"), third);
  EXPECT_EQ(replica.body(first, 1), "first");
  EXPECT_EQ(replica.body(second, 1), "second");
}

// R18: a field that an older sender leaves out has a default.
TEST_F(Cases, AFieldThatIsLeftOutHasADefault) {
  CodecContext context;
  const std::string words =
      "UPDATE 00000000000000ff-1 0+4 3 0 0 HEADER (alice/old UIDVALIDITY 7) "
      "APPEND 2 +5 0 () LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ 5\r\n";
  wire::Framer framer({.line_bytes_max = 1000});
  framer.feed(words);
  const auto step = framer.next();
  ASSERT_TRUE(step && *step);
  wire::Tokenizer in((*step)->frame);
  ASSERT_TRUE(in.skip_word("UPDATE") && in.skip(' '));
  const auto decoded = decode_update(in, context);
  ASSERT_TRUE(decoded) << decoded.error().text;
  const auto& append = std::get<AppendItem>(decoded->update.items.at(0));
  EXPECT_EQ(append.modseq, ModSeq(4));
  EXPECT_EQ(append.created_modseq, ModSeq(4));
  EXPECT_EQ(append.crlf_growth, 0u);
  EXPECT_EQ(append.uidl, "");
  EXPECT_TRUE(decoded->update.header->attributes.empty());
}

// R28: usage, limits and rights are the same on both, however much came and went.
TEST_F(Cases, QuotasAndRightsDoNotDrift) {
  const UniqueId inbox = primary.inbox();
  ASSERT_TRUE(
      primary->put_user_items("alice", {{"quota/storage", "100000"}, {"quota/messages", "80"}}));
  ASSERT_TRUE(primary->set_attributes(inbox, {{"acl/bob", "lrs"}}));
  ASSERT_TRUE(primary->set_attributes(inbox, {{"annotation/shared/comment", "x"}}));
  for (uint32_t i = 1; i <= 100; ++i) {
    primary.append(inbox, "message " + std::to_string(i));
    if (i % 3 == 0) ASSERT_TRUE(primary->expunge(inbox, UidSet::of(Uid(i - 1), Uid(i))));
    if (i % 20 == 0) sync();
  }
  sync();
  const auto quotas_of = [](TestStore& store) {
    std::string out;
    const std::vector<Quota> quotas = store->quotas("alice").value();
    for (const Quota& quota : quotas)
      out += std::to_string(quota.used) + "/" + std::to_string(quota.limit.value_or(0)) + " ";
    return out;
  };
  EXPECT_EQ(quotas_of(replica), quotas_of(primary));
  EXPECT_EQ(replica->quotas("alice")->at(1).used, 34u);
  EXPECT_EQ(replica.info(inbox).attributes.at("acl/bob"), "lrs");
}

// R20: it never gives up, at growing and capped pauses, and begins anew once it was there.
TEST_F(Cases, AReplicaThatIsAwayIsTriedAgainForEver) {
  int64_t before = 0;
  for (int i = 0; i < 200; ++i) {
    link.channel->disconnected({Code::kUnavailable, "connection refused"});
    const int64_t wait = link.channel->next_attempt_ms();
    EXPECT_GE(wait, std::min(kRetryFirstMs << std::min(i, 10), kRetryLastMs));
    EXPECT_LE(wait, kRetryLastMs + kRetryLastMs / 4);
    EXPECT_LE(before, wait + kRetryLastMs / 4);
    before = wait;
  }
  EXPECT_EQ(link.channel->status().last_error, "connection refused");
  EXPECT_GT(link.channel->status().retry_in_ms, 0);
  link.connect();
  sync();
  EXPECT_EQ(link.channel->status().last_error, "");
  link.disconnect("away again");
  EXPECT_LT(link.channel->next_attempt_ms(), 2 * kRetryFirstMs);
}

// R20: a replica that is stopped in the middle says so, and what it had not said is sent again.
TEST_F(Cases, AReplicaThatStopsSaysGoodbye) {
  sync();
  primary.append(primary.inbox(), "one");
  std::string answers;
  link.on_bytes = [&](char way, std::string_view bytes) {
    if (way == '<') answers += bytes;
    // It stops when the update has come and nothing of it was answered.
    if (way == '>') link.receiver->shut_down();
  };
  const SyncReport report = link.sync();
  link.on_bytes = [](char, std::string_view) {};
  EXPECT_FALSE(report.result);
  EXPECT_NE(answers.find("BYE the server is stopping\r\n"), std::string::npos) << answers;
  EXPECT_EQ(link.channel->status().last_error,
            "the other end says goodbye: the server is stopping");
  link.connect();
  sync();
  EXPECT_EQ(replica.uids(replica.inbox()), "1");
}

// R24: with messages that come before, with the move, and after.
TEST_F(Cases, AMailboxThatMovesToAnotherPartitionIsFollowed) {
  const UniqueId box = primary.create("box");
  primary.append(box, "before");
  sync();
  primary.append(box, "not sent yet");
  ASSERT_TRUE(primary->rename(named("box"), named("box"), "archive"));
  primary.append(box, "in the archive");
  sync();
  EXPECT_EQ(replica.info(box).partition, "archive");
  ASSERT_TRUE(primary->rename(named("box"), named("other"), "default"));
  primary.append(box, "back");
  sync();
  EXPECT_EQ(replica.info(box).partition, "default");
  EXPECT_EQ(replica.uids(box), "1:4");
  EXPECT_EQ(replica.body(box, 3), "in the archive");
  EXPECT_TRUE(link.channel->status().set_aside.empty());
}

// R24, where the replica lacks the partition: that mailbox waits, and goes once it is there.
TEST_F(Cases, AMailboxOfAPartitionThatIsMissingWaitsForIt) {
  sync();
  link.disconnect("to be configured");
  const auto partitions = std::exchange(replica.options.partitions, {});
  replica.open();
  link.connect();
  const UniqueId box = primary.create("box", "archive");
  primary.append(box, "message");
  const UniqueId other = primary.create("other");
  EXPECT_FALSE(link.sync().result);
  EXPECT_FALSE(replica->find(box));
  EXPECT_TRUE(replica->find(other));
  ASSERT_EQ(link.channel->status().set_aside.size(), 1u);
  EXPECT_NE(link.channel->status().set_aside[0].reason.find("archive"), std::string::npos);
  link.disconnect("configured");
  replica.options.partitions = partitions;
  replica.open();
  link.connect();
  primary.clock.advance_s(kAsideFirstMs / 1000);
  sync();
  EXPECT_EQ(replica.body(box, 1), "message");
  EXPECT_TRUE(link.channel->status().set_aside.empty());
}

}  // namespace
}  // namespace gemel::sync
