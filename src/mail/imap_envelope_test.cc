#include "mail/imap_envelope.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "mail/encoded_word.h"
#include "mail/mime_header.h"
#include "mail/mime_soundness.h"

namespace gemel {
namespace {

using namespace std::string_view_literals;

std::string envelope(std::string_view header, ImapDialect dialect = ImapDialect::kAscii) {
  std::string out = imap_envelope(header, dialect);
  EXPECT_EQ(fault_in_imap_value(out), "") << out;
  return out;
}
std::string body(std::string_view message, ImapDialect dialect = ImapDialect::kAscii) {
  WholeMessage whole(message);
  std::string out = imap_body(whole, parse_structure(message), dialect);
  EXPECT_EQ(fault_in_imap_value(out), "") << out;
  return out;
}
std::string bodystructure(std::string_view message, ImapDialect dialect = ImapDialect::kAscii) {
  WholeMessage whole(message);
  std::string out = imap_bodystructure(whole, parse_structure(message), dialect);
  EXPECT_EQ(fault_in_imap_value(out), "") << out;
  return out;
}

TEST(ImapEnvelope, IsThatOfTheExampleSession) {  // RFC 3501 §8
  EXPECT_EQ(envelope("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
                     "From: Terry Gray <gray@cac.washington.edu>\r\n"
                     "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
                     "To: imap@cac.washington.edu\r\n"
                     "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
                     "Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"),
            "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" "
            "\"IMAP4rev1 WG mtg summary and minutes\" "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((NIL NIL \"imap\" \"cac.washington.edu\")) "
            "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
            "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
            "\"<B27397-0100000@cac.washington.edu>\")");
}

TEST(ImapEnvelope, SenderAndReplyToAreAsFrom) {  // RFC 3501 §7.4.2
  constexpr std::string_view kA = "((NIL NIL \"a\" \"x\"))";
  EXPECT_EQ(envelope("From: a@x\r\nSender: \r\nReply-To: b@x\r\n\r\n"),
            "(NIL NIL " + std::string(kA) + " " + std::string(kA) +
                " ((NIL NIL \"b\" \"x\")) NIL NIL NIL NIL NIL)");
  EXPECT_EQ(envelope(""), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
}

TEST(ImapEnvelope, GroupsHaveNilHosts) {
  EXPECT_EQ(envelope("From: undisclosed:;\r\nTo: g: a@b, c@d;\r\n\r\n"),
            "(NIL NIL ((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) "
            "((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) "
            "((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) "
            "((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL)) "
            "NIL NIL NIL NIL)");
}

TEST(ImapEnvelope, TheFirstOfEqualFieldsCountsAndListsAreJoined) {
  EXPECT_EQ(envelope("Subject: 1\r\nSubject: 2\r\nTo: a@x\r\nTo: b@x\r\n\r\n"),
            "(NIL \"1\" NIL NIL NIL ((NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"x\")) NIL NIL NIL NIL)");
  EXPECT_EQ(envelope("Subject:\r\n\r\n"), "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

TEST(ImapEnvelope, StringsAreWhatTheDialectTakes) {
  const auto subject = [](std::string_view text, ImapDialect dialect) {
    std::string out;
    put_imap_string(out, text, dialect);
    return out;
  };
  EXPECT_EQ(subject("a \"b\" \\c", ImapDialect::kAscii), "\"a \\\"b\\\" \\\\c\"");
  EXPECT_EQ(subject("a\r\nb\0c"sv, ImapDialect::kAscii), "\"a  bc\"");
  EXPECT_EQ(subject("=?utf-8?q?=C3=A9?=", ImapDialect::kUtf8), "\"=?utf-8?q?=C3=A9?=\"");
  EXPECT_EQ(subject("caf\xe9", ImapDialect::kUtf8), "\"café\"");
  EXPECT_EQ(subject("café", ImapDialect::kUtf8), "\"café\"");
  const std::string ascii = subject("caf\xe9 =?utf-8?q?=C3=A9?=", ImapDialect::kAscii);
  EXPECT_EQ(ascii, "\"=?utf-8?B?" + to_base64("café é") + "?=\"");
  const std::string edge(kQuotedBytesMax, 'x');
  EXPECT_EQ(subject(edge, ImapDialect::kAscii), '"' + edge + '"');
  EXPECT_EQ(subject(edge + "x", ImapDialect::kAscii), "{1001}\r\n" + edge + "x");
}

TEST(ImapEnvelope, AHugeHeaderIsCut) {
  std::string header = "To: ";
  for (int i = 0; i < 1'000'000; ++i) header += "a@example.org,\r\n ";
  header += "\r\nSubject: late\r\n\r\n";
  EXPECT_EQ(parse_envelope(header).to.size(), kAddressesMax);
  EXPECT_FALSE(parse_envelope(header).subject);
  std::string many;
  while (many.size() < 2 * kHeaderBytesMax) many += "To:a,a,a\n";
  EXPECT_LE(parse_envelope(many).to.size(), kAddressesMax + 3);
}

std::string lines(size_t bytes, size_t count) {
  std::string out(bytes - 2 * count, 'x');
  for (size_t i = 0; i < count; ++i) out += "\r\n";
  return out;
}

TEST(ImapBody, IsThatOfTheExamples) {  // RFC 3501 §8 and §7.4.2
  EXPECT_EQ(to_upper(body("Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n" + lines(3028, 92))),
            "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92)");
  EXPECT_EQ(
      to_upper(body("Content-Type: MULTIPART/MIXED; BOUNDARY=b\r\n\r\n--b\r\n"
                    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n" +
                    lines(1152, 23) +
                    "\r\n--b\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=\"cc.diff\"\r\n"
                    "Content-ID: <960723163407.20117h@cac.washington.edu>\r\n"
                    "Content-Description: Compiler diff\r\n"
                    "Content-Transfer-Encoding: BASE64\r\n\r\n" +
                    lines(4554, 73) + "\r\n--b--\r\n")),
      "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)"
      "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \"NAME\" \"CC.DIFF\") "
      "\"<960723163407.20117H@CAC.WASHINGTON.EDU>\" \"COMPILER DIFF\" \"BASE64\" 4554 73) "
      "\"MIXED\")");
}

TEST(ImapBody, ExtensionsComeInTheirOrder) {  // RFC 3501 §9, body-ext-1part and body-ext-mpart
  EXPECT_EQ(bodystructure("Content-Type: image/gif\r\nContent-MD5: Q2hlY2s=\r\n"
                          "Content-Disposition: attachment; filename=\"a b.gif\"; size=2\r\n"
                          "Content-Language: en, de\r\nContent-Location: http://x/\r\n"
                          "Content-Transfer-Encoding: binary\r\n\r\nxx"),
            "(\"image\" \"gif\" NIL NIL NIL \"binary\" 2 \"Q2hlY2s=\" "
            "(\"attachment\" (\"filename\" \"a b.gif\" \"size\" \"2\")) (\"en\" \"de\") "
            "\"http://x/\")");
  EXPECT_EQ(bodystructure("Content-Type: multipart/mixed; boundary=b\r\nContent-Language: fr\r\n"
                          "Content-Disposition: inline\r\n\r\n--b\r\n\r\nx\r\n--b--"),
            "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 "
            "NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") (\"inline\" NIL) (\"fr\") NIL)");
}

TEST(ImapBody, AMessageInsideBringsEnvelopeBodyAndLines) {
  constexpr std::string_view kInner = "Subject: in\r\n\r\none\r\ntwo\r\n";
  const std::string text(kInner);
  EXPECT_EQ(body("Content-Type: message/rfc822\r\n\r\n" + text),
            "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 25 "
            "(NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) "
            "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 10 2) 4)");
  // Only IMAP4rev2 knows message/global (RFC 9051 §9, media-message).
  EXPECT_EQ(body("Content-Type: message/global\r\n\r\n" + text),
            "(\"message\" \"global\" NIL NIL NIL \"7bit\" 25)");
  EXPECT_TRUE(body("Content-Type: message/global\r\n\r\n" + text, ImapDialect::kUtf8)
                  .starts_with("(\"message\" \"global\" NIL NIL NIL \"7bit\" 25 (NIL \"in\""));
}

TEST(ImapBody, IsSevenBitUnlessTheClientTakesUtf8) {
  constexpr std::string_view kMessage =
      "Content-Type: text/plain; name=caf\xe9\r\nContent-Description: \xc3\xa9\r\n"
      "Content-Disposition: inl\xffine\r\n\r\n";
  const std::string ascii = bodystructure(kMessage);
  for (const char c : ascii) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  EXPECT_NE(bodystructure(kMessage, ImapDialect::kUtf8).find("\"café\""), std::string::npos);
}

TEST(ImapBody, PiecesOfParametersAreJoined) {  // RFC 9051 §7.5.2
  const auto parameters = [](const std::string& text, ImapDialect dialect) {
    const std::string out = body("Content-Type: text/x; " + text + "\r\n\r\n", dialect);
    return out.substr(out.find(" (") + 1, out.find(')') - out.find(" ("));
  };
  const auto utf8 = [&](const std::string& text) { return parameters(text, ImapDialect::kUtf8); };
  EXPECT_EQ(utf8("baz*0=a; baz*1=\"b c\"; x=y; baz*2=d"), R"(("baz" "ab cd" "x" "y"))");
  EXPECT_EQ(utf8("foo*1*=%A4; foo*0*=utf-8''%C3"), R"(("foo*" "ä"))");
  EXPECT_EQ(utf8("foo=x; foo*=iso-8859-1'en'%E4"), R"(("foo" "x" "foo*" "ä"))");
  EXPECT_EQ(utf8("foo*1=b; foo*x=c; *=d"), R"(("foo*1" "b" "foo*x" "c" "*" "d"))");
  EXPECT_EQ(utf8("foo*0=a; foo*2=b"), R"(("foo" "a" "foo*2" "b"))");
  EXPECT_EQ(utf8("foo*0*=us-ascii''%00%0D%0A(%22; foo*0=x"), R"(("foo*" "x" "foo" "x"))");
  EXPECT_EQ(utf8("foo*=us-ascii''%00%0D%0A%22%5C"), R"(("foo*" "   \"\\"))");
  EXPECT_EQ(parameters("baz*0=a; baz*1=b", ImapDialect::kAscii), R"(("baz*0" "a" "baz*1" "b"))");
}

TEST(ImapBody, DeepAndWideMessagesGiveOneValue) {
  std::string deep;
  for (int i = 0; i < 20'000; ++i)
    deep += "Content-Type: multipart/mixed; boundary=" + std::to_string(i) + "\r\n\r\n--" +
            std::to_string(i) + "\r\n";
  bodystructure(deep);
  std::string wide = "Content-Type: multipart/digest; boundary=b\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) wide += "--b\r\n\r\nSubject: s\r\n\r\nx\r\n";
  bodystructure(wide);
}

TEST(ImapBody, EveryPrefixOfAMessageGivesOneValue) {
  constexpr std::string_view kMessage =
      "From: =?utf-8?q?=C3=A9?= \"q\\\" <a@b> (c\r\n d), g: \xe9@[x];\r\n"
      "Content-Type: multipart/digest; boundary=\"b\"; x*0*=utf-8''%41\r\n\r\n--b\r\n\r\n"
      "Subject: \0\xff\r\nTo: <@a:b@c>\r\nContent-Type: text/html; charset=\"x\\\r\n\r\nhi\r\n"
      "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n--c--\r\n--b--"sv;
  for (size_t size = 0; size <= kMessage.size(); ++size) {
    const std::string_view prefix = kMessage.substr(0, size);
    envelope(prefix);
    envelope(prefix, ImapDialect::kUtf8);
    body(prefix);
    bodystructure(prefix, ImapDialect::kUtf8);
  }
}

}  // namespace
}  // namespace gemel
