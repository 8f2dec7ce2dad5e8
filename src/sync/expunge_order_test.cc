#include "sync/expunge_order.h"

#include <gtest/gtest.h>

#include "sync/test_link.h"

namespace gemel::sync {
namespace {

class ExpungeOrderTest : public LinkFixture {
 protected:
  ExpungeOrderTest() {
    inbox = primary.inbox();
    primary.append(inbox, "a letter");
    link.connect();
    sync();
  }

  void sync() { ASSERT_TRUE(link.sync().result); }
  void move_to(const UniqueId& mailbox) {
    ASSERT_TRUE(primary->copy(inbox, UidSet::of(Uid(1), Uid(1)), mailbox, MailStore::Keep::kMove));
  }
  // On the wire from here on.
  void listen() {
    link.on_bytes = [this](char, std::string_view bytes) { said_ += bytes; };
  }
  size_t place(std::string_view words) const { return said_.find(words); }

  UniqueId inbox;
  std::string said_;
};

TEST_F(ExpungeOrderTest, AMovedMessageIsThereBeforeItIsGone) {
  const UniqueId folder = primary.create("folder");
  sync();
  move_to(folder);
  listen();
  link.traffic = {};
  sync();
  EXPECT_EQ(link.traffic.turns, 1U);
  ASSERT_NE(place(" COPY "), said_.npos);
  ASSERT_NE(place(" EXPUNGE "), said_.npos);
  EXPECT_LT(place(" COPY "), place(" EXPUNGE "));
  EXPECT_NE(place(" AFTER "), said_.npos);
  link.expect_in_step();
}

// What the replica has of the other mailbox is of another history: under that uid it has something
// else, or nothing. Or it is deleted there.
TEST_F(ExpungeOrderTest, AnotherHistoryHasNotTheMessage) {
  const UniqueId folder = primary.create("folder");
  move_to(folder);
  ReplicaMemory memory(*primary, "another");
  ExpungeOrder order(*primary, memory, primary.clock);
  order.may_say_after();
  memory.know(inbox, known_from(primary.info(inbox)));
  const MailboxView view = primary->view(inbox).value();
  const Guid guid = view.record(Uid(1)).value().facts.guid;
  const auto may_expunge = [&](const ReplicaMailbox& known) {
    memory.know(folder, known);
    order.begin(view);
    return order.may_expunge(guid).value();
  };
  ReplicaMailbox known = known_from(primary.info(folder));
  EXPECT_TRUE(may_expunge(known));
  known.is_deleted = true;
  EXPECT_FALSE(may_expunge(known));
  known.is_deleted = false;
  known.term = {.epoch = 9, .origin = 9};
  EXPECT_FALSE(may_expunge(known));
  EXPECT_EQ(order.waits_for(), folder);
  // That it is being mended tells no AFTER.
  memory.expect(folder, known_from(primary.info(folder)));
  EXPECT_FALSE(may_expunge(known));
}

// Both have what the other expunged, so neither can go as a whole.
TEST_F(ExpungeOrderTest, MailboxesThatExchangeMessagesTakeTurns) {
  const UniqueId folder = primary.create("folder");
  primary.append(folder, "another letter");
  sync();
  move_to(folder);
  ASSERT_TRUE(primary->copy(folder, UidSet::of(Uid(1), Uid(1)), inbox, MailStore::Keep::kMove));
  sync();
  link.expect_in_step();
  EXPECT_TRUE(link.channel->status().set_aside.empty());
}

TEST_F(ExpungeOrderTest, ADeletedMailboxGoesWhenItsMessagesAreElsewhere) {
  const UniqueId from = primary.create("from");
  primary.append(from, "one more letter");
  const UniqueId to = primary.create("to");
  sync();
  ASSERT_TRUE(primary->copy(from, UidSet::of(Uid(1), Uid(1)), to, MailStore::Keep::kCopy));
  ASSERT_TRUE(primary->remove(from));
  listen();
  sync();
  ASSERT_NE(place(" DELETED "), said_.npos);
  EXPECT_LT(place(" COPY "), place(" DELETED "));
  link.expect_in_step();
}

// Its name is wanted by the one that has the messages now.
TEST_F(ExpungeOrderTest, ADeletedMailboxGivesItsNameAway) {
  const UniqueId from = primary.create("from");
  primary.append(from, "one more letter");
  sync();
  ASSERT_TRUE(primary->rename(named("from"), named("old")));
  const UniqueId to = primary.create("from");
  ASSERT_TRUE(primary->copy(from, UidSet::of(Uid(1), Uid(1)), to, MailStore::Keep::kMove));
  ASSERT_TRUE(primary->remove(from));
  sync();
  link.expect_in_step();
}

// The one is waited for while it may still come, but not for ever.
TEST_F(ExpungeOrderTest, AMailboxThatIsRefusedHoldsUpTheOtherForAWhile) {
  const auto partitions = std::exchange(replica.options.partitions, {});
  link.disconnect("the replica starts anew");
  replica.open();
  link.connect();
  ASSERT_TRUE(primary->create({.name = named("box"), .partition = "archive"}));
  const UniqueId box = primary->find(named("box"))->id;
  move_to(box);
  EXPECT_FALSE(link.sync().result);
  EXPECT_EQ(replica.uids(inbox), "1");
  primary.append(inbox, "a later letter");
  EXPECT_FALSE(link.sync().result);
  EXPECT_EQ(replica.uids(inbox), "1");
  std::string reasons;
  for (const auto& aside : link.channel->status().set_aside) reasons += aside.reason + "; ";
  EXPECT_NE(reasons.find("messages went from it to alice/box, which has to be sent first"),
            std::string::npos)
      << reasons;
  primary.clock.advance_s(kRefusalWaitMs / 1000);
  EXPECT_FALSE(link.sync().result);
  EXPECT_EQ(replica.uids(inbox), "2");
  replica.options.partitions = partitions;
  link.disconnect("the replica starts anew");
  replica.open();
  link.connect();
  sync();
  link.expect_in_step();
}

}  // namespace
}  // namespace gemel::sync
