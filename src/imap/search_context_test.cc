// RETURN (UPDATE) against a client that keeps the results by what it is told.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <sstream>

#include "base/bytes.h"
#include "imap/test_world.h"

namespace gemel::imap {
namespace {

using Numbers = std::set<uint32_t>;

/// `1:3,7`
Numbers numbers_in(std::string_view set) {
  Numbers out;
  const UidSet parsed = UidSet::parse(set, 1000).value();
  parsed.for_each([&](Uid number) { out.insert(number.value); });
  return out;
}

/// What a client knows of one search.
class Watched {
 public:
  explicit Watched(std::string tag) : tag_(std::move(tag)) {}

  const Numbers& results() const { return results_; }

  void hear(std::string_view line) {
    const std::string head = fmt::format("* ESEARCH (TAG \"{}\")", tag_);
    constexpr std::string_view kExpunge = " EXPUNGE";
    if (counts_messages_ && line.ends_with(kExpunge)) {
      const std::string_view number = line.substr(2, line.size() - 2 - kExpunge.size());
      move_down(static_cast<uint32_t>(parse_number(number).value()));
    }
    if (!line.starts_with(head)) return;
    std::istringstream words{std::string(line.substr(head.size()))};
    for (std::string word; words >> word;) {
      std::string set;
      if (word == "UID") counts_messages_ = false;
      if (word == "ALL") {
        words >> set;
        results_ = numbers_in(set);
      } else if (word == "ADDTO" || word == "REMOVEFROM") {
        std::string position;
        words >> position >> set;
        EXPECT_EQ(position, "(0");
        change(word, numbers_in(set.substr(0, set.size() - 1)));
      }
    }
  }

 private:
  void change(std::string_view how, const Numbers& numbers) {
    for (const uint32_t number : numbers) {
      // Nothing is told twice, and nothing is taken away that was not there.
      EXPECT_EQ(results_.contains(number), how == "REMOVEFROM") << tag_;
      if (how == "ADDTO")
        results_.insert(number);
      else
        results_.erase(number);
    }
  }

  void move_down(uint32_t expunged) {
    EXPECT_FALSE(results_.contains(expunged)) << "REMOVEFROM comes before EXPUNGE";
    Numbers moved;
    for (const uint32_t number : results_) moved.insert(number > expunged ? number - 1 : number);
    results_ = std::move(moved);
  }

  std::string tag_;
  bool counts_messages_ = true;
  Numbers results_;
};

class ContextTest : public testing::Test {
 protected:
  ContextTest() : client(alice(world)), other(alice(world)) {
    for (int i = 0; i < 8; ++i) append(other);
    client.line("s SELECT INBOX");
    other.line("s SELECT INBOX");
  }

  size_t pick(size_t choices) { return random.u64() % choices; }

  std::string append(Client& by) {
    const std::string message =
        plain_message(fmt::format("s{} {}", pick(3), ++messages)) + std::string(pick(3) * 90, '.');
    return by.send(fmt::format("a APPEND INBOX ({}) {{{}+}}\r\n{}\r\n",
                               pick(2) == 0 ? "\\Seen" : "", message.size(), message));
  }

  /// Something happens to the mailbox by one of the two.
  std::string act(Client& by) {
    constexpr std::array<std::string_view, 4> kFlags = {"\\Seen", "\\Flagged", "\\Deleted", "key"};
    switch (pick(6)) {
      case 0:
        return append(by);
      case 1:
        return by.line("x EXPUNGE");
      case 2:
        return by.line(fmt::format("x UID COPY {}:{} INBOX", 1 + pick(10), 1 + pick(10)));
      default:
        return by.line(fmt::format("x UID STORE {}:{} {}FLAGS{} ({})", 1 + pick(30), 1 + pick(30),
                                   pick(3) == 0 ? "-" : "+", pick(2) == 0 ? ".SILENT" : "",
                                   kFlags[pick(kFlags.size())]));
    }
  }

  template <class Do>
  static void for_each_line(std::string_view text, Do act_on) {
    for (size_t end = 0; (end = text.find("\r\n")) != std::string_view::npos;
         text.remove_prefix(end + 2))
      act_on(text.substr(0, end));
  }

  void hear(std::string_view text) {
    for_each_line(text, [&](std::string_view line) {
      for (Watched& one : watched) one.hear(line);
    });
  }

  World world;
  SeededRandom random{5};
  size_t messages = 0;
  Client client;
  Client other;
  std::vector<Watched> watched;
};

TEST_F(ContextTest, WhatIsToldGivesWhatASearchFinds) {
  const std::vector<std::string> searches = {"SEARCH~SEEN",
                                             "UID SEARCH~OR SEEN SUBJECT s1",
                                             "SEARCH~LARGER 250 UNFLAGGED",
                                             "UID SEARCH~NOT BODY s2",
                                             "SEARCH~ALL",
                                             "UID SEARCH~UID 5:*",
                                             "UID SEARCH~KEYWORD key",
                                             "SEARCH~UID 3:20 NOT SEEN",
                                             "UID SEARCH~UID *"};
  const auto with = [](const std::string& search, std::string_view returns) {
    std::string out = search;
    return out.replace(out.find('~'), 1, fmt::format(" RETURN ({}) ", returns));
  };
  for (size_t i = 0; i < searches.size(); ++i) {
    const std::string tag = fmt::format("w{}", i);
    watched.emplace_back(tag);
    hear(client.line(tag + " " + with(searches[i], "UPDATE ALL")));
  }
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    if (pick(2) == 0)
      act(other);
    else
      hear(act(client));
    if (pick(3) == 0) continue;
    hear(client.line("n NOOP"));
    for (size_t i = 0; i < searches.size(); ++i) {
      const std::string answer = client.line("now " + with(searches[i], "ALL"));
      hear(answer);
      Watched fresh("now");
      for_each_line(answer, [&](std::string_view line) { fresh.hear(line); });
      ASSERT_EQ(watched[i].results(), fresh.results()) << searches[i];
    }
  }
}

TEST_F(ContextTest, HasALimit) {
  const size_t most = world.options()->limits.search_contexts_max;
  for (size_t i = 0; i < most; ++i) {
    const std::string answer = client.line(fmt::format("t{} SEARCH RETURN (UPDATE) ALL", i));
    EXPECT_FALSE(answer.contains("NOUPDATE")) << answer;
  }
  EXPECT_TRUE(
      client.line("u SEARCH RETURN (UPDATE COUNT) ALL").starts_with("* NO [NOUPDATE \"u\"]"));
  client.line("v CANCELUPDATE \"t0\"");
  EXPECT_FALSE(client.line("w SEARCH RETURN (UPDATE) ALL").contains("NOUPDATE"));
}

}  // namespace
}  // namespace gemel::imap
