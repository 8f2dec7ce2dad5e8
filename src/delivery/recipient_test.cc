#include "delivery/recipient.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "store/access.h"

namespace gemel::delivery {
namespace {

TEST(Aliases, AreReadAsTheirFileSays) {
  const auto aliases = Aliases::parse(
      "# a comment\n"
      "\n"
      "Info: alice, bob@example.net,\n"
      "  \"dan@example.org\"\n"
      "sales@example.org:bob\n");
  ASSERT_TRUE(aliases) << aliases.error().text;
  EXPECT_EQ(aliases->size(), 2U);
  EXPECT_EQ(*aliases->find("INFO"),
            (std::vector<std::string>{"alice", "bob@example.net", "dan@example.org"}));
  EXPECT_EQ(*aliases->find("sales@example.org"), std::vector<std::string>{"bob"});
  EXPECT_EQ(aliases->find("sales"), nullptr);
  EXPECT_EQ(Aliases::parse("")->size(), 0U);
}

TEST(Aliases, NameTheLineOfAMistake) {
  const auto text_of = [](std::string_view text) {
    const auto aliases = Aliases::parse(text);
    return aliases ? "" : aliases.error().text;
  };
  EXPECT_TRUE(text_of("a: b\nno colon\n").starts_with("line 2: "));
  EXPECT_TRUE(text_of("a: |/bin/sh\n").starts_with("line 1: "));
  EXPECT_TRUE(text_of("a: /etc/passwd\n").starts_with("line 1: "));
  EXPECT_TRUE(text_of("a: :include:/x\n").starts_with("line 1: "));
  EXPECT_TRUE(text_of("  b\n").starts_with("line 1: "));
  EXPECT_TRUE(text_of("a:\n").starts_with("line 1: "));
  EXPECT_TRUE(text_of("a: b\n\nA: c\n").starts_with("line 3: "));
}

TEST(Aliases, HaveSoManyTargetsAndNoMore) {
  std::string text = "a: t";
  for (size_t i = 1; i < kAliasTargetsMax; ++i) text += ", t";
  EXPECT_TRUE(Aliases::parse(text));
  EXPECT_EQ(Aliases::parse(text + ", t").error().code, Code::kLimit);
  std::string many;
  for (size_t i = 0; i < kAliasesMax; ++i) many += fmt::format("a{}: t\n", i);
  EXPECT_EQ(Aliases::parse(many)->size(), kAliasesMax);
  EXPECT_EQ(Aliases::parse(many + "b: t\n").error().code, Code::kLimit);
}

class RecipientTest : public testing::Test {
 protected:
  void SetUp() override {
    log::set_level(log::Level::kOff);
    store_ = *MailStore::open({.path = "mail", .partitions = {}, .opener = &engines_});
    for (const char* user :
         {"alice", "Bob", "bob+x", "dan@example.org", "d\xc3\xb6rte", "shared", "$outbox"})
      ASSERT_TRUE(store_->create_user(user, {}));
    for (const char* name : {"alice/lists/cxx", "alice/private", "shared/team", "shared/inner"})
      ASSERT_TRUE(store_->create({.name = *MailboxName::parse(name)}));
  }
  void set_acl(const char* mailbox, const std::string& who, const std::string& rights) {
    const MailboxInfo info = store_->find(*MailboxName::parse(mailbox)).value();
    ASSERT_TRUE(store_->set_attributes(info.id, {{std::string(kAttributeAcl) + who, rights}}));
  }
  // "USER MAILBOX, > ADDRESS", or the error's code.
  std::string found(std::string_view path) {
    const auto recipient =
        find_recipient(*store_, rules_, aliases_, parse_path(path, AddressCharset::kUtf8)->address);
    if (!recipient) return std::string(name_of(recipient.error().code));
    std::string out;
    for (const LocalRecipient& user : recipient->users)
      out += (out.empty() ? "" : ", ") + user.userid + " " + store_->find(user.mailbox)->name.path;
    for (const std::string& address : recipient->forwards)
      out += (out.empty() ? "> " : ", > ") + address;
    return out;
  }

