#include "expire/run.h"

#include <gtest/gtest.h>

#include "store/hold.h"
#include "store/store_fixture.h"

namespace gemel::expire {
namespace {

std::string attribute() { return std::string(kAttributeRule); }

class RunTest : public StoreTest {
 protected:
  RunTest() {
    EXPECT_TRUE(store->create_user("bob", {}));
    trash = store.create("Trash");
  }
  std::vector<Action> run(Options options) {
    std::vector<Action> out;
    expire::Run running(*store, store.clock, defaults, std::move(options));
    for (;;) {
      const Result<bool> more = running.step([&](const Action& action) { out.push_back(action); });
      EXPECT_TRUE(more) << more.error().text;
      if (!more || !*more) break;
    }
    report = running.report();
    return out;
  }
  /// "expunge alice/Trash 1:2 why" and so on.
  std::string shown(const std::vector<Action>& actions) {
    std::string out;
    for (const Action& action : actions)
      out += std::string(name_of(action.kind)) + " " + action.where + " " + action.uids.text() +
             " " + std::to_string(action.messages) + ": " + action.why + "\n";
    return out;
  }
  void set_rule(const UniqueId& mailbox, const char* rule) {
    ASSERT_TRUE(store->set_attributes(mailbox, {{attribute(), rule}}));
  }

  Defaults defaults;
  Report report;
  UniqueId trash;
};

const Options kRules = {.rules = Options::Rules::kApply};
Options dry(Options options) {
  options.effect = Options::Effect::kDryRun;
  return options;
}

TEST_P(RunTest, RulesHideWhatIsOldAndADryRunOnlySaysSo) {
  store.append_many(trash, 2);
  store.append(trash, "flagged", flag_names({"\\Flagged"}));
  store.append_many(store.inbox(), 1);
  set_rule(trash, "days=30");
  store.clock.advance_s(30 * kDayS - 1);
  EXPECT_EQ(shown(run(kRules)), "");
  store.clock.advance_s(1);
  store.append(trash, "new");
  const std::string expected = "expunge alice/Trash 1:2 2: saved at least 30 days ago\n";
  const Digest before = store->digest();
  EXPECT_EQ(shown(run(dry(kRules))), expected);
  EXPECT_EQ(store->digest(), before);
  EXPECT_EQ(shown(run(kRules)), expected);
  EXPECT_EQ(report.expunged, 2U);
  EXPECT_EQ(report.expunged_bytes, 2 * std::string("message 0").size());
  EXPECT_EQ(store.uids(trash), "3:4");
  EXPECT_EQ(store.info(trash).expunged, 2U);  // to be brought back
  EXPECT_EQ(shown(run(kRules)), "");
}

TEST_P(RunTest, RulesOfTheConfigurationAndOfMailboxesAboveCount) {
  defaults.rules = {{"Trash", parse_rule("days=1").value()}};
  const UniqueId below = store.create("Trash/2024");
  const UniqueId kept = store.create("Trash/kept");
  for (const UniqueId& id : {trash, below, kept}) store.append_many(id, 1);
  set_rule(kept, "days=never");
  store.clock.advance_s(kDayS);
  EXPECT_EQ(shown(run(kRules)),
            "expunge alice/Trash 1 1: saved at least 1 days ago\n"
            "expunge alice/Trash/2024 1 1: saved at least 1 days ago\n");
}

TEST_P(RunTest, ARuleThatCantBeReadIsPassedOverAndTheOthersAreNot) {
  const UniqueId other = store.create("Wrong");
  for (const UniqueId& id : {trash, other}) store.append_many(id, 1);
  set_rule(trash, "days=1");
  set_rule(other, "days=one");
  store.clock.advance_s(kDayS);
  run(kRules);
  EXPECT_EQ(report.expunged, 1U);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_NE(report.errors[0].find("alice/Wrong"), std::string::npos);
  EXPECT_EQ(store.uids(other), "1");
}

TEST_P(RunTest, GoesInStepsAndGoesOnWhereItWasEnded) {
  store.append_many(trash, 2 * kStepMessages + 1);
  set_rule(trash, "at-most=1");
  {
    expire::Run cut(*store, store.clock, defaults, kRules);
    uint64_t hidden = 0;
    while (hidden == 0)
      ASSERT_TRUE(cut.step([&](const Action& action) { hidden += action.messages; }));
    EXPECT_EQ(hidden, kStepMessages);
  }
  EXPECT_EQ(store.info(trash).exists, kStepMessages + 1);
  const std::vector<Action> rest = run(kRules);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].messages, kStepMessages);
  EXPECT_EQ(store.uids(trash), std::to_string(2 * kStepMessages + 1));
  // Freeing goes in the same steps.
  const std::vector<Action> freed = run({.expunged_s = 0});
  ASSERT_EQ(freed.size(), 2U);
  EXPECT_EQ(freed[0].messages, kStepMessages);
  EXPECT_EQ(report.freed, 2 * kStepMessages);
}

