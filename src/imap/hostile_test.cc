// What comes down the wire with bad will: the work and the memory that it costs are bounded.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>

#include "imap/heap_peak.h"
#include "imap/sort.h"
#include "imap/test_world.h"
#include "mail/mime_structure.h"

namespace gemel::imap {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kMiB = 1 << 20;

/// Bytes on the heap, where the allocator tells.
size_t heap_bytes() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

std::string repeated(std::string_view text, size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Hostile, HoldsLittleBeforeLogin) {
  World world;
  Client client(world);
  client.line("a NOOP");
  const size_t before = heap_bytes();
  const Limits limits;
  // As much of a command as is taken, and then more of it than is.
  client.send("b LOGIN {" + std::to_string(limits.command_bytes_before_login_max - 100) + "+}\r\n");
  client.send(std::string(limits.command_bytes_before_login_max - 200, 'x'));
  EXPECT_LT(heap_bytes(), before + 4 * kMiB);
  client.send(std::string(200, 'x') + " " + std::string(limits.line_bytes_before_login_max, 'y'));
  for (int i = 0; i < 200; ++i) client.send(std::string(60'000, 'z'));
  EXPECT_LT(heap_bytes(), before + 4 * kMiB);
}

TEST(Hostile, HoldsLittleAfterLogin) {
  World world;
  Client client = alice(world);
  client.line("a SELECT INBOX");
  const size_t before = heap_bytes();
  const Limits limits;
  std::string command = "b SEARCH";
  for (size_t bytes = 0; bytes + 50'000 < limits.command_bytes_max; bytes += 50'000)
    command += " SUBJECT {49900+}\r\n" + std::string(49'900, 'x');
  client.send(command);
  EXPECT_LT(heap_bytes(), before + 16 * kMiB);
  EXPECT_THAT(client.line(""), HasSubstr("b NO [LIMIT]"));
  // Small messages wait in memory for the end of the command.
  command = "c APPEND INBOX";
  for (size_t held = 0; held + kMiB <= limits.append_held_bytes_max; held += kMiB)
    command += fmt::format(" {{{}+}}\r\n", kMiB) + std::string(kMiB, 'm');
  client.send(command);
  command.clear();
  command.shrink_to_fit();
  EXPECT_LT(heap_bytes(), before + 16 * kMiB);
}

// What is looked for stays, folded, as long as the client wants to hear of it.
TEST(Hostile, SearchesThatAreKeptUpToDateHoldLittle) {
  World world;
  Client client = alice(world);
  client.line("a SELECT INBOX");
  const size_t before = heap_bytes();
  const Limits limits;
  const std::string text = repeated("\xef\xb7\xba", limits.search_text_bytes_max / 3);
  for (size_t i = 0; i < limits.search_contexts_max; ++i)
    EXPECT_THAT(
        client.line(fmt::format("b{} UID SEARCH RETURN (UPDATE) CHARSET UTF-8 FUZZY SUBJECT "
                                "{{{}+}}\r\n{}",
                                i, text.size(), text)),
        HasSubstr(fmt::format("b{} OK", i)));
  EXPECT_LT(heap_bytes(), before + 16 * kMiB);
}

TEST(Hostile, TenThousandLiterals) {
  World world;
  Client client = alice(world);
  client.line("a SELECT INBOX");
  EXPECT_THAT(client.line("b SEARCH" + repeated(" SUBJECT {1+}\r\nx", 10'000)),
              StartsWith("b BAD"));
  EXPECT_THAT(client.line("c APPEND INBOX" + repeated(" {1+}\r\nx", 10'000)), StartsWith("c"));
  EXPECT_THAT(client.line("d NOOP"), HasSubstr("d OK"));
}

TEST(Hostile, AMillionAddresses) {
  World world;
  Client client = alice(world);
  client.send(append_command("a", "INBOX", "To: " + repeated("a@b,", 1'000'000) + "\r\n\r\n"));
  client.line("b SELECT INBOX");
  const std::string envelope = client.line("c FETCH 1 ENVELOPE");
  EXPECT_THAT(envelope, HasSubstr("c OK"));
  EXPECT_LT(envelope.size(), kMiB);
  EXPECT_THAT(client.line("d SORT (TO) UTF-8 ALL"), HasSubstr("d OK"));
  EXPECT_THAT(client.line("e SEARCH TO nobody"), StartsWith("* SEARCH\r\n"));
}

TEST(Hostile, TwentyThousandNestedMultiparts) {  // case M02
  World world;
  Client client = alice(world);
  std::string message;
  for (int i = 0; i < 20'000; ++i)
    message += fmt::format("Content-Type: multipart/mixed; boundary={}\r\n\r\n--{}\r\n", i, i);
  client.send(append_command("a", "INBOX", message));
  client.line("b SELECT INBOX");
  const std::string structure = client.line("c FETCH 1 BODYSTRUCTURE");
  EXPECT_THAT(structure, HasSubstr("c OK"));
  // No deeper than what is kept apart, and a list in each level for its parameters.
  size_t depth = 0;
  size_t deepest = 0;
  for (const char c : structure) {
    if (c == '(') deepest = std::max(deepest, ++depth);
    if (c == ')') --depth;
  }
  EXPECT_LE(deepest, kMimeDepthMax + 5);
  EXPECT_THAT(client.line("d SEARCH BODY x"), HasSubstr("d OK"));
}

TEST(Hostile, ManyParametersAndParts) {  // cases M02, M05
  World world;
  Client client = alice(world);
  std::string parameters = "Content-Type: text/plain";
  for (int i = 0; i < 200'000; ++i) parameters += fmt::format("; a*{}=x", i);
  client.send(append_command("a", "INBOX", parameters + "\r\n\r\n"));
  client.send(append_command("b", "INBOX",
                             "Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
                                 repeated("--b\r\n\r\n\r\n", 100'000) + "--b--\r\n"));
  client.line("c SELECT INBOX");
  EXPECT_THAT(client.line("d FETCH 1 BODYSTRUCTURE"), HasSubstr("d OK"));
  const std::string structure = client.line("e FETCH 2 BODYSTRUCTURE");
  EXPECT_THAT(structure, HasSubstr("e OK"));
  EXPECT_LE(std::ranges::count(structure, '('), static_cast<long>(3 * kMimePartsMax));
}

// The store in memory keeps the whole message; what is beyond that is the session's and the
// transaction's.
TEST(Hostile, ALargeAppendIsPassedOnInPieces) {
  constexpr size_t kBytes = 48 * kMiB;
  World world;
  Client client = alice(world);
  const std::string piece(64 << 10, 'x');
  const HeapPeak start;
  client.line(fmt::format("a APPEND INBOX {{{}+}}", kBytes));
  int64_t own_bytes = 0;
  for (int64_t sent = 0; sent < static_cast<int64_t>(kBytes); sent += piece.size()) {
    const HeapPeak from_here;  // so that `start` tells of this piece alone
    client.send(piece);
    own_bytes = std::max(own_bytes, start.bytes() - sent);
  }
  const HeapPeak from_here;
  ASSERT_THAT(client.line(""), HasSubstr("a OK"));
  own_bytes = std::max(own_bytes, start.bytes() - static_cast<int64_t>(kBytes));
  EXPECT_LT(own_bytes, 16 * kMiB);
  RecordProperty("own_bytes", static_cast<int>(own_bytes));
}

/// Runs the command, and keeps only the end of what is said.
std::string end_of_answer(Client& client, std::string_view command) {
  std::string out;
  client.session().receive(std::string(command) + "\r\n");
  do {
    if (out.size() > 1000) out.erase(0, out.size() - 1000);
    client.session().produce(out, 64 << 10);
  } while (client.session().want() == wire::Want::kMore);
  return out;
}

// Anybody can mail such messages.
TEST(Hostile, LongFieldsAreOrderedByTheirBeginning) {
  World world;
  Client client = alice(world);
  std::string text;
  for (int i = 0; i < 4000; ++i) text += repeated("\ufdfa", 80) + "\r\n ";
  const std::string message =
      fmt::format("Subject: {}x\r\nFrom: {} <a@b>\r\nTo: \"{}\"@b\r\n\r\nhello", text,
                  text.substr(0, 40'000), text.substr(0, 40'000));
  for (int i = 0; i < 32; ++i) client.send(append_command("a", "INBOX", message));
  client.line("b SELECT INBOX");
  for (const std::string_view command :
       {"c SORT (SUBJECT) UTF-8 ALL", "c SORT (FROM TO DISPLAYFROM DISPLAYTO CC) UTF-8 ALL",
        "c THREAD ORDEREDSUBJECT UTF-8 ALL", "c THREAD REFERENCES UTF-8 ALL"}) {
    const HeapPeak peak;
    ASSERT_THAT(client.line(command), HasSubstr("c OK")) << command;
    EXPECT_LT(peak.bytes(), 16 * kMiB) << command;
  }
}

TEST(Hostile, ASortKeyThatIsThereAgainCostsNothing) {
  World world;
  Client client = alice(world);
  for (int i = 0; i < 500; ++i)
    client.send(append_command("a", "INBOX", plain_message(std::string(400, 's'))));
  client.line("b SELECT INBOX");
  const auto bytes_for = [&](std::string_view keys) {
    const HeapPeak peak;
    EXPECT_THAT(client.line(fmt::format("c SORT ({}) UTF-8 ALL", keys)), HasSubstr("c OK"));
    return peak.bytes();
  };
  bytes_for("SUBJECT");  // what is kept for the next one
  EXPECT_LT(bytes_for("SUBJECT" + repeated(" REVERSE SUBJECT", kSortKeysMax - 1)),
            2 * bytes_for("SUBJECT"));
}

/// 12,800 messages of which each field that SORT looks at is as long as can be.
void fill_with_long_fields(Client& client) {
  std::string message;
  for (const std::string_view field : {"From", "To", "Cc"})
    message += fmt::format("{0}: {1} {1} <{1}@x>\r\n", field, std::string(300, 'f'));
  message += "Subject: " + std::string(600, 's') + "\r\n\r\n";
  std::string append = "a APPEND INBOX";
  for (int i = 0; i < 100; ++i) append += fmt::format(" {{{}+}}\r\n{}", message.size(), message);
  EXPECT_THAT(client.line(append), HasSubstr("a OK"));
  client.line("b SELECT INBOX");
  for (int i = 0; i < 7; ++i) EXPECT_THAT(client.line("c UID COPY 1:* INBOX"), HasSubstr("c OK"));
}

constexpr std::string_view kSortByAllTexts =
    "d UID SORT RETURN (COUNT) (FROM TO CC SUBJECT DISPLAYFROM DISPLAYTO) UTF-8 ALL";

TEST(Hostile, SortByManyLongTextsHoldsLittle) {
  World world;
  Client client = alice(world);
  fill_with_long_fields(client);
  const HeapPeak peak;
  EXPECT_THAT(client.line(kSortByAllTexts), HasSubstr("COUNT 12800"));
  EXPECT_LT(peak.bytes(), 16 * kMiB);
}

TEST(Hostile, SortThatNeedsAFileIsRefusedWhereNoneCanBeMade) {
  World world;
  world.change_options().scratch_directory = "/nowhere";
  Client client = alice(world);
  fill_with_long_fields(client);
  EXPECT_THAT(client.line(kSortByAllTexts), HasSubstr("d NO [UNAVAILABLE] no room"));
  EXPECT_THAT(client.line("e UID SORT RETURN (COUNT) (FROM) UTF-8 1:100"), HasSubstr("COUNT 100"));
}

// Of the Message IDs that a message refers to, those count that others may share.
TEST(Hostile, AThousandReferencesInEachMessage) {
  constexpr int kMessages = 400;
  World world;
  Client client = alice(world);
  for (int i = 0; i < kMessages; ++i) {
    std::string message = fmt::format("Message-ID: <{}@x>\r\nReferences:", i);
    for (int id = 0; id < 1000; ++id) message += fmt::format(" <{}.{}@y>\r\n", i, id);
    client.send(append_command("a", "INBOX", message + "\r\nhello"));
  }
  client.line("b SELECT INBOX");
  const HeapPeak peak;
  const std::string answer = end_of_answer(client, "c THREAD REFERENCES UTF-8 ALL");
  EXPECT_THAT(answer, HasSubstr(fmt::format("({})\r\nc OK", kMessages)));
  EXPECT_LT(peak.bytes(), 16 * kMiB);
  RecordProperty("bytes", static_cast<int>(peak.bytes()));
}

std::string in_multipart(std::string_view part, size_t size) {
  const std::string one = fmt::format("--b\r\n{}\r\n", part);
  return "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
         repeated(one, size / one.size()) + "--b--\r\n";
}

std::string of_size(std::string_view text, size_t size) {
  return repeated(text, size / text.size());
}

struct Large {
  const char* name;
  std::string (*make)(size_t size);
};

class LargeMessage : public testing::TestWithParam<Large> {};

// What the whole of it would cost is more than a session may have.
TEST_P(LargeMessage, CostsNoMoreThanPiecesOfIt) {
  constexpr size_t kBytes = 17 * kMiB;
  World world;
  Client client = alice(world);
  {
    const std::string message = GetParam().make(kBytes);
    client.send(fmt::format("a APPEND INBOX {{{}+}}\r\n", message.size()));
    client.send(message);
    ASSERT_THAT(client.line(""), HasSubstr("a OK"));
  }
  client.line("b SELECT INBOX");
  for (const std::string_view command :
       {"c FETCH 1 (ENVELOPE BODYSTRUCTURE BODY PREVIEW BINARY.SIZE[1] BINARY.SIZE[2] "
        "BINARY.PEEK[2] BODY.PEEK[1]<100.100> BODY.PEEK[2.MIME] BODY.PEEK[2.HEADER.FIELDS (TO)] "
        "BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)] "
        "BODY.PEEK[HEADER]<0.10> BODY.PEEK[TEXT]<0.10>)",
        "c SEARCH TEXT \"nowhere at all\" BODY nowhere", "c SEARCH FUZZY TEXT \"nowhere at all\"",
        "c SORT (FROM SUBJECT) UTF-8 ALL"}) {
    const HeapPeak peak;
    ASSERT_THAT(end_of_answer(client, command), HasSubstr("c OK")) << command;
    EXPECT_LT(peak.bytes(), 16 * kMiB) << command;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, LargeMessage,
    testing::Values(
        Large{
            "Attachment",
            [](size_t size) {
              return "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                     "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
                     "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                     of_size(repeated("QUFB", 19) + "\r\n", size) + "--b--\r\n";
            }},
        Large{"Text",
              [](size_t size) {
                return "Subject: x\r\n\r\n" + of_size("some words in a line\r\n", size);
              }},
        Large{"Western",
              [](size_t size) {
                return "Subject: x\r\nContent-Type: text/plain; charset=latin1\r\n\r\n" +
                       of_size("\xe9", size);
              }},
        Large{"WhatGrowsWhenFolded",
              [](size_t size) { return "Subject: x\r\n\r\n" + of_size("\ufdfa", size); }},
        Large{"Blanks",
              [](size_t size) {
                return "Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
                       of_size(" ", size);
              }},
        Large{"OneLine", [](size_t size) { return "Subject: x\r\n\r\n" + of_size("y", size); }},
        Large{
            "OneField",
            [](size_t size) { return "Subject: x\r\nX: " + of_size("z", size) + "\r\n\r\nhello"; }},
        Large{"OneSubject",
              [](size_t size) { return "Subject: " + of_size("\ufdfa", size) + "\r\n\r\nhello"; }},
        Large{
            "ManyFields",
            [](size_t size) { return "Subject: x\r\n" + of_size("X: y\r\n", size) + "\r\nhello"; }},
        Large{"SmallParts", [](size_t size) { return in_multipart("\r\n", size); }},
        Large{"MessagesInside",
              [](size_t size) {
                std::string addresses;
                for (int i = 0; i < 3000; ++i)
                  addresses += fmt::format("someone{}@example.org,\r\n ", i);
                return in_multipart(
                    fmt::format("Content-Type: message/rfc822\r\n\r\nFrom: {}\r\nTo: {}\r\n\r\n",
                                addresses, addresses),
                    size);
              }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace gemel::imap
