#include "mail/envelope_address.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

using Charset = AddressCharset;

TEST(EnvelopeAddress, ReadsPaths) {  // RFC 5321 §4.1.2
  const auto path = parse_path("<Alice+lists@Example.ORG> SIZE=10");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->text, "Alice+lists@Example.ORG");
  EXPECT_EQ(path->address, (EnvelopeAddress{"Alice+lists", "example.org"}));
  EXPECT_EQ(path->rest, " SIZE=10");
  EXPECT_TRUE(parse_path("<>")->is_null());
  EXPECT_EQ(parse_path("<postmaster>")->address, (EnvelopeAddress{"postmaster", ""}));
  EXPECT_EQ(parse_path("<a@[192.0.2.1]>")->address.domain, "[192.0.2.1]");
  EXPECT_EQ(parse_path("<a@[IPv6:::1]>")->address.domain, "[ipv6:::1]");
}

TEST(EnvelopeAddress, UndoesQuotesAndIgnoresRoutes) {
  EXPECT_EQ(parse_path(R"(<"a \"b\" c"@x>)")->address.local, R"(a "b" c)");
  EXPECT_EQ(parse_path("<@relay.example,@other.example:bob@x>")->text, "bob@x");
}

TEST(EnvelopeAddress, RefusesWhatIsNone) {
  for (const char* bad : {"", "a@b", "<a@b", "<@x>", "<a@>", "<a b@c>", "<\"a@b>", "<a@b>x",
                          "<a@b c>", "<@r:>", "<a\r\n@b>", "<\xc3\xa4@b>", "<a@[1>"})
    EXPECT_FALSE(parse_path(bad)) << bad;
  EXPECT_TRUE(parse_path("<" + std::string(kPathBytesMax - 2, 'a') + ">"));
  EXPECT_EQ(parse_path("<" + std::string(kPathBytesMax - 1, 'a') + ">").error().code,
            Code::kTooBig);
}

TEST(EnvelopeAddress, TakesUtf8WhereItMay) {  // RFC 6531 §3.3
  const auto path = parse_path(
      "<d\xc3\xb6rte@b\xc3\xbc"
      "cher.example>",
      Charset::kUtf8);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->address.domain,
            "b\xc3\xbc"
            "cher.example");
  EXPECT_TRUE(parse_path("<\"d\xc3\xb6 x\"@b>", Charset::kUtf8));
  for (const char* bad : {"<\xc3@b>", "<a\xc2\x80@b>", "<\xff@b>", "<a@\xed\xa0\x80>"})
    EXPECT_FALSE(parse_path(bad, Charset::kUtf8)) << bad;
}

TEST(EnvelopeAddress, ReadsBareAddresses) {
  EXPECT_EQ(*parse_envelope_address("Bob@Example.org"), (EnvelopeAddress{"Bob", "example.org"}));
  EXPECT_EQ(parse_envelope_address("bob")->domain, "");
  for (const char* bad : {"", "<bob@x>", "bob@x ", "bob@", "a b"})
    EXPECT_FALSE(parse_envelope_address(bad)) << bad;
}

}  // namespace
}  // namespace gemel
