// Tokens, grammar, names, and what is told of a script.
#include "sieve/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sieve/extension.h"
#include "sieve/lexer.h"
#include "sieve/memory_environment.h"
#include "sieve/report.h"

namespace gemel::sieve {
namespace {

using testing::HasSubstr;

std::vector<Token> tokens_of(std::string_view text) {
  Lexer lexer(text);
  std::vector<Token> out;
  for (;;) {
    auto token = lexer.next();
    EXPECT_TRUE(token) << token.error().text;
    if (!token || token->kind == Token::Kind::kEnd) return out;
    out.push_back(*token);
  }
}

std::string mistake(std::string_view text) {
  const Compiled compiled = compile(text);
  return text_of(compiled.errors);
}

TEST(Lexer, KnowsWhereATokenIs) {
  const auto tokens = tokens_of("if\r\n  /* x\r\n */ Size\n:OVER 2K;");
  ASSERT_EQ(tokens.size(), 5U);
  EXPECT_EQ(tokens[0].position, (Position{1, 1}));
  EXPECT_EQ(tokens[1].text, "size");
  EXPECT_EQ(tokens[1].position, (Position{3, 5}));
  EXPECT_EQ(tokens[2].kind, Token::Kind::kTag);
  EXPECT_EQ(tokens[2].text, "over");
  EXPECT_EQ(tokens[2].position, (Position{4, 1}));
  EXPECT_EQ(tokens[3].number, 2048U);
  EXPECT_TRUE(tokens[4].is(';'));
}

TEST(Lexer, GivesTheSameForBothLineEnds) {
  const std::string lf = "keep # x\n;\nredirect text:\na\n..b\n.\n; \"c\nd\"";
  std::string crlf;
  for (const char c : lf) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  const auto a = tokens_of(lf);
  const auto b = tokens_of(crlf);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].text, b[i].text);
  EXPECT_EQ(a[3].text, "a\r\n.b\r\n");
  EXPECT_EQ(a[5].text, "c\r\nd");
}

