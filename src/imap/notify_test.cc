#include "imap/notify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imap/test_world.h"

namespace gemel::imap {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kPersonal =
    "NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))";

TEST(Notify, TellsNothingOfTooManyMailboxes) {  // RFC 5465 §5.8
  World world;
  world.change_options().limits.notify_mailboxes_max = 3;
  Client client = alice(world);
  client.line("a CREATE one");
  client.line("b CREATE two");
  EXPECT_THAT(client.line("c " + std::string(kPersonal)), HasSubstr("c OK"));
  // With the fourth it ends, and the client is told once.
  std::string said = client.line("d CREATE three");
  said += client.wake();
  EXPECT_THAT(said, HasSubstr("* OK [NOTIFICATIONOVERFLOW]"));
  client.line("e CREATE four");
  EXPECT_EQ(client.wake(), "");
  EXPECT_THAT(client.line("f " + std::string(kPersonal)),
              StartsWith("f NO [NOTIFICATIONOVERFLOW]"));
}

TEST(Notify, TakesSoManyGroups) {
  World world;
  world.change_options().limits.notify_groups_max = 2;
  Client client = alice(world);
  EXPECT_THAT(client.line("a NOTIFY SET (personal NONE) (subscribed NONE)"), StartsWith("a OK"));
  EXPECT_THAT(client.line("b NOTIFY SET (personal NONE) (subscribed NONE) (inboxes NONE)"),
              StartsWith("b NO [NOTIFICATIONOVERFLOW]"));
}

TEST(Notify, WakesForWhatConcernsTheUserAlone) {
  Interest interest("alice");
  const UniqueId seen{.origin = 1, .number = 7};
  const UniqueId other{.origin = 1, .number = 8};
  interest.set_mailboxes({seen});
  const auto change = [](auto entity, uint64_t modseq) {
    return Published{.entity = entity, .highestmodseq = ModSeq(modseq), .journal = {}};
  };
  EXPECT_TRUE(interest.is_concerned(change(seen, 100)));
  EXPECT_FALSE(interest.is_concerned(change(other, 100)));
  EXPECT_TRUE(interest.is_concerned(change(other, 1)));  // just made, and whose it is shows later
  EXPECT_TRUE(interest.is_concerned(change(std::string("alice"), 100)));
  EXPECT_FALSE(interest.is_concerned(change(std::string("bob"), 100)));
}

TEST(Notify, AfterLogoutNobodyIsTold) {
  World world;
  Client client = alice(world);
  Client other = alice(world);
  client.line("a " + std::string(kPersonal));
  client.line("b UNAUTHENTICATE");
  other.line("c CREATE one");
  EXPECT_EQ(client.wake(), "");
}

}  // namespace
}  // namespace gemel::imap
