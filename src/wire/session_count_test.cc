#include "wire/session_count.h"

#include <gtest/gtest.h>

namespace gemel::wire {
namespace {

TEST(PeerCount, LetsSoManyInFromOneAddressAndNoMore) {
  auto peers = std::make_unique<PeerCount>(2);
  auto first = peers->enter("192.0.2.1");
  const auto second = peers->enter("192.0.2.1");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(peers->enter("192.0.2.1"));
  EXPECT_TRUE(peers->enter("192.0.2.2"));
  first.reset();
  first = peers->enter("192.0.2.1");
  EXPECT_TRUE(first);
  peers.reset();  // what is held may outlive it
}

TEST(PeerCount, TakesAClientsWholeNetworkForOne) {  // RFC 6177
  PeerCount peers(1);
  const auto one = peers.enter("2001:db8::1");
  EXPECT_TRUE(one);
  EXPECT_FALSE(peers.enter("2001:db8::2"));
  EXPECT_TRUE(peers.enter("2001:db8:0:1::1"));
}

TEST(PeerCount, CountsNoUnixSocketsAndNothingWithoutALimit) {
  PeerCount peers(1);
  const auto first = peers.enter("unix");
  EXPECT_TRUE(first && peers.enter("unix"));
  PeerCount endless(0);
  const auto one = endless.enter("192.0.2.1");
  EXPECT_TRUE(one && endless.enter("192.0.2.1"));
}

}  // namespace
}  // namespace gemel::wire
