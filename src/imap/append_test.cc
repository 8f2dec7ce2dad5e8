#include "imap/append.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imap/test_world.h"

namespace gemel::imap {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// `APPEND INBOX` with so many messages of so many bytes.
std::string multi_append(std::string_view tag, size_t count, size_t bytes) {
  std::string out = fmt::format("{} APPEND INBOX", tag);
  for (size_t i = 0; i < count; ++i)
    out +=
        fmt::format(" {{{}+}}\r\n{}", bytes, std::string(bytes, static_cast<char>('a' + i % 26)));
  return out;
}

TEST(MultiAppend, TakesSoManyMessages) {  // RFC 3502
  World world;
  world.change_options().limits.append_messages_max = 3;
  Client client = alice(world);
  EXPECT_THAT(client.line(multi_append("a", 4, 5)), StartsWith("a NO [LIMIT]"));
  EXPECT_THAT(client.line(multi_append("b", 3, 5)), StartsWith("b OK [APPENDUID 1700000000 1:3]"));
  EXPECT_THAT(client.line("c STATUS INBOX (MESSAGES)"), HasSubstr("(MESSAGES 3)"));
}

TEST(MultiAppend, HoldsSoManyBytes) {
  World world;
  world.change_options().limits.append_held_bytes_max = 3000;
  Client client = alice(world);
  EXPECT_THAT(client.line(multi_append("a", 3, 1001)), StartsWith("a NO [LIMIT]"));
  EXPECT_THAT(client.line(multi_append("b", 3, 1000)), StartsWith("b OK"));
  // What is larger than a chunk is on disk, and does not count.
  EXPECT_THAT(client.line(multi_append("c", 2, kBodyChunkBytes + 1)), StartsWith("c OK"));
}

TEST(MultiAppend, IsLinearInItsMessages) {
  World world;
  Client client = alice(world);
  const Limits limits;
  const size_t count = std::min(limits.append_messages_max, limits.literals_max);
  EXPECT_THAT(client.line(multi_append("a", count, 5)),
              StartsWith(fmt::format("a OK [APPENDUID 1700000000 1:{}]", count)));
}

TEST(Append, KeepsEveryByteAndTheLength) {  // case M01: NUL and bare LF
  World world;
  Client client = alice(world);
  constexpr std::string_view kMessage("From: a\n\nx\0y", 12);
  client.line("a SELECT INBOX");
  for (const std::string_view announced : {"{12+}", "~{12+}"}) {
    EXPECT_THAT(client.line(fmt::format("b APPEND INBOX {}\r\n{}", announced, kMessage)),
                HasSubstr("b OK"));
    const std::string fetched = client.line("c FETCH * (RFC822.SIZE BODY.PEEK[])");
    EXPECT_THAT(fetched, HasSubstr("RFC822.SIZE 12 BODY[] {12}\r\n"));
    EXPECT_NE(fetched.find(kMessage), std::string::npos);
  }
}

TEST(Catenate, IsNoLargerThanAMessage) {  // RFC 4469 §4, TOOBIG
  World world;
  world.change_options().limits.message_bytes_max = 1000;
  Client client = alice(world);
  client.send(append_command("a", "INBOX", std::string(600, 'x')));
  constexpr std::string_view kUrl = "URL \"/INBOX/;UID=1\"";
  EXPECT_THAT(client.line(fmt::format("b APPEND INBOX CATENATE ({} {})", kUrl, kUrl)),
              StartsWith("b NO [TOOBIG]"));
  // Told before a byte of it is sent.
  EXPECT_THAT(client.line(fmt::format("c APPEND INBOX CATENATE ({} TEXT {{401}}", kUrl)),
              StartsWith("c NO [TOOBIG]"));
  EXPECT_THAT(client.line(fmt::format("d APPEND INBOX CATENATE (TEXT {{401+}}\r\n{} {})",
                                      std::string(401, 'y'), kUrl)),
              StartsWith("d NO [TOOBIG]"));
  EXPECT_THAT(client.line(fmt::format("e APPEND INBOX CATENATE (TEXT {{400+}}\r\n{} {})",
                                      std::string(400, 'y'), kUrl)),
              StartsWith("e OK"));
}

TEST(Catenate, CopiesWhatIsLargerThanAChunk) {
  World world;
  Client client = alice(world);
  std::string large;
  while (large.size() < 2 * kBodyChunkBytes + 12'345)
    large += fmt::format("line {}\r\n", large.size());
  client.send(append_command("a", "INBOX", large));
  EXPECT_THAT(client.line("b APPEND INBOX CATENATE (TEXT {3+}\r\nab\n URL \"/INBOX/;UID=1\")"),
              StartsWith("b OK"));
  client.line("c SELECT INBOX");
  EXPECT_THAT(client.line("d FETCH 2 BODY.PEEK[]"),
              HasSubstr(fmt::format("{{{}}}\r\nab\n{})\r\n", large.size() + 3, large)));
}

TEST(Catenate, ShowsNothingThatTheUserMayNotRead) {
  World world;
  Client client = alice(world);
  ASSERT_TRUE(world.store().create({.name = {.owner = "bob", .path = "Plans"}}));
  const std::string hidden =
      client.line("a APPEND INBOX CATENATE (URL \"/Other%20Users/bob/Plans/;UID=1\")");
  const std::string missing =
      client.line("a APPEND INBOX CATENATE (URL \"/Other%20Users/bob/Plenty/;UID=1\")");
  EXPECT_THAT(hidden, StartsWith("a NO [BADURL /Other%20Users/bob/Plans/;UID=1] "));
  EXPECT_EQ(hidden.substr(hidden.find(']')), missing.substr(missing.find(']')));
}

}  // namespace
}  // namespace gemel::imap
