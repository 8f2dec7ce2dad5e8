// \Seen of one's own in a shared mailbox names the same messages once both sides are one again.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "mail/record.h"
#include "sync/seen_along.h"
#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Shown = std::vector<std::string>;

class SplitSeen : public SplitFixture {
 protected:
  SplitSeen() {
    for (const char* userid : {"bob", "carol"}) EXPECT_TRUE(primary->create_user(userid, {}));
    share(primary, inbox);
    sync();
    split();
  }
  static void share(TestStore& store, const UniqueId& id) {
    EXPECT_TRUE(store->set_attributes(id, {{std::string(kAttributeAcl) + "anyone", "lrs"}}));
  }
  static void mark(TestStore& store, const UniqueId& id, const std::string& userid, uint32_t uid,
                   FlagOp op = FlagOp::kAdd) {
    ASSERT_TRUE(store->store_flags(id, UidSet::of(Uid(uid), Uid(uid)), op, flag_names({"\\Seen"}),
                                   {.seen_by = userid}));
  }
  // Bodies of what the user has seen, in order of text.
  static Shown seen(TestStore& store, const UniqueId& id, const std::string& userid) {
    Shown out;
    const MailboxView view = store->view(id, userid).value();
    view.uids_with(static_cast<size_t>(SystemFlag::kSeen)).value().for_each([&](Uid uid) {
      out.push_back(store.body(id, uid.value));
    });
    std::ranges::sort(out);
    return out;
  }
  template <class Matcher>
  void expect_seen(const UniqueId& id, const std::string& userid, const Matcher& matcher) {
    for (TestStore* store : {&primary, &replica}) EXPECT_THAT(seen(*store, id, userid), matcher);
  }
  // Both sides give uid 2 to a message.
  void deliver(const std::string& more = "") {
    primary.append(inbox, "of the primary" + more);
    replica.append(inbox, "of the replica" + more);
  }
  void heal() {
    SplitFixture::heal();
    const Digest before = primary->digest();
    sync();
    EXPECT_EQ(primary->digest(), before);
  }
  // As heal(), up to where they begin to talk.
  void meet() {
    ASSERT_TRUE(replica->demote());
    ASSERT_TRUE(primary->promote(replica->term()));
    link.disconnect("each had its time");
    link.connect();
  }
  // The replica is promoted before it is told of the merge, and is one again.
  void heal_after_a_cut(const std::string& behind) {
    meet();
    link.on_bytes = [&](char way, std::string_view bytes) {
      if (way == '<' && bytes.find(behind) != bytes.npos) EXPECT_TRUE(replica->promote());
    };
    EXPECT_FALSE(link.sync().result);
    link.on_bytes = [](char, std::string_view) {};
    heal();
  }
};

TEST_F(SplitSeen, OnTheReplica) {
  deliver();
  mark(replica, inbox, "bob", 2);
  heal();
  expect_seen(inbox, "bob", ElementsAre("of the replica"));
  expect_seen(inbox, "carol", IsEmpty());
  expect_seen(inbox, "", IsEmpty());
}

TEST_F(SplitSeen, OnThePrimary) {
  deliver();
  mark(primary, inbox, "bob", 2);
  heal();
  expect_seen(inbox, "bob", ElementsAre("of the primary"));
  expect_seen(inbox, "carol", IsEmpty());
}

TEST_F(SplitSeen, OnBothUnderOneUid) {
  deliver();
  primary.append(inbox, "unseen");
  mark(primary, inbox, "bob", 2);
  mark(replica, inbox, "bob", 2);
  mark(replica, inbox, "bob", 1);
  mark(replica, inbox, "carol", 2);
  heal();
  expect_seen(inbox, "bob", ElementsAre("before", "of the primary", "of the replica"));
  expect_seen(inbox, "carol", ElementsAre("of the replica"));
}

