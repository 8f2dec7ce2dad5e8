#include "nntp/article_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gemel::nntp {
namespace {

constexpr int64_t kNow = 1'764'000'000;  // Mon, 24 Nov 2025 16:00:00 +0000
constexpr int64_t kDay = 86'400;

const RuleOptions kOptions{.path_identity = "us.example.org",
                           .complaints_to = "abuse@example.org",
                           .now_s = kNow,
                           .age_s_max = 10 * kDay};

class Rules : public testing::Test {
 protected:
  Result<ArticleFacts> injected(std::string_view block) {
    header_ = ArticleHeader::parse(block).value();
    return inject(header_, kOptions, {.logging_data = "17"}, random_);
  }
  Result<ArticleFacts> relayed(std::string_view block, const Relayer& relayer) {
    header_ = ArticleHeader::parse(block).value();
    return relay(header_, kOptions, relayer);
  }
  std::string reason(std::string_view block) {
    const auto facts = injected(block);
    return facts ? "none" : facts.error().text;
  }

  SeededRandom random_{1};
  ArticleHeader header_ = ArticleHeader::parse("").value();
};

const std::string kProto = "From: Ann <ann@example.org>\r\nNewsgroups: a.b, c\r\nSubject: s\r\n";
const std::string kArticle = kProto +
                             "Message-ID: <1@them>\r\nDate: Mon, 24 Nov 2025 15:00:00 +0000\r\n"
                             "Path: them.example!not-for-mail\r\n";

TEST_F(Rules, InjectionAddsWhatIsMissing) {  // RFC 5537 §3.5
  const auto facts = injected(kProto);
  ASSERT_TRUE(facts.has_value());
  EXPECT_THAT(facts->newsgroups, testing::ElementsAre("a.b", "c"));
  EXPECT_EQ(facts->message_id, header_.value("Message-ID"));
  EXPECT_THAT(facts->message_id, testing::MatchesRegex("<[0-9a-f]+@us.example.org>"));
  EXPECT_EQ(header_.value("Date"), "Mon, 24 Nov 2025 16:00:00 +0000");
  EXPECT_EQ(header_.value("Injection-Date"), header_.value("Date"));
  EXPECT_EQ(header_.value("Path"), "us.example.org!.POSTED!not-for-mail");
  EXPECT_EQ(header_.value("Injection-Info"),
            "us.example.org; logging-data=\"17\"; mail-complaints-to=\"abuse@example.org\"");
}

TEST_F(Rules, InjectionDatesNothingThatMayHaveBeenPostedElsewhereToo) {
  ASSERT_TRUE(injected(kProto + "Message-ID: <x@y>\r\nDate: 24 Nov 2025 10:00 +0000\r\n"));
  EXPECT_EQ(header_.value("Injection-Date"), std::nullopt);
  EXPECT_EQ(header_.value("Message-ID"), "<x@y>");
  ASSERT_TRUE(injected(kProto + "Message-ID: <x@y>\r\nDate: 24 Nov 2025 10:00 +0000\r\n"
                                "Injection-Date: 24 Nov 2025 11:00 +0000\r\n"));
  EXPECT_EQ(header_.value("Injection-Date"), "24 Nov 2025 11:00 +0000");
  ASSERT_TRUE(injected(kProto + "Path: poster\r\n"));
  EXPECT_EQ(header_.value("Path"), "us.example.org!.POSTED!poster");
}

TEST_F(Rules, InjectionRefusesWhatIsNoProtoArticle) {
  EXPECT_EQ(reason(kProto), "none");
  EXPECT_EQ(reason("Newsgroups: a\r\nSubject: s\r\n"), "From is missing");
  EXPECT_EQ(reason("From: a@b\r\nSubject: s\r\n"), "Newsgroups is missing");
  EXPECT_EQ(reason("From: a@b\r\nNewsgroups: a\r\n"), "Subject is missing");
  EXPECT_EQ(reason("From: a@b\r\nNewsgroups: a\r\nSubject: \r\n"), "Subject is empty");
  for (const char* from : {"ann", "ann@", "@b", "g: a@b;", "a@b, c"})
    EXPECT_EQ(reason(std::string("Newsgroups: a\r\nSubject: s\r\nFrom: ") + from + "\r\n"),
              "From has no address of the form local@domain")
        << from;
  const auto with = [&](const char* more) { return reason(kProto + more + "\r\n"); };
  EXPECT_EQ(with("Message-ID: <no>"), "Message-ID is no message id");
  EXPECT_EQ(with("Date: yesterday"), "Date is no date");
  EXPECT_EQ(with("Date: 25 Nov 2025 16:00:00 +0000"), "none");
  EXPECT_EQ(with("Date: 25 Nov 2025 16:00:01 +0000"), "Date is in the future");
  EXPECT_EQ(with("Date: 14 Nov 2025 16:00:00 +0000"), "none");
  EXPECT_EQ(with("Date: 14 Nov 2025 15:59:59 +0000"), "Date is too long ago");
  EXPECT_EQ(with("Injection-Date: x"), "Injection-Date is no date");
  EXPECT_EQ(with("Injection-Info: them"), "Injection-Info is there: it was posted before");
  EXPECT_EQ(with("Xref: a b:1"), "Xref is there: it was posted before");
  EXPECT_EQ(with("Path: them!.posted!x"), "Path says that it was posted before");
  EXPECT_EQ(with("Followup-To: poster"), "none");
  EXPECT_EQ(with("Followup-To: a,b"), "none");
  EXPECT_EQ(with("Followup-To: a b"),
            "Followup-To is neither \"poster\" nor a list of group names");
  EXPECT_EQ(with("Supersedes: x"), "Supersedes is no message id");
  EXPECT_EQ(with("Supersedes: <a@b>\r\nControl: cancel <a@b>"),
            "Control and Supersedes can't be in one article");
}

TEST_F(Rules, RelayingPutsUsIntoThePathAndTakesXrefOff) {  // RFC 5537 §3.2.1, §3.6
  const auto facts = relayed(kArticle + "Xref: them a.b:1\r\nControl: cancel <2@them>\r\n",
                             {.path_name = "Them.Example", .address = "192.0.2.1"});
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->message_id, "<1@them>");
  EXPECT_EQ(facts->control, "cancel <2@them>");
  EXPECT_EQ(header_.value("Path"), "us.example.org!!them.example!not-for-mail");
  EXPECT_FALSE(header_.has("Xref"));
  ASSERT_TRUE(relayed(kArticle, {.path_name = "other.example", .address = ""}));
  EXPECT_EQ(header_.value("Path"),
            "us.example.org!.MISMATCH.other.example!them.example!not-for-mail");
  ASSERT_TRUE(relayed(kArticle, {.path_name = "", .address = "192.0.2.1"}));
  EXPECT_EQ(header_.value("Path"), "us.example.org!.SEEN.192.0.2.1!them.example!not-for-mail");
}

