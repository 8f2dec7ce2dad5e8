// Searches against a model that looks at every message with every key.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "imap/date_time.h"
#include "imap/test_world.h"

namespace gemel::imap {
namespace {

struct Sample {
  uint32_t uid;
  bool is_seen;
  bool is_flagged;
  bool has_keyword;
  size_t size;
  int64_t day;  // of the internal date
  std::string word;
};

/// A key as text, and what it means.
struct Expression {
  std::string text;
  std::function<bool(const Sample&)> matches;
};

class SearchTest : public testing::Test {
 protected:
  SearchTest() : client(alice(world)) {
    for (uint32_t uid = 1; uid <= kMessages; ++uid) {
      Sample sample{.uid = uid,
                    .is_seen = pick(2) == 0,
                    .is_flagged = pick(3) == 0,
                    .has_keyword = pick(3) == 0,
                    .size = 0,
                    .day = static_cast<int64_t>(19'000 + pick(5)),
                    .word = fmt::format("word{}x", pick(4))};
      std::string message = plain_message(sample.word) + std::string(pick(5) * 100, '.');
      sample.size = message.size();
      client.send(fmt::format(
          "a APPEND INBOX ({}{}{}) \"{}\" {{{}+}}\r\n{}\r\n", sample.is_seen ? "\\Seen " : "",
          sample.is_flagged ? "\\Flagged " : "", sample.has_keyword ? "key" : "other",
          date_time_text(sample.day * 86'400 + 3600), message.size(), message));
      samples.push_back(sample);
    }
    client.line("b SELECT INBOX");
  }

  size_t pick(size_t choices) { return random.u64() % choices; }

  std::string date(int64_t day) {
    std::string text = date_time_text(day * 86'400).substr(0, 11);
    return text.substr(text.find_first_not_of(' '));
  }

  Expression leaf() {
    const int64_t day = static_cast<int64_t>(19'000 + pick(5));
    const size_t size = 150 + pick(6) * 100;
    const auto first = static_cast<uint32_t>(1 + pick(kMessages));
    const auto last = static_cast<uint32_t>(first + pick(20));
    const std::string word = fmt::format("WORD{}", pick(4));
    const auto has = [word](const Sample& s) { return s.word.contains("word" + word.substr(4)); };
    switch (pick(12)) {
      case 0:
        return {"ALL", [](const Sample&) { return true; }};
      case 1:
        return {"SEEN", [](const Sample& s) { return s.is_seen; }};
      case 2:
        return {"UNFLAGGED", [](const Sample& s) { return !s.is_flagged; }};
      case 3:
        return {"KEYWORD KEY", [](const Sample& s) { return s.has_keyword; }};
      case 4:
        return {fmt::format("LARGER {}", size), [=](const Sample& s) { return s.size > size; }};
      case 5:
        return {"BEFORE " + date(day), [=](const Sample& s) { return s.day < day; }};
      case 6:
        return {"ON " + date(day), [=](const Sample& s) { return s.day == day; }};
      case 7:
        return {fmt::format("{}:{}", first, last),
                [=](const Sample& s) { return s.uid >= first && s.uid <= last; }};
      case 8:
        return {"SUBJECT " + word, has};
      case 9:
        return {"BODY \"text of " + word + "\"", has};
      case 10:
        return {"TEXT " + word + "x@example", has};
      default:
        return {"SENTON 6-Nov-2023", [](const Sample&) { return true; }};
    }
  }

  Expression expression(size_t depth) {
    const size_t choice = depth == 0 ? 9 : pick(6);
    if (choice == 0) {
      const Expression inner = expression(depth - 1);
      return {"NOT " + inner.text, [=](const Sample& s) { return !inner.matches(s); }};
    }
    if (choice > 2) return leaf();
    const Expression a = expression(depth - 1);
    const Expression b = expression(depth - 1);
    if (choice == 1)
      return {"OR " + a.text + " " + b.text,
              [=](const Sample& s) { return a.matches(s) || b.matches(s); }};
    return {"(" + a.text + " " + b.text + ")",
            [=](const Sample& s) { return a.matches(s) && b.matches(s); }};
  }

  static constexpr uint32_t kMessages = 60;
  World world;
  SeededRandom random{11};
  Client client;
  std::vector<Sample> samples;
};

TEST_F(SearchTest, FindsWhatTheModelFinds) {
  for (int i = 0; i < 1000; ++i) {
    const Expression looked_for = expression(4);
    std::string expected = "* SEARCH";
    for (const Sample& sample : samples)
      if (looked_for.matches(sample)) expected += fmt::format(" {}", sample.uid);
    ASSERT_EQ(client.line("c UID SEARCH " + looked_for.text),
              expected + "\r\nc OK UID SEARCH completed\r\n")
        << looked_for.text;
  }
}

}  // namespace
}  // namespace gemel::imap
