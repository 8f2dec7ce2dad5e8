#include "mail/mime_structure.h"

#include <gtest/gtest.h>

#include "mail/mime_header.h"
#include "mail/mime_soundness.h"

namespace gemel {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Kind = MimePart::Kind;

/// The tree in one line: type[body bytes, lines](children).
std::string shown(std::string_view message, const MimePart& part) {
  std::string out = part.type + "/" + part.subtype;
  if (part.kind == Kind::kLeaf) out += "[" + std::string(part.body_in(message)) + "]";
  if (part.kind == Kind::kLeaf) return out;
  out += "(";
  for (const MimePart& child : part.children)
    out += (out.ends_with('(') ? "" : ", ") + shown(message, child);
  return out + ")";
}

std::string shown(std::string_view message, const MimeLimits& limits = {}) {
  const MimePart part = parse_structure(message, limits);
  EXPECT_EQ(fault_in_structure(message, part), "") << message;
  return shown(message, part);
}

std::string with_lf(std::string_view message) {
  std::string out(message);
  std::erase(out, '\r');
  return out;
}

constexpr std::string_view kMixed = "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n";

TEST(MimeStructure, AMessageWithoutMimeIsText) {  // RFC 2045 §5.2
  constexpr std::string_view kMessage = "Subject: x\r\n\r\none\r\ntwo";
  const MimePart part = parse_structure(kMessage);
  EXPECT_EQ(part.header_in(kMessage), "Subject: x\r\n\r\n");
  EXPECT_EQ(part.body_in(kMessage), "one\r\ntwo");
  EXPECT_EQ(part.lines, 1u);
  EXPECT_EQ(part.parameters, (std::vector<MimeParameter>{{"charset", "us-ascii"}}));
  EXPECT_EQ(shown(""), "text/plain[]");
  EXPECT_EQ(shown("\r\n"), "text/plain[]");
  EXPECT_EQ(shown("no header end"), "text/plain[]");
  EXPECT_EQ(shown("\n\nx"), "text/plain[\nx]");
}

TEST(MimeStructure, TheLineEndBeforeADelimiterBelongsToIt) {  // RFC 2046 §5.1.1
  const std::string message = std::string(kMixed) +
                              "preamble\r\n--b\r\n\r\none\r\n\r\n--b\r\nContent-Type: text/html\r\n"
                              "\r\ntwo\r\n--b--\r\nepilogue\r\n--b\r\n";
  EXPECT_EQ(shown(message), "multipart/mixed(text/plain[one\r\n], text/html[two])");
  EXPECT_EQ(shown(with_lf(message)), "multipart/mixed(text/plain[one\n], text/html[two])");
  const MimePart part = parse_structure(message);
  EXPECT_EQ(part.body_end, message.size());
  EXPECT_EQ(part.children[1].header_in(message), "Content-Type: text/html\r\n\r\n");
  EXPECT_EQ(part.children[0].lines, 1u);
  EXPECT_EQ(part.children[1].lines, 0u);
}

TEST(MimeStructure, BrokenMultipartsGiveWhatIsThere) {
  const std::string head(kMixed);
  EXPECT_EQ(shown(head + "--b\r\n\r\nopen\r\n"), "multipart/mixed(text/plain[open\r\n])");
  EXPECT_EQ(shown(head + "--b"), "multipart/mixed(text/plain[])");
  EXPECT_EQ(shown(head + "--b--"), "text/plain[--b--]");
  EXPECT_EQ(shown(head + "no delimiter"), "text/plain[no delimiter]");
  EXPECT_EQ(shown("Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx"), "text/plain[--b\r\n\r\nx]");
  EXPECT_EQ(shown("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\nx"),
            "text/plain[--\r\nx]");
  EXPECT_EQ(shown(head + "--b\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b--"),
            "multipart/mixed(text/plain[], text/plain[], text/plain[])");
  EXPECT_EQ(shown(head + "--b\r\nX: cut header\r\n--b--"), "multipart/mixed(text/plain[])");
  EXPECT_EQ(shown(head + "--b \t\r\n\r\nx\r\n--b-- \r\n"), "multipart/mixed(text/plain[x])");
  EXPECT_EQ(shown(head + "--b\r\nbad line\r\nContent-Type: text/html\r\n\r\nx"),
            "multipart/mixed(text/html[x])");
  EXPECT_EQ(shown(head + "--b\r\n\r\na --b\r\n --b\r\n--bc\r\n-b\r\n--b--"),
            "multipart/mixed(text/plain[a --b\r\n --b\r\n--bc\r\n-b])");
}

TEST(MimeStructure, NulBytesAreBytes) {
  const std::string message = std::string(kMixed) + "--b\r\nX: \0\r\n\r\na\0b\r\n--b--"s;
  const MimePart part = parse_structure(message);
  ASSERT_EQ(part.children.size(), 1u);
  EXPECT_EQ(part.children[0].body_in(message), "a\0b"sv);
}

std::string nested(std::string_view outer, std::string_view inner) {
  const std::string o(outer);
  const std::string i(inner);
  return "Content-Type: multipart/mixed; boundary=\"" + o + "\"\r\n\r\n--" + o +
         "\r\nContent-Type: multipart/alternative; boundary=\"" + i + "\"\r\n\r\n--" + i +
         "\r\n\r\n1\r\n--" + i + "\r\n\r\n2\r\n--" + i + "--\r\n--" + o + "\r\n\r\n3\r\n--" + o +
         "--";
}

TEST(MimeStructure, ABoundaryMayStartAnother) {
  constexpr std::string_view kTree =
      "multipart/mixed(multipart/alternative(text/plain[1], text/plain[2]), text/plain[3])";
  for (const auto& [outer, inner] : {std::pair("b"sv, "bb"sv), std::pair("bb"sv, "b"sv),
                                     std::pair("b"sv, "b--"sv), std::pair("x y"sv, "x"sv)})
    EXPECT_EQ(shown(nested(outer, inner)), kTree) << outer << " " << inner;
}

TEST(MimeStructure, AnOuterDelimiterEndsAllInside) {
  const std::string message =
      std::string(kMixed) +
      "--b\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n"
      "Content-Type: message/rfc822\r\n\r\nX: y\r\n--b\r\n\r\nlast\r\n--b--";
  EXPECT_EQ(shown(message),
            "multipart/mixed(multipart/mixed(message/rfc822(text/plain[])), text/plain[last])");
}

TEST(MimeStructure, AMessageInsideHasItsOwnHeaderAndBody) {  // RFC 2046 §5.2.1
  const std::string message =
      std::string(kMixed) +
      "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n"
      "--b--";
  EXPECT_EQ(shown(message), "multipart/mixed(message/rfc822(text/plain[body]))");
  const MimePart part = parse_structure(message);
  const MimePart& outer = part.children[0];
  const MimePart& inner = outer.children[0];
  EXPECT_EQ(inner.header_in(message), "Subject: in\r\n\r\n");
  EXPECT_EQ(outer.body_start, inner.header_start);
  EXPECT_EQ(outer.body_end, inner.body_end);
  EXPECT_EQ(outer.lines, 2u);
}

TEST(MimeStructure, ADigestHoldsMessages) {  // RFC 2046 §5.1.5
  EXPECT_EQ(shown("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nA: b\r\n\r\n1\r\n"
                  "--b\r\nContent-Type: text/plain\r\n\r\n2\r\n--b--"),
            "multipart/digest(message/rfc822(text/plain[1]), text/plain[2])");
}

TEST(MimeStructure, HeaderFieldsAreReadTolerantly) {
  const MimePart part = parse_structure(
      "Content-Type: TEXT / Html (comment); Charset=UTF-8 format=flowed;; x; =y; "
      "name=\"a\\\"b\"\r\n"
      "content-transfer-encoding: Base64 (why)\r\nContent-ID: <1@x>\r\n"
      "Content-Description: two\r\n words\r\nContent-MD5: Q2hlY2s=\r\n"
      "Content-Disposition: Attachment; filename=x(1).txt\r\n"
      "Content-Language: en, de (x),\r\nContent-Location: http://x/\r\n"
      "Content-Type: image/gif\r\n\r\n");
  EXPECT_EQ(part.type + "/" + part.subtype, "text/html");
  EXPECT_EQ(part.parameters, (std::vector<MimeParameter>{
                                 {"charset", "UTF-8"}, {"format", "flowed"}, {"name", "a\"b"}}));
  EXPECT_EQ(part.encoding, "base64");
  EXPECT_EQ(part.content_id, "<1@x>");
  EXPECT_EQ(part.description, "two words");
  EXPECT_EQ(part.md5, "Q2hlY2s=");
  ASSERT_TRUE(part.disposition);
  EXPECT_EQ(part.disposition->type, "attachment");
  EXPECT_EQ(part.disposition->parameters, (std::vector<MimeParameter>{{"filename", "x(1).txt"}}));
  EXPECT_EQ(part.languages, (std::vector<std::string>{"en", "de"}));
  EXPECT_EQ(part.location, "http://x/");
}

TEST(MimeStructure, ATypeThatIsNoneIsText) {  // RFC 2045 §5.2
  for (const char* type : {"", ";", "foo", "/x", "x/", "; charset=x", "(", "\"text/html\" "}) {
    const MimePart part = parse_structure("Content-Type: " + std::string(type) + "\r\n\r\n");
    EXPECT_FALSE(part.type.empty() || part.subtype.empty()) << type;
  }
  EXPECT_EQ(shown("Content-Type: text\r\n\r\nx"), "text/plain[x]");
  EXPECT_EQ(shown("Content-Type: foo\r\n\r\nx"), "text/plain[x]");
}

TEST(MimeStructure, ParametersComeInPieces) {  // RFC 2231 §3, §4
  const auto title = [](const char* text) {
    return parameter_of(parse_parameterized(text).parameters, "title");
  };
  EXPECT_EQ(title("a/b; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),
            "This is ***fun***");
  EXPECT_EQ(title("a/b; title*0*=us-ascii'en'This%20is%20even%20more%20; "
                  "title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\""),
            "This is even more ***fun*** isn't it!");
  EXPECT_EQ(title("a/b; title*1=b; title*0=a; title*3=d"), "ab");
  EXPECT_EQ(title("a/b; title*=iso-8859-1''caf%E9"), "café");
  EXPECT_EQ(title("a/b; title*=no quotes"), "no");
  EXPECT_EQ(title("a/b; title*1=b"), std::nullopt);
  EXPECT_EQ(shown("Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\nx"),
            "multipart/mixed(text/plain[x])");
}

TEST(MimeStructure, KeepsNoMoreParametersThanTheLimit) {
  std::string text = "text/plain";
  for (int i = 0; i < 200'000; ++i) text += "; a*" + std::to_string(i) + "=x";
  EXPECT_EQ(parse_parameterized(text).parameters.size(), kParametersMax);
  std::string languages = "Content-Language: ";
  for (int i = 0; i < 200'000; ++i) languages += "en, ";
  EXPECT_EQ(parse_structure(languages).languages.size(), kParametersMax);
}

size_t depth_of(const MimePart& part) {
  return part.children.empty() ? 0 : 1 + depth_of(part.children.front());
}
const MimePart& deepest(const MimePart& part) {
  return part.children.empty() ? part : deepest(part.children.front());
}

TEST(MimeStructure, DeeperThanTheLimitIsOneOpaquePart) {
  std::string message;
  for (int i = 0; i < 20'000; ++i)
    message += "Content-Type: multipart/mixed; boundary=" + std::to_string(i) + "\r\n\r\n--" +
               std::to_string(i) + "\r\n";
  const MimePart part = parse_structure(message);
  EXPECT_EQ(fault_in_structure(message, part), "");
  EXPECT_EQ(depth_of(part), kMimeDepthMax);
  EXPECT_EQ(deepest(part).type + "/" + deepest(part).subtype, "application/octet-stream");
  EXPECT_EQ(deepest(part).body_end, message.size());

  std::string messages;
  for (int i = 0; i < 100'000; ++i) messages += "Content-Type: message/rfc822\r\n\r\n";
  const MimePart chain = parse_structure(messages);
  EXPECT_EQ(fault_in_structure(messages, chain), "");
  EXPECT_EQ(depth_of(chain), kMimeDepthMax);
  EXPECT_EQ(deepest(chain).type + "/" + deepest(chain).subtype, "application/octet-stream");
}

TEST(MimeStructure, BehindTheLastPartAllowedAllIsEpilogue) {
  std::string message(kMixed);
  for (int i = 0; i < 100'000; ++i) message += "--b\r\n\r\nx\r\n";
  const MimePart part = parse_structure(message);
  EXPECT_EQ(part.children.size(), kMimePartsMax);
  EXPECT_EQ(fault_in_structure(message, part), "");
  EXPECT_EQ(part.children.back().body_in(message), "x");
}

TEST(MimeStructure, LimitsHoldAtTheirEdges) {
  const std::string message = nested("o", "i");
  EXPECT_EQ(shown(message, {.depth_max = 2, .parts_max = 4}), shown(message));
  EXPECT_EQ(shown(message, {.depth_max = 2, .parts_max = 3}),
            "multipart/mixed(multipart/alternative(text/plain[1], text/plain[2]))");
  EXPECT_EQ(shown(message, {.depth_max = 2, .parts_max = 2}),
            "multipart/mixed(multipart/alternative(text/plain[1]))");
  EXPECT_TRUE(shown(message, {.depth_max = 1, .parts_max = 4})
                  .starts_with("multipart/mixed(application/octet-stream[--i"));
  EXPECT_TRUE(
      shown(message, {.depth_max = 0, .parts_max = 4}).starts_with("application/octet-stream[--o"));
  EXPECT_TRUE(
      shown(message, {.depth_max = 2, .parts_max = 0}).starts_with("application/octet-stream[--o"));
}

TEST(MimeStructure, FieldsBehindTheHeaderLimitAreNotRead) {
  std::string message = "X: " + std::string(kHeaderBytesMax, 'x') + "\r\n" + std::string(kMixed);
  message += "--b\r\n\r\nx";
  const MimePart part = parse_structure(message);
  EXPECT_EQ(part.kind, Kind::kLeaf);
  EXPECT_EQ(part.body_in(message), "--b\r\n\r\nx");
}

TEST(MimeStructure, ManyBoundariesAndManyLinesAreNoProduct) {
  std::string message;
  for (size_t i = 0; i < kMimeDepthMax; ++i) {
    const std::string boundary = std::string(60, 'x') + std::to_string(1000 + i);
    message +=
        "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
  }
  message += "\r\n";
  const std::string line = "--" + std::string(60, 'x') + "9999\r\n";
  for (int i = 0; i < 100'000; ++i) message += line;
  const MimePart part = parse_structure(message);
  EXPECT_EQ(deepest(part).lines, 100'000u);
}

TEST(MimeStructure, EveryPrefixOfAMessageIsSound) {
  const std::string message = nested("b", "bb") +
                              "\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n" +
                              nested("b", "b--") + std::string(kMixed) + "--b\n--b--\r\r\n";
  for (size_t size = 0; size <= message.size(); ++size) {
    const std::string_view prefix = std::string_view(message).substr(0, size);
    ASSERT_EQ(fault_in_structure(prefix, parse_structure(prefix)), "") << size;
    const std::string_view suffix = std::string_view(message).substr(size);
    ASSERT_EQ(fault_in_structure(suffix, parse_structure(suffix)), "") << size;
  }
}

/// Gives no more than it must, and at another place each time.
class Pieces final : public MessageBytes {
 public:
  /// `bytes` must outlive it.
  explicit Pieces(const std::string& bytes) : bytes_(bytes) {}
  explicit Pieces(std::string&&) = delete;
  size_t size() const override { return bytes_.size(); }
  std::string_view from(size_t start) override {
    given_ = bytes_.substr(std::min(start, bytes_.size()), kMessagePieceBytesMin);
    return given_;
  }

 private:
  std::string_view bytes_;
  std::string given_;  // so that a view of an earlier piece shows
};

void expect_same(const MimePart& one, const MimePart& other) {
  EXPECT_EQ(one.header_start, other.header_start);
  EXPECT_EQ(one.body_start, other.body_start);
  EXPECT_EQ(one.body_end, other.body_end);
  EXPECT_EQ(one.lines, other.lines);
  EXPECT_EQ(one.type + '/' + one.subtype, other.type + '/' + other.subtype);
  EXPECT_EQ(one.parameters, other.parameters);
  ASSERT_EQ(one.children.size(), other.children.size());
  for (size_t i = 0; i < one.children.size(); ++i) expect_same(one.children[i], other.children[i]);
}

TEST(MimeStructure, IsTheSameWhereverThePiecesEnd) {
  for (size_t shift = 0; shift < 120; ++shift) {
    // Delimiters, headers and line ends near the end of the first piece, and behind a line that is
    // longer than a piece.
    std::string message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n";
    message += std::string(kMessagePieceBytesMin - 150 - message.size() + shift, 'x');
    const std::string end =
        "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntext\r\n--b\r\n\r\n";
    message += end + std::string(2 * kMessagePieceBytesMin + shift, 'y') + end + "z\r\n--b--\r\n";
    Pieces pieces(message);
    const MimePart structure = parse_structure(pieces);
    ASSERT_EQ(structure.children.size(), 5u) << shift;
    expect_same(structure, parse_structure(message));
  }
}

TEST(MimeStructure, OfAllHeadersTogetherOnlySoMuchIsReadToo) {
  std::string message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  const std::string part = "--b\r\nX: " + std::string(kHeaderBytesMax / 2, 'x') +
                           "\r\nContent-Type: image/png\r\n\r\n\r\n";
  for (int i = 0; i < 3; ++i) message += part;
  message += "--b--\r\n";
  Pieces pieces(message);
  const MimePart structure = parse_structure(pieces);
  ASSERT_EQ(structure.children.size(), 3u);
  EXPECT_EQ(structure.children[0].type, "image");
  EXPECT_EQ(structure.children[2].type, "text");
}

TEST(MimeStructure, ALineMayBeSoLongAndStillDelimit) {
  for (const size_t over : {0, 1}) {
    std::string delimiter = "--b";
    delimiter.resize(kDelimiterLineBytesMax - 2 + over, ' ');
    const std::string message =
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + delimiter + "\r\n\r\nx\r\n";
    EXPECT_EQ(parse_structure(message).children.size(), 1 - over);
  }
}

TEST(MimeStructure, WhatCantBeReadIsTheEnd) {
  class Broken final : public MessageBytes {
   public:
    size_t size() const override { return 10 * kMessagePieceBytesMin; }
    std::string_view from(size_t start) override {
      return start == 0 ? std::string_view(bytes_) : std::string_view();
    }

   private:
    std::string bytes_ = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" +
                         std::string(kMessagePieceBytesMin, 'x');
  } broken;
  EXPECT_LE(parse_structure(broken).body_end, 2 * kMessagePieceBytesMin);
}

}  // namespace
}  // namespace gemel
