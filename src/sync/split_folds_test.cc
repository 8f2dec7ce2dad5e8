// Two mailboxes of one name became one, on a server that knew an earlier state of the one that
// went: what others expunged in it, then or later, is gone where it went, too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sync/records.h"
#include "sync/reunion.h"
#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

using Shown = std::multiset<std::string>;

UidSet one(uint32_t uid) { return UidSet::of(Uid(uid), Uid(uid)); }

// What a server knew of a mailbox that had followed this one up to now.
class Earlier {
 public:
  Earlier(TestStore& store, const UniqueId& id) : info_(store.info(id)) {
    const MailboxView view = store->view(id).value();
    records_ = ChangeReader::start(view, ModSeq(), Uid(1)).value().next().value();
    for (const ChangedRecord& record : records_)
      if (!record.row.expunged) bodies_.push_back(store.body(id, record.row.uid.value));
  }
  // Another server that has nothing of it meets that one.
  void met_by(TestStore& store) const {
    ASSERT_EQ(store->find(info_.id).error().code, Code::kNotFound);
    ASSERT_TRUE(store->promote(info_.lineage.back().term));
    MailboxReunion reunion(state_of(info_), std::nullopt);
    reunion.take(header_state_of(info_));
    for (const ChangedRecord& record : records_) reunion.take(record);
    for (const std::string& body : bodies_) reunion.take(store.stage(body));
    reunion.page_over(Uid());
    const Result<United> united = reunion.unite(*store, store.clock);
    ASSERT_TRUE(united) << united.error().text;
    ASSERT_EQ(united->next, United::Next::kFolded);
  }

 private:
  MailboxInfo info_;
  std::vector<ChangedRecord> records_;
  std::vector<std::string> bodies_;
};

// Of all of alice's mailboxes but INBOX.
Shown shown(TestStore& store) {
  Shown out;
  const std::vector<MailboxInfo> mailboxes = store->mailboxes("alice").value();
  for (const MailboxInfo& info : mailboxes)
    if (info.id != store.inbox())
      store->view(info.id).value().uids().value().for_each(
          [&](Uid uid) { out.insert(store.body(info.id, uid.value)); });
  return out;
}

class SplitFolds : public SplitFixture {
 protected:
  // Both make a mailbox of one name; the replica's is the younger one.
  void make_two(const std::vector<std::string>& bodies) {
    split();
    stays = primary.create("box");
    primary.append(stays, "of the primary");
    replica.clock.advance_s(60);
    went = replica.create("box");
    for (const std::string& body : bodies) replica.append(went, body);
  }
  // The primary meets a third server, which knows what the replica has; the replica goes on.
  void meet_earlier(const std::function<void()>& later) {
    const Earlier earlier(replica, went);
    later();
    primary.clock.advance_s(3600);
    earlier.met_by(primary);
  }

  void expect_both_show(const Shown& expected) {
    EXPECT_EQ(shown(primary), expected);
    EXPECT_EQ(shown(replica), expected);
  }
  // And nothing more comes of it.
  void heal_to(const Shown& expected) {
    heal();
    expect_both_show(expected);
    const Digest digest = primary->digest();
    sync();
    EXPECT_EQ(primary->digest(), digest);
    expect_both_show(expected);
  }

  UniqueId stays;
  UniqueId went;
};

TEST_F(SplitFolds, WhatAThirdServerExpungedLaterIsGone) {
  make_two({"kept", "expunged"});
  meet_earlier([&] { ASSERT_TRUE(replica->expunge(went, one(2))); });
  EXPECT_EQ(shown(primary), (Shown{"of the primary", "kept", "expunged"}));
  heal_to({"of the primary", "kept"});
}

TEST_F(SplitFolds, WhatItMovedAwayIsThereOnce) {
  make_two({"kept", "moved"});
  meet_earlier([&] {
    const UniqueId other = replica.create("other");
    ASSERT_TRUE(replica->copy(went, one(2), other, MailStore::Keep::kMove));
  });
  heal_to({"of the primary", "kept", "moved"});
}

TEST_F(SplitFolds, WhatItFreedIsGone) {
  make_two({"kept", "freed"});
  meet_earlier([&] {
    ASSERT_TRUE(replica->expunge(went, one(2)));
    ASSERT_TRUE(replica->purge_expunged(went, replica.info(went).highestmodseq));
  });
  heal_to({"of the primary", "kept"});
}

