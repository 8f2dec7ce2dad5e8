#include "wire/tokens.h"

#include <gtest/gtest.h>

#include <string>

namespace gemel::wire {
namespace {

TEST(Tokenizer, ReadsACommandWordByWord) {
  Tokenizer tokens("a1 FETCH 1:*,$ (BODY[TEXT] \\Seen $Label \\*) 42\r\n");
  EXPECT_EQ(tokens.tag(), "a1");
  EXPECT_TRUE(tokens.space());
  EXPECT_EQ(tokens.atom(), "FETCH");
  EXPECT_TRUE(tokens.space());
  EXPECT_EQ(tokens.sequence(), "1:*,$");
  EXPECT_TRUE(tokens.space());
  EXPECT_TRUE(tokens.open());
  EXPECT_EQ(tokens.atom("["), "BODY");
  EXPECT_TRUE(tokens.skip('['));
  EXPECT_TRUE(tokens.skip_word("text"));
  EXPECT_TRUE(tokens.expect(']') && tokens.space());
  EXPECT_EQ(tokens.flag(), "\\Seen");
  EXPECT_TRUE(tokens.space());
  EXPECT_EQ(tokens.flag(), "$Label");
  EXPECT_TRUE(tokens.space());
  EXPECT_EQ(tokens.flag(), "\\*");
  EXPECT_TRUE(tokens.close() && tokens.space());
  EXPECT_FALSE(tokens.at_end());
  EXPECT_EQ(tokens.nz_number(), 42u);
  EXPECT_TRUE(tokens.at_end() && tokens.end());
  EXPECT_EQ(tokens.peek(), '\r');
}

TEST(Tokenizer, UndoesEscapes) {
  Tokenizer tokens(R"("plain" "a\"b\\c" "")");
  EXPECT_EQ(tokens.string(), "plain");
  EXPECT_TRUE(tokens.space());
  EXPECT_EQ(tokens.astring(), "a\"b\\c");
  EXPECT_TRUE(tokens.space());
  EXPECT_EQ(tokens.nstring().value(), "");
  EXPECT_TRUE(tokens.at_end());
}

TEST(Tokenizer, RefusesBrokenStrings) {
  using namespace std::string_view_literals;
  for (const std::string_view bad :
       {"\"abc"sv, "\"a\r\nb\""sv, "\"a\\n\""sv, "\"\\"sv, "\"a\0b\""sv, "{3}\r\nab"sv, "{3}ab"sv,
        "{x}\r\n"sv, "{99999999999999999999}\r\n"sv, "~x"sv, ""sv, "abc"sv}) {
    Tokenizer tokens(bad);
    EXPECT_EQ(tokens.string().error().code, Code::kSyntax) << bad;
  }
}

TEST(Tokenizer, SaysWhereTheTroubleIsButNotWhatStoodThere) {
  Tokenizer tokens("a LOGIN bob (secret\r\n");
  EXPECT_TRUE(tokens.atom() && tokens.space() && tokens.atom() && tokens.space());
  EXPECT_TRUE(tokens.astring() && tokens.space());
  EXPECT_EQ(tokens.astring().error().text, "expected a string at column 13");
}

TEST(Tokenizer, KeepsNumbersInTheirRange) {
  EXPECT_EQ(Tokenizer("4294967295").number(), 4294967295u);
  EXPECT_FALSE(Tokenizer("4294967296").number());
  EXPECT_EQ(Tokenizer("9223372036854775807").number64(), uint64_t{INT64_MAX});
  EXPECT_FALSE(Tokenizer("9223372036854775808").number64());
  for (const char* bad : {"-1", "+1", " 1", "", "x"}) EXPECT_FALSE(Tokenizer(bad).number()) << bad;
  EXPECT_FALSE(Tokenizer("0").nz_number());
}

TEST(Tokenizer, ReadsStringsAsTheirPlaceAllows) {
  EXPECT_EQ(Tokenizer("a]b+").astring(), "a]b+");
  EXPECT_EQ(Tokenizer("a%*").astring(), "a");
  EXPECT_EQ(Tokenizer("a%*").list_mailbox(), "a%*");
  EXPECT_EQ(Tokenizer("nil").nstring().value(), std::nullopt);
  EXPECT_FALSE(Tokenizer("NILx").nstring());
  EXPECT_FALSE(Tokenizer("\xc3\xa9").atom());
  EXPECT_EQ(Tokenizer("\"\xc3\xa9\"").string(), "\xc3\xa9");
  EXPECT_FALSE(Tokenizer("+ x").tag());
}

TEST(Tokenizer, LimitsTheDepthOfLists) {
  const std::string deepest(kListDepthMax, '(');
  EXPECT_TRUE(Tokenizer(deepest + std::string(kListDepthMax, ')')).skip_value());
  const std::string deeper = deepest + '(';
  EXPECT_EQ(Tokenizer(deeper + std::string(kListDepthMax + 1, ')')).skip_value().error().code,
            Code::kLimit);
}

TEST(Tokenizer, PassesOverAnyValue) {
  for (const char* value : {"atom", "\"a b\"", "{3}\r\na)b", "~{3+}\r\na)b", "()",
                            "(a (b \"c\") ())", "\\Seen", "NIL", "((a)(b))", "1:*"}) {
    const std::string line = std::string(value) + " next";
    Tokenizer tokens(line);
    const bool legal = std::string_view(value) != "((a)(b))";
    EXPECT_EQ(tokens.skip_value().has_value(), legal) << value;
    if (legal) EXPECT_EQ(tokens.rest(), " next") << value;
  }
}

TEST(Tokenizer, ReadsKeptAndStreamedLiteralsOfAFrame) {
  Framer framer({});
  framer.feed("a {3+}\r\nx{1} {4}\r\nbody \"\"\r\n");
  ASSERT_TRUE(*framer.next());
  ASSERT_TRUE(framer.keep());
  ASSERT_TRUE(*framer.next());
  const auto read = [](const Frame& frame) {
    Tokenizer tokens(frame);
    EXPECT_TRUE(tokens.atom() && tokens.space());
    EXPECT_EQ(tokens.string(), "x{1");
    EXPECT_TRUE(tokens.skip('}') && tokens.space());
    EXPECT_FALSE(tokens.string()) << "a streamed literal is no string";
    const Result<LiteralArgument> body = tokens.literal();
    EXPECT_TRUE(body && !body->kept && body->size == 4 && body->index == 1);
    return std::string(tokens.rest());
  };
  EXPECT_EQ(read(framer.frame()), "");  // not decided yet
  framer.stream();
  ASSERT_TRUE(*framer.next());
  EXPECT_EQ(read((*framer.next())->frame), " \"\"");
}

TEST(Tokenizer, TakesOnlyTheFramersLiteralsForLiterals) {
  // The announcement inside the literal's bytes is text; a line must not smuggle one in.
  Frame frame{.bytes = "{2+}\r\nab\r\n", .literals = {{.size = 2, .position = 6, .kept = true}}};
  EXPECT_EQ(Tokenizer(frame).string(), "ab");
  frame.literals.clear();
  EXPECT_FALSE(Tokenizer(frame).string());
}

TEST(Tokenizer, ReadsFlagLists) {
  EXPECT_EQ(Tokenizer("()").flag_list()->size(), 0u);
  EXPECT_EQ(Tokenizer("(\\Seen x)").flag_list()->back(), "x");
  for (const char* bad : {"(", "(a", "(a  b)", "( a)", "(a ", "(\\)", "a"})
    EXPECT_FALSE(Tokenizer(bad).flag_list()) << bad;
}

TEST(Tokenizer, GivesTheRestWithoutItsEnd) {
  EXPECT_EQ(Tokenizer("text here\r\n").rest(), "text here");
  Tokenizer tokens("x\n");
  EXPECT_EQ(tokens.rest(), "x");
  EXPECT_TRUE(tokens.at_end());
}

TEST(Writing, ChoosesTheShortestFormThatReadsBack) {
  const auto written = [](std::string_view text) {
    std::string out;
    put_astring(out, text);
    return out;
  };
  EXPECT_EQ(written("INBOX"), "INBOX");
  EXPECT_EQ(written("nil"), "\"nil\"");
  EXPECT_EQ(written(""), "\"\"");
  EXPECT_EQ(written("a b"), "\"a b\"");
  EXPECT_EQ(written("a\"\\"), "\"a\\\"\\\\\"");
  EXPECT_EQ(written("a\r\n"), "{3}\r\na\r\n");
  EXPECT_EQ(written("\xff"), "{1}\r\n\xff");
  std::string out;
  put_nstring(out, std::nullopt);
  put_string(out, "\n", LiteralStyle::kNonSynchronising);
  EXPECT_EQ(out, "NIL{1+}\r\n\n");
  for (int c = 0; c < 256; ++c) {
    const std::string text = {static_cast<char>(c), 'x'};
    EXPECT_EQ(Tokenizer(written(text)).astring().value_or("?"), text) << c;
  }
}

}  // namespace
}  // namespace gemel::wire
