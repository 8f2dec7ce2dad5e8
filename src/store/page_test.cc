#include "store/page.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace gemel {
namespace {

Page random_page(Random& random) {
  Page page;
  page.number = static_cast<uint32_t>(random.u64() % (kPageNumberMax + 1));
  const uint64_t density = random.u64() % 5;
  const uint64_t modseqs = 1 + random.u64() % 300;
  for (uint32_t slot = 0; slot < kPageUids; ++slot) {
    if (density < 4 && random.u64() % 4 < density) continue;
    RecordState state{page.uid_at(slot), ModSeq(1 + random.u64() % modseqs), {}, false};
    for (int flag = 0; flag < 3; ++flag)
      if (random.u64() % 2 == 0) state.flags.set(random.u64() % Flags::kBits);
    state.expunged = random.u64() % 8 == 0;
    page.put(state);
  }
  return page;
}

void expect_equal(const Page& a, const Page& b) {
  EXPECT_EQ(a.max_modseq, b.max_modseq);
  EXPECT_EQ(a.present, b.present);
  EXPECT_EQ(a.expunged, b.expunged);
  EXPECT_EQ(a.modseqs, b.modseqs);
  EXPECT_EQ(a.flags, b.flags);
}

TEST(Page, ComesBackAsItWas) {
  SeededRandom random(1);
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    const Page page = random_page(random);
    const auto back = Page::decode(page.number, page.encode());
    ASSERT_TRUE(back);
    expect_equal(page, *back);
  }
}

TEST(Page, AColumnSaysOfOneFlagWhatThePageSays) {
  SeededRandom random(3);
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    const Page page = random_page(random);
    const size_t bit = random.u64() % Flags::kBits;
    const auto column = PageColumn::decode(page.number, page.encode(), bit);
    ASSERT_TRUE(column);
    EXPECT_EQ(column->present, page.present);
    EXPECT_EQ(column->expunged, page.expunged);
    UidSet expected;
    UidSet live;
    for (uint32_t slot = 0; slot < kPageUids; ++slot) {
      if (!page.present.has(slot)) continue;
      EXPECT_EQ(column->flagged.has(slot), page.flags[slot].has(bit));
      if (page.flags[slot].has(bit)) expected.add(page.uid_at(slot));
      if (page.is_live(slot)) live.add(page.uid_at(slot));
    }
    UidSet flagged;
    column->add_to(flagged, column->flagged);
    EXPECT_EQ(flagged, expected);
    UidSet shown;
    column->add_to(shown, column->present - column->expunged);
    EXPECT_EQ(shown, live);
  }
}

TEST(Page, AlikeMessagesTakeFewBytes) {
  Page page;
  page.number = 7;
  for (uint32_t slot = 0; slot < kPageUids; ++slot) {
    Flags seen;
    seen.set(static_cast<size_t>(SystemFlag::kSeen));
    page.put({page.uid_at(slot), ModSeq(1000), seen, false});
  }
  EXPECT_LE(page.encode().size(), 24u);
}

TEST(Page, CutOrChangedBytesNeverDecodeToWhatBreaksARule) {
  SeededRandom random(2);
  for (int round = 0; round < 300; ++round) {
    std::string bytes = random_page(random).encode();
    for (size_t change = random.u64() % 3; change > 0; --change)
      bytes[random.u64() % bytes.size()] = static_cast<char>(random.u64());
    bytes.resize(random.u64() % (bytes.size() + 1));
    const auto page = Page::decode(3, bytes);
    if (!page) {
      EXPECT_EQ(page.error().code, Code::kCorrupt);
      continue;
    }
    EXPECT_TRUE(page->expunged.is_within(page->present));
    for (const ModSeq modseq : page->modseqs) EXPECT_LE(modseq, page->max_modseq);
    const auto again = Page::decode(3, page->encode());
    ASSERT_TRUE(again);
    expect_equal(*page, *again);
  }
}

TEST(Page, AnEmptyPageDecodes) {
  const auto page = Page::decode(0, Page{}.encode());
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->present.empty());
}

}  // namespace
}  // namespace gemel