TEST_P(RunTest, WhatIsFlaggedMeanwhileStays) {
  store.append_many(trash, kStepMessages + 10);
  set_rule(trash, "days=1");
  store.clock.advance_s(kDayS);
  expire::Run running(*store, store.clock, defaults, kRules);
  const Uid last(kStepMessages + 10);
  bool is_flagged = false;
  for (;;) {
    const Result<bool> more = running.step([&](const Action&) {
      if (std::exchange(is_flagged, true)) return;
      EXPECT_TRUE(store->store_flags(trash, UidSet::of(last, last), FlagOp::kAdd,
                                     flag_names({"\\Flagged"})));
    });
    ASSERT_TRUE(more);
    if (!*more) break;
  }
  EXPECT_EQ(store.uids(trash), std::to_string(last.value));
}

TEST_P(RunTest, FreesWhatWasExpungedLongEnoughAgoAndNothingElse) {
  const Options sweep = {.expunged_s = 14 * kDayS};
  store.append_many(trash, 3);
  ASSERT_TRUE(store->expunge(trash, UidSet::of(Uid(1), Uid(1))));
  EXPECT_EQ(shown(run(sweep)), "");
  store.clock.advance_s(10 * kDayS);
  ASSERT_TRUE(store->expunge(trash, UidSet::of(Uid(2), Uid(2))));
  EXPECT_EQ(shown(run(sweep)), "");
  store.clock.advance_s(4 * kDayS);
  EXPECT_EQ(shown(run(dry(sweep))), "free alice/Trash 1 1: expunged at least 14 days ago\n");
  EXPECT_EQ(shown(run(sweep)), "free alice/Trash  1: expunged at least 14 days ago\n");
  EXPECT_EQ(report.freed_bytes, std::string("message 0").size());
  EXPECT_EQ(store.info(trash).expunged, 1U);
  store.clock.advance_s(10 * kDayS);
  run(sweep);
  EXPECT_EQ(report.freed, 1U);
  EXPECT_EQ(shown(run(sweep)), "");
  EXPECT_EQ(store.uids(trash), "3");
}

TEST_P(RunTest, FreesDeletedMailboxes) {
  const UniqueId gone = store.create("gone");
  store.append_many(gone, kStepMessages + 1);
  ASSERT_TRUE(store->remove(gone));
  const Options sweep = {.deleted_s = 7 * kDayS};
  store.clock.advance_s(7 * kDayS - 1);
  EXPECT_EQ(shown(run(sweep)), "");
  store.clock.advance_s(1);
  EXPECT_EQ(shown(run(dry(sweep))), "free-mailbox alice/gone  1001: deleted at least 7 days ago\n");
  run(sweep);
  EXPECT_EQ(report.mailboxes_freed, 1U);
  EXPECT_EQ(report.freed, kStepMessages + 1);
  run(sweep);
  EXPECT_EQ(report.mailboxes_freed, 0U);
}

