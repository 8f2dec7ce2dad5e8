// What comes down the wire with bad will: the work and the memory that it costs are bounded.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>

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
  EXPECT_THAT(client.line(""), HasSubstr("b OK"));
  // Small messages wait in memory for the end of the command.
  command = "c APPEND INBOX";
  for (size_t held = 0; held + kMiB <= limits.append_held_bytes_max; held += kMiB)
    command += fmt::format(" {{{}+}}\r\n", kMiB) + std::string(kMiB, 'm');
  client.send(command);
  command.clear();
  command.shrink_to_fit();
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

}  // namespace
}  // namespace gemel::imap