  MemoryOpener engines_;
  std::unique_ptr<MailStore> store_;
  RecipientRules rules_;
  Aliases aliases_;
};

TEST_F(RecipientTest, TriesTheAddressThenItsLocalPart) {
  EXPECT_EQ(found("<dan@example.org>"), "dan@example.org INBOX");
  EXPECT_EQ(found("<dan@example.com>"), "not-found");
  EXPECT_EQ(found("<alice@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<alice>"), "alice INBOX");
  EXPECT_EQ(found("<nobody@example.org>"), "not-found");
}

TEST_F(RecipientTest, TakesDetailForAMailboxWhereThereIsOne) {  // RFC 5233 §1
  EXPECT_EQ(found("<alice+lists/cxx@example.com>"), "alice lists/cxx");
  EXPECT_EQ(found("<alice+none@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<alice+@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<alice+%@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<dan+x@example.org>"), "dan@example.org INBOX");
  EXPECT_EQ(found("<bob+x@example.org>"), "bob+x INBOX");
  EXPECT_EQ(found("<+alice@example.org>"), "not-found");
  rules_.detail_separator = "";
  EXPECT_EQ(found("<alice+none@example.com>"), "not-found");
}

TEST_F(RecipientTest, NobodyPostsWhereNobodyMay) {  // RFC 4314 §2.1, p
  set_acl("alice/private", "alice", "lrswitea");
  EXPECT_EQ(found("<alice+private@example.com>"), "alice INBOX");
  set_acl("alice/private", "anyone", "p");
  EXPECT_EQ(found("<alice+private@example.com>"), "alice private");
}

TEST_F(RecipientTest, SharedMailboxesTakeMailFromAnyoneWhoMayPost) {
  set_acl("shared/team", "anyone", "p");
  EXPECT_EQ(found("<shared+team@example.com>"), "shared team");
  EXPECT_EQ(found("<shared+inner@example.com>"), "not-found");
  EXPECT_EQ(found("<shared@example.com>"), "not-found");
}

TEST_F(RecipientTest, TheServersOwnUsersGetNoMail) {
  EXPECT_EQ(found("<$outbox@example.com>"), "not-found");
  EXPECT_EQ(found("<$outbox+INBOX@example.com>"), "not-found");
}

TEST_F(RecipientTest, FoldsCaseIfItShould) {
  EXPECT_EQ(found("<ALICE@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<Bob@example.com>"), "Bob INBOX");
  EXPECT_EQ(found("<Dan@Example.Org>"), "dan@example.org INBOX");
  EXPECT_EQ(found("<D\xc3\x96RTE@example.com>"), "d\xc3\xb6rte INBOX");
  rules_.letter_case = RecipientRules::Case::kExact;
  EXPECT_EQ(found("<ALICE@example.com>"), "not-found");
}

TEST_F(RecipientTest, LooksUpWhatTheRulesSay) {
  rules_.lookup = RecipientRules::Lookup::kAddress;
  EXPECT_EQ(found("<alice@example.com>"), "not-found");
  EXPECT_EQ(found("<dan@example.org>"), "dan@example.org INBOX");
  EXPECT_EQ(found("<alice>"), "alice INBOX");
  rules_.lookup = RecipientRules::Lookup::kLocalPart;
  EXPECT_EQ(found("<dan@example.org>"), "not-found");
  EXPECT_EQ(found("<alice@example.com>"), "alice INBOX");
}

TEST_F(RecipientTest, PostmasterAndTheRestGoToWhomTheRulesName) {  // RFC 5321 §4.5.1
  EXPECT_EQ(found("<postmaster>"), "not-found");
  rules_.postmaster = "alice";
  EXPECT_EQ(found("<Postmaster@example.org>"), "alice INBOX");
  EXPECT_EQ(found("<nobody@example.org>"), "not-found");
  rules_.catch_all = "Bob";
  EXPECT_EQ(found("<nobody@example.org>"), "Bob INBOX");
  EXPECT_EQ(found("<postmaster>"), "alice INBOX");
  rules_.postmaster = "gone";
  EXPECT_EQ(found("<postmaster>"), "Bob INBOX");
}

TEST_F(RecipientTest, AliasesLeadToUsersAndElsewhere) {
  aliases_ = *Aliases::parse(
      "info: alice, Bob, friend@example.net\n"
      "team@example.org: info, dan@example.org\n"
      "alice: alice, Bob\n"
      "dead: nobody\n"
      "ring: gnir\n"
      "gnir: ring\n"
      "away: away@example.net\n");
  EXPECT_EQ(found("<info@example.com>"), "alice INBOX, Bob INBOX, > friend@example.net");
  EXPECT_EQ(found("<INFO+x@example.com>"), "alice INBOX, Bob INBOX, > friend@example.net");
  EXPECT_EQ(found("<team@example.org>"),
            "alice INBOX, Bob INBOX, dan@example.org INBOX, > friend@example.net");
  EXPECT_EQ(found("<team@example.com>"), "not-found");
  EXPECT_EQ(found("<alice>"), "alice INBOX, Bob INBOX");
  EXPECT_EQ(found("<dead>"), "not-found");
  EXPECT_EQ(found("<ring>"), "not-found");
  EXPECT_EQ(found("<away@example.com>"), "> away@example.net");
}

TEST_F(RecipientTest, AliasesLeadToAliasesSoOftenAndToSoManyAndNoMore) {
  std::string text;
  for (size_t i = 0; i < kAliasDepthMax; ++i) text += fmt::format("a{}: a{}\n", i, i + 1);
  aliases_ = *Aliases::parse(text + fmt::format("a{}x: alice\n", kAliasDepthMax));
  EXPECT_EQ(found("<a0>"), "not-found");  // the last leads to nobody
  aliases_ = *Aliases::parse(text + fmt::format("a{}: alice\n", kAliasDepthMax));
  EXPECT_EQ(found("<a0>"), "limit");
  EXPECT_EQ(found("<a1>"), "alice INBOX");
  text.clear();
  std::string all = "all: x@example.net";
  for (size_t i = 0; i < kAliasTargetsMax; i += 500) {
    text += fmt::format("part{}: u{}@example.net", i, i);
    for (size_t k = i + 1; k < i + 500; ++k) text += fmt::format(", u{}@example.net", k);
    text += "\n";
    all += fmt::format(", part{}", i);
  }
  aliases_ = *Aliases::parse(text + all);
  EXPECT_EQ(found("<all>"), "limit");
}

TEST(Recipient, TheAddressWithoutDetailIsWhoAnswers) {
  const RecipientRules rules;
  EXPECT_EQ(address_without_detail(rules, {"alice+lists", "example.org"}), "alice@example.org");
  EXPECT_EQ(address_without_detail(rules, {"alice", ""}), "alice");
}

}  // namespace
}  // namespace gemel::delivery
