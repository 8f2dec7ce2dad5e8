// Random histories of two and three sides: what a merge of them must be, whoever merges, whatever
// is cut, and whoever looks on.
#include "sync/merge.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "sync/merge_model.h"

namespace gemel::sync {
namespace {

using Identity = std::pair<Guid, int64_t>;

// GEMEL_SEED=N tries other worlds.
uint64_t first_seed() {
  const char* seed = std::getenv("GEMEL_SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

std::string text_of(const ModelMailbox& mailbox) {
  std::string out = mailbox.header.name.text() +
                    " deleted=" + std::to_string(mailbox.header.deleted_s) +
                    " h=" + std::to_string(mailbox.highestmodseq.value) +
                    " last=" + std::to_string(mailbox.last_uid.value) +
                    " purged=" + std::to_string(mailbox.purged_modseq.value) + "\n";
  for (const auto& [uid, row] : mailbox.records)
    out += "  " + std::to_string(uid) + " @" + std::to_string(row.modseq.value) + "/" +
           std::to_string(row.facts.created_modseq.value) + " " +
           row.facts.guid.text().substr(0, 6) + " " + std::to_string(row.facts.internaldate_s) +
           " (" + row.flags.text() + ")" + (row.expunged ? " expunged" : "") + "\n";
  return out;
}

class World {
 public:
  explicit World(uint64_t seed) : random(seed), base(random) {
    work(base, 2 + base.below(10));
    base.looks.clear();
    base.looks.push_back({base.highestmodseq, base.sight()});
  }

  void work(ModelMailbox& side, uint64_t steps) {
    for (; steps > 0; --steps) {
      switch (side.below(12)) {
        case 0:
        case 1:
        case 2:
          side.append(content++, static_cast<int64_t>(side.below(3)));
          break;
        case 3:  // the like of what the other side may get too
          side.append(1'000'000 + side.below(3), 5);
          break;
        case 4:
        case 5:
          side.flag();
          break;
        case 6:
        case 7:
          side.expunge();
          break;
        case 8:
          side.purge();
          break;
        case 9:
          side.rename();
          break;
        case 10:
          side.attribute();
          break;
        default:
          if (side.below(3) == 0) side.remove_or_restore();
      }
    }
  }

  SeededRandom random;
  uint64_t content = 1;
  ModelMailbox base;
};

struct Sides {
  MailboxSide a;
  MailboxSide b;
};

Sides sides_of(const ModelMailbox& a, const ModelMailbox& b, const ModelMailbox& base) {
  ModelMailbox one = a;
  ModelMailbox other = b;
  const auto is_emptied = [](const ModelMailbox& side) {
    return side.header.deleted_s != 0 && side.purged_modseq == side.highestmodseq;
  };
  one.all = is_emptied(b);
  other.all = is_emptied(a);
  Sides sides{one.side(base), other.side(base)};
  // Where nothing was freed, nobody needs to know which uids there are.
  if (!a.purged_modseq && !b.purged_modseq) sides.a.uids = sides.b.uids = std::nullopt;
  return sides;
}

void apply(const MergedMailbox& merged, const MailboxSide& side, ModSeq common,
           ModelMailbox& mailbox) {
  if (const auto update = mend(merged, side, common)) mailbox.apply(*update);
}

// The messages among the records.
std::map<Uid, std::pair<Guid, std::string>> living(const std::vector<RecordRow>& records) {
  std::map<Uid, std::pair<Guid, std::string>> out;
  for (const RecordRow& row : records)
    if (!row.expunged) out[row.uid] = {row.facts.guid, row.flags.text()};
  return out;
}

// Merges both in place, and checks that it does not matter which is which.
void merge_models(ModelMailbox& a, ModelMailbox& b, const ModelMailbox& base) {
  const Sides sides = sides_of(a, b, base);
  const ModSeq common = base.highestmodseq;
  MergedMailbox merged = merge(sides.a, sides.b, common).value();
  spare_modseq(merged, sides.a, sides.b, common);
  const MergedMailbox mirrored = merge(sides.b, sides.a, common).value();
  EXPECT_EQ(living(merged.records), living(mirrored.records));
  apply(merged, sides.a, common, a);
  apply(merged, sides.b, common, b);
  EXPECT_TRUE(a == b) << text_of(a) << text_of(b);
}

void check_readers(const ModelMailbox& before, const ModelMailbox& merged) {
  if (merged.header.deleted_s != 0) return;
  const Sight now = merged.sight();
  for (const ModelMailbox::Look& look : before.looks)
    EXPECT_EQ(merged.sight_of_reader(look.sight, look.at), now) << "from " << look.at.value;
  for (const auto& [uid, guids] : before.lived) {
    EXPECT_LE(guids.size(), 1U);
    const auto seen = now.find(uid);
    if (seen != now.end()) EXPECT_TRUE(guids.contains(seen->second.first)) << uid;
  }
}

struct Count {
  int live_a = 0;
  int live_b = 0;
  int tombstones = 0;
  int merged = 0;
};

// Of what came since the common state; and whether what was there before is as it must be.
void check_messages(const ModelMailbox& a, const ModelMailbox& b, const ModelMailbox& base,
                    const ModelMailbox& merged) {
  if (merged.header.deleted_s != 0) return;
  const auto is_emptied = [](const ModelMailbox& side) {
    return side.header.deleted_s != 0 && side.purged_modseq == side.highestmodseq;
  };
  // To a mailbox that was emptied, all that the other side has comes anew.
  const bool is_any_emptied = is_emptied(a) || is_emptied(b);
  const ModSeq since = is_any_emptied ? ModSeq() : base.highestmodseq;
  std::map<Identity, Count> counts;
  const auto each_fresh = [&](const ModelMailbox& side, auto visit) {
    for (const auto& [uid, row] : side.records)
      if (row.facts.created_modseq > since)
        visit(counts[{row.facts.guid, row.facts.internaldate_s}], row);
  };
  each_fresh(a, [](Count& count, const RecordRow& row) {
    ++(row.expunged ? count.tombstones : count.live_a);
  });
  each_fresh(b, [](Count& count, const RecordRow& row) {
    ++(row.expunged ? count.tombstones : count.live_b);
  });
  each_fresh(merged,
             [](Count& count, const RecordRow& row) { count.merged += row.expunged ? 0 : 1; });
  for (const auto& [identity, count] : counts) {
    const int most = std::max(count.live_a, count.live_b);
    EXPECT_LE(count.merged, most) << "doubled";
    EXPECT_GE(count.merged, most - count.tombstones) << "lost";
  }
  if (is_any_emptied) return;
  // What was expunged since can still be brought back, unless it was freed on the other side, or
  // something else under its uid on a.
  for (const ModelMailbox* side : {&a, &b})
    for (const auto& [uid, row] : side->records)
      if (row.expunged && row.modseq > base.highestmodseq &&
          (Uid(uid) > a.last_uid || a.records.contains(uid)) &&
          (row.facts.created_modseq > base.highestmodseq ||
           (a.records.contains(uid) && b.records.contains(uid))))
        EXPECT_TRUE(merged.records.contains(uid)) << uid;
  for (const auto& [uid, row] : base.records) {
    const auto lives = [&](const ModelMailbox& side) {
      const auto found = side.records.find(uid);
      return found != side.records.end() && !found->second.expunged;
    };
    EXPECT_EQ(lives(merged), lives(a) && lives(b)) << uid;
    if (!lives(merged)) continue;
    FlagNames changed = flipped(a.records.at(uid).flags, row.flags);
    const FlagNames changed_by_b = flipped(b.records.at(uid).flags, row.flags);
    changed.system |= changed_by_b.system;
    for (const std::string& keyword : changed_by_b.keywords) ASSERT_TRUE(changed.add(keyword));
    const FlagNames expected = flipped(row.flags, changed);
    if (a.knows_flips || b.knows_flips)
      EXPECT_EQ(merged.records.at(uid).flags.text(), expected.text());
  }
}

// Updates in parts build on it: what came later is above what came before.
void expect_in_order(const ModelMailbox& mailbox) {
  ModSeq created;
  for (const auto& [uid, row] : mailbox.records) {
    EXPECT_GE(row.facts.created_modseq, created) << uid;
    EXPECT_LE(row.facts.created_modseq, row.modseq) << uid;
    created = row.facts.created_modseq;
  }
}

class MergeTest : public testing::TestWithParam<int> {
 protected:
  template <class Play>
  void play(Play play_one) {
    constexpr uint64_t kWorlds = 400;
    const uint64_t first = first_seed() + static_cast<uint64_t>(GetParam()) * 1'000'000;
    for (uint64_t seed = first; seed < first + kWorlds && !HasFailure(); ++seed) {
      SCOPED_TRACE(seed);
      World world(seed);
      ModelMailbox a = world.base;
      ModelMailbox b = world.base;
      a.knows_flips = world.base.below(4) > 0;
      b.knows_flips = world.base.below(4) > 0;
      world.work(a, 1 + a.below(static_cast<uint64_t>(GetParam())));
      world.work(b, 1 + b.below(static_cast<uint64_t>(GetParam())));
      play_one(world, a, b);
      if (HasFailure())
        ADD_FAILURE() << "base " << text_of(world.base) << "a " << text_of(a) << "b " << text_of(b);
    }
  }
};

TEST_P(MergeTest, LosesAndDoublesNothingAndLiesToNoReader) {
  play([](World& world, const ModelMailbox& a, const ModelMailbox& b) {
    ModelMailbox one = a;
    ModelMailbox other = b;
    merge_models(one, other, world.base);
    expect_in_order(one);
    check_readers(a, one);
    check_readers(b, one);
    check_messages(a, b, world.base, one);
    const Sides sides = sides_of(a, b, world.base);
    const auto merged = gemel::sync::merge(sides.a, sides.b, world.base.highestmodseq).value();
    expect_led_on(a, merged.moves_a, one);
    expect_led_on(b, merged.moves_b, one);
    if (HasFailure()) ADD_FAILURE() << "merged " << text_of(one);
  });
}

// The same messages under the same uids; and the same flags, but where there are several copies of
// one message, of which any may be matched with any.
void expect_same(const ModelMailbox& is, const Sight& expected) {
  std::map<Guid, int> copies;
  for (const auto& [uid, row] : is.records)
    if (!row.expunged) ++copies[row.facts.guid];
  const Sight sight = is.sight();
  ASSERT_EQ(sight.size(), expected.size());
  for (const auto& [uid, seen] : sight) {
    ASSERT_TRUE(expected.contains(uid)) << uid;
    EXPECT_EQ(seen.first, expected.at(uid).first) << uid;
    if (copies[seen.first] == 1) EXPECT_EQ(seen.second, expected.at(uid).second) << uid;
  }
}

// One side has the merged state already, the other was never told: whoever begins again, the
// messages are the same.
TEST_P(MergeTest, CutInTheMiddleIsBegunAgain) {
  play([](World& world, const ModelMailbox& a, const ModelMailbox& b) {
    ModelMailbox a_merged = a;
    ModelMailbox b_merged = b;
    merge_models(a_merged, b_merged, world.base);
    const Sight expected = a_merged.sight();
    ModelMailbox one = a_merged;
    ModelMailbox other = b;
    merge_models(one, other, world.base);
    expect_same(one, expected);
    check_readers(b, one);
    check_readers(a_merged, one);
    one = a;
    other = b_merged;
    merge_models(one, other, world.base);
    expect_same(one, expected);
    check_readers(a, one);
    if (HasFailure()) ADD_FAILURE() << "merged " << text_of(a_merged) << "again " << text_of(one);
  });
}

// The same, and the side that has the merged state works on before the other comes back.
TEST_P(MergeTest, CutInTheMiddleAndWorkedOn) {
  play([](World& world, const ModelMailbox& a, const ModelMailbox& b) {
    ModelMailbox one = a;
    ModelMailbox other = b;
    merge_models(one, other, world.base);
    world.work(one, one.below(6));
    const ModelMailbox before = one;
    other = b;
    merge_models(one, other, world.base);
    check_readers(before, one);
    check_readers(b, one);
    check_messages(before, b, world.base, one);
  });
}

// A third side, that left at the same time or follows one of the two some way behind.
TEST_P(MergeTest, ThreeSidesBecomeOne) {
  play([](World& world, const ModelMailbox& a, const ModelMailbox& b) {
    ModelMailbox c = world.base;
    if (c.below(2) == 0) c = b;
    world.work(c, 1 + c.below(5));
    ModelMailbox one = a;
    ModelMailbox other = b;
    merge_models(one, other, world.base);
    const ModelMailbox both = one;
    ModelMailbox third = c;
    merge_models(one, third, world.base);
    check_readers(both, one);
    check_readers(a, one);
    check_readers(c, one);
    check_messages(both, c, world.base, one);
  });
}

// --- the rules, one by one ---

class MergeRules : public testing::Test {
 protected:
  MergeRules() : random(1), base(random), a(base), b(base) {
    for (uint64_t content = 1; content <= 3; ++content) base.append(content, 0);
    for (auto& [uid, row] : base.records) row.flags = {};
    a = b = base;
  }
  RecordRow& row(ModelMailbox& side, uint32_t uid) {
    RecordRow& found = side.records.at(uid);
    found.modseq = side.highestmodseq = next(side.highestmodseq);
    return found;
  }
  void set(ModelMailbox& side, uint32_t uid, std::initializer_list<std::string_view> names) {
    FlagNames flags;
    for (const std::string_view name : names) EXPECT_TRUE(flags.add(name));
    row(side, uid).flags = flags;
  }
  std::string flags(uint32_t uid) { return a.records.at(uid).flags.text(); }
  ModSeq top() { return std::max(a.highestmodseq, b.highestmodseq); }
  void merge() { merge_models(a, b, base); }

  SeededRandom random;
  ModelMailbox base;
  ModelMailbox a;
  ModelMailbox b;
};

TEST_F(MergeRules, EachFlagIsAsTheSideHasItThatChangedIt) {
  set(base, 1, {"\\Flagged", "work"});
  a = b = base;
  set(a, 1, {"\\Flagged", "\\Seen", "work"});
  set(b, 1, {"WORK", "$Junk"});
  const ModSeq to = next(top());
  merge();
  EXPECT_EQ(flags(1), "\\Seen $Junk WORK");
  EXPECT_EQ(a.records.at(1).modseq, to);
}

TEST_F(MergeRules, FlagsOfAnUnknownPastAreUnited) {
  a.knows_flips = b.knows_flips = false;
  set(a, 1, {"\\Flagged", "\\Deleted"});
  set(b, 1, {"$Junk"});
  set(a, 2, {"\\Deleted"});
  set(b, 2, {"\\Deleted", "\\Seen"});
  merge();
  EXPECT_EQ(flags(1), "\\Flagged $Junk");
  EXPECT_EQ(flags(2), "\\Deleted \\Seen");
}

// It came to both by way of others, which changed it before it came to one of them.
TEST_F(MergeRules, OfAMessageThatOneSideHasAsItCameTheOthersFlagsCount) {
  a.append(10, 0);
  set(a, 4, {"\\Seen", "$Junk"});
  a.records.at(4).facts.created_modseq = a.records.at(4).modseq;
  b = a;
  set(b, 4, {"\\Deleted", "$Junk"});
  merge();
  EXPECT_EQ(flags(4), "\\Deleted $Junk");
}

TEST_F(MergeRules, WhatTheOtherSidesReadersWillSeeKeepsItsModSeq) {
  set(a, 1, {"\\Seen"});  // 5 of a, which b's readers have passed
  for (int i = 0; i < 3; ++i) set(b, 2, {i % 2 == 0 ? "\\Seen" : "$Junk"});  // 7 of b
  set(a, 3, {"\\Seen"});
  const ModSeq mine = b.records.at(2).modseq;
  const ModSeq to = next(top());
  merge();
  EXPECT_EQ(a.records.at(1).modseq, to);
  EXPECT_EQ(a.records.at(2).modseq, mine);
  EXPECT_EQ(a.records.at(3).modseq, to);
}

TEST_F(MergeRules, MessagesUnderOneUidBothMove) {
  a.append(10, 0);
  b.append(11, 0);
  b.append(12, 0);
  merge();
  EXPECT_TRUE(a.records.at(4).expunged);
  EXPECT_EQ(a.records.at(4).facts.guid, model_guid(10));  // a's, as the replicas of a have it
  EXPECT_EQ(a.records.at(5).facts.guid, model_guid(12));  // above all that a ever had
  EXPECT_EQ(a.records.at(6).facts.guid, std::min(model_guid(10), model_guid(11)));
  EXPECT_EQ(a.records.at(7).facts.guid, std::max(model_guid(10), model_guid(11)));
  for (const uint32_t uid : {6U, 7U})
    EXPECT_EQ(a.records.at(uid).facts.created_modseq, a.highestmodseq);
}

// The other side never heard of the merge, and has it where it was.
TEST_F(MergeRules, AMessageThatAMergeMovedStaysExpunged) {
  a.append(10, 0);
  b.append(11, 0);
  const ModelMailbox untold = b;
  merge();
  const auto moved = std::ranges::find_if(a.records, [](const auto& record) {
    return !record.second.expunged && record.second.facts.guid == model_guid(11);
  });
  ASSERT_NE(moved, a.records.end());
  row(a, moved->first).expunged = true;
  b = untold;
  merge();
  EXPECT_EQ(a.sight().size(), 3U + 1U);
  a.header.deleted_s = 9;
  a.header_modseq = a.highestmodseq = next(a.highestmodseq);
  b = untold;
  merge();
  EXPECT_EQ(a.header.deleted_s, 9);
}

// It was cut before the other side heard of it.
TEST_F(MergeRules, AMergeThatIsBegunAgainTakesNoModSeq) {
  a.append(10, 0);
  set(a, 1, {"\\Seen"});
  b.append(11, 0);
  set(b, 2, {"\\Flagged"});
  const ModelMailbox untold = b;
  merge();
  const ModSeq merged_at = a.highestmodseq;
  b = untold;
  merge();
  EXPECT_EQ(a.highestmodseq, merged_at);
}

// There a user moved it to another mailbox and back, here it went with a RENAME of INBOX.
TEST_F(MergeRules, AMessageThatCameBackStaysWhateverWasExpungedBefore) {
  for (const bool is_under_one_uid : {false, true}) {
    const ModelMailbox a_before = a;
    const ModelMailbox b_before = b;
    if (!is_under_one_uid) {
      a.append(11, 0);
      row(a, a.last_uid.value).expunged = true;
    }
    a.append(10, 0);
    row(a, a.last_uid.value).expunged = true;
    b.append(10, 0);
    row(b, b.last_uid.value).facts.savedate_s += 100;
    merge();
    EXPECT_EQ(std::ranges::count_if(a.records,
                                    [](const auto& record) {
                                      return !record.second.expunged &&
                                             record.second.facts.guid == model_guid(10);
                                    }),
              1);
    a = a_before;
    b = b_before;
  }
}

TEST_F(MergeRules, OneMessageThatCameToBothIsOne) {
  a.append(10, 0);
  b.append(11, 0);
  b.append(10, 0);
  b.append(10, 1);  // another internaldate: another message
  merge();
  EXPECT_EQ(a.sight().size(), 3U + 3U);
  EXPECT_EQ(a.records.at(5).facts.guid, model_guid(10));
}

// A message that came to both sides by way of others may have had other flags on each.
TEST(MergedFlags, AFlagThatOneSideChangedIsAsThereWhateverWasBefore) {
  const auto flags = [](const std::vector<std::string>& names) {
    FlagNames out;
    for (const std::string& name : names) EXPECT_TRUE(out.add(name));
    return out;
  };
  const FlagNames a = flags({"$Junk"});
  const FlagNames b = flags({"\\Deleted", "\\Seen", "\\Flagged"});
  const auto merged = [&](const FlagNames& by_a, const FlagNames& by_b) {
    return merged_flags({a, by_a}, {b, by_b}).text();
  };
  EXPECT_EQ(merged(flags({"\\Seen"}), flags({"\\Deleted"})), "\\Flagged \\Deleted $Junk");
  EXPECT_EQ(merged(flags({}), flags({"$Junk"})), "\\Flagged \\Seen");
  EXPECT_EQ(merged(flags({"\\Seen"}), flags({"\\Seen"})), "\\Flagged \\Seen $Junk");
  EXPECT_EQ(united_flags(a, b).text(), "\\Flagged \\Seen $Junk");
}

TEST_F(MergeRules, AnExpungeWinsAndStaysRecoverable) {
  row(a, 1).expunged = true;
  set(b, 1, {"\\Flagged"});
  merge();
  EXPECT_TRUE(a.records.at(1).expunged);
  EXPECT_EQ(flags(1), "\\Flagged");
}

TEST_F(MergeRules, WhatWasFreedOnOneSideIsGoneAndReadersAskForAllUids) {
  row(a, 1).expunged = true;
  row(a, 2).expunged = true;
  a.purged_modseq = a.records.at(1).modseq;
  a.records.erase(1);
  a.highestmodseq = next(a.highestmodseq);
  row(b, 3).expunged = true;
  const ModSeq before = top();
  merge();
  EXPECT_FALSE(b.records.contains(1));
  EXPECT_EQ(b.purged_modseq, next(before));
  EXPECT_EQ(b.highestmodseq, next(next(before)));
  EXPECT_TRUE(b.records.at(2).expunged && b.records.at(3).expunged);
}

TEST_F(MergeRules, ADeletionYieldsToNewMessagesOnly) {
  const auto deleted = [&](auto work) {
    a = b = base;
    a.header.deleted_s = 9;
    a.header_modseq = a.highestmodseq = ModSeq(90);
    work();
    merge();
    return a.header.deleted_s;
  };
  EXPECT_EQ(deleted([&] { set(b, 1, {"\\Seen"}); }), 9);
  EXPECT_EQ(deleted([&] { b.append(10, 0); }), 0);
  EXPECT_EQ(b.sight().size(), 4U);
  EXPECT_EQ(deleted([&] {
              b.append(10, 0);
              row(b, 4).expunged = true;
            }),
            9);
  EXPECT_EQ(deleted([&] {  // it knew the message
              a.append(10, 0);
              b.append(10, 0);
            }),
            9);
  EXPECT_EQ(deleted([&] {  // and freed what was in it
              a.records.clear();
              a.purged_modseq = a.highestmodseq;
              b.append(10, 0);
            }),
            0);
  EXPECT_EQ(a.sight().size(), 4U);
  EXPECT_EQ(deleted([&] {
              a.records.clear();
              a.purged_modseq = a.highestmodseq;
              set(b, 1, {"\\Seen"});
            }),
            9);
  EXPECT_TRUE(b.records.empty());
}

TEST_F(MergeRules, TheHeaderIsThatOfWhoChangedItLast) {
  const auto rename = [](ModelMailbox& side, const std::string& path, uint64_t modseq) {
    side.header.name.path = path;
    side.header_modseq = side.highestmodseq = ModSeq(modseq);
  };
  rename(a, "mine", 50);
  set(b, 1, {"\\Seen"});
  merge();
  EXPECT_EQ(b.header.name.path, "mine");
  a = b = base;
  rename(a, "mine", 50);
  rename(b, "yours", 60);
  merge();
  EXPECT_EQ(a.header.name.path, "yours");
  a = b = base;
  rename(a, "mine", 50);
  rename(b, "yours", 50);
  merge();
  EXPECT_EQ(a.header.name.path, "yours");
}

TEST_F(MergeRules, AttributesAreMergedOneByOne) {
  const auto set_attribute = [](ModelMailbox& side, const std::string& name,
                                const std::string& value) {
    side.highestmodseq = next(side.highestmodseq);
    side.attribute_modseqs[name] = side.highestmodseq;
    if (value.empty())
      side.header.attributes.erase(name);
    else
      side.header.attributes[name] = value;
  };
  for (const char* name : {"acl/ann", "acl/bob", "acl/cid"}) set_attribute(base, name, "lr");
  a = b = base;
  set_attribute(a, "acl/ann", "lrs");
  set_attribute(a, "acl/bob", "");
  set_attribute(b, "acl/dot", "l");
  set_attribute(b, "acl/bob", "lrswi");
  merge();
  const std::map<std::string, std::string> expected = {
      {"acl/ann", "lrs"}, {"acl/bob", "lrswi"}, {"acl/cid", "lr"}, {"acl/dot", "l"}};
  // Both changed bob's at the same modseq: the value it has is more than none.
  EXPECT_EQ(a.header.attributes, expected);
}

TEST_F(MergeRules, WhoChangedNothingFollows) {
  a.append(10, 0);
  row(a, 1).expunged = true;
  const ModSeq before = a.highestmodseq;
  merge();
  EXPECT_EQ(b.highestmodseq, before);
  EXPECT_EQ(b.sight().size(), 3U);
}

TEST_F(MergeRules, AMailboxWithoutUidsLeftIsSetAside) {
  a.last_uid = b.last_uid = Uid(UINT32_MAX - 1);
  a.append(10, 0);
  b.append(11, 0);
  const Sides sides = sides_of(a, b, base);
  EXPECT_EQ(gemel::sync::merge(sides.a, sides.b, base.highestmodseq).error().code, Code::kLimit);
}

TEST(Fold, CopiesWhatTheOtherMailboxLacks) {
  const auto row = [](uint32_t uid, uint64_t content, std::initializer_list<const char*> names) {
    RecordRow row{.uid = Uid(uid), .modseq = {}, .flags = {}, .facts = {}};
    row.facts.guid = model_guid(content);
    for (const char* name : names) EXPECT_TRUE(row.flags.add(name));
    return row;
  };
  std::vector<RecordRow> into = {row(1, 1, {}), row(2, 2, {"\\Seen"}), row(3, 2, {"\\Seen"})};
  std::vector<RecordRow> other = {row(1, 2, {"$Junk"}), row(2, 3, {}), row(3, 1, {}), row(5, 1, {}),
                                  row(6, 4, {})};
  into.push_back(row(4, 4, {}));
  into.back().expunged = true;
  other.push_back(row(7, 5, {}));
  other.back().expunged = true;
  const Folding folding = fold(into, other);
  EXPECT_EQ(folding.uids.text(), "2,5:6");
  EXPECT_EQ(folding.same, (Moves{{Uid(1), Uid(2)}, {Uid(3), Uid(1)}}));
  ASSERT_EQ(folding.new_flags.size(), 1U);
  EXPECT_EQ(folding.new_flags.at(Uid(2)).text(), "\\Seen $Junk");
}

INSTANTIATE_TEST_SUITE_P(StepsOfWork, MergeTest, testing::Values(3, 8, 20));

// Not where the two differ in one history, for there is damage.
TEST(MergeOfHistories, RemembersWhichItTookIn) {
  MailboxSide a{};
  a.header.lineage = {{{1, 1}, ModSeq()}};
  a.highestmodseq = ModSeq(5);
  MailboxSide b = a;
  const auto merged = merge(a, b, ModSeq());
  EXPECT_TRUE(merged->header.attributes.empty());
  b.header.lineage.push_back({{2, 2}, ModSeq(3)});
  b.highestmodseq = ModSeq(4);
  EXPECT_EQ(merge(a, b, ModSeq(3))->header.attributes,
            (std::map<std::string, std::string>{{"merged", "(2.0000000000000002@4)"}}));
  b.header.attributes = {{"merged", "(3.0000000000000003@9)"}};
  EXPECT_EQ(merge(a, b, ModSeq(3))->header.attributes.at("merged"),
            "(2.0000000000000002@4 3.0000000000000003@9)");
}

// Either side may be the one in which the other's history was merged before.
TEST(MergeOfHistories, WhatWasTakenInHasNothingNew) {
  MailboxSide a{};
  a.header.lineage = {{{1, 1}, ModSeq()}};
  a.header.attributes = {{"merged", "(2.0000000000000002@7)"}};
  a.highestmodseq = ModSeq(9);
  MailboxSide b{};
  b.header.lineage = {{{1, 1}, ModSeq()}, {{2, 2}, ModSeq(3)}};
  b.highestmodseq = ModSeq(6);
  b.last_uid = Uid(1);
  RecordRow row{};
  row.uid = Uid(1);
  row.modseq = row.facts.created_modseq = ModSeq(6);
  b.changed = {{row}};
  const std::array both{merge(a, b, ModSeq(3)), merge(b, a, ModSeq(3))};
  for (const auto& merged : both) {
    EXPECT_EQ(merged->to, a.highestmodseq);
    EXPECT_TRUE(merged->records.empty());
    EXPECT_EQ(merged->header, a.header);
  }
  b.highestmodseq = ModSeq(8);
  EXPECT_EQ(merge(a, b, ModSeq(3))->records.size(), 1U);
}

}  // namespace
}  // namespace gemel::sync
