// Who goes first, and that nobody waits for ever.
#include "sync/send_queue.h"

#include <gtest/gtest.h>

namespace gemel::sync {
namespace {

UniqueId id(uint64_t number) { return {1, number}; }

TEST(SendQueue, SaysUsersFirstAndThenWhatFreesNames) {
  SendQueue queue;
  queue.add_deleted(id(1));
  queue.add_user("ann");
  queue.add_renamed(id(2));
  queue.add_renamed(id(3));
  EXPECT_EQ(queue.take_first(), Entity("ann"));
  EXPECT_EQ(queue.take_first(), Entity(id(1)));
  EXPECT_EQ(queue.take_first(), std::nullopt);
  EXPECT_EQ(queue.take_renamed(), (std::vector{id(2), id(3)}));
  EXPECT_TRUE(queue.take_renamed().empty());
}

TEST(SendQueue, TakesTheSmallestFirst) {
  SendQueue queue;
  queue.add_small(id(1), 300);
  queue.add_small(id(2), 100);
  queue.add_small(id(3), 200);
  EXPECT_EQ(queue.take_small(), id(2));
  EXPECT_EQ(queue.take_small(), id(3));
  EXPECT_EQ(queue.take_small(), id(1));
  EXPECT_EQ(queue.take_small(), std::nullopt);
}

TEST(SendQueue, LetsLargeOnesTakeTurns) {
  SendQueue queue;
  constexpr uint64_t kMailboxes = 5;
  std::map<UniqueId, uint64_t> left;
  for (uint64_t i = 1; i <= kMailboxes; ++i) {
    left[id(i)] = i * 100;
    queue.add_large(id(i), left[id(i)]);
  }
  std::map<UniqueId, size_t> turns;
  std::map<UniqueId, size_t> first;
  size_t turn = 0;
  while (const std::optional<UniqueId> next = queue.next_large()) {
    ++turns[*next];
    first.try_emplace(*next, turn++);
    left[*next] -= 10;
    if (left[*next] == 0)
      queue.drop_large(*next);
    else
      queue.add_large(*next, left[*next]);
  }
  for (uint64_t i = 1; i <= kMailboxes; ++i) {
    EXPECT_EQ(turns[id(i)], i * 10);
    EXPECT_LT(first[id(i)], 2 * kMailboxes);  // each has its first turn soon
  }
}

}  // namespace
}  // namespace gemel::sync
