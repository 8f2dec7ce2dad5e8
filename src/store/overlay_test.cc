#include "store/overlay.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace gemel {
namespace {

using Rows = std::map<std::string, std::string>;

/// An overlay over an engine in memory, and what it must say.
class OverlayTest : public testing::Test {
 protected:
  OverlayTest() : engine_(memory_.open("here", EngineOpener::Mode::kCreate).value()) {}

  Rows rows_of_overlay() const {
    Rows out;
    EXPECT_TRUE(overlay_.scan("", "~", [&](std::string_view key, std::string_view value) {
      out.emplace(key, value);
      return Result<bool>(true);
    }));
    return out;
  }
  Rows rows_on_disk() const {
    Rows out;
    const auto cursor = engine_->scan(Table::kIndex, "", "~");
    for (; cursor->valid(); cursor->next()) out.emplace(cursor->key(), cursor->value());
    return out;
  }
  void write() {
    const std::vector<EngineBatch> batches = overlay_.take();
    ASSERT_TRUE(engine_->write(batches.front(), Engine::Durability::kSynced));
  }
  /// Any write; rows of keys with an "o" are put once and erased once.
  void change_something(Rows& expected) {
    const bool is_once = random_.u64() % 2 == 0;
    const std::string key = fmt::format("{}{}", is_once ? "o" : "n", random_.u64() % 6);
    const bool is_there = expected.contains(key);
    if (is_there && (is_once || random_.u64() % 3 == 0)) {
      is_once ? overlay_.erase_once(key) : overlay_.erase(key);
      expected.erase(key);
      return;
    }
    const std::string value = fmt::format("{}", random_.u64() % 1000);
    is_once ? overlay_.put_once(key, value) : overlay_.put(key, value);
    expected[key] = value;
  }

  MemoryOpener memory_;
  std::shared_ptr<Engine> engine_;
  Overlay overlay_{{engine_}};
  SeededRandom random_{7};
};

TEST_F(OverlayTest, RollsBackToWhatWasThere) {
  overlay_.put("a", "1");
  overlay_.put_once("o", "once");
  const size_t mark = overlay_.savepoint();
  overlay_.put("a", "2");
  overlay_.erase("a");
  overlay_.put("b", "3");
  overlay_.erase_once("o");
  overlay_.put_once("o", "again");
  EXPECT_EQ(rows_of_overlay(), (Rows{{"b", "3"}, {"o", "again"}}));
  overlay_.rollback(mark);
  EXPECT_EQ(rows_of_overlay(), (Rows{{"a", "1"}, {"o", "once"}}));
  EXPECT_EQ(overlay_.size(), 2);
  overlay_.rollback(0);
  EXPECT_TRUE(overlay_.empty());
}

TEST_F(OverlayTest, SaysWhatWasWrittenWhateverIsRolledBack) {
  Rows expected;
  for (int batch = 0; batch < 200; ++batch) {
    for (uint64_t transaction = random_.u64() % 5; transaction > 0; --transaction) {
      const Rows before = expected;
      const size_t mark = overlay_.savepoint();
      for (uint64_t change = random_.u64() % 12; change > 0; --change) change_something(expected);
      ASSERT_EQ(rows_of_overlay(), expected);
      if (random_.u64() % 2 == 0) {
        overlay_.rollback(mark);
        expected = before;
        ASSERT_EQ(rows_of_overlay(), expected);
      }
    }
    write();
    ASSERT_EQ(rows_on_disk(), expected);
  }
}

}  // namespace
}  // namespace gemel