TEST_F(SplitFolds, WhatWasDeletedWithTheMailboxIsGone) {
  make_two({"deleted"});
  meet_earlier([&] { ASSERT_TRUE(replica->remove(went)); });
  heal_to({"of the primary"});
}

TEST_F(SplitFolds, AndWithOneThatWasFreed) {
  make_two({"deleted"});
  meet_earlier([&] {
    ASSERT_TRUE(replica->remove(went));
    ASSERT_TRUE(replica->purge_deleted(went));
  });
  heal_to({"of the primary"});
}

// Beside those that a user changed where it went.
TEST_F(SplitFolds, FlagsThatItChangedAreThere) {
  make_two({"flagged"});
  ASSERT_TRUE(replica->store_flags(went, one(1), FlagOp::kSet, flag_names({"\\Answered", "work"})));
  meet_earlier([&] {
    ASSERT_TRUE(
        replica->store_flags(went, one(1), FlagOp::kSet, flag_names({"\\Flagged", "work"})));
  });
  ASSERT_TRUE(primary->store_flags(stays, one(2), FlagOp::kAdd, flag_names({"\\Seen"})));
  ASSERT_TRUE(primary->store_flags(stays, one(2), FlagOp::kRemove, flag_names({"work"})));
  heal_to({"of the primary", "flagged"});
  for (TestStore* store : {&primary, &replica})
    EXPECT_EQ(store->flags(stays, 2), "\\Flagged \\Seen");
}

// The other mailbox has keywords of its own, and places for some more.
TEST_F(SplitFolds, KeywordsGoAlongAsFarAsTheyHavePlaces) {
  const auto keywords = [](char letter, size_t count) {
    FlagNames out;
    for (size_t i = 100; i < 100 + count; ++i) EXPECT_TRUE(out.add(fmt::format("{}{}", letter, i)));
    return out;
  };
  make_two({"flagged"});
  meet_earlier([&] {
    ASSERT_TRUE(
        replica->store_flags(went, one(1), FlagOp::kSet, keywords('r', kMailboxKeywordsMax)));
  });
  const FlagNames own = keywords('p', kMailboxKeywordsMax);
  ASSERT_TRUE(primary->store_flags(stays, one(1), FlagOp::kSet, own));
  heal_to({"of the primary", "flagged"});
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_EQ(store->flags(stays, 1), own.text());
    EXPECT_EQ(store->flags(stays, 2),
              keywords('r', kMailboxKeywordPlaces - kMailboxKeywordsMax).text());
  }
}

// The third server comes with a message of its own: the mailbox comes back, with that alone.
TEST_F(SplitFolds, WhatCameThereMeanwhileStays) {
  make_two({"kept", "expunged"});
  meet_earlier([&] {
    ASSERT_TRUE(replica->expunge(went, one(2)));
    replica.append(went, "came later");
  });
  heal_to({"of the primary", "kept", "came later"});
}

// Our own mailbox is the younger one, and becomes a part of the one of the third server.
TEST_F(SplitFolds, TheOneThatWentMayBeOurs) {
  TestStore third{TestStore::On::kMemory};
  ASSERT_TRUE(third->create_user("alice", {}));
  const UniqueId older = third.create("box");
  third.append(older, "of the third");
  primary.clock.advance_s(60);
  went = primary.create("box");
  primary.append(went, "kept");
  primary.append(went, "expunged");
  sync();
  split();
  ASSERT_TRUE(replica->expunge(went, one(2)));
  Earlier(third, older).met_by(primary);
  EXPECT_EQ(primary->find(named("box")).value().id, older);
  EXPECT_EQ(shown(primary), (Shown{"of the third", "kept", "expunged"}));
  heal_to({"of the third", "kept"});
}