TEST_F(Rules, RelayingRefusesWhatIsNoArticle) {
  const auto refused = [&](std::string block) {
    const auto facts = relayed(block, {});
    return facts ? "none" : facts.error().text;
  };
  EXPECT_EQ(refused(kArticle), "none");
  EXPECT_EQ(refused(kProto), "Message-ID is missing");
  EXPECT_EQ(refused(kProto + "Message-ID: <a@b>\r\nDate: 24 Nov 2025\r\n"), "Path is missing");
  EXPECT_EQ(refused(kProto + "Message-ID: <a@b>\r\nPath: x\r\n"), "Date is missing");
  EXPECT_EQ(refused(kProto + "Message-ID: <a@b>\r\nPath: x\r\nDate: 1 Nov 2025\r\n"),
            "Date is too long ago");
  EXPECT_EQ(refused(kProto + "Message-ID: <a@b>\r\nPath: x\r\nDate: 1 Nov 2025\r\n"
                             "Injection-Date: 24 Nov 2025\r\n"),
            "none");
}

TEST(Path, NamesWhereAnArticleHasBeen) {
  EXPECT_THAT(path_identities("a!!b!.MISMATCH.c!d!.POSTED!not-for-mail"),
              testing::ElementsAre("a", "b", "d", "not-for-mail"));
}

}  // namespace
}  // namespace gemel::nntp
