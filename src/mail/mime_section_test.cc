#include "mail/mime_section.h"

#include <gtest/gtest.h>

#include "mail/mime_header.h"

namespace gemel {
namespace {

using Kind = Section::Kind;

// The message of RFC 3501 §6.4.5, each body named by its part number.
constexpr std::string_view kMessage =
    "Subject: top\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
    "--a\r\nContent-Type: text/plain\r\n\r\nbody 1\r\n"
    "--a\r\nContent-Type: application/octet-stream\r\n\r\nbody 2\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\nbody 3.1\r\n"
    "--b\r\nContent-Type: application/octet-stream\r\n\r\nbody 3.2\r\n--b--\r\n"
    "--a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    "--c\r\nContent-Type: image/gif\r\n\r\nbody 4.1\r\n"
    "--c\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: four two\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"
    "--d\r\nContent-Type: text/plain\r\n\r\nbody 4.2.1\r\n"
    "--d\r\nContent-Type: multipart/alternative; boundary=e\r\n\r\n"
    "--e\r\nContent-Type: text/plain\r\n\r\nbody 4.2.2.1\r\n"
    "--e\r\nContent-Type: text/richtext\r\n\r\nbody 4.2.2.2\r\n--e--\r\n"
    "--d--\r\n--c--\r\n--a--\r\n";

std::string bytes_of(std::string_view message, const Section& section) {
  const MimePart structure = parse_structure(message);
  WholeMessage whole(message);
  const auto found = resolve_section(whole, structure, section);
  return found ? std::string(view_of(*found, message)) : "NIL";
}
std::string bytes_of(std::string_view message, std::vector<uint32_t> path, Kind kind) {
  return bytes_of(message, {.path = std::move(path), .kind = kind, .fields = {}});
}

TEST(Section, EachLeafOfTheExampleIsWhereTheRfcSays) {  // RFC 3501 §6.4.5
  EXPECT_EQ(bytes_of(kMessage, {1}, Kind::kWhole), "body 1");
  EXPECT_EQ(bytes_of(kMessage, {2}, Kind::kWhole), "body 2");
  EXPECT_EQ(bytes_of(kMessage, {3, 1}, Kind::kWhole), "body 3.1");
  EXPECT_EQ(bytes_of(kMessage, {3, 2}, Kind::kWhole), "body 3.2");
  EXPECT_EQ(bytes_of(kMessage, {4, 1}, Kind::kWhole), "body 4.1");
  EXPECT_EQ(bytes_of(kMessage, {4, 2, 1}, Kind::kWhole), "body 4.2.1");
  EXPECT_EQ(bytes_of(kMessage, {4, 2, 2, 1}, Kind::kWhole), "body 4.2.2.1");
  EXPECT_EQ(bytes_of(kMessage, {4, 2, 2, 2}, Kind::kWhole), "body 4.2.2.2");
}

TEST(Section, HeadersTextsAndMimeHeadersToo) {
  EXPECT_EQ(bytes_of(kMessage, {}, Kind::kWhole), kMessage);
  EXPECT_EQ(bytes_of(kMessage, {}, Kind::kHeader) + bytes_of(kMessage, {}, Kind::kText), kMessage);
  EXPECT_EQ(bytes_of(kMessage, {3}, Kind::kHeader),
            "Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
  EXPECT_EQ(
      bytes_of(kMessage, {3}, Kind::kText),
      "--b\r\n\r\nbody 3.1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nbody 3.2\r\n"
      "--b--");
  EXPECT_EQ(bytes_of(kMessage, {3}, Kind::kWhole),
            bytes_of(kMessage, {3}, Kind::kHeader) + bytes_of(kMessage, {3}, Kind::kText));
  EXPECT_EQ(bytes_of(kMessage, {3}, Kind::kMime), "Content-Type: message/rfc822\r\n\r\n");
  EXPECT_EQ(bytes_of(kMessage, {4, 1}, Kind::kMime), "Content-Type: image/gif\r\n\r\n");
  EXPECT_EQ(bytes_of(kMessage, {3, 1}, Kind::kMime), "\r\n");
  EXPECT_TRUE(bytes_of(kMessage, {4, 2}, Kind::kHeader).starts_with("Subject: four two\r\n"));
  EXPECT_TRUE(bytes_of(kMessage, {4, 2}, Kind::kText).starts_with("--d\r\n"));
  EXPECT_TRUE(bytes_of(kMessage, {4, 2, 2}, Kind::kWhole).starts_with("--e\r\n"));
}

TEST(Section, WhatIsNotThereIsNothing) {
  using Path = std::vector<uint32_t>;
  for (const Path& path : {Path{0}, Path{5}, Path{1, 1}, Path{3, 3}, Path{3, 0}, Path{4, 2, 2, 3},
                           Path{UINT32_MAX}, Path(1000, 1)})
    for (const Kind kind : {Kind::kWhole, Kind::kMime, Kind::kHeader, Kind::kText})
      EXPECT_EQ(bytes_of(kMessage, path, kind), "NIL");
  for (const Path& path : {Path{1}, Path{4}, Path{4, 2, 2}})
    for (const Kind kind :
         {Kind::kHeader, Kind::kText, Kind::kHeaderFields, Kind::kHeaderFieldsNot})
      EXPECT_EQ(bytes_of(kMessage, path, kind), "NIL");
  EXPECT_EQ(bytes_of(kMessage, {}, Kind::kMime), "NIL");
}

TEST(Section, AMessageThatIsNoMultipartIsItsOwnPart1) {
  constexpr std::string_view kPlain = "Subject: x\r\n\r\nbody";
  EXPECT_EQ(bytes_of(kPlain, {1}, Kind::kWhole), "body");
  EXPECT_EQ(bytes_of(kPlain, {1}, Kind::kMime), "Subject: x\r\n\r\n");
  EXPECT_EQ(bytes_of(kPlain, {2}, Kind::kWhole), "NIL");
  EXPECT_EQ(bytes_of(kPlain, {1, 1}, Kind::kWhole), "NIL");
  EXPECT_EQ(bytes_of(kPlain, {1}, Kind::kText), "NIL");

  constexpr std::string_view kForward =
      "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ninner";
  EXPECT_EQ(bytes_of(kForward, {1}, Kind::kWhole), "Subject: y\r\n\r\ninner");
  EXPECT_EQ(bytes_of(kForward, {1}, Kind::kHeader), "Subject: y\r\n\r\n");
  EXPECT_EQ(bytes_of(kForward, {1}, Kind::kText), "inner");
  EXPECT_EQ(bytes_of(kForward, {1, 1}, Kind::kWhole), "inner");
  EXPECT_EQ(bytes_of(kForward, {1, 1, 1}, Kind::kWhole), "NIL");
  EXPECT_EQ(bytes_of(kForward, {}, Kind::kHeader), "Content-Type: message/rfc822\r\n\r\n");
}

TEST(Section, FieldsKeepTheirBytesAndTheEmptyLine) {
  constexpr std::string_view kFields =
      "A: 1\r\nb : 2\r\n\tfolded\r\nbroken\r\nC: 3\r\na: 4\r\n\r\nA: body";
  const auto only = [&](std::vector<std::string> names) {
    return bytes_of(kFields, {.path = {}, .kind = Kind::kHeaderFields, .fields = std::move(names)});
  };
  const auto all_but = [&](std::vector<std::string> names) {
    return bytes_of(kFields,
                    {.path = {}, .kind = Kind::kHeaderFieldsNot, .fields = std::move(names)});
  };
  EXPECT_EQ(only({"a"}), "A: 1\r\na: 4\r\n\r\n");
  EXPECT_EQ(only({"B", "b", "x"}), "b : 2\r\n\tfolded\r\n\r\n");
  EXPECT_EQ(only({"x"}), "\r\n");
  EXPECT_EQ(only({}), "\r\n");
  EXPECT_EQ(all_but({"a", "B"}), "broken\r\nC: 3\r\n\r\n");
  EXPECT_EQ(all_but({}), kFields.substr(0, kFields.find("A: body")));
  // RFC 3501 §6.4.5: no empty line where the message has none.
  EXPECT_EQ(select_fields("A: 1\r\nB: 2\r\n", {"A"}, FieldChoice::kOnly), "A: 1\r\n");
  EXPECT_EQ(bytes_of(kMessage, {.path = {3}, .kind = Kind::kHeaderFields, .fields = {"subject"}}),
            "Subject: three\r\n\r\n");
}

TEST(Section, ManyFieldsAndManyNamesAreNoProduct) {
  std::string header;
  std::vector<std::string> names;
  for (int i = 0; i < 100'000; ++i) {
    header += "X-" + std::to_string(i) + ": v\r\n";
    names.push_back("x-" + std::to_string(i));
  }
  EXPECT_EQ(select_fields(header, names, FieldChoice::kOnly), header);
  EXPECT_EQ(select_fields(header, names, FieldChoice::kAllBut), "");
}

TEST(Section, PartialsAreCutAtTheEnd) {  // RFC 3501 §6.4.5
  EXPECT_EQ(partial_of("hello", 0, 2), "he");
  EXPECT_EQ(partial_of("hello", 3, 100), "lo");
  EXPECT_EQ(partial_of("hello", 5, 1), "");
  EXPECT_EQ(partial_of("hello", UINT64_MAX, UINT64_MAX), "");
  EXPECT_EQ(partial_of("hello", 1, UINT64_MAX), "ello");
}

}  // namespace
}  // namespace gemel