// The other way round: the replica has met the third server, and the primary has expunged.
TEST_F(SplitFolds, TheReplicaMayHaveMetTheThird) {
  primary.clock.advance_s(60);
  went = primary.create("box");
  primary.append(went, "kept");
  primary.append(went, "expunged");
  sync();
  split();
  TestStore third{TestStore::On::kMemory};
  ASSERT_TRUE(third->create_user("alice", {}));
  const UniqueId older = third.create("box");
  third.append(older, "of the third");
  Earlier(third, older).met_by(replica);
  EXPECT_EQ(shown(replica), (Shown{"of the third", "kept", "expunged"}));
  ASSERT_TRUE(primary->expunge(went, one(2)));
  heal_to({"of the third", "kept"});
}

TEST_F(SplitFolds, WhatBothFoldedIsThereOnce) {
  TestStore third{TestStore::On::kMemory};
  ASSERT_TRUE(third->create_user("alice", {}));
  const UniqueId older = third.create("box");
  third.append(older, "of the third");
  primary.clock.advance_s(60);
  went = primary.create("box");
  primary.append(went, "kept");
  primary.append(went, "kept too");
  sync();
  split();
  replica.clock.advance_s(3600);
  const Earlier earlier(third, older);
  earlier.met_by(replica);
  earlier.met_by(primary);
  heal_to({"of the third", "kept", "kept too"});
}

TEST_F(SplitFolds, OfTwoThatAreAlikeOneStays) {
  make_two({});
  for (int i = 0; i < 2; ++i) replica.append(went, "twice");
  meet_earlier([&] { ASSERT_TRUE(replica->expunge(went, one(2))); });
  heal_to({"of the primary", "twice"});
}

TEST_F(SplitFolds, WhatAUserMovedOnStays) {
  make_two({"kept", "moved on"});
  meet_earlier([&] { ASSERT_TRUE(replica->expunge(went, one(2))); });
  const UniqueId other = primary.create("other");
  ASSERT_TRUE(primary->copy(stays, one(3), other, MailStore::Keep::kMove));
  heal_to({"of the primary", "kept", "moved on"});
}

// The mailbox that took it in became a part of an older one.
TEST_F(SplitFolds, WhatWentOnWithItsMailboxIsGone) {
  TestStore third{TestStore::On::kMemory};
  ASSERT_TRUE(third->create_user("alice", {}));
  const UniqueId older = third.create("box");
  third.append(older, "of the third");
  primary.clock.advance_s(60);
  replica.clock.advance_s(60);
  make_two({"kept", "expunged"});
  meet_earlier([&] { ASSERT_TRUE(replica->expunge(went, one(2))); });
  Earlier(third, older).met_by(primary);
  EXPECT_EQ(primary->find(named("box")).value().id, older);
  EXPECT_EQ(shown(primary), (Shown{"of the third", "of the primary", "kept", "expunged"}));
  heal_to({"of the third", "of the primary", "kept"});
}

// Wherever the link is cut, and if the primary crashes there too.
TEST(SplitFoldsCut, AtAnyByteIsMended) {
  log::set_level(log::Level::kOff);
  for (uint64_t bytes = 400;; bytes += 61) {
    TestLink link;
    TestStore& primary = link.primary;
    TestStore& replica = link.replica;
    TestStore third{TestStore::On::kMemory};
    for (TestStore* store : {&primary, &third}) ASSERT_TRUE((*store)->create_user("alice", {}));
    const UniqueId older = third.create("box");
    third.append(older, "of the third");
    primary.clock.advance_s(60);
    const UniqueId went = primary.create("box");
    for (const char* body : {"kept", "expunged"}) primary.append(went, body);
    link.connect();
    ASSERT_TRUE(link.sync().result);
    ASSERT_TRUE(replica->promote());
    Earlier(third, older).met_by(replica);
    ASSERT_TRUE(primary->expunge(went, one(2)));
    ASSERT_TRUE(replica->demote());
    ASSERT_TRUE(primary->promote(replica->term()));
    link.disconnect("each had its time");
    link.cut_after = bytes;
    link.connect();
    const bool is_through = link.sync().result.has_value();
    if (!is_through) {
      link.cut_after.reset();
      if (bytes % 2 == 0) link.open_channel();
      link.connect();
      EXPECT_TRUE(link.sync().result) << bytes;
    }
    link.expect_in_step();
    for (TestStore* store : {&primary, &replica})
      EXPECT_EQ(shown(*store), (Shown{"of the third", "kept"})) << bytes;
    if (is_through || testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace gemel::sync
