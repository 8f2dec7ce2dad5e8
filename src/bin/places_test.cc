#include <gtest/gtest.h>

#include "bin/gemeld_places.h"

namespace gemel::bin {
namespace {

TEST(Places, LeavesTheStoreItsFiles) {
  const ConnectionPlaces roomy = places_with(1'000'000, 10'000).value();
  EXPECT_EQ(roomy.clients, 10'000u);
  EXPECT_EQ(roomy.all, 11'000u);
  const ConnectionPlaces narrow = places_with(4096, 10'000).value();
  EXPECT_EQ(narrow.all, 3072u);
  EXPECT_EQ(narrow.clients, 2304u);
  EXPECT_EQ(places_with(4096, 100).value().clients, 100u);
  EXPECT_EQ(places_with(1536, 10'000).value().clients, 384u);
}

TEST(Places, TooFewForAServerIsAnError) {
  const Error error = places_with(1535, 1).error();
  EXPECT_EQ(error.code, Code::kLimit);
  EXPECT_EQ(error.text,
            "only 1535 files may be open at once, and it takes 1536 at least: raise LimitNOFILE of "
            "systemd or \"ulimit -n\"");
}

}  // namespace
}  // namespace gemel::bin
