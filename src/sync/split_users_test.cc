// What both sides did to the data of users while each had a time of its own.
#include <gtest/gtest.h>

#include <string>

#include "store/sieve_scripts.h"
#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

class SplitUsers : public SplitFixture {
 protected:
  static SieveScripts scripts(TestStore& store) { return {*store, "alice"}; }
  void expect_both_filter_by(const std::string& name, const std::string& text) {
    for (TestStore* store : {&primary, &replica}) {
      const auto active = scripts(*store).active().value();
      ASSERT_TRUE(active);
      EXPECT_EQ(active->name, name);
      EXPECT_EQ(active->text, text);
    }
  }
  // The one deletes what the other makes the active one.
  void expect_activation_wins(TestStore& deletes, TestStore& activates) {
    ASSERT_TRUE(scripts(primary).put("main", "keep;", 10));
    ASSERT_TRUE(scripts(primary).put("other", "stop;", 10));
    sync();
    split();
    ASSERT_TRUE(scripts(deletes).remove("main"));
    ASSERT_TRUE(scripts(activates).activate("main", 20));
    heal();
    expect_both_filter_by("main", "keep;");
    EXPECT_EQ(scripts(replica).list()->size(), 2U);
  }
};

TEST_F(SplitUsers, AScriptThatTheReplicaActivatesOutlivesItsDeletion) {
  expect_activation_wins(primary, replica);
}

TEST_F(SplitUsers, AndOneThatThePrimaryActivates) { expect_activation_wins(replica, primary); }

TEST_F(SplitUsers, OneThatIsNotTheActiveOneInTheEndStaysDeleted) {
  ASSERT_TRUE(scripts(primary).put("main", "keep;", 10));
  ASSERT_TRUE(scripts(primary).put("other", "stop;", 10));
  sync();
  split();
  ASSERT_TRUE(scripts(primary).remove("main"));
  ASSERT_TRUE(scripts(primary).activate("other", 30));
  ASSERT_TRUE(scripts(replica).activate("main", 20));
  heal();
  expect_both_filter_by("other", "stop;");
  EXPECT_FALSE(scripts(replica).get("main"));
}

}  // namespace
}  // namespace gemel::sync