// One reader here, another there, of which the one has no set on the other side.
TEST_F(SplitSeen, OfEachReader) {
  deliver();
  mark(primary, inbox, "bob", 2);
  mark(replica, inbox, "carol", 2);
  heal();
  expect_seen(inbox, "bob", ElementsAre("of the primary"));
  expect_seen(inbox, "carol", ElementsAre("of the replica"));
}

// Only what keeps its uid is in it.
TEST_F(SplitSeen, WhatIsTakenBackStaysSo) {
  mark(replica, inbox, "bob", 1);
  heal();
  split();
  deliver();
  mark(replica, inbox, "bob", 1, FlagOp::kRemove);
  heal();
  expect_seen(inbox, "bob", IsEmpty());
}

// The set names a uid of which the message is gone, while the other side's lives.
TEST_F(SplitSeen, WhatIsExpungedMarksNothing) {
  deliver();
  mark(replica, inbox, "bob", 2);
  ASSERT_TRUE(replica->expunge(inbox, UidSet::of(Uid(2), Uid(2))));
  heal();
  expect_seen(inbox, "bob", IsEmpty());
}

// It came to both, to one of them under another uid.
TEST_F(SplitSeen, OfAMessageThatBothHave) {
  primary.append(inbox, "of the primary");
  primary.append(inbox, "of both");
  replica.append(inbox, "of both");
  mark(replica, inbox, "bob", 2);
  heal();
  expect_seen(inbox, "bob", ElementsAre("of both"));
}

TEST_F(SplitSeen, OfAUserOfTheReplicaAlone) {
  deliver();
  ASSERT_TRUE(replica->create_user("dora", {{"subscription/x", ""}}));
  mark(replica, inbox, "dora", 1);
  mark(replica, inbox, "dora", 2);
  heal();
  expect_seen(inbox, "dora", ElementsAre("before", "of the replica"));
  EXPECT_TRUE(primary->user_item("dora", "subscription/x").value());
}

// Before its mailbox is merged a user's set is not, whatever else has changed of the user.
TEST_F(SplitSeen, TogetherWithOtherData) {
  deliver();
  mark(primary, inbox, "bob", 1);
  mark(replica, inbox, "bob", 2);
  ASSERT_TRUE(replica->put_user_items("bob", {{"subscription/x", "1"}}));
  ASSERT_TRUE(primary->put_user_items("bob", {{"subscription/y", "1"}}));
  heal();
  expect_seen(inbox, "bob", ElementsAre("before", "of the replica"));
  EXPECT_TRUE(replica->user_item("bob", "subscription/y").value());
  EXPECT_TRUE(primary->user_item("bob", "subscription/x").value());
}

TEST_F(SplitSeen, OfAReaderWhoseMailboxIsNotAskedFor) {
  deliver();
  mark(primary, inbox, "bob", 1);
  mark(replica, inbox, "bob", 2);
  meet();
  ASSERT_TRUE(link.sync({.users = {"bob"}, .mailboxes = {}}).result);
  sync();
  expect_seen(inbox, "bob", ElementsAre("before", "of the replica"));
}

// A body of it is lost there: until it is merged, nobody is shown what is new as seen.
TEST_F(SplitSeen, OfAMailboxThatCantBeMerged) {
  deliver();
  ASSERT_TRUE(replica->create_user("dora", {}));
  mark(primary, inbox, "bob", 1);
  mark(replica, inbox, "bob", 2);
  mark(replica, inbox, "dora", 2);
  const Guid guid{sha256("of the replica")};
  replica.memory.rot(replica.options.path, {Table::kBody, std::string(guid.view()), std::nullopt});
  meet();
  EXPECT_FALSE(link.sync().result);
  EXPECT_THAT(seen(primary, inbox, "bob"), ElementsAre("before"));
  EXPECT_THAT(seen(primary, inbox, "dora"), IsEmpty());
}

