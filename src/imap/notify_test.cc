#include "imap/notify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imap/own_changes.h"
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
  Interest interest("alice", Interest::Sees::kWhatRightsAllow);
  const UniqueId seen{.origin = 1, .number = 7};
  const UniqueId other{.origin = 1, .number = 8};
  EXPECT_TRUE(interest.set_mailboxes({seen}));
  EXPECT_FALSE(interest.set_mailboxes({seen}));
  using Entity = std::variant<UniqueId, std::string>;
  const auto change = [](Entity entity, std::vector<std::string> appeared_to = {}) {
    return Published{.entity = std::move(entity),
                     .highestmodseq = ModSeq(100),
                     .journal = {},
                     .appeared_to = std::move(appeared_to)};
  };
  EXPECT_TRUE(interest.is_concerned(change(seen)));
  EXPECT_FALSE(interest.is_concerned(change(other)));
  EXPECT_TRUE(interest.is_concerned(change(std::string("alice"))));
  EXPECT_FALSE(interest.is_concerned(change(std::string("bob"))));
  // What is shown to somebody who did not see it, however long it has been there.
  EXPECT_TRUE(interest.is_concerned(change(other, {"bob", "alice"})));
  EXPECT_TRUE(interest.is_concerned(change(other, {"bob", "anyone"})));
  EXPECT_TRUE(interest.is_concerned(change(other, {"bob", "authenticated"})));
  EXPECT_FALSE(interest.is_concerned(change(other, {"bob", "carol", "-alice"})));
  const Interest admin("root", Interest::Sees::kEverything);
  EXPECT_TRUE(admin.is_concerned(change(other, {"bob"})));
  EXPECT_FALSE(admin.is_concerned(change(other)));
}

// RFC 5465 §5: what the client does itself it knows, but no more than that.
TEST(Notify, TellsOfOthersWhateverTheClientDidItselfMeanwhile) {
  World world;
  Client client = alice(world);
  Client other = alice(world);
  client.line("a CREATE Lists");
  client.line("b " + std::string(kPersonal));
  client.hear();
  const auto append = [](Client& by) { by.send(append_command("c", "Lists", "x")); };
  append(client);
  append(client);
  EXPECT_EQ(client.hear(), "");
  append(other);
  EXPECT_THAT(client.hear(), HasSubstr("* STATUS Lists (MESSAGES 3"));
  append(client);
  append(other);
  append(client);
  EXPECT_THAT(client.hear(), HasSubstr("* STATUS Lists (MESSAGES 6"));
  append(other);
  append(client);
  EXPECT_THAT(client.hear(), HasSubstr("* STATUS Lists (MESSAGES 8"));
  client.line("d DELETE Lists");
  other.line("e CREATE Lists");
  EXPECT_THAT(client.hear(), HasSubstr("* LIST (\\HasNoChildren) \"/\" Lists\r\n"));
  other.line("f DELETE Lists");
  client.line("g CREATE Lists");
  EXPECT_EQ(client.hear(), "");
  EXPECT_THAT(client.line("h STATUS Lists (MESSAGES)"), HasSubstr("(MESSAGES 0)"));
}

TEST(Notify, NotesWhichChangesAreTheClientsOwn) {
  OwnChanges own(nullptr);
  const UniqueId mailbox{.origin = 1, .number = 7};
  const auto make = [&](uint64_t modseq) {
    const Published change{.entity = mailbox, .highestmodseq = ModSeq(modseq), .journal = {}};
    own.about_to_publish({&change, 1});
  };
  const auto others = [&](uint64_t since, uint64_t now) {
    return own.have_others_changed(mailbox, ModSeq(since), ModSeq(now));
  };
  make(1);  // not asked for yet
  EXPECT_TRUE(others(0, 1));
  own.start();
  make(2);
  make(3);
  make(5);
  EXPECT_FALSE(others(1, 2));
  EXPECT_FALSE(others(1, 3));
  EXPECT_FALSE(others(2, 3));
  EXPECT_FALSE(others(4, 5));
  EXPECT_FALSE(others(5, 5));
  EXPECT_TRUE(others(0, 3));
  EXPECT_TRUE(others(1, 4));
  EXPECT_TRUE(others(1, 5));
  EXPECT_TRUE(others(5, 6));
  EXPECT_TRUE(own.have_others_changed(std::string("alice"), ModSeq(1), ModSeq(2)));
  own.forget();
  EXPECT_TRUE(others(1, 2));
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
