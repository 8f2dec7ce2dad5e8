#include "expire/rule.h"

#include <gtest/gtest.h>

#include "expire/plan.h"

namespace gemel::expire {
namespace {

TEST(Rule, IsTextAndBack) {
  const Rule rule = parse_rule("days=30  by=internaldate keep=none at-most=5").value();
  EXPECT_EQ(rule.days, 30U);
  EXPECT_EQ(rule.by, DateBy::kInternalDate);
  EXPECT_EQ(rule.spare, Spare::kNothing);
  EXPECT_EQ(text_of(rule), "days=30 at-most=5 by=internaldate keep=none");
  for (const char* text : {"", "days=never", "at-most=none archive-days=never archive-bytes=1",
                           "days=36500 by=savedate keep=flagged"}) {
    EXPECT_EQ(text_of(parse_rule(text).value()), text);
    EXPECT_EQ(parse_rule(text_of(parse_rule(text).value())).value(), parse_rule(text).value());
  }
}

TEST(Rule, RefusesWhatItDoesNotKnowAndSaysTheWord) {
  for (const char* word :
       {"days", "days=", "days=0", "days=36501", "days=-1", "days=x", "by=never", "keep=seen",
        "at-most=4294967296", "age=3", "=", "days=18446744073709551615"}) {
    const Result<Rule> rule = parse_rule(word);
    ASSERT_FALSE(rule) << word;
    EXPECT_EQ(rule.error().code, Code::kSyntax);
    EXPECT_NE(rule.error().text.find(word), std::string::npos) << rule.error().text;
  }
  EXPECT_FALSE(parse_rule("days=1 days=2"));
  EXPECT_FALSE(parse_rule("by=savedate by=savedate"));
  EXPECT_TRUE(parse_rule(std::string(kRuleBytesMax, ' ')));
  EXPECT_EQ(parse_rule(std::string(kRuleBytesMax + 1, ' ')).error().code, Code::kTooBig);
}

TEST(Rule, PromisesDaysOnlyWhereTheyAreSure) {
  EXPECT_EQ(days_at_least(parse_rule("").value()), kNever);
  EXPECT_EQ(days_at_least(parse_rule("days=30").value()), 30U);
  EXPECT_EQ(days_at_least(parse_rule("days=30 at-most=5").value()), std::nullopt);
  EXPECT_EQ(days_at_least(parse_rule("days=30 by=internaldate").value()), std::nullopt);
  EXPECT_EQ(days_at_least(parse_rule("by=internaldate").value()), kNever);
}

MailboxInfo mailbox(const std::string& owner, const std::string& path, const char* rule = nullptr) {
  MailboxInfo out;
  out.name = {owner, path};
  if (rule != nullptr) out.attributes[std::string(kAttributeRule)] = rule;
  return out;
}

TEST(RuleTree, IsInheritedWordByWordAndTheNearestLevelCounts) {
  const RulesByPath configured = {{"*", parse_rule("at-most=9").value()},
                                  {"A", parse_rule("days=1 by=internaldate").value()},
                                  {"A/B/C", parse_rule("keep=none").value()}};
  const RuleTree tree(configured, {mailbox("ann", "A", "days=2"), mailbox("ann", "A/B/C"),
                                   mailbox("ann", "A/B/C/D", "days=never")});
  EXPECT_EQ(text_of(tree.of({"ann", "INBOX"}).value()), "at-most=9");
  EXPECT_EQ(text_of(tree.of({"ann", "A"}).value()), "days=2 at-most=9 by=internaldate");
  EXPECT_EQ(text_of(tree.of({"ann", "A/B"}).value()), "days=2 at-most=9 by=internaldate");
  EXPECT_EQ(text_of(tree.of({"ann", "A/B/C"}).value()),
            "days=2 at-most=9 by=internaldate keep=none");
  EXPECT_EQ(text_of(tree.of({"ann", "A/B/C/D"}).value()),
            "days=never at-most=9 by=internaldate keep=none");
  EXPECT_EQ(text_of(tree.of({"ann", "AB"}).value()), "at-most=9");
}

TEST(RuleTree, LeavesSharedMailboxesAndTheServersOwnToTheirOwnRules) {
  const RulesByPath configured = {{"*", parse_rule("days=1").value()}};
  const RuleTree tree(configured, {mailbox("shared", "News", "days=7")});
  EXPECT_EQ(text_of(tree.of({"$outbox", "INBOX"}).value()), "");
  EXPECT_EQ(text_of(tree.of({"shared", "Other"}).value()), "");
  EXPECT_EQ(text_of(tree.of({"shared", "News/a"}).value()), "days=7");
}

TEST(RuleTree, AMistakeMakesNothingGo) {
  const RulesByPath configured = {{"*", parse_rule("days=1").value()}};
  MailboxInfo deleted = mailbox("ann", "X", "nonsense");
  deleted.deleted_s = 1;
  const RuleTree tree(configured, {mailbox("ann", "A", "days=soon"), deleted});
  EXPECT_NE(tree.of({"ann", "A/B"}).error().text.find("ann/A"), std::string::npos);
  EXPECT_TRUE(tree.of({"ann", "X"}));  // the rule of a deleted mailbox is none
}

std::string shown(const std::vector<Going>& all) {
  std::string out;
  for (const Going& going : all)
    out += going.uids.text() + " " + std::to_string(going.bytes) + " " + going.why + "; ";
  return out;
}

const std::vector<Candidate> kMessages = {
    {Uid(1), false, 5 * kDayS, 90 * kDayS, 10},  // old, but saved late
    {Uid(2), true, 10 * kDayS, 10 * kDayS, 20},  // flagged
    {Uid(3), false, 70 * kDayS, 70 * kDayS, 40},
    {Uid(4), false, 90 * kDayS, 71 * kDayS, 80},
};
std::string planned(const char* rule) {
  return shown(plan(parse_rule(rule).value(), kMessages, 100 * kDayS));
}

TEST(Plan, GoesByAge) {
  EXPECT_EQ(planned(""), "");
  EXPECT_EQ(planned("days=never"), "");
  EXPECT_EQ(planned("days=30"), "3 40 saved at least 30 days ago; ");
  EXPECT_EQ(planned("days=31"), "");
  EXPECT_EQ(planned("days=30 keep=none"), "2:3 60 saved at least 30 days ago; ");
  EXPECT_EQ(planned("days=30 by=internaldate"), "1,3 50 arrived at least 30 days ago; ");
  EXPECT_EQ(shown(plan(parse_rule("days=1").value(), kMessages, 0)), "");  // dates to come
}

TEST(Plan, KeepsTheNewest) {
  EXPECT_EQ(planned("at-most=4"), "");
  EXPECT_EQ(planned("at-most=2"), "3 40 beyond the newest 2; ");
  EXPECT_EQ(planned("at-most=2 keep=none"), "2:3 60 beyond the newest 2; ");
  EXPECT_EQ(planned("at-most=1 by=internaldate"), "1,3 50 beyond the newest 1; ");
  // What goes by age does not count.
  EXPECT_EQ(planned("days=30 at-most=1"),
            "3 40 saved at least 30 days ago; 4 80 beyond the newest 1; ");
  // Of one date, the higher uid is the newer.
  EXPECT_EQ(shown(plan(parse_rule("at-most=1").value(), {{Uid(7)}, {Uid(9)}, {Uid(8)}}, 0)),
            "7:8 0 beyond the newest 1; ");
}

}  // namespace
}  // namespace gemel::expire
