#include "imap/thread.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/scratch.h"
#include "imap/heap_peak.h"
#include "imap/options.h"

namespace gemel::imap {
namespace {

struct Row {
  std::string own;
  std::vector<std::string> references = {};
  std::string subject = {};
  bool is_reply = false;
  int64_t sent_s = 0;
  int64_t internaldate_s = 0;
};

Threader threader_of(ThreadAlgorithm algorithm, size_t absent_ids_max = 1000,
                     std::pmr::memory_resource& memory = *std::pmr::get_default_resource()) {
  return Threader(
      {.algorithm = algorithm, .absent_ids_max = absent_ids_max, .salt = 7, .memory = memory});
}

/// As THREAD tells it, with uids from 1 in the order of `rows`.
std::string threads_of(Threader threader, const std::vector<Row>& rows) {
  uint32_t uid = 0;
  for (const Row& row : rows) {
    ThreadIds ids{.references = row.references};
    if (!row.own.empty()) ids.own = row.own;
    ++uid;
    threader.add({.sent_s = row.sent_s == 0 ? uid : row.sent_s,
                  .internaldate_s = row.internaldate_s,
                  .subject = threader.key_of(row.subject),
                  .uid = Uid(uid),
                  .is_reply = row.is_reply},
                 ids);
  }
  std::string out;
  const std::pmr::vector<uint32_t> threads = std::move(threader).threads();
  for (const uint32_t token : threads) {
    if (token == ThreadTree::kOpen)
      out += '(';
    else if (token == ThreadTree::kClose)
      (out.ends_with(' ') ? out.erase(out.size() - 1) : out) += ')';
    else
      out += fmt::format("{} ", token);
  }
  return out;
}

std::string threads_of(ThreadAlgorithm algorithm, const std::vector<Row>& rows) {
  return threads_of(threader_of(algorithm), rows);
}

std::string by_references(const std::vector<Row>& rows) {
  return threads_of(ThreadAlgorithm::kReferences, rows);
}

TEST(Thread, LinksAMessageBelowItsLastReference) {  // RFC 5256 §3, step 1
  EXPECT_EQ(by_references({{"a"}, {"b", {"a"}}, {"c", {"a", "b"}}, {"d", {"a"}}, {"e"}}),
            "(1 (2 3)(4))(5)");
  // The parent may come later.
  EXPECT_EQ(by_references({{"c", {"a", "b"}}, {"b", {"a"}}, {"a"}}), "(3 2 1)");
}

TEST(Thread, BelievesTheMessageItselfAboutItsParent) {  // step 1 B
  // 3 says that b is below a; b says that it is below c.
  EXPECT_EQ(by_references({{"a"}, {"c"}, {"x", {"a", "b"}}, {"b", {"c"}}}), "(1)(2 4 3)");
  // b has no references, so it has no parent, whatever 1 says.
  EXPECT_EQ(by_references({{"x", {"a", "b"}}, {"a"}, {"b"}}), "(2)(3 1)");
}

TEST(Thread, MakesNoLoop) {
  EXPECT_EQ(by_references({{"a", {"a"}}}), "(1)");
  EXPECT_EQ(by_references({{"a", {"b"}}, {"b", {"a"}}}), "(2 1)");
  EXPECT_EQ(by_references({{"a", {"c"}}, {"b", {"a"}}, {"c", {"b"}}}), "(3 1 2)");
  EXPECT_EQ(by_references({{"a", {"b", "a", "b", "a"}}}), "(1)");
}

TEST(Thread, GivesADoubledIdToTheFirstMessage) {
  EXPECT_EQ(by_references({{"a"}, {"a"}, {"b", {"a"}}}), "(1 3)(2)");
}

TEST(Thread, PrunesMessagesThatAreNotThere) {  // step 3
  EXPECT_EQ(by_references({{"x", {"gone", "gone2"}}}), "(1)");
  EXPECT_EQ(by_references({{"a"}, {"b", {"a", "gone", "gone2"}}, {"c", {"a", "gone"}}}),
            "(1 (2)(3))");
  EXPECT_EQ(by_references({{"a", {"gone", "gone2"}}, {"b", {"gone", "gone3"}}}), "((1)(2))");
  // One of the two that the dummy would have in common has itself nothing below.
  EXPECT_EQ(by_references({{"a", {"top", "gone"}}, {"b"}, {"x", {"b"}}}), "(1)(2 3)");
}

TEST(Thread, OrdersSiblingsAndThreadsBySentDate) {  // steps 4 and 6
  EXPECT_EQ(by_references({{"a", {}, "", false, 9},
                           {"b", {"a"}, "", false, 8},
                           {"c", {"a"}, "", false, 7},
                           {"d", {}, "", false, 3}}),
            "(4)(1 (3)(2))");
  // A dummy goes where its first child would.
  EXPECT_EQ(by_references(
                {{"a", {"g"}, "", false, 9}, {"b", {}, "", false, 5}, {"c", {"g"}, "", false, 4}}),
            "((3)(1))(2)");
  EXPECT_EQ(by_references({{"a", {}, "", false, 5}, {"b", {}, "", false, 5}}), "(1)(2)");
}

TEST(Thread, JoinsRootsOfOneSubject) {  // step 5
  EXPECT_EQ(by_references({{"a", {}, "S"}, {"b", {}, "S", true}, {"c", {}, "T"}}), "(1 2)(3)");
  // The reply came first; what it replies to keeps the subject.
  EXPECT_EQ(by_references({{"b", {}, "S", true}, {"a", {}, "S"}}), "(2 1)");
  // Neither is the other's reply.
  EXPECT_EQ(by_references({{"a", {}, "S"}, {"b", {}, "S"}}), "((1)(2))");
  EXPECT_EQ(by_references({{"a", {}, "S"}, {"b", {}, "S"}, {"c", {}, "S"}}), "((1)(2)(3))");
  EXPECT_EQ(by_references({{"a", {}, "S", true}, {"b", {}, "S", true}}), "((1)(2))");
  // Into a dummy, from a message or from another dummy.
  EXPECT_EQ(by_references({{"a", {"g"}, "S"}, {"b", {"g"}, "T"}, {"c", {}, "S"}}), "((1)(2)(3))");
  EXPECT_EQ(
      by_references({{"a", {"g"}, "S"}, {"b", {"g"}, "T"}, {"c", {"h"}, "S"}, {"d", {"h"}, "U"}}),
      "((1)(2)(3)(4))");
  // No subject joins nothing.
  EXPECT_EQ(by_references({{"a"}, {"b"}}), "(1)(2)");
}

TEST(Thread, RefsJoinNoSubjectsAndPutTheNewestThreadLast) {
  const std::vector<Row> rows = {
      {"a", {}, "S", false, 1, 10}, {"b", {}, "S", true, 2, 20}, {"c", {"a"}, "S", true, 3, 30}};
  EXPECT_EQ(threads_of(ThreadAlgorithm::kRefs, rows), "(2)(1 3)");
  EXPECT_EQ(threads_of(ThreadAlgorithm::kReferences, rows), "(1 (2)(3))");
}

TEST(Thread, OrderedSubjectIsTwoLevels) {
  EXPECT_EQ(threads_of(ThreadAlgorithm::kOrderedSubject, {{"", {}, "B", false, 4},
                                                          {"", {}, "A", false, 9},
                                                          {"", {}, "B", true, 2},
                                                          {"", {}, "B", true, 3}}),
            "(3 (4)(1))(2)");
  EXPECT_EQ(threads_of(ThreadAlgorithm::kOrderedSubject, {}), "");
}

TEST(Thread, ReadsIds) {
  const ThreadIds quoted = thread_ids_of(
      "Message-ID: <\"a\\\"b\"@x>\r\nReferences: <\"01KF\"@xxx> (was:\r\n <no id>) <01@y>\r\n"
      "In-Reply-To: <z@z>\r\n\r\n");
  EXPECT_EQ(quoted.own, "a\"b@x");
  EXPECT_EQ(quoted.references, (std::vector<std::string>{"01KF@xxx", "01@y"}));
  const ThreadIds reply = thread_ids_of(
      "References: none\r\nIn-Reply-To: your mail of <Monday> <p@q> from <r@s>\r\n\r\n");
  EXPECT_FALSE(reply.own);
  EXPECT_EQ(reply.references, std::vector<std::string>{"p@q"});
  EXPECT_TRUE(thread_ids_of("In-Reply-To: <@x> <x@>\r\n\r\n").references.empty());
}

TEST(Thread, TellsEveryMessageOnceInWellFormedLists) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto pick = [&](uint64_t count) { return random.u64() % count; };
    for (const auto algorithm : {ThreadAlgorithm::kReferences, ThreadAlgorithm::kRefs}) {
      Threader threader = threader_of(algorithm);
      const auto count = static_cast<uint32_t>(1 + pick(30));
      for (uint32_t uid = 1; uid <= count; ++uid) {
        ThreadIds ids{.own = std::to_string(pick(40))};
        for (uint64_t i = pick(4); i > 0; --i) ids.references.push_back(std::to_string(pick(40)));
        threader.add({.sent_s = static_cast<int64_t>(pick(10)),
                      .internaldate_s = static_cast<int64_t>(pick(10)),
                      .subject = threader.key_of(std::string(pick(3), 's')),
                      .uid = Uid(uid),
                      .is_reply = pick(2) == 0},
                     ids);
      }
      std::vector<uint32_t> told(count + 1);
      std::vector<size_t> members{0};  // of the lists that are open
      const std::pmr::vector<uint32_t> threads = std::move(threader).threads();
      for (const uint32_t token : threads) {
        if (token == ThreadTree::kOpen) {
          ++members.back();
          members.push_back(0);
        } else if (token == ThreadTree::kClose) {
          ASSERT_GT(members.back(), 0);
          members.pop_back();
        } else {
          ASSERT_GT(members.size(), 1);
          ++members.back();
          ++told[token];
        }
      }
      ASSERT_EQ(members.size(), 1);
      EXPECT_EQ(told, [&] {
        std::vector<uint32_t> once(count + 1, 1);
        once[0] = 0;
        return once;
      }());
    }
  }
}

