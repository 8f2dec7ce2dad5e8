#include "mail/binary_encoding.h"

#include <gtest/gtest.h>

#include "mail/transfer_encoding.h"

namespace gemel {
namespace {

std::string encoded(std::string_view message) {
  WholeMessage whole(message);
  const MimePart structure = parse_structure(message);
  std::string out;
  const auto put = [&](std::string_view piece) {
    out += piece;
    return Result<void>();
  };
  EXPECT_TRUE(put_binary_as_base64(whole, structure, put));
  EXPECT_EQ(has_binary_nul(whole, structure), out != message);
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
  EXPECT_EQ(put_binary_as_base64(whole, structure, refuse).error().code, Code::kNoSpace);
}

}  // namespace
}  // namespace gemel
