#include "wire/framer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gemel::wire {
namespace {

constexpr FramerLimits kSmall{.line_bytes_max = 64,
                              .literal_bytes_max = 8,
                              .literals_max = 3,
                              .command_bytes_max = 96,
                              .skip_bytes_max = 100};

// What a user that keeps literals up to `keep_bytes_max` and streams the rest sees, as text.
std::string read_all(Framer& framer, uint64_t keep_bytes_max) {
  std::string seen;
  for (;;) {
    Result<std::optional<Step>> step = framer.next();
    if (!step) {
      seen += fmt::format("error({},{})", name_of(step.error().code), framer.frame().bytes);
      if (framer.is_broken()) return seen + "broken";
      continue;
    }
    if (!*step) return seen;
    switch ((*step)->kind) {
      case Step::Kind::kCommand:
        seen += fmt::format("command({})", (*step)->frame.bytes);
        break;
      case Step::Kind::kLiteral:
        seen += fmt::format("literal({},{}){}", (*step)->literal.size,
                            (*step)->literal.synchronising ? "waits" : "comes",
                            (*step)->literal.size <= keep_bytes_max ? "" : "<");
        if ((*step)->literal.size > keep_bytes_max)
          framer.stream();
        else if (!framer.keep())
          seen += "refused";
        break;
      case Step::Kind::kBytes:
        seen += (*step)->bytes;
        if ((*step)->left == 0) seen += '>';
        break;
    }
  }
}

std::string read_cut(std::string_view input, size_t piece, uint64_t keep_bytes_max) {
  Framer framer(kSmall);
  std::string seen;
  for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    framer.feed(input.substr(0, piece));
    seen += read_all(framer, keep_bytes_max);
  }
  return seen;
}

TEST(Framer, GivesTheSameStepsWhereverTheBytesAreCut) {  // literals included, RFC 9051 §4.3
  struct Case {
    std::string input;
    std::string seen;
  };
  const std::vector<Case> cases = {
      {"a1 APPEND INBOX {5+}\r\nab\r\nc\r\na2 NOOP\n",
       "literal(5,comes)command(a1 APPEND INBOX {5+}\r\nab\r\nc\r\n)command(a2 NOOP\n)"},
      {"a {0+}\r\n ~{8}\r\n12345678\r\n\r\n",
       "literal(0,comes)literal(8,waits)<12345678>command(a {0+}\r\n ~{8}\r\n\r\n)command(\r\n)"},
      {"a {5}x\r\n{5 }\r\n", "command(a {5}x\r\n)command({5 }\r\n)"},
      // Too big for any literal: the one that comes is skipped, the one that waits never comes.
      {"a {9+}\r\n123456789 x\r\nb {9}\r\nc\r\n",
       "error(too-big,a {9+}\r\n)error(too-big,b {9}\r\n)command(c\r\n)"},
      {"a {1+}\r\n1{1+}\r\n2{1+}\r\n3{1+}\r\n4\r\nb\r\n",
       "literal(1,comes)literal(1,comes)literal(1,comes)"
       "error(limit,a {1+}\r\n1{1+}\r\n2{1+}\r\n3{1+}\r\n)command(b\r\n)"},
      // A line too long is skipped, with the literal at its end.
      {"a " + std::string(70, 'x') + "{3+}\r\nb\r\n\r\nc\r\n",
       "error(too-big,a " + std::string(62, 'x') + ")command(c\r\n)"},
      {"a {101+}\r\n", "error(too-big,a {101+}\r\n)broken"},
      {"a {99999999999999999999+}\r\n", "error(too-big,a {99999999999999999999+}\r\n)broken"},
      {"a {99999999999999999999}\r\nb\r\n",
       "error(too-big,a {99999999999999999999}\r\n)command(b\r\n)"},
  };
  for (const Case& c : cases) {
    for (size_t piece = 1; piece <= c.input.size(); ++piece) {
      SCOPED_TRACE(fmt::format("{} in pieces of {}", c.input, piece));
      EXPECT_EQ(read_cut(c.input, piece, 6), c.seen);
    }
  }
}

