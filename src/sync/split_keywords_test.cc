// Both sides of a split give a mailbox keywords, together more than it has places for: nobody has
// to act, and which of them are given up does not depend on who merges.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "store/hold.h"
#include "sync/records.h"
#include "sync/reunion.h"
#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

UidSet one(uint32_t uid) { return UidSet::of(Uid(uid), Uid(uid)); }

// a100, a101 and so on for the letter a.
FlagNames keywords(char letter, size_t count, size_t first = 100) {
  FlagNames out;
  for (size_t i = first; i < first + count; ++i)
    EXPECT_TRUE(out.add(fmt::format("{}{}", letter, i)));
  return out;
}

// The flags of each message that lives, by its body.
using Shown = std::map<std::string, std::string>;
Shown shown(TestStore& store, const UniqueId& id) {
  Shown out;
  const MailboxView view = store->view(id).value();
  view.uids().value().for_each([&](Uid uid) {
    const Flags flags = view.record(uid)->state.flags;
    out.emplace(store.body(id, uid.value), names_of(flags, view.info().keywords).text());
  });
  return out;
}

// Of a mailbox, with their number of messages.
std::map<std::string, size_t> counted(const Shown& messages) {
  std::map<std::string, size_t> out;
  for (const auto& [body, flags] : messages)
    for (size_t at = 0; at < flags.size();) {
      const size_t end = std::min(flags.find(' ', at), flags.size());
      ++out[flags.substr(at, end - at)];
      at = end + 1;
    }
  return out;
}

class SplitKeywords : public SplitFixture {
 protected:
  // In step, whoever looks, and nothing more comes of it.
  Shown settled(const UniqueId& id) {
    const Digest digest = primary->digest();
    sync();
    EXPECT_EQ(primary->digest(), digest);
    EXPECT_EQ(shown(replica, id), shown(primary, id));
    return shown(primary, id);
  }
  void add(TestStore& store, uint32_t uid, const FlagNames& flags) {
    ASSERT_TRUE(store->store_flags(inbox, one(uid), FlagOp::kAdd, flags));
  }
  // What a link would do up to the merge on the one side.
  Result<United> meet(TestStore& ours, TestStore& theirs) {
    const MailboxView view = theirs->view(inbox).value();
    MailboxReunion reunion(state_of(view.info()), ours.info(inbox));
    reunion.take(header_state_of(view.info()));
    const auto records = ChangeReader::start(view, common, Uid(1)).value().next().value();
    for (const ChangedRecord& record : records) {
      reunion.take(record);
      if (!record.row.expunged) reunion.take(ours.stage(theirs.body(inbox, record.row.uid.value)));
    }
    reunion.page_over(Uid());
    return reunion.unite(*ours, ours.clock);
  }
  void part() {
    common = primary.info(inbox).highestmodseq;
    split();
  }
  // Each gives it as many as it may, and some of them to two messages.
  void give_many() {
    part();
    primary.append(inbox, "of the primary", keywords('p', kMailboxKeywordsMax));
    replica.append(inbox, "of the replica", keywords('r', kMailboxKeywordsMax));
    add(primary, 1, keywords('p', 10, 150));
    add(replica, 1, keywords('r', 70, 130));
  }
  // Two messages have ten of them.
  static FlagNames left_of_primary() {
    FlagNames out = keywords('p', 43);
    for (const std::string& keyword : keywords('p', 10, 150).keywords)
      EXPECT_TRUE(out.add(keyword));
    return out;
  }
  ModSeq common;
  static constexpr size_t kTooMany = 2 * kMailboxKeywordsMax - kMailboxKeywordPlaces;
};

TEST_F(SplitKeywords, AsManyAsHavePlacesStay) {
  split();
  primary.append(inbox, "of the primary", keywords('p', kMailboxKeywordsMax));
  replica.append(inbox, "of the replica",
                 keywords('r', kMailboxKeywordPlaces - kMailboxKeywordsMax));
  heal();
  EXPECT_EQ(counted(settled(inbox)).size(), kMailboxKeywordPlaces);
  // And no client adds to them.
  EXPECT_EQ(primary->store_flags(inbox, one(1), FlagOp::kAdd, flag_names({"new"})).error().code,
            Code::kLimit);
  add(primary, 1, keywords('r', 3));
  sync();
}

