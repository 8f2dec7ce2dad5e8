// Whole conversations of the two ends: tests/transcripts/sync/*.txt, with what each turn costs.
// GEMEL_REWRITE=1 writes them anew; read the diff then: a cost that grew is seen there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "sync/test_link.h"

namespace gemel::sync {
namespace {

class Scene {
 public:
  Scene() {
    link.on_bytes = [this](char direction, std::string_view bytes) { write(direction, bytes); };
    EXPECT_TRUE(link.primary->create_user("alice", {}));
    link.connect();
  }

  /// What was done on the primary since the last step goes over.
  void step(std::string_view what) {
    link.take_traffic();
    out_ += fmt::format("\n# {}\n", what);
    EXPECT_TRUE(link.sync().result);
    const Traffic cost = link.take_traffic();
    out_ += fmt::format("# {} round trip{}, {} bytes up, {} down\n", cost.turns,
                        cost.turns == 1 ? "" : "s", cost.up, cost.down);
    EXPECT_EQ(link.primary->digest().text(), link.replica->digest().text());
  }
  std::string text() const { return out_; }

  TestLink link{ChannelOptions::Mode::kOneShot, TestLink::Ids::kAlike};
  TestStore& primary = link.primary;

 private:
  void write(char direction, std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
      std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(end);
      while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
      out_ += fmt::format("{}: {}\n", direction == '>' ? 'S' : 'R', line);
    }
  }

  std::string out_ = "# S: the sender (primary), R: the receiver (replica)\n";
};

UidSet uids(uint32_t first, uint32_t last) { return UidSet::of(Uid(first), Uid(last)); }

void one_mailbox(Scene& scene) {
  TestStore& primary = scene.primary;
  const UniqueId inbox = primary.inbox();
  primary.append(inbox, "Subject: one\r\n\r\nhello\r\n", flag_names({"\\Seen"}));
  scene.step("login; a user and a message, to an empty replica");
  ASSERT_TRUE(primary->store_flags(inbox, uids(1, 1), FlagOp::kAdd, flag_names({"\\Flagged"})));
  scene.step("a flag");
  primary.clock.advance_s(60);
  primary.append(inbox, "Subject: two\r\n\r\nhello again\r\n");
  scene.step("a new message");
  primary.append_many(inbox, 20);
  scene.step("twenty messages in one transaction");
  ASSERT_TRUE(primary->store_flags(inbox, uids(1, 22), FlagOp::kAdd, flag_names({"$Work"})));
  scene.step("a keyword on all");
  ASSERT_TRUE(primary->store_flags(inbox, uids(5, 15), FlagOp::kAdd, flag_names({"\\Deleted"})));
  ASSERT_TRUE(primary->expunge(inbox, uids(5, 15)));
  scene.step("messages marked deleted, and expunged");
  ASSERT_TRUE(primary->purge_expunged(inbox, ModSeq(100)));
  scene.step("tombstones purged");
}

void many_mailboxes(Scene& scene) {
  TestStore& primary = scene.primary;
  primary.append_many(primary.inbox(), 8, flag_names({"\\Seen"}));
  const UniqueId work = primary.create("Work");
  scene.step("login; two mailboxes");
  ASSERT_TRUE(primary->copy(primary.inbox(), uids(1, 4), work, MailStore::Keep::kCopy));
  ASSERT_TRUE(primary->copy(primary.inbox(), uids(5, 7), work, MailStore::Keep::kMove));
  scene.step("a copy and a move");
  for (const char* name : {"Box1", "Box2", "Box3"}) primary.create(name);
  scene.step("three new mailboxes");
  ASSERT_TRUE(primary->rename({"alice", "Box1"}, {"alice", "between"}));
  ASSERT_TRUE(primary->rename({"alice", "Box2"}, {"alice", "Box1"}));
  ASSERT_TRUE(primary->rename({"alice", "between"}, {"alice", "Box2"}));
  scene.step("two names swapped");
  ASSERT_TRUE(primary->remove(work));
  primary.create("Work");
  scene.step("a mailbox deleted, and a new one of its name");
  ASSERT_TRUE(primary->set_attributes(primary.inbox(), {{"acl/bob", "lrs"}}));
  ASSERT_TRUE(
      primary->put_user_items("alice", {{"subscription/Box1", ""}, {"quota/storage", "99"}}));
  scene.step("an ACL, a subscription and a quota");
  ASSERT_TRUE(primary->create_user("bob", {}));
  std::vector<MailStore::Append> messages;
  const std::string body = "Subject: to both\r\n\r\nthe same body crosses once\r\n";
  messages.push_back({primary.inbox("alice"), primary.stage(body), {}, 1'700'000'000});
  messages.push_back({primary.inbox("bob"), primary.stage(body), {}, 1'700'000'000});
  ASSERT_TRUE(primary->append(std::move(messages)));
  scene.step("a new user, and one message for both users");
}

void trouble(Scene& scene) {
  TestStore& primary = scene.primary;
  primary.append(primary.inbox(), "one\r\n");
  scene.step("login; a user and a message, to an empty replica");
  scene.link.disconnect("the link is cut");
  primary.append(primary.inbox(), "two\r\n");
  scene.link.connect();
  scene.step("after a cut: the digest is the one remembered");
  const UniqueId inbox = primary.inbox();
  const MailboxInfo before = primary.info(inbox);
  primary.append(inbox, "three\r\n");
  scene.link.cut_after = 1;
  (void)scene.link.sync();
  scene.link.connect();
  // The replica has moved on by another way than this channel.
  MailboxUpdate update{.id = inbox,
                       .from = before.highestmodseq,
                       .to = next(before.highestmodseq),
                       .last_uid = Uid(3),
                       .recent_uid = {},
                       .purged_modseq = {},
                       .header = {},
                       .items = {}};
  const Record record = primary->view(inbox)->record(Uid(3)).value();
  update.items.push_back(AppendItem{.uid = Uid(3),
                                    .modseq = update.to,
                                    .created_modseq = update.to,
                                    .flags = {},
                                    .expunged = false,
                                    .internaldate_s = record.facts.internaldate_s,
                                    .savedate_s = record.facts.savedate_s,
                                    .guid = record.facts.guid,
                                    .size = record.facts.size});
  std::vector<StagedBody> bodies;
  bodies.push_back(scene.link.replica.stage("three\r\n"));
  ASSERT_TRUE(scene.link.replica->apply(std::move(update), std::move(bodies)).get());
  ASSERT_TRUE(primary->store_flags(inbox, uids(2, 2), FlagOp::kAdd, flag_names({"\\Draft"})));
  scene.step("the replica has another digest than the one remembered: asked first");
}

void check(const std::string& name, const std::string& text) {
  const std::string path =
      std::string(GEMEL_SOURCE_DIR) + "/tests/transcripts/sync/" + name + ".txt";
  if (std::getenv("GEMEL_REWRITE") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(text, expected.str()) << "GEMEL_REWRITE=1 writes " << path;
}

struct SceneRow {
  const char* name;
  void (*play)(Scene&);
};

class SyncTranscript : public testing::TestWithParam<SceneRow> {};

TEST_P(SyncTranscript, IsAsWritten) {
  Scene scene;
  GetParam().play(scene);
  check(GetParam().name, scene.text());
}

INSTANTIATE_TEST_SUITE_P(All, SyncTranscript,
                         testing::Values(SceneRow{"one_mailbox", one_mailbox},
                                         SceneRow{"many_mailboxes", many_mailboxes},
                                         SceneRow{"trouble", trouble}),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace gemel::sync
