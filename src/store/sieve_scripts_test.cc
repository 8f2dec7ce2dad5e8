#include "store/sieve_scripts.h"

#include "store/store_fixture.h"

namespace gemel {
namespace {

constexpr int64_t kNow = 1'700'000'000;

class SieveScriptsTest : public StoreTest {
 protected:
  // "a* b": names, the active one with a star.
  std::string listed() {
    std::string out;
    const std::vector<SieveScripts::Listed> listed = scripts_.list().value();
    for (const SieveScripts::Listed& script : listed)
      out += (out.empty() ? "" : " ") + script.name + (script.is_active ? "*" : "");
    return out;
  }
  SieveScripts scripts_{*store, "alice"};
};
GEMEL_ON_BOTH_ENGINES(SieveScriptsTest);

TEST_P(SieveScriptsTest, AreKeptAsTheyCame) {
  const std::string text = "keep;\r\n# \xc3\xa4\n\n";
  ASSERT_TRUE(scripts_.put("one", text, kNow));
  EXPECT_EQ(scripts_.get("one")->text, text);
  EXPECT_EQ(scripts_.get("one")->uploaded_ms, kNow * 1000);
  EXPECT_EQ(scripts_.get("two").error().code, Code::kNotFound);
  // What a merge of two servers goes by (doc/decisions/0006).
  EXPECT_EQ(*store->user_item("alice", "sieve/script/one").value(), "1700000000000\n" + text);
  EXPECT_EQ(scripts_.list()->front().bytes, text.size());
}

TEST_P(SieveScriptsTest, OneAtMostIsActive) {
  ASSERT_TRUE(scripts_.put("one", "keep;", kNow));
  ASSERT_TRUE(scripts_.put("two", "discard;", kNow));
  EXPECT_FALSE(scripts_.active()->has_value());
  EXPECT_EQ(scripts_.activate("none", kNow).error().code, Code::kNotFound);
  ASSERT_TRUE(scripts_.activate("one", kNow));
  ASSERT_TRUE(scripts_.activate("two", kNow));
  EXPECT_EQ(listed(), "one two*");
  EXPECT_EQ(scripts_.active().value()->text, "discard;");
  EXPECT_EQ(scripts_.remove("two").error().code, Code::kDenied);
  ASSERT_TRUE(scripts_.activate("", kNow));
  EXPECT_FALSE(scripts_.active()->has_value());
  ASSERT_TRUE(scripts_.remove("two"));
  EXPECT_EQ(scripts_.remove("two").error().code, Code::kNotFound);
  EXPECT_EQ(listed(), "one");
}

TEST_P(SieveScriptsTest, ARenamedOneStaysActive) {
  ASSERT_TRUE(scripts_.put("one", "keep;", kNow));
  ASSERT_TRUE(scripts_.put("two", "discard;", kNow));
  ASSERT_TRUE(scripts_.activate("one", kNow));
  EXPECT_EQ(scripts_.rename("one", "two", kNow).error().code, Code::kExists);
  EXPECT_EQ(scripts_.rename("none", "x", kNow).error().code, Code::kNotFound);
  ASSERT_TRUE(scripts_.rename("one", "one", kNow));
  ASSERT_TRUE(scripts_.rename("one", "three", kNow));
  EXPECT_EQ(listed(), "three* two");
  EXPECT_EQ(scripts_.active().value()->text, "keep;");
}

TEST_P(SieveScriptsTest, HaveRoomForSoManyAndNoMore) {
  const ScriptQuota quota{.scripts_max = 2, .script_bytes_max = 10};
  ASSERT_TRUE(scripts_.put("one", "keep;", kNow));
  EXPECT_TRUE(scripts_.check_room("two", 10, quota));
  EXPECT_EQ(scripts_.check_room("two", 11, quota).error().code, Code::kTooBig);
  ASSERT_TRUE(scripts_.put("two", "keep;", kNow));
  EXPECT_EQ(scripts_.check_room("three", 1, quota).error().code, Code::kLimit);
  EXPECT_TRUE(scripts_.check_room("two", 1, quota));  // over what has the name
  const std::string longest(kScriptNameBytesMax, 'x');
  EXPECT_TRUE(scripts_.check_room(longest, 1, {}));
  ASSERT_TRUE(scripts_.put(longest, "keep;", kNow));
  EXPECT_EQ(scripts_.check_room(longest + "x", 1, {}).error().code, Code::kInvalid);
  EXPECT_EQ(scripts_.put(longest + "x", "keep;", kNow).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace gemel