TEST(Framer, TellsWhereLiteralsStand) {
  Framer framer(kSmall);
  framer.feed("a ~{2+}\r\nxy {3}\r\nabc z\r\n");
  ASSERT_EQ((*framer.next())->literal.size, 2u);
  ASSERT_TRUE(framer.keep());
  ASSERT_EQ((*framer.next())->literal.size, 3u);
  framer.stream();
  ASSERT_EQ((*framer.next())->bytes, "abc");
  const Frame frame = (*framer.next())->frame;
  EXPECT_EQ(frame.bytes, "a ~{2+}\r\nxy {3}\r\n z\r\n");
  ASSERT_EQ(frame.literals.size(), 2u);
  EXPECT_EQ(frame.bytes.substr(frame.literals[0].position, 2), "xy");
  EXPECT_TRUE(frame.literals[0].kept && frame.literals[0].binary);
  EXPECT_FALSE(frame.literals[0].synchronising);
  EXPECT_EQ(frame.bytes.substr(frame.literals[1].position), " z\r\n");
  EXPECT_TRUE(frame.literals[1].synchronising && !frame.literals[1].kept);
}

TEST(Framer, KeepsACommandUpToItsLimitAndNoByteMore) {
  constexpr FramerLimits kLimits{
      .line_bytes_max = 64, .literal_bytes_max = 64, .command_bytes_max = 96};
  const std::string forty(40, 'x');
  Framer framer(kLimits);
  framer.feed(forty + "{50}\r\n");
  ASSERT_TRUE(*framer.next());
  EXPECT_TRUE(framer.keep());  // 46 + 50 makes 96
  Framer strict(kLimits);
  strict.feed(forty + "{51}\r\nnext\r\n");
  ASSERT_TRUE(*strict.next());
  EXPECT_EQ(strict.keep().error().code, Code::kTooBig);
  EXPECT_EQ((*strict.next())->frame.bytes, "next\r\n");
}

TEST(Framer, RefusesTheLineThatOutgrowsTheCommand) {
  const std::string line = std::string(55, 'x');
  EXPECT_EQ(read_cut(line + "{0+}\r\n" + line + "\r\nb\r\n", 1000, 8),
            "literal(0,comes)error(too-big," + line + "{0+}\r\n)command(b\r\n)");
}

TEST(Framer, ForgetsARefusedLiteralWithTheRestOfItsCommand) {
  for (const bool waits : {true, false}) {
    Framer framer(kSmall);
    framer.feed(waits ? "a {5}\r\n" : "a {5+}\r\nab\r\nc more {3+}\r\n\n\n\n\r\n");
    framer.feed("b\r\n");
    ASSERT_TRUE(*framer.next());
    framer.refuse();
    EXPECT_TRUE(framer.frame().bytes.starts_with("a "));
    EXPECT_EQ((*framer.next())->frame.bytes, "b\r\n");
  }
}

TEST(Framer, DropsWhatCameBeforeTls) {
  Framer framer(kSmall);
  framer.feed("a STARTTLS\r\nb LOGIN eve x\r\n");
  ASSERT_TRUE(*framer.next());
  EXPECT_EQ(framer.buffered_bytes(), 15u);
  framer.drop_buffered();
  framer.feed("c NOOP\r\n");
  EXPECT_EQ((*framer.next())->frame.bytes, "c NOOP\r\n");
}

TEST(Framer, StreamsABodyWithoutKeepingIt) {
  constexpr size_t kPieces = 1000;
  const std::string piece(1000, 'b');
  Framer framer({.literal_bytes_max = 1 << 30});
  framer.feed("a {1000000+}\r\n");
  ASSERT_TRUE(*framer.next());
  framer.stream();
  size_t bytes = 0;
  for (size_t i = 0; i < kPieces; ++i) {
    framer.feed(piece);
    for (Result<std::optional<Step>> step = framer.next(); *step; step = framer.next())
      bytes += (*step)->bytes.size();
    EXPECT_EQ(framer.buffered_bytes(), 0u);
  }
  EXPECT_EQ(bytes, kPieces * piece.size());
}

}  // namespace
}  // namespace gemel::wire