// The set came to the replica, its message did not, and another one took its uid.
TEST_F(SplitSeen, OfWhatTheReplicaNeverGot) {
  heal();
  primary.append(inbox, "of the primary");
  mark(primary, inbox, "bob", 1);
  mark(primary, inbox, "bob", 2);
  ASSERT_TRUE(link.sync({.users = {"bob"}, .mailboxes = {}}).result);
  split();
  replica.append(inbox, "of the replica");
  EXPECT_THAT(seen(replica, inbox, "bob"), ElementsAre("before"));
  heal();
  expect_seen(inbox, "bob", ElementsAre("before", "of the primary"));
}

TEST_F(SplitSeen, AfterACutBehindTheMerge) {
  deliver();
  mark(primary, inbox, "bob", 2);
  mark(replica, inbox, "bob", 2);
  mark(replica, inbox, "carol", 2);
  heal_after_a_cut("OK BODIES");
  expect_seen(inbox, "bob", ElementsAre("of the primary", "of the replica"));
  expect_seen(inbox, "carol", ElementsAre("of the replica"));
}

TEST_F(SplitSeen, AndAgainAfterOneMore) {
  deliver();
  mark(primary, inbox, "bob", 2);
  mark(replica, inbox, "carol", 2);
  heal();
  split();
  deliver(", later");
  const uint32_t uid = primary.info(inbox).last_uid.value;
  mark(primary, inbox, "carol", uid);
  mark(replica, inbox, "bob", uid);
  heal();
  expect_seen(inbox, "bob", ElementsAre("of the primary", "of the replica, later"));
  expect_seen(inbox, "carol", ElementsAre("of the primary, later", "of the replica"));
}

// More readers than one answer has.
TEST_F(SplitSeen, OfVeryManyReaders) {
  deliver();
  for (size_t i = 0; i <= kReadersMax; ++i) {
    const std::string userid = fmt::format("reader{}", i);
    ASSERT_TRUE(replica->create_user(userid, {}));
    mark(replica, inbox, userid, 2);
  }
  heal();
  for (size_t i = 0; i <= kReadersMax; ++i)
    EXPECT_THAT(seen(primary, inbox, fmt::format("reader{}", i)), ElementsAre("of the replica"));
}

class SplitSeenFold : public SplitSeen, public testing::WithParamInterface<bool> {
 protected:
  // Two of one name, of which the primary's is the older one or not.
  SplitSeenFold() {
    (GetParam() ? replica : primary).clock.advance_s(60);
    ours = primary.create("x");
    theirs = replica.create("x");
    (GetParam() ? primary : replica).clock.advance_s(60);  // what comes to both has one date
    share(primary, ours);
    share(replica, theirs);
    primary.append(ours, "of the primary");
    replica.append(theirs, "of the replica");
    for (TestStore* store : {&primary, &replica}) {
      const UniqueId& id = store == &primary ? ours : theirs;
      store->append(id, "of both");
      store->append(id, store == &primary ? "unseen here" : "unseen there");
    }
  }
  UniqueId stays() const { return GetParam() ? ours : theirs; }

  UniqueId ours;
  UniqueId theirs;
};

TEST_P(SplitSeenFold, GoesAlong) {
  mark(primary, ours, "bob", 1);
  mark(replica, theirs, "bob", 1);
  mark(primary, ours, "carol", 2);
  heal();
  expect_seen(stays(), "bob", ElementsAre("of the primary", "of the replica"));
  expect_seen(stays(), "carol", ElementsAre("of both"));
}

TEST_P(SplitSeenFold, OfWhatBothHave) {
  mark(replica, theirs, "bob", 2);
  heal();
  expect_seen(stays(), "bob", ElementsAre("of both"));
  expect_seen(stays(), "carol", IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(TheOneOfThePrimaryIs, SplitSeenFold, testing::Bool(), [](const auto& of) {
  return std::string(of.param ? "Older" : "Younger");
});

}  // namespace
}  // namespace gemel::sync
