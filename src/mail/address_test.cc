#include "mail/address.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

/// "name|route|mailbox|host" for each address, NIL as "-".
std::string shown(std::string_view text) {
  const auto field = [](const std::optional<std::string>& value) { return value.value_or("-"); };
  std::string out;
  for (const Address& a : parse_addresses(text)) {
    if (!out.empty()) out += " ; ";
    out += field(a.name) + "|" + field(a.route) + "|" + field(a.mailbox) + "|" + field(a.host);
  }
  return out;
}

TEST(Addresses, ReadTheExamplesOfTheRfc) {  // RFC 5322 appendix A.1, A.5, A.6
  EXPECT_EQ(shown("John Doe <jdoe@machine.example>"), "John Doe|-|jdoe|machine.example");
  EXPECT_EQ(shown("\"Joe Q. Public\" <john.q.public@example.com>"),
            "Joe Q. Public|-|john.q.public|example.com");
  EXPECT_EQ(shown("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
            "Mary Smith|-|mary|x.test ; -|-|jdoe|example.org ; Who?|-|one|y.test");
  EXPECT_EQ(shown("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
            "-|-|boss|nil.test ; Giant; \"Big\" Box|-|sysservices|example.net");
  EXPECT_EQ(shown("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
            "-|-|A Group|- ; Ed Jones|-|c|a.test ; -|-|joe|where.test ; John|-|jdoe|one.test ; "
            "-|-|-|-");
  EXPECT_EQ(shown("Undisclosed recipients:;"), "-|-|Undisclosed recipients|- ; -|-|-|-");
  EXPECT_EQ(shown("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
            "Pete|-|pete|silly.test");
  EXPECT_EQ(
      shown("A Group(Some people)\r\n :Chris Jones <c@(Chris's host.)public.example>,\r\n"
            " joe@example.org, John <jdoe@one.test> (my dear friend); (the end of the group)"),
      "-|-|A Group|- ; Chris Jones|-|c|public.example ; -|-|joe|example.org ; "
      "John|-|jdoe|one.test ; -|-|-|-");
  EXPECT_EQ(shown("Joe Q. Public <john.q.public@example.com>"),
            "Joe Q. Public|-|john.q.public|example.com");
  EXPECT_EQ(shown("Mary Smith <@node.test:mary@example.net>, , jdoe@test   . example"),
            "Mary Smith|@node.test|mary|example.net ; -|-|jdoe|test.example");
  EXPECT_EQ(shown("<@a.test,@b.test:c@d.test>"), "-|@a.test,@b.test|c|d.test");
}

TEST(Addresses, ACommentNamesABareAddress) {
  EXPECT_EQ(shown("jdoe@one.test (John Doe)"), "John Doe|-|jdoe|one.test");
  EXPECT_EQ(shown("(John) jdoe@one.test, x@y"), "John|-|jdoe|one.test ; -|-|x|y");
  EXPECT_EQ(shown("<jdoe@one.test> (John (Jack) Doe)"), "John (Jack) Doe|-|jdoe|one.test");
}

TEST(Addresses, LocalPartsLoseTheirQuotes) {  // RFC 3501 §9, addr-mailbox
  EXPECT_EQ(shown("\"john doe\"@x.test"), "-|-|john doe|x.test");
  EXPECT_EQ(shown("a.\"b c\".d@x.test"), "-|-|a.b c.d|x.test");
  EXPECT_EQ(shown("<\"a@b\"@x.test>"), "-|-|a@b|x.test");
  EXPECT_EQ(shown("john . doe @ x . test"), "-|-|john.doe|x.test");
  EXPECT_EQ(shown("u@[IPv6:::1]"), "-|-|u|[IPv6:::1]");
}

TEST(Addresses, BrokenOnesGiveWhatIsThere) {
  EXPECT_EQ(shown("root"), "-|-|root|");
  EXPECT_EQ(shown("MAILER-DAEMON <>"), "MAILER-DAEMON|-||");
  EXPECT_EQ(shown("a@b <a@b>"), "a@b|-|a|b");
  EXPECT_EQ(shown("x <a@b, c@d"), "x|-|a|b ; -|-|c|d");
  EXPECT_EQ(shown("a@b; c@d;"), "-|-|a|b ; -|-|c|d");
  EXPECT_EQ(shown("g: a@b, c@d"), "-|-|g|- ; -|-|a|b ; -|-|c|d ; -|-|-|-");
  EXPECT_EQ(shown("g: h: a@b;;"), "-|-|g|- ; -|-|a|b ; -|-|-|-");
  EXPECT_EQ(shown("\"open <a@b>"), "-|-|open <a@b>|");
  EXPECT_EQ(shown("(open"), "");
  EXPECT_EQ(shown(""), "");
  EXPECT_EQ(shown(" , ,, "), "");
}

TEST(Addresses, EachPrefixIsReadWithoutHarm) {
  constexpr std::string_view kText =
      "A Group(x):\"Ed \\\" J\" <@a,@b:c@a.test>,joe@[1.2.3.4] (c (d) e), <x;> =?q?=;,)(";
  for (size_t size = 0; size <= kText.size(); ++size) {
    size_t starts = 0;
    size_t ends = 0;
    for (const Address& address : parse_addresses(kText.substr(0, size))) {
      starts += address.mailbox && !address.host;
      ends += !address.mailbox && !address.host;
    }
    EXPECT_EQ(starts, ends) << size;
  }
}

TEST(Addresses, AreCutAtTheLimitAndReadInLinearTime) {
  std::string text = "g:";
  for (int i = 0; i < 1'000'000; ++i) text += "someone@example.org, ";
  const auto list = parse_addresses(text);
  EXPECT_EQ(list.size(), kAddressesMax + 1);  // the group's end comes on top
  for (const char* piece : {"<@", "(", "\"", "[", "@", "<", "a b ", ".", "a@[", "<a@b:"}) {
    text.clear();
    while (text.size() < 2'000'000) text += piece;
    EXPECT_LE(parse_addresses(text).size(), kAddressesMax + 1) << piece;
  }
}

}  // namespace
}  // namespace gemel
