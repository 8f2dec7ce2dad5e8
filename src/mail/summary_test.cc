#include "mail/summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/hash.h"
#include "mail/ids.h"
#include "mail/imap_envelope.h"
#include "mail/mime_header.h"
#include "mail/mime_section.h"
#include "mail/text.h"

namespace gemel {
namespace {

std::vector<std::string> samples() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(GEMEL_SOURCE_DIR "/share/sample-mail"))
    if (entry.path().extension() == ".eml") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::string> out;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return out;
}

std::vector<std::string> odd_ones() {
  return {
      "",
      "\r\n",
      "no header at all",
      "Subject: ends without a line end",
      "Subject: one\nSUBJECT : two\n folded\n\nbody\n",
      "garbage\r\n Subject: not one\r\nsubject: yes\r\n\r\n",
      "From: J\xc3\xbcrgen <j@x>\r\nSubject: \xff\xfe\r\nTo: a@x\r\nTo: b@x\r\n\r\nx",
      "Content-Type: text/plain; name*0=a; name*1=b\r\n\r\nx",
      "Content-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nx",
  };
}

std::string bodystructure(std::string_view message, ImapDialect dialect) {
  WholeMessage whole(message);
  return imap_bodystructure(whole, parse_structure(message), dialect);
}

void expect_as_message(const std::string& message) {
  const auto summary = Summary::decode(summarize(message).value());
  ASSERT_TRUE(summary);
  const std::string_view header = std::string_view(message).substr(0, header_size(message));
  EXPECT_EQ(summary->envelope(ImapDialect::kAscii), imap_envelope(header, ImapDialect::kAscii));
  EXPECT_EQ(summary->bodystructure(ImapDialect::kAscii),
            bodystructure(message, ImapDialect::kAscii));
  if (const auto text = summary->envelope(ImapDialect::kUtf8)) {
    EXPECT_EQ(*text, imap_envelope(header, ImapDialect::kUtf8));
  }
  if (const auto text = summary->bodystructure(ImapDialect::kUtf8)) {
    EXPECT_EQ(*text, bodystructure(message, ImapDialect::kUtf8));
  }
  EXPECT_EQ(imap_envelope(summary->header(), ImapDialect::kUtf8),
            imap_envelope(header, ImapDialect::kUtf8));
  const std::vector<std::string> names = {"Subject", "REFERENCES", "to"};
  EXPECT_EQ(select_fields(summary->header(), names, FieldChoice::kOnly),
            select_fields(header, names, FieldChoice::kOnly));
  for (const std::string_view name : {"Date", "From", "To", "Cc", "Subject"}) {
    EXPECT_EQ(field_text(summary->header(), name), field_text(header, name));
    EXPECT_EQ(header_contains(summary->header(), name, SearchKey("")),
              header_contains(header, name, SearchKey("")));
  }
}

TEST(Summary, SaysWhatTheMessageSays) {
  const std::vector<std::string> all = samples();
  ASSERT_GT(all.size(), 100u);
  for (size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(i);
    expect_as_message(all[i]);
  }
  for (const std::string& message : odd_ones()) {
    SCOPED_TRACE(message);
    expect_as_message(message);
  }
}

TEST(Summary, ServesBothDialectsWhereTheySayTheSame) {
  const auto plain = Summary::decode(summarize("Subject: hi\r\n\r\nx").value());
  EXPECT_TRUE(plain->envelope(ImapDialect::kUtf8));
  EXPECT_TRUE(plain->bodystructure(ImapDialect::kUtf8));
  const auto raw = Summary::decode(summarize("Subject: \xc3\xbc\r\n\r\nx").value());
  EXPECT_FALSE(raw->envelope(ImapDialect::kUtf8));
  EXPECT_TRUE(raw->envelope(ImapDialect::kAscii));
}

TEST(Summary, IsNotMadeWhereItWouldBeLarge) {
  std::string message = "Subject: x\r\nTo: ";
  for (int i = 0; i < 2000; ++i) message += "somebody@example.org,\r\n ";
  message += "last@example.org\r\n\r\nbody";
  EXPECT_FALSE(summarize(message));
  EXPECT_FALSE(summarize("X: " + std::string(kHeaderBytesMax, 'x') + "\r\n\r\nbody"));
  EXPECT_TRUE(summarize("X: " + std::string(kSummaryBytesMax, 'x') + "\r\n\r\nbody"));
}

TEST(Summary, IsOfThisVersionOrNone) {
  std::string bytes = summarize("Subject: x\r\n\r\nbody").value();
  EXPECT_TRUE(Summary::decode(bytes));
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(Summary::decode(bytes.substr(0, size)));
  EXPECT_FALSE(Summary::decode(bytes + "x"));
  bytes[0] = static_cast<char>(kSummaryVersion + 1);
  EXPECT_FALSE(Summary::decode(bytes));
}

// What is kept must be what would be made anew: another hash here needs a higher kSummaryVersion.
TEST(Summary, ChangesOnlyWithItsVersion) {
  Sha256Stream all;
  for (const std::string& message : samples()) all.update(summarize(message).value());
  EXPECT_EQ(kSummaryVersion, 1);
  EXPECT_EQ(Guid{all.finish()}.text(),
            "b770312b8efe302443ab7dd1305ac40c"
            "0de32091da003c09b2678da89f83e140");
}

}  // namespace
}  // namespace gemel