TEST(Thread, ChainsOfAnyDepth) {
  constexpr uint32_t kCount = 100'000;
  for (const auto algorithm : {ThreadAlgorithm::kReferences, ThreadAlgorithm::kRefs}) {
    Threader threader = threader_of(algorithm);
    for (uint32_t uid = 1; uid <= kCount; ++uid) {
      // Each is the parent of the one before, and has a sibling that splits the thread.
      ThreadIds ids{.own = std::to_string(uid)};
      const uint32_t parent = uid % 2 == 0 ? uid - 1 : uid + 2;
      ids.references.push_back(std::to_string(parent));
      threader.add({.sent_s = uid, .uid = Uid(uid)}, ids);
    }
    EXPECT_GT(std::move(threader).threads().size(), kCount);
  }
}

// One for each message, and so many more.
TEST(Thread, LeavesOutMessagesThatAreNotThereBeyondALimit) {
  const std::vector<Row> rows = {
      {"x", {"1", "2", "3"}}, {"a", {"h", "g"}}, {"b", {"i", "g"}}, {"c", {"a"}}};
  const auto with_limit = [&](size_t absent_ids_max) {
    return threads_of(threader_of(ThreadAlgorithm::kReferences, absent_ids_max), rows);
  };
  EXPECT_EQ(with_limit(1000), "(1)((2 4)(3))");
  EXPECT_EQ(with_limit(3), "(1)((2 4)(3))");
  // 2 and 3 are not told to have "g" in common, but what is there is found all the same.
  EXPECT_EQ(with_limit(0), "(1)(2 4)(3)");
}