TEST(Lexer, StringsMayHoldAnyOctetsButNul) {  // RFC 5228 §2.4.2
  EXPECT_EQ(tokens_of("\"\xff\xfe\x01\"")[0].text, "\xff\xfe\x01");
  EXPECT_EQ(tokens_of(R"("a\"b\\c\d")")[0].text, R"(a"b\cd)");
  EXPECT_EQ(tokens_of("\"\"")[0].text, "");
  EXPECT_EQ(tokens_of("text:\n.\n")[0].text, "");
  EXPECT_EQ(tokens_of("text:\n.")[0].text, "");  // the script ends at the dot
}

TEST(Lexer, SaysWhatIsWrong) {
  EXPECT_THAT(mistake("keep\rdiscard;"), HasSubstr("byte 0x0d"));
  EXPECT_THAT(mistake(std::string("keep\0;", 6)), HasSubstr("byte 0x00"));
  EXPECT_THAT(mistake(std::string("redirect \"a\0b\";", 15)), HasSubstr("NUL"));
  EXPECT_THAT(mistake("redirect \"a\rb\";"), HasSubstr("CR without LF"));
  EXPECT_THAT(mistake("redirect text: x\n.\n;"), HasSubstr("line behind"));
  EXPECT_THAT(mistake("redirect text:\nx\n"), HasSubstr("no final"));
  EXPECT_THAT(mistake("keep :1;"), HasSubstr("colon"));
  EXPECT_THAT(mistake("keep @;"), HasSubstr("\"@\" is no token"));
  EXPECT_THAT(mistake("k\xc3\xa4se;"), HasSubstr("byte 0xc3"));
  EXPECT_EQ(mistake("if true {\n\n  }\n}"), "line 4, column 1: a command expected, not \"}\"");
}

TEST(Script, AMarkOfUtf8IsPassedOver) { EXPECT_EQ(mistake("\xef\xbb\xbfkeep;"), ""); }

TEST(Script, AllMistakesAreToldInOrder) {
  const Compiled compiled = compile("fileinto \"x\";\nexplode;\nif sunny { redirect \"x\"; }");
  ASSERT_EQ(compiled.errors.size(), 4U);
  EXPECT_EQ(text_of(compiled.errors),
            "line 1, column 1: fileinto needs require \"fileinto\"\r\n"
            "line 2, column 1: there is no command \"explode\"\r\n"
            "line 3, column 4: there is no test \"sunny\"\r\n"
            "line 3, column 21: \"x\" is no address");
}

TEST(Script, SaysWhatItRequires) {
  const Compiled compiled = compile(R"(require ["variables", "copy"]; require "copy";)");
  ASSERT_TRUE(compiled.script);
  EXPECT_EQ(compiled.script->required(), (std::vector<std::string>{"copy", "variables"}));
  EXPECT_EQ(compiled.script->size(), 46U);
}

TEST(Script, CapabilitiesForManageSieve) {  // RFC 5804 §1.7
  EXPECT_THAT(sieve_capability(), HasSubstr("vacation vacation-seconds variables"));
  EXPECT_EQ(notify_capability(), "mailto");
  const CompileOptions options = {.disabled_extensions = {"enotify", "vacation"}};
  EXPECT_THAT(sieve_capability(options), testing::Not(HasSubstr("enotify")));
  EXPECT_EQ(notify_capability(options), "");
  EXPECT_EQ(compile("require \"vacation\";", options).script, nullptr);
}

TEST(Script, EachExtensionCanBeRequired) {
  for (const std::string_view name : all_extensions())
    EXPECT_EQ(mistake("require \"" + std::string(name) + "\";"), "") << name;
}

TEST(ScriptName, Rules) {  // RFC 5804 §1.6
  for (const char* good : {"main", "Mein Skript", "größe", "a.b", ".", "a/b", "../x"})
    EXPECT_TRUE(is_script_name(good));
  EXPECT_TRUE(is_script_name(std::string(128, 'a')));
  std::string wide;
  for (int i = 0; i < 128; ++i) wide += "ä";
  EXPECT_TRUE(is_script_name(wide));
  EXPECT_FALSE(is_script_name(wide + "ä"));
  for (const std::string_view bad : {"", "a\nb", "a\x7f", "\xff", "a\xc2\x85", "\xe2\x80\xa8"})
    EXPECT_FALSE(is_script_name(bad)) << bad;
  EXPECT_FALSE(is_script_name(std::string_view("a\0b", 3)));
}

/// Fails when somebody asks for the body.
class HeaderOnly final : public MessageSource {
 public:
  uint64_t size() override { return 1'000'000; }
  Result<std::string_view> header() override {
    return std::string_view("From: a@example.org\r\nSubject: x\r\n\r\n");
  }
  Result<std::string_view> all() override { return fail(Code::kIo, "the body can't be read"); }
};

std::string outcome_of(std::string_view text) {
  const Compiled compiled = compile(text);
  EXPECT_TRUE(compiled.script) << text_of(compiled.errors);
  HeaderOnly message;
  MemoryEnvironment environment;
  Delivery delivery;
  delivery.envelope = {.from = "a@example.org", .to = "user@example.com"};
  return report_of(execute(*compiled.script, message, delivery, environment),
                   {.mail = ReportOptions::Mail::kHidden});
}

TEST(Run, AsksForTheBodyOnlyWhereItIsNeeded) {
  EXPECT_EQ(outcome_of(R"(require ["fileinto", "vacation", "reject"];
    if allof (header "subject" "x", size :over 100K, address "from" "a@example.org")
    { fileinto "y"; })"),
            "fileinto \"y\"\n");
  EXPECT_EQ(outcome_of(R"(require "reject"; reject "x";)"), "reject \"x\"\n");
  EXPECT_EQ(outcome_of(R"(require "body"; if body "x" { discard; })"),
            "keep (error)\nerror line 1, column 20: the body can't be read\n");
}

TEST(Run, AnErrorOfTheEnvironmentEndsIt) {
  class Broken final : public Environment {
    static std::unexpected<Error> broken() { return fail(Code::kIo, "the disk failed"); }
    Result<bool> mailbox_exists(std::string_view) override { return broken(); }
    Result<bool> mailbox_id_exists(std::string_view) override { return broken(); }
    Result<bool> has_special_use(std::optional<std::string_view>, std::string_view) override {
      return broken();
    }
    Result<std::optional<std::string>> metadata(std::optional<std::string_view>,
                                                std::string_view) override {
      return broken();
    }
    Result<std::shared_ptr<const Script>> script(ScriptLocation, std::string_view) override {
      return broken();
    }
    Result<bool> is_tracked(std::string_view) override { return broken(); }
  } environment;
  for (const std::string_view text :
       {R"(require "mailbox"; if mailboxexists "x" {})",
        R"(require "mailboxid"; if mailboxidexists "x" {})",
        R"(require "special-use"; if specialuse_exists "\\Junk" {})",
        R"(require "mboxmetadata"; if metadata "x" "/private/y" "z" {})",
        R"(require "servermetadata"; if servermetadataexists "/shared/y" {})",
        R"(require "include"; include :optional "x";)",
        R"(require "duplicate"; if duplicate :uniqueid "x" {})"}) {
    SCOPED_TRACE(text);
    const Compiled compiled = compile(text);
    ASSERT_TRUE(compiled.script) << text_of(compiled.errors);
    HeaderOnly message;
    const Outcome outcome = execute(*compiled.script, message, {}, environment);
    ASSERT_TRUE(outcome.error);
    EXPECT_THAT(outcome.error->text, HasSubstr("the disk failed"));
    EXPECT_EQ(outcome.actions.size(), 1U);
  }
}

}  // namespace
}  // namespace gemel::sieve
