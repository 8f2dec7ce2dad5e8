#include "base/network_range.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

bool contains(std::string_view range, std::string_view address) {
  return NetworkRange::parse(range).value().contains(address);
}

TEST(NetworkRange, HoldsTheAddressesOfItsPrefix) {
  EXPECT_TRUE(contains("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(contains("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.100"));
  EXPECT_TRUE(contains("0.0.0.0/0", "8.8.8.8"));
  EXPECT_TRUE(contains("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(contains("127.0.0.1", "127.0.0.2"));
  EXPECT_TRUE(contains("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_FALSE(contains("2001:db8::/32", "2001:db9::1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "unix"));
}

TEST(NetworkRange, RefusesWhatIsNone) {
  for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/x", "::/129",
                          "192.0.2.1/24", "1.2.3.4/-1"})
    EXPECT_FALSE(NetworkRange::parse(bad)) << bad;
}

TEST(NetworkRange, OfAnIpv6AddressTheNetworkCounts) {
  EXPECT_EQ(network_of("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(network_of("2001:db8::1"), "2001:db8:0:0:");
  EXPECT_EQ(network_of("2001:db8:0:0:1:2:3:4"), "2001:db8:0:0:");
  EXPECT_EQ(network_of("2001:db8:1:2::"), "2001:db8:1:2:");
  EXPECT_EQ(network_of("::1"), "0:0:0:0:");
  EXPECT_EQ(network_of("fe80::1:2:3:4"), "fe80:0:0:0:");
  EXPECT_EQ(network_of("fe80::1%eth0"), "fe80:0:0:0:");
  EXPECT_EQ(network_of("unix"), "unix");
}

}  // namespace
}  // namespace gemel