TEST_F(SplitKeywords, WhatTheFewestMessagesHaveIsGivenUpAndToldOf) {
  give_many();
  log::set_level(log::Level::kWarn);
  testing::internal::CaptureStderr();
  heal();
  const std::string said = testing::internal::GetCapturedStderr();
  log::set_level(log::Level::kOff);
  const Shown now = settled(inbox);
  EXPECT_EQ(now.size(), 3U);
  EXPECT_EQ(now.at("before"), [] {
    FlagNames both = keywords('p', 10, 150);
    for (const std::string& keyword : keywords('r', 70, 130).keywords)
      EXPECT_TRUE(both.add(keyword));
    return both.text();
  }());
  EXPECT_EQ(counted(now).size(), kMailboxKeywordPlaces);
  // Of those that one message has the last by name: all of r, and of p all but the first.
  EXPECT_EQ(now.at("of the replica"), keywords('r', 70, 130).text());
  EXPECT_EQ(now.at("of the primary"), left_of_primary().text());
  size_t told = 0;
  for (size_t at = 0; (at = said.find(" has given up keyword=", at)) != said.npos; ++at) ++told;
  EXPECT_EQ(told, kTooMany) << said;
  EXPECT_NE(said.find(" mailbox=alice/INBOX has given up keyword=p143:"), said.npos) << said;
}

// Cut off behind the merge here: what was given up then is all.
TEST_F(SplitKeywords, AMergeThatIsBegunAgainGivesUpNoMore) {
  give_many();
  ASSERT_TRUE(replica->demote());
  ASSERT_TRUE(primary->promote(replica->term()));
  ASSERT_TRUE(meet(primary, replica));
  const Shown merged = shown(primary, inbox);
  link.disconnect("each had its time");
  link.connect();
  sync();
  EXPECT_EQ(settled(inbox), merged);
  EXPECT_EQ(counted(merged).size(), kMailboxKeywordPlaces);
}

// The mailbox that stays keeps all of its own.
TEST_F(SplitKeywords, TwoMailboxesOfOneNameBecomeOne) {
  const auto append = [](TestStore& store, const UniqueId& id, const std::string& body,
                         const FlagNames& flags) {
    ASSERT_TRUE(store->append({{id, store.stage(body), flags, 1}}));
  };
  for (TestStore* older : {&primary, &replica}) {
    const bool is_primary = older == &primary;
    split();
    (is_primary ? replica : primary).clock.advance_s(is_primary ? 3600 : 7200);
    const std::string name = is_primary ? "one" : "two";
    const UniqueId ours = primary.create(name);
    append(primary, ours, "p", keywords('p', kMailboxKeywordsMax));
    append(primary, ours, "both", keywords('p', 1));
    const UniqueId theirs = replica.create(name);
    append(replica, theirs, "r", keywords('r', kMailboxKeywordsMax));
    append(replica, theirs, "both", keywords('r', 2, 180));
    heal();
    const UniqueId stays = primary->find(named(name)).value().id;
    EXPECT_EQ(stays, is_primary ? ours : theirs);
    const Shown now = settled(stays);
    EXPECT_EQ(now.size(), 3U);
    EXPECT_EQ(counted(now).size(), kMailboxKeywordPlaces);
    EXPECT_EQ(now.at("both"), "p100 r180 r181");
    const char letter = is_primary ? 'p' : 'r';
    EXPECT_EQ(now.at({letter}), keywords(letter, kMailboxKeywordsMax).text());
  }
}

// A message that only a hold keeps takes no keyword from those that live.
TEST_F(SplitKeywords, WhatAHoldBringsBackHasTheFirstToGo) {
  primary.append(inbox, "held", keywords('h', 60));
  ASSERT_TRUE(primary->expunge(inbox, one(2)));
  sync();
  split();
  ASSERT_TRUE(replica->hold(inbox, kHoldForever));
  ASSERT_TRUE(primary->purge_expunged(inbox, ModSeq(INT64_MAX), 1000));
  primary.append(inbox, "of the primary", keywords('p', 90));
  replica.append(inbox, "of the replica", keywords('r', 33));
  heal();
  EXPECT_EQ(counted(settled(inbox)).size(), 123U);
  for (TestStore* store : {&primary, &replica}) EXPECT_EQ(store->info(inbox).expunged, 2U);
}