// E01: an option that is left out does nothing.
TEST_P(RunTest, E01EachOptionDoesItsOwnAndNothingElse) {
  defaults.rules = {{"*", parse_rule("days=1").value()}};
  const UniqueId gone = store.create("gone");
  for (const UniqueId& id : {trash, gone}) store.append_many(id, 3);
  ASSERT_TRUE(store->expunge(trash, UidSet::of(Uid(1), Uid(1))));
  ASSERT_TRUE(store->remove(gone));
  std::vector<MailStore::Filing> filings;
  filings.push_back(
      {.once = Remembrance{.userid = "alice", .token = "m", .until_s = 1'800'000'000}});
  ASSERT_TRUE(store->deliver(std::move(filings)));
  store.clock.advance_s(kDayS);
  EXPECT_TRUE(Options().does_nothing());
  EXPECT_EQ(shown(run({})), "");
  EXPECT_EQ(shown(run(dry(kRules))), "expunge alice/Trash 2:3 2: saved at least 1 days ago\n");
  EXPECT_EQ(shown(run(dry({.expunged_s = 0}))),
            "free alice/Trash 1 1: expunged at least 0 days ago\n");
  EXPECT_EQ(shown(run(dry({.deleted_s = 0}))),
            "free-mailbox alice/gone  3: deleted at least 0 days ago\n");
  EXPECT_EQ(shown(run(dry({.duplicates_s = 0}))),
            "forget alice  1: remembered, and lapsed or last added to at least 0 days ago\n");
  EXPECT_EQ(shown(run({.duplicates_s = 2 * kDayS})), "");
  EXPECT_EQ(store.info(trash).exists, 2U);
  EXPECT_EQ(store.info(trash).expunged, 1U);
  EXPECT_EQ(store.info(gone).exists, 3U);
  EXPECT_EQ(store->user_items("alice", kUserItemDuplicate)->size(), 1U);
  run({.duplicates_s = kDayS});
  EXPECT_EQ(report.forgotten, 1U);
  EXPECT_EQ(store->user_items("alice", kUserItemDuplicate)->size(), 0U);
}

// E05: a mailbox that is deleted with its parent, or was before.
TEST_P(RunTest, E05DeletedParentsAndChildrenGoTogetherOrApart) {
  const UniqueId parent = store.create("p");
  const UniqueId child = store.create("p/c");
  for (const UniqueId& id : {parent, child}) store.append_many(id, 2);
  ASSERT_TRUE(store->remove(parent));
  run({.deleted_s = 0});
  EXPECT_EQ(report.mailboxes_freed, 1U);
  ASSERT_TRUE(store->remove(child));
  run({.deleted_s = 0});
  EXPECT_EQ(report.mailboxes_freed, 1U);
  ASSERT_TRUE(store->delete_user("alice"));
  run({.deleted_s = 0});
  EXPECT_TRUE(report.errors.empty());
}

TEST_P(RunTest, WhatIsHeldStaysAndIsTold) {
  const UniqueId gone = store.create("gone");
  for (const UniqueId& id : {trash, gone}) store.append_many(id, 3);
  ASSERT_TRUE(store->expunge(trash, UidSet::of(Uid(1), Uid(1))));
  ASSERT_TRUE(store->remove(gone));
  set_rule(trash, "days=1");
  ASSERT_TRUE(store->hold("alice", kHoldForever));
  store.clock.advance_s(1000 * kDayS);
  const Options all = {.rules = Options::Rules::kApply, .expunged_s = 0, .deleted_s = 0};
  const Digest before = store->digest();
  // A run and a dry run tell the same, for nothing goes.
  for (const Options& options : {dry(all), all}) {
    EXPECT_EQ(shown(run(options)),
              "hold alice/Trash 1 1: held for ever\n"
              "hold alice/Trash 2:3 2: held for ever\n"
              "hold alice/gone  3: held for ever\n");
    EXPECT_EQ(report.held, 2U);  // mailboxes
    EXPECT_EQ(report.held_messages, 6U);
    EXPECT_EQ(report.held_bytes, 6 * std::string("message 0").size());
    EXPECT_EQ(report.expunged + report.freed + report.mailboxes_freed, 0U);
  }
  EXPECT_EQ(store->digest(), before);
  ASSERT_TRUE(store->hold("alice", 1'893'456'000));
  EXPECT_TRUE(shown(run(dry(all))).starts_with("hold alice/Trash 1 1: held until 2030-01-01\n"));
}

TEST_P(RunTest, AHoldThatComesWhileARunFreesIsToldWithWhatItKeeps) {
  const UniqueId gone = store.create("gone");
  for (const UniqueId& id : {trash, gone}) store.append_many(id, 2 * kStepMessages);
  // Two transactions, so that freeing them has two steps.
  for (const uint32_t first : {1U, 1001U})
    ASSERT_TRUE(store->expunge(trash, UidSet::of(Uid(first), Uid(first + kStepMessages - 1))));
  ASSERT_TRUE(store->remove(gone));
  for (const UniqueId& id : {trash, gone}) {
    const Options options = id == trash ? Options{.expunged_s = 0} : Options{.deleted_s = 0};
    expire::Run running(*store, store.clock, defaults, options);
    std::vector<Action> told;
    for (bool more = true; more;) {
      more = running
                 .step([&](const Action& action) {
                   told.push_back(action);
                   ASSERT_TRUE(store->hold(id, kHoldForever));
                 })
                 .value();
    }
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].messages, kStepMessages);
    EXPECT_EQ(told[1].kind, Action::Kind::kHold);
    EXPECT_EQ(told[1].messages, kStepMessages);
    EXPECT_EQ(running.report().freed, kStepMessages);
    EXPECT_EQ(running.report().held_messages, kStepMessages);
    EXPECT_EQ(running.report().held_bytes, told[1].bytes);
  }
}

TEST_P(RunTest, ArchivesMailboxesThatAreOldOrLarge) {
  const UniqueId large = store.create("Large");
  const UniqueId other = store.create("Large/below");
  const UniqueId busy = store.create("Busy");
  for (const UniqueId& id : {trash, large, other, busy}) store.append_many(id, 2);
  ASSERT_TRUE(store->expunge(trash, UidSet::of(Uid(1), Uid(1))));
  set_rule(trash, "archive-days=30");
  set_rule(busy, "archive-days=30");
  set_rule(large, "archive-bytes=18");
  set_rule(other, "archive-bytes=19");
  store.clock.advance_s(30 * kDayS);
  store.append_many(busy, 1);
  EXPECT_EQ(shown(run(kRules)), "");
  const std::string expected =
      "archive alice/Large  2: it holds at least 18 bytes\n"
      "archive alice/Trash  1: nothing came in for 30 days\n";
  const Options archive = {.archive = "archive"};
  EXPECT_EQ(shown(run(dry(archive))), expected);
  EXPECT_EQ(store.info(trash).partition, "default");
  EXPECT_EQ(shown(run(archive)), expected);
  EXPECT_EQ(store.info(trash).partition, "archive");
  EXPECT_EQ(store.info(large).partition, "archive");
  EXPECT_EQ(store.info(other).partition, "default");
  EXPECT_EQ(store.body(trash, 2), "message 1");
  EXPECT_EQ(report.archived, 2U);
  EXPECT_EQ(shown(run(archive)), "");
  run({.archive = "nowhere"});
  EXPECT_EQ(report.errors.size(), 2U);
}

TEST_P(RunTest, ArchivesSingleMessagesOnAReplicaToo) {
  store.append_many(trash, 2);
  store.clock.advance_s(30 * kDayS);
  store.append(trash, "a large message");
  store.append(trash, "new");
  set_rule(trash, "archive-message-days=30 archive-message-bytes=15");
  const std::string expected =
      "archive-messages alice/Trash 1:2 2: saved at least 30 days ago\n"
      "archive-messages alice/Trash 3 1: it has at least 15 bytes\n";
  const Options archive = {.archive = "archive"};
  EXPECT_EQ(shown(run(dry(archive))), expected);
  const Digest before = store.info(trash).digest;
  ASSERT_TRUE(store->demote());
  EXPECT_EQ(shown(run(archive)), expected);
  EXPECT_EQ(report.archived_messages, 3U);
  EXPECT_EQ(report.archived_message_bytes, 33U);
  EXPECT_EQ(store.info(trash).digest, before);
  EXPECT_EQ(store.info(trash).partition, "default");
  EXPECT_EQ(store.body(trash, 3), "a large message");
  EXPECT_EQ(shown(run(archive)), "");
}

// R36: what was archived, renamed and deleted leaves nothing on the archive's disk.
TEST_P(RunTest, R36NoBodyIsLeftInTheArchiveWithoutAnOwner) {
  store.append(trash, std::string(kBodyChunkBytes + 1, 'x'));
  set_rule(trash, "archive-bytes=1");
  run({.archive = "archive"});
  ASSERT_EQ(report.archived, 1U);
  EXPECT_EQ(store->verify({})->bodies, 1U);
  ASSERT_TRUE(store->rename({"alice", "Trash"}, {"alice", "Old/Trash"}));
  ASSERT_TRUE(store->remove(trash));
  run({.deleted_s = 0});
  EXPECT_EQ(report.freed, 1U);
  EXPECT_EQ(store->verify({})->bodies, 0U);
}

TEST_P(RunTest, PrunesKeywordsThatNoMessageHas) {
  store.append(trash, "a", flag_names({"$Kept", "$Hidden"}));
  store.append(trash, "b", flag_names({"$Hidden", "$Gone"}));
  ASSERT_TRUE(store->store_flags(trash, UidSet::of(Uid(1), Uid(1)), FlagOp::kRemove,
                                 flag_names({"$Hidden"})));
  ASSERT_TRUE(store->expunge(trash, UidSet::of(Uid(2), Uid(2))));
  const Options prune = {.keywords = Options::Keywords::kPrune};
  EXPECT_EQ(shown(run(prune)), "");  // hidden messages count
  run({.expunged_s = 0});
  EXPECT_EQ(run(dry(prune)).size(), 1U);
  // $Hidden is in the flag history, which a merge may ask; $Gone is nowhere.
  const std::vector<Action> done = run(prune);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].keywords, std::vector<std::string>{"$Gone"});
  EXPECT_EQ(report.keywords, 1U);
  EXPECT_EQ(store.flags(trash, 1), "$Kept");
}

TEST_P(RunTest, LooksOnlyAtTheUserOrMailboxThatIsNamed) {
  defaults.rules = {{"*", parse_rule("days=1").value()}};
  store.append_many(trash, 1);
  store.append_many(store.inbox(), 1);
  store.append_many(store.inbox("bob"), 1);
  store.clock.advance_s(kDayS);
  Options options = dry(kRules);
  options.userid = "bob";
  EXPECT_EQ(run(options).size(), 1U);
  options.mailbox = MailboxName{"alice", "Trash"};
  EXPECT_EQ(shown(run(options)), "expunge alice/Trash 1 1: saved at least 1 days ago\n");
  options.mailbox = MailboxName{"alice", "Gone"};
  const UniqueId gone = store.create("Gone");
  store.append_many(gone, 1);
  ASSERT_TRUE(store->remove(gone));
  options.deleted_s = 0;
  EXPECT_EQ(shown(run(options)), "free-mailbox alice/Gone  1: deleted at least 0 days ago\n");
}

TEST_P(RunTest, RefusesAUserOrMailboxThatNeverWas) {
  const auto refused = [this](const char* userid, std::optional<MailboxName> mailbox) {
    Options options = dry(kRules);
    options.userid = userid;
    options.mailbox = std::move(mailbox);
    expire::Run running(*store, store.clock, defaults, options);
    const Result<bool> step = running.step([](const Action&) {});
    return !step && step.error().code == Code::kNotFound;
  };
  EXPECT_TRUE(refused("nobody", {}));
  EXPECT_TRUE(refused("", MailboxName{"nobody", "INBOX"}));
  EXPECT_TRUE(refused("", MailboxName{"alice", "Trahs"}));
  EXPECT_FALSE(refused("", MailboxName{"alice", "Trash"}));
}

TEST_P(RunTest, IsThePrimarysWorkButAnyoneMayAskWhatWouldGo) {
  defaults.rules = {{"*", parse_rule("days=1").value()}};
  store.append_many(trash, 1);
  store.clock.advance_s(kDayS);
  ASSERT_TRUE(store->demote());
  expire::Run running(*store, store.clock, defaults, kRules);
  EXPECT_EQ(running.step([](const Action&) {}).error().code, Code::kReadOnly);
  EXPECT_EQ(run(dry(kRules)).size(), 1U);
}

TEST_P(RunTest, ManyUsersComeInTurn) {
  defaults.rules = {{"*", parse_rule("days=1").value()}};
  for (int i = 0; i < 250; ++i) {
    const std::string userid = "user" + std::to_string(i);
    ASSERT_TRUE(store->create_user(userid, {}));
    store.append_many(store.inbox(userid), 1);
  }
  store.clock.advance_s(kDayS);
  run(kRules);
  EXPECT_EQ(report.expunged, 250U);
}

GEMEL_ON_BOTH_ENGINES(RunTest);

}  // namespace
}  // namespace gemel::expire
