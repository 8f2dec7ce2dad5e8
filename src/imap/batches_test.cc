// UIDBATCHES on mailboxes that have more than one batch, and progress of what takes long.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imap/test_world.h"

namespace gemel::imap {
namespace {

using testing::HasSubstr;
using testing::Not;

/// So many messages in alice's INBOX, from UID 1 on.
void fill_inbox(Client& client, size_t count) {
  for (size_t told = 0; told < count;) {
    std::string command = "f APPEND INBOX";
    for (size_t i = 0; i < 500 && told < count; ++i, ++told) command += " {9+}\r\na: b\r\n\r\nx";
    ASSERT_THAT(client.line(command), HasSubstr("f OK"));
  }
}

TEST(UidBatches, EachHoldsSoManyMessages) {
  World world;
  Client client = alice(world);
  fill_inbox(client, 1600);
  client.line("a SELECT INBOX");
  EXPECT_THAT(client.line("b UIDBATCHES 500"),
              HasSubstr("* UIDBATCHES (TAG \"b\") 1600:1101,1100:601,600:101,100:1\r\n"));
  EXPECT_THAT(client.line("c UIDBATCHES 500 2:3"),
              HasSubstr("* UIDBATCHES (TAG \"c\") 1100:601,600:101\r\n"));
  EXPECT_THAT(client.line("d UIDBATCHES 800"),
              HasSubstr("* UIDBATCHES (TAG \"d\") 1600:801,800:1\r\n"));
  EXPECT_THAT(client.line("e UIDBATCHES 1600"), HasSubstr("(TAG \"e\") 1600:1\r\n"));
}

TEST(UidBatches, GapsBelongToTheBatchAboveThem) {
  World world;
  Client client = alice(world);
  fill_inbox(client, 1600);
  client.line("a SELECT INBOX");
  client.line("b UID STORE 1:50,700:1000,1600 +FLAGS.SILENT (\\Deleted)");
  client.line("c EXPUNGE");
  // 599 messages are from 1001 to 1599, 649 from 51 to 699.
  EXPECT_THAT(client.line("d UIDBATCHES 599"), HasSubstr("(TAG \"d\") 1599:700,699:101,100:1\r\n"));
}

/// Each look at it takes a second.
class SlowClock final : public Clock {
 public:
  int64_t unix_s() override { return 1'700'000'000; }
  int64_t monotonic_ms() override { return now_ms_ += 1000; }

 private:
  int64_t now_ms_ = 0;
};

TEST(Progress, IsToldOfASearchThatTakesLong) {  // RFC 9585
  World world;
  Client filler = alice(world);
  fill_inbox(filler, 1600);
  const std::shared_ptr<const Options> plain = world.options();
  SlowClock clock;
  Options slow{.hostname = plain->hostname,
               .store = plain->store,
               .clock = clock,
               .random = plain->random,
               .credentials = plain->credentials,
               .server_secret = plain->server_secret,
               .plaintext_auth = plain->plaintext_auth,
               .access = plain->access,
               .ack_gate = plain->ack_gate,
               .limits = plain->limits};
  const auto session = make_session(std::make_shared<const Options>(std::move(slow)),
                                    {.peer_address = "127.0.0.1", .is_local = true});
  const auto talk = [&](std::string_view line) {
    std::string out;
    session->receive(line);
    do session->produce(out, 1 << 20);
    while (session->want() == wire::Want::kMore);
    return out;
  };
  talk("a LOGIN alice secret\r\nb SELECT INBOX\r\n");
  const std::string said = talk("c SEARCH BODY y\r\n");
  EXPECT_THAT(said, HasSubstr("* OK [INPROGRESS (\"c\" 500 1600)] still at work\r\n"));
  EXPECT_THAT(said, HasSubstr("* OK [INPROGRESS (\"c\" 1000 1600)]"));
  EXPECT_THAT(said, Not(HasSubstr("(\"c\" 50 1600)")));
  EXPECT_THAT(said, HasSubstr("c OK"));
  // RFC 9585 §4: no response code can hold such a tag.
  EXPECT_THAT(talk("c]c SEARCH BODY y\r\n"), HasSubstr("* OK [INPROGRESS (NIL 500 1600)]"));
  // Nothing to look at, nothing to tell.
  EXPECT_THAT(talk("d SEARCH ALL\r\n"), Not(HasSubstr("INPROGRESS")));
}

}  // namespace
}  // namespace gemel::imap
