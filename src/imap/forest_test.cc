#include "imap/forest.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace gemel::imap {
namespace {

/// The same with parents alone.
class PlainForest {
 public:
  explicit PlainForest(size_t size) : parents_(size + 1) {}
  ForestNode parent_of(ForestNode node) const { return parents_[node]; }
  bool link(ForestNode child, ForestNode parent) {
    for (ForestNode at = parent; at != 0; at = parents_[at])
      if (at == child) return false;
    parents_[child] = parent;
    return true;
  }
  void cut(ForestNode child) { parents_[child] = 0; }

 private:
  std::vector<ForestNode> parents_;
};

TEST(Forest, LinksWhatAWalkUpTheTreeWouldLink) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    constexpr size_t kSize = 40;
    Forest forest(*std::pmr::get_default_resource());
    PlainForest plain(kSize);
    for (size_t i = 0; i < kSize; ++i) forest.add();
    size_t refused = 0;
    for (size_t i = 0; i < 2000; ++i) {
      const auto child = static_cast<ForestNode>(1 + random.u64() % kSize);
      const auto parent = static_cast<ForestNode>(1 + random.u64() % kSize);
      if (plain.parent_of(child) != 0) {
        forest.cut(child);
        plain.cut(child);
      } else {
        const bool linked = plain.link(child, parent);
        refused += linked ? 0 : 1;
        ASSERT_EQ(forest.link(child, parent), linked);
      }
      for (ForestNode node = 1; node <= kSize; ++node)
        ASSERT_EQ(forest.parent_of(node), plain.parent_of(node));
    }
    EXPECT_GT(refused, 0);
  }
}

TEST(Forest, CuttingARootDoesNothing) {
  Forest forest(*std::pmr::get_default_resource());
  const ForestNode node = forest.add();
  forest.cut(node);
  EXPECT_EQ(forest.parent_of(node), 0);
  EXPECT_FALSE(forest.link(node, node));
  EXPECT_EQ(forest.size(), 1);
}

TEST(Forest, TellsALoopInAMillionDeepTree) {
  constexpr ForestNode kDepth = 1'000'000;
  Forest forest(*std::pmr::get_default_resource());
  for (ForestNode node = 1; node <= kDepth; ++node) {
    EXPECT_EQ(forest.add(), node);
    if (node > 1) forest.link(node - 1, node);
  }
  for (ForestNode node = 1; node < kDepth; node += 1000)
    EXPECT_FALSE(forest.link(kDepth, node));  // a walk up would be half a million steps each
}

}  // namespace
}  // namespace gemel::imap