/// Of as many messages as asked for, each with references to four that are not there.
size_t tokens_of_hostile_threads(uint32_t count, std::pmr::memory_resource& memory) {
  Threader threader =
      threader_of(ThreadAlgorithm::kReferences, Limits().thread_absent_ids_max, memory);
  threader.expect(count);
  for (uint32_t uid = 1; uid <= count; ++uid) {
    ThreadIds ids{.own = std::to_string(uid)};
    for (uint32_t i = 0; i < 4; ++i) ids.references.push_back(fmt::format("{}.{}", uid, i));
    threader.add({.sent_s = uid, .subject = threader.key_of(std::to_string(uid)), .uid = Uid(uid)},
                 ids);
  }
  return std::move(threader).threads().size();
}

TEST(Thread, HoldsLittleInMemory) {
  constexpr uint32_t kCount = 300'000;
  const Limits limits;
  const HeapPeak peak;
  Scratch scratch({.directory = testing::TempDir(),
                   .heap_bytes_max = limits.scratch_heap_bytes_max,
                   .file_bytes_max = limits.scratch_file_bytes_max});
  EXPECT_EQ(tokens_of_hostile_threads(kCount, scratch), 3 * kCount);
  EXPECT_LT(peak.bytes(), 10 << 20);
}

TEST(Thread, NeedsNoMoreForEachMessageThanIsSaid) {
  constexpr uint32_t kCount = 100'000;
  const HeapPeak peak;
  EXPECT_EQ(tokens_of_hostile_threads(kCount, *std::pmr::get_default_resource()), 3 * kCount);
  RecordProperty("bytes", static_cast<int>(peak.bytes()));
  const size_t absent = Limits().thread_absent_ids_max + kCount;
  EXPECT_LT(peak.bytes(), 2 * (80 * kCount + 60 * absent));
}

}  // namespace
}  // namespace gemel::imap