// Of a record that differs at equal numbers nobody knows which flags are right.
TEST_F(SplitKeywords, ARepairTakesWhatHasPlaces) {
  primary.append(inbox, "whole", flag_names({"z"}));
  add(primary, 1, keywords('p', kMailboxKeywordsMax - 1));
  sync();
  MailboxUpdate damage = replica.mend_of(inbox);
  damage.items.push_back(
      StoreItem{.uids = one(1), .modseq = damage.to, .flags = keywords('r', kMailboxKeywordsMax)});
  ASSERT_TRUE(replica->apply(std::move(damage), {}).get());
  const SyncReport report = link.sync({.users = {"alice"}, .mailboxes = {}});
  ASSERT_TRUE(report.result) << report.result.error().text;
  const Shown now = settled(inbox);
  EXPECT_EQ(now.at("whole"), "z");
  FlagNames left = keywords('p', kMailboxKeywordsMax - 1);
  for (const std::string& keyword : keywords('r', 23).keywords) EXPECT_TRUE(left.add(keyword));
  EXPECT_EQ(now.at("before"), left.text());
}

// Both are merged by the one and by the other, which has only then to be told.
class EitherMerges : public SplitKeywords, public testing::WithParamInterface<bool> {
 protected:
  void merge() {
    TestStore& ours = GetParam() ? primary : replica;
    TestStore& theirs = GetParam() ? replica : primary;
    ASSERT_TRUE(ours->promote(theirs->term()));
    const Result<United> united = meet(ours, theirs);
    ASSERT_TRUE(united) << united.error().text;
    ASSERT_EQ(united->next, United::Next::kMend);
    ASSERT_TRUE(theirs->demote());
    std::vector<StagedBody> bodies;
    for (const ChangeItem& item : united->mend->items)
      if (const auto* append = std::get_if<AppendItem>(&item))
        bodies.push_back(
            theirs.stage(ours->view(inbox)->body(append->guid).value().read_all().value()));
    const auto applied = theirs->apply(*united->mend, std::move(bodies)).get();
    ASSERT_TRUE(applied) << applied.error().text;
    EXPECT_EQ(applied->digest, ours.info(inbox).digest);
    for (TestStore* store : {&ours, &theirs}) {
      store->expect_sound();
      EXPECT_EQ(counted(shown(*store, inbox)).size(), kMailboxKeywordPlaces);
    }
  }
  // What is left of those that one letter begins, at a message.
  std::string left(const std::string& body, char letter) {
    FlagNames out;
    const Shown now = shown(primary, inbox);
    for (const auto& [keyword, messages] : counted({*now.find(body)}))
      if (keyword[0] == letter) EXPECT_TRUE(out.add(keyword));
    return out.text();
  }
};

TEST_P(EitherMerges, TheSameAreGivenUp) {
  give_many();
  merge();
  EXPECT_EQ(left("of the primary", 'p'), left_of_primary().text());
  EXPECT_EQ(left("of the replica", 'r'), keywords('r', 70, 130).text());
}

// An expunged message counts for little, a message of the common past that nobody has changed for
// all: what it alone has stays.
TEST_P(EitherMerges, WhatNobodyTouchedStays) {
  primary.append(inbox, "untouched", flag_names({"z"}));
  sync();
  part();
  primary.append(inbox, "of the primary", keywords('p', kMailboxKeywordsMax - 1));
  replica.append(inbox, "expunged", keywords('a', 49));
  ASSERT_TRUE(replica->expunge(inbox, one(3)));
  replica.append(inbox, "of the replica", keywords('r', 50));
  merge();
  EXPECT_EQ(left("untouched", 'z'), "z");
  EXPECT_EQ(left("of the replica", 'r'), keywords('r', 23).text());
  EXPECT_EQ(left("of the primary", 'p'), keywords('p', kMailboxKeywordsMax - 1).text());
}

INSTANTIATE_TEST_SUITE_P(Side, EitherMerges, testing::Bool(), [](const auto& of) {
  return std::string(of.param ? "Primary" : "Replica");
});

}  // namespace
}  // namespace gemel::sync
