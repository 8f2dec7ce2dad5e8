// SEARCH TEXT and BODY give the same answers with the index, without it, and while it is built.

#include "store/text_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "imap/test_world.h"
#include "store/text_indexer.h"

namespace gemel::imap {
namespace {

class TextIndexSearch : public testing::Test {
 protected:
  TextIndexSearch() : without(alice(world)), with(indexed()) {
    without.line("s SELECT INBOX");
    with.line("s SELECT INBOX");
  }

  Client indexed() {
    world.change_options().text_index = index.get();
    Client out = alice(world);
    world.change_options().text_index = nullptr;
    return out;
  }

  size_t pick(size_t choices) { return random.u64() % choices; }

  std::string word() {
    constexpr std::array<std::string_view, 8> kWords = {"alpha",  "beta", "gäm", "Straße",
                                                        "日本語", "de",   "x",   "Überraschung"};
    std::string out(kWords[pick(kWords.size())]);
    for (size_t i = pick(3); i > 0; --i) out += static_cast<char>('a' + pick(4));
    return out;
  }

  std::string message() {
    const std::string subject = word() + " " + word();
    const std::string text = word() + " " + word() + "\r\n" + word();
    switch (pick(3)) {
      case 0:
        return fmt::format("Subject: {}\r\n\r\n{} {}\r\n", subject, text, ++messages);
      case 1:
        return fmt::format(
            "Subject: =?utf-8?q?{}?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{} {}\r\n",
            word(), text, ++messages);
      default:
        return fmt::format(
            "Subject: {}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            "Content-Type: text/html\r\nX-Word: {}\r\n\r\n<p>{}\r\n--b\r\n"
            "Content-Type: application/x\r\nContent-Disposition: attachment; filename={}{}\r\n\r\n"
            "{} not looked at\r\n--b--\r\n",
            subject, word(), text, word(), ++messages, word());
    }
  }

  void append(size_t count) {
    const UniqueId inbox = world.store().find(MailboxName{"alice", "INBOX"}).value().id;
    std::vector<MailStore::Append> all;
    for (size_t i = 0; i < count; ++i) {
      BodyWriter writer = world.store().stage("default").value();
      ASSERT_TRUE(writer.append(message()));
      all.push_back({.mailbox = inbox,
                     .body = writer.finish().value(),
                     .flags = {},
                     .internaldate_s = 1'699'254'000});
    }
    ASSERT_TRUE(world.store().append(std::move(all)));
    for (Client* client : {&without, &with}) client->line("n NOOP");
  }

  std::string text() {
    std::string out = word();
    if (pick(3) == 0) out += " " + word();
    const size_t cut = pick(4);
    return cut < out.size() && static_cast<unsigned char>(out[cut]) < 0x80 ? out.substr(cut) : out;
  }

  std::string key() {
    const std::string what = text();
    const std::string literal = fmt::format("{{{}+}}\r\n{}", what.size(), what);
    switch (pick(7)) {
      case 0:
        return "BODY " + literal;
      case 4:
        return "FUZZY TEXT " + literal;
      case 5:
        return "FUZZY (NOT BODY " + literal + " SUBJECT beta)";
      case 1:
        return "NOT TEXT " + literal;
      case 2:
        return fmt::format("OR BODY {} SUBJECT beta", literal);
      case 3:
        return fmt::format("{}:{} TEXT {}", 1 + pick(400), 1 + pick(700), literal);
      default:
        return "TEXT " + literal;
    }
  }

  void compare(int searches) {
    for (int i = 0; i < searches; ++i) {
      const std::string keys = key() + (pick(2) == 0 ? " " + key() : "");
      const std::string_view returns =
          keys.contains("FUZZY") ? "RETURN (ALL RELEVANCY) " : "RETURN (ALL) ";
      const std::string command = fmt::format("c UID SEARCH {}CHARSET UTF-8 {}", returns, keys);
      const std::string expected = without.line(command);
      ASSERT_EQ(with.line(command), expected) << keys;
      hits += static_cast<size_t>(
          std::ranges::count_if(expected, [](char c) { return c == ',' || c == ':'; }));
    }
  }

  World world;
  SeededRandom random{17};
  size_t messages = 0;
  size_t hits = 0;
  MemoryOpener disk;
  std::unique_ptr<TextIndex> index = TextIndex::open(disk, "/text-index").value();
  TextIndexer indexer{world.store(), *index, 1 << 30};
  Client without;
  Client with;
};

TEST_F(TextIndexSearch, GivesTheSameAnswersHoweverMuchIsCovered) {
  append(300);
  compare(15);
  for (int round = 0; round < 6; ++round) {
    // Some steps of the indexer, which may be in the middle of a mailbox then.
    for (size_t i = pick(12); i > 0; --i) ASSERT_TRUE(indexer.step());
    compare(15);
    append(100 + pick(150));
    without.line(
        fmt::format("x UID STORE {}:{} +FLAGS.SILENT (\\Deleted)", 1 + pick(300), 1 + pick(300)));
    without.line("y EXPUNGE");
    with.line("n NOOP");
    compare(8);
  }
  while (indexer.step().value() < TextIndexer::kRestMs) {
  }
  EXPECT_GT(indexer.status().covered, 0);
  compare(40);
  EXPECT_GT(hits, 3'000);
}

TEST_F(TextIndexSearch, DoesNotSpeakOfExpungedMail) {
  append(300);
  without.line("x UID STORE 1:20 +FLAGS.SILENT (\\Deleted)");
  without.line("y EXPUNGE");
  append(300);
  while (indexer.step().value() < TextIndexer::kRestMs) {
  }
  for (Client* client : {&without, &with}) client->line("s SELECT Expunged/INBOX");
  compare(60);
}

}  // namespace
}  // namespace gemel::imap
