// A user's data merged, item by item.
#include <gtest/gtest.h>

#include "base/random.h"
#include "store/mail_store.h"
#include "store/user_memory.h"
#include "sync/merge.h"

namespace gemel::sync {
namespace {

constexpr ModSeq kCommon(10);

UserItem item(std::string key, std::string value, uint64_t modseq) {
  return {std::move(key), std::move(value), ModSeq(modseq), false};
}
UserItem gone(std::string key, uint64_t modseq) {
  return {std::move(key), "", ModSeq(modseq), true};
}

UserSide side(uint64_t modseq, std::vector<UserItem> changed, int64_t deleted_s = 0) {
  std::ranges::sort(changed, {}, &UserItem::key);
  return {.userid = "ann",
          .created_s = 1,
          .deleted_s = deleted_s,
          .modseq = ModSeq(modseq),
          .changed = std::move(changed)};
}

using Items = std::map<std::string, std::optional<std::string>>;

Items items_of(const UserUpdate& update) {
  Items out;
  for (const UserItem& one : update.items)
    out[one.key] = one.deleted ? std::nullopt : std::optional(one.value);
  return out;
}

UserUpdate merged(const UserSide& a, const UserSide& b,
                  UserMailboxes mailboxes = UserMailboxes::kNone) {
  UserUpdate update = merge(a, b, kCommon, mailboxes);
  const UserUpdate mirrored = merge(b, a, kCommon, mailboxes);
  EXPECT_EQ(items_of(update), items_of(mirrored));
  EXPECT_EQ(update.to, mirrored.to);
  EXPECT_EQ(update.deleted_s, mirrored.deleted_s);
  return update;
}

TEST(MergeUser, EachItemIsAsTheSideHasItThatChangedIt) {
  const UserUpdate update = merged(
      side(12, {item("subscription/a", "", 11), gone("subscription/b", 12), item("x", "1", 12)}),
      side(14, {item("subscription/c", "", 13), gone("x", 14)}));
  EXPECT_EQ(items_of(update), (Items{{"subscription/a", ""},
                                     {"subscription/b", std::nullopt},
                                     {"subscription/c", ""},
                                     {"x", "1"}}));  // a value is more than its deletion
  EXPECT_EQ(update.to, ModSeq(15));
  // Those of b's that a's readers have not passed keep their modseq.
  for (const UserItem& one : update.items)
    EXPECT_EQ(one.modseq, one.key == "subscription/c" ? ModSeq(13) : ModSeq(15)) << one.key;
}

TEST(MergeUser, OfTwoValuesTheLaterWinsThenTheHigher) {
  EXPECT_EQ(
      items_of(merged(side(12, {item("x", "b", 12)}), side(14, {item("x", "a", 13)}))).at("x"),
      "a");
  EXPECT_EQ(
      items_of(merged(side(12, {item("x", "b", 12)}), side(14, {item("x", "a", 12)}))).at("x"),
      "b");
}

TEST(MergeUser, WhatOneSideHasAlreadyIsNotSaidToIt) {
  const UserSide a = side(12, {item("x", "a", 12)});
  const UserSide b = side(14, {item("x", "b", 14), item("y", "b", 13)});
  const UserUpdate update = merged(a, b);
  EXPECT_EQ(mend(update, a)->items.size(), 2U);
  EXPECT_EQ(mend(update, a)->from, ModSeq(12));
  EXPECT_EQ(mend(update, b)->items.size(), 0U);
}

TEST(MergeUser, WhoChangedNothingFollows) {
  const UserSide a = side(10, {});
  const UserSide b = side(14, {item("x", "b", 14)});
  const UserUpdate update = merged(a, b);
  EXPECT_EQ(update.to, ModSeq(14));
  EXPECT_EQ(mend(update, a)->items.size(), 1U);
  EXPECT_FALSE(mend(update, b));
}

TEST(MergeUser, OfTwoScriptsTheNewerUploadKeepsTheName) {
  const std::string older = "1764099607000\nkeep;\n";  // 2025-11-25 19:40:07
  const std::string newer = "1764099999000\ndiscard;\n";
  const UserSide a = side(12, {item("sieve/script/main", newer, 11)});
  const UserSide b = side(14, {item("sieve/script/main", older, 14)});
  const UserUpdate update = merged(a, b);
  const Items expected = {{"sieve/script/main", newer},
                          {"sieve/script/main (conflict 2025-11-25 19:40:07)", older}};
  EXPECT_EQ(items_of(update), expected);
  // Cut in the middle, and begun again: the same two.
  UserSide again = side(update.to.value, update.items);
  EXPECT_EQ(items_of(merged(again, b)), expected);
  // A script that is the same on both sides is one.
  EXPECT_EQ(items_of(merged(a, side(14, {item("sieve/script/main", newer, 13)}))).size(), 1U);
}

// One side made it the active one, and the other deleted it.
TEST(MergeUser, AScriptThatOneSideActivatesOutlivesItsDeletion) {
  const std::string key = "sieve/script/x";
  const UserSide deletes = side(12, {gone(key, 11)});
  UserSide activates = side(14, {item("sieve/active", "1764099607000\nx", 13)});
  EXPECT_EQ(deleted_active(merged(deletes, activates)), key);
  activates.kept = item(key, "5\nkeep;\n", 3);
  const UserUpdate update = merged(deletes, activates);
  EXPECT_EQ(items_of(update), (Items{{"sieve/active", "1764099607000\nx"}, {key, "5\nkeep;\n"}}));
  EXPECT_FALSE(deleted_active(update));
  // Both are told of it, for the deletion may have gone to replicas of either.
  EXPECT_EQ(mend(update, deletes)->items.size(), 2U);
  EXPECT_EQ(mend(update, activates)->items.size(), 1U);
  // Cut in the middle, and begun again.
  EXPECT_EQ(items_of(merged(side(update.to.value, update.items), activates)), items_of(update));
}

// The other side made another one active, and later.
TEST(MergeUser, AScriptThatIsNotTheActiveOneInTheEndStaysDeleted) {
  const UserSide a =
      side(12, {item("sieve/active", "1764099999000\ny", 12), gone("sieve/script/x", 11)});
  const UserSide b = side(14, {item("sieve/active", "1764099607000\nx", 13)});
  const UserUpdate update = merged(a, b);
  EXPECT_FALSE(deleted_active(update));
  EXPECT_EQ(items_of(update),
            (Items{{"sieve/active", "1764099999000\ny"}, {"sieve/script/x", std::nullopt}}));
}

TEST(MergeUser, AScriptsNameMayBeAsLongAsCanBe) {
  const std::string name = "sieve/script/" + std::string(495, 'n') + "\xc3\xa4";
  const Items items = items_of(
      merged(side(12, {item(name, "5\nkeep;\n", 11)}), side(14, {item(name, "6\nstop;\n", 14)})));
  ASSERT_EQ(items.size(), 2U);
  for (const auto& [key, value] : items) EXPECT_LE(key.size(), MailStore::kUserItemKeyBytesMax);
}

TEST(MergeUser, WhatEitherRemembersOrHasSeenIsUnited) {
  const Remembrance one{
      .userid = "ann", .kind = MemoryKind::kDuplicate, .token = "x", .until_s = 900};
  Remembrance other = one;
  for (int i = 0; other.token == one.token || other.item_key() != one.item_key(); ++i)
    other.token = "y" + std::to_string(i);
  const std::string slot_a = remembered("", one, 100).value();
  const std::string slot_b = remembered("", other, 200).value();
  const std::string both = items_of(merged(side(12, {item(one.item_key(), slot_a, 11)}),
                                           side(14, {item(one.item_key(), slot_b, 14)})))
                               .at(one.item_key())
                               .value();
  EXPECT_TRUE(both.starts_with("200\n"));
  EXPECT_FALSE(remembered(both, one, 300));
  EXPECT_FALSE(remembered(both, other, 300));
  EXPECT_EQ(items_of(merged(side(12, {item("seen/m", "1:4", 11)}),
                            side(14, {item("seen/m", "4:5,9", 14)}))),
            (Items{{"seen/m", "1:5,9"}}));
}

// The side on which the user lives says all its items.
TEST(MergeUser, ADeletedUserComesBackForNewMailOrNewData) {
  const UserSide deleted = side(12, {gone("subscription/a", 12), gone("credential/c", 12)}, 77);
  const UserSide idle = side(10, {item("subscription/a", "", 3), item("credential/c", "s", 2)});
  EXPECT_EQ(merged(deleted, idle).deleted_s, 77);
  const UserUpdate back = merged(deleted, idle, UserMailboxes::kSome);
  EXPECT_EQ(back.deleted_s, 0);
  EXPECT_EQ(items_of(back), (Items{{"subscription/a", ""}, {"credential/c", "s"}}));
  const UserSide busy = side(11, {item("subscription/a", "", 3), item("x", "1", 11)});
  const UserUpdate kept = merged(deleted, busy);
  EXPECT_EQ(kept.deleted_s, 0);
  EXPECT_EQ(items_of(kept),
            (Items{{"subscription/a", ""}, {"credential/c", std::nullopt}, {"x", "1"}}));
  // Made anew on the one side, where the other has only the deletion.
  const UserSide anew = side(13, {item("x", "2", 13)});
  EXPECT_EQ(merged(side(10, {}, 77), anew).deleted_s, 0);
}

// Random items: whoever merges, and whatever is cut, both have the same.
TEST(MergeUser, RandomHistoriesConverge) {
  for (uint64_t seed = 1; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto below = [&](uint64_t n) { return random.u64() % n; };
    const auto work = [&] {
      std::map<std::string, UserItem> items;
      uint64_t modseq = kCommon.value;
      for (uint64_t i = below(6); i > 0; --i) {
        const std::string key = (below(2) == 0 ? "sieve/script/" : "k/") + std::to_string(below(3));
        items[key] =
            below(4) == 0
                ? gone(key, ++modseq)
                : item(key, std::to_string(below(4)) + "\n" + std::to_string(below(2)), ++modseq);
      }
      std::vector<UserItem> changed;
      for (auto& [key, one] : items) changed.push_back(one);
      return side(modseq, changed);
    };
    const UserSide a = work();
    const UserSide b = work();
    const UserUpdate both = merged(a, b);
    for (const UserSide* one : {&a, &b}) {
      Items has;
      for (const UserItem& own : one->changed)
        has[own.key] = own.deleted ? std::nullopt : std::optional(own.value);
      const auto update = mend(both, *one);
      if (update)
        for (const auto& [key, value] : items_of(*update)) has[key] = value;
      EXPECT_EQ(has, items_of(both));
      // A reader at this side's modseq is told of every difference.
      for (const UserItem& now : both.items) {
        const auto own = std::ranges::find(one->changed, now.key, &UserItem::key);
        const bool differs =
            own == one->changed.end() || own->value != now.value || own->deleted != now.deleted;
        if (differs) EXPECT_GT(now.modseq, one->modseq) << now.key;
      }
    }
    // Cut in the middle and begun again.
    const UserSide done = side(both.to.value, both.items);
    UserUpdate again = merged(done, b);
    EXPECT_EQ(items_of(again), items_of(both));
    spare_modseq(again, done, b);
    if (both.to > b.modseq) EXPECT_EQ(again.to, both.to);  // else b is there already
  }
}

}  // namespace
}  // namespace gemel::sync
