// Messages that were moved while both sides had a history of their own: whichever of the two
// servers is lost while they become one again, the other shows each message somewhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

// A primary and its replica, each with a time of its own; in INBOX there was a letter.
class Split {
 public:
  Split() {
    EXPECT_TRUE(primary->create_user("alice", {}));
    inbox = primary.inbox();
    folder = primary.create("folder");
    primary.append(inbox, "letter");
    link.connect();
    EXPECT_TRUE(link.sync().result);
    EXPECT_TRUE(replica->promote());
  }
  static void move(TestStore& store, const UniqueId& from, uint32_t uid, const UniqueId& to) {
    ASSERT_TRUE(store->copy(from, UidSet::of(Uid(uid), Uid(uid)), to, MailStore::Keep::kMove));
  }
  void begin_to_heal() {
    ASSERT_TRUE(replica->demote());
    ASSERT_TRUE(primary->promote(replica->term()));
    link.disconnect("each had its time");
    link.connect();
  }
  bool shows(TestStore& store, std::string_view body) const {
    return std::ranges::any_of(std::vector{inbox, folder}, [&](const UniqueId& id) {
      bool is_there = false;
      store->view(id).value().uids().value().for_each(
          [&](Uid uid) { is_there |= store.body(id, uid.value) == body; });
      return is_there;
    });
  }

  TestLink link;
  TestStore& primary = link.primary;
  TestStore& replica = link.replica;
  UniqueId inbox;
  UniqueId folder;
};

class SplitOrder : public testing::Test {
 protected:
  SplitOrder() { log::set_level(log::Level::kOff); }

  // The link is cut behind each line that crosses it, in a split of its own.
  static void expect_shown(const std::function<void(Split&)>& part,
                           const std::set<std::string>& letters) {
    const std::vector<uint64_t> ends = line_ends(part);
    ASSERT_GT(ends.size(), 10U);
    for (const uint64_t end : ends) {
      Split split;
      part(split);
      split.begin_to_heal();
      split.link.cut_after = end;
      split.link.sync();
      for (const std::string& letter : letters) {
        EXPECT_TRUE(split.shows(split.primary, letter)) << "primary, cut after " << end;
        EXPECT_TRUE(split.shows(split.replica, letter)) << "replica, cut after " << end;
      }
      split.link.disconnect("cut or not");
      split.link.cut_after.reset();
      split.link.connect();
      ASSERT_TRUE(split.link.sync().result);
      split.link.expect_in_step();
    }
  }

 private:
  // Of all bytes, both ways together.
  static std::vector<uint64_t> line_ends(const std::function<void(Split&)>& part) {
    std::vector<uint64_t> out;
    uint64_t bytes = 0;
    Split split;
    part(split);
    split.begin_to_heal();
    split.link.on_bytes = [&](char, std::string_view said) {
      for (const char one : said) {
        ++bytes;
        if (one == '\n') out.push_back(bytes);
      }
    };
    EXPECT_TRUE(split.link.sync().result);
    split.link.expect_in_step();
    return out;
  }
};

// A body of the folder is to be fetched first, so that INBOX is ready a turn before.
TEST_F(SplitOrder, WhatThePrimaryMovedIsNowhereMissing) {
  const auto part = [](Split& split) {
    split.replica.append(split.folder, "of the replica");
    ASSERT_TRUE(split.replica->set_attributes(split.inbox, {{"acl/bob", "lrs"}}));
    Split::move(split.primary, split.inbox, 1, split.folder);
  };
  expect_shown(part, {"letter"});
}

TEST_F(SplitOrder, WhatTheReplicaMovedIsNowhereMissing) {
  const auto part = [](Split& split) {
    split.replica.append(split.folder, "of the replica");
    Split::move(split.replica, split.inbox, 1, split.folder);
    split.primary.append(split.inbox, "of the primary");
  };
  expect_shown(part, {"letter"});
}

}  // namespace
}  // namespace gemel::sync
