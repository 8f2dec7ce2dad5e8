#include "mail/binary_encoding.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mail/transfer_encoding.h"

namespace gemel {
namespace {

std::string encoded(std::string_view message, Carrier carrier = Carrier::kReader) {
  WholeMessage whole(message);
  const MimePart structure = parse_structure(message);
  std::string out;
  const auto put = [&](std::string_view piece) {
    out += piece;
    return Result<void>();
  };
  EXPECT_TRUE(put_binary_as_base64(whole, structure, carrier, put));
  EXPECT_EQ(has_unfit_binary(whole, structure, carrier), out != message);
  LineScan lines;
  lines.add(message);
  if (out != message) {
    EXPECT_TRUE(may_be_unfit(lines, carrier));
  }
  return out;
}

TEST(BinaryEncoding, EncodesPartsThatSayBinaryAndHaveNul) {  // RFC 3516 §4.4
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(encoded("Subject: x\r\ncontent-transfer-encoding:\r\n BINARY\r\nTo: y\r\n\r\na\0b"sv),
            "Subject: x\r\nContent-Transfer-Encoding: base64\r\nTo: y\r\n\r\nYQBi\r\n");
  EXPECT_EQ(
      encoded(
          "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: binary\n\n"
          "pre\0amble\n--b\nContent-Transfer-Encoding: binary\n\nno zero\n"
          "--b\n\nnot said \0\n"
          "--b\nContent-Type: a/x\nContent-Transfer-Encoding: binary\n\n\0\1\n\n--b--\nepi\0"sv),
      "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: binary\n\n"
      "pre\0amble\n--b\nContent-Transfer-Encoding: binary\n\nno zero\n"
      "--b\n\nnot said \0\n"
      "--b\nContent-Type: a/x\nContent-Transfer-Encoding: base64\n\nAAEK\r\n\n--b--\nepi\0"sv);
}

// Alone, said to be `binary`, under a header with these line ends; what becomes of it.
std::string alone(std::string_view line_end, std::string_view body,
                  Carrier carrier = Carrier::kReader) {
  const auto message = [&](std::string_view encoding, std::string_view text) {
    return fmt::format("Content-Transfer-Encoding: {}{}{}{}", encoding, line_end, line_end, text);
  };
  const std::string out = encoded(message("binary", body), carrier);
  return out == message("binary", body) ? "as it was" : out.substr(message("base64", "").size());
}

TEST(BinaryEncoding, EncodesWhatIsNotMadeOfLines) {  // RFC 2045 §2.8, RFC 3977 §3.1.1
  EXPECT_EQ(alone("\r\n", "a\r\nb\r\n"), "as it was");
  EXPECT_EQ(alone("\r\n", "a\nb\r\n"), "YQpiDQo=\r\n");
  EXPECT_EQ(alone("\r\n", "a\rb\r\n"), "YQ1iDQo=\r\n");
  EXPECT_EQ(alone("\r\n", "a\r"), "YQ0=\r\n");
  // A message with the line ends of a file: LF is one there.
  EXPECT_EQ(alone("\n", "a\nb\n"), "as it was");
  EXPECT_EQ(alone("\n", "a\rb\n"), "YQ1iCg==\r\n");
}

TEST(BinaryEncoding, EncodesLinesThatSmtpCantCarry) {  // RFC 5321 §4.5.3.1.6
  const std::string line = std::string(kSmtpLineBytesMax, 'x') + "\r\n";
  EXPECT_EQ(alone("\r\n", line, Carrier::kSmtp), "as it was");
  EXPECT_EQ(alone("\r\n", "x" + line, Carrier::kReader), "as it was");
  EXPECT_TRUE(alone("\r\n", "x" + line, Carrier::kSmtp).starts_with("eHh4"));
}

TEST(BinaryEncoding, LeavesTextAlone) {
  const std::string text =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\nx\ny\r\n"
      "--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\na\nb\rc\r\n--b--\r\nz\n" +
      std::string(kSmtpLineBytesMax + 1, 'x');
  EXPECT_EQ(encoded(text, Carrier::kSmtp), text);
}

TEST(BinaryEncoding, LosesNothingOfALargePart) {
  std::string part;
  for (size_t i = 0; part.size() < 300'001; ++i) part += static_cast<char>(i * i >> 3);
  const std::string inner = "Subject: in\r\nContent-Transfer-Encoding: binary\r\n\r\n" + part;
  const std::string out = encoded(
      "Content-Type: multipart/mixed; boundary=bound-of-this\r\n\r\n"
      "--bound-of-this\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: "
      "binary\r\n\r\n" +
      inner + "\r\n--bound-of-this--\r\n");
  EXPECT_FALSE(out.contains('\0'));
  const MimePart structure = parse_structure(out);
  const MimePart& leaf = structure.children.at(0).children.at(0);
  EXPECT_EQ(leaf.encoding, "base64");
  EXPECT_TRUE(decode_transfer(leaf.body_in(out), leaf.encoding) == part);
  size_t longest = 0;
  for (std::string_view rest = leaf.body_in(out); !rest.empty();) {
    const size_t end = std::min(rest.find("\r\n"), rest.size());
    longest = std::max(longest, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  EXPECT_EQ(longest, 76);
}

TEST(BinaryEncoding, StopsWhereItCannotBePut) {
  WholeMessage whole("Subject: x\r\n\r\ny");
  const MimePart structure = parse_structure(whole);
  const auto refuse = [](std::string_view) -> Result<void> { return fail(Code::kNoSpace, "full"); };
  EXPECT_EQ(put_binary_as_base64(whole, structure, Carrier::kReader, refuse).error().code,
            Code::kNoSpace);
}

}  // namespace
}  // namespace gemel
