#include "mail/transfer_encoding.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

TEST(TransferEncoding, Base64IsTolerant) {
  EXPECT_EQ(decode_base64("Zm9v\r\nYmFy"), "foobar");
  EXPECT_EQ(decode_base64("Zm9vYg=="), "foob");
  EXPECT_EQ(decode_base64("Zm9vYg"), "foob");
  EXPECT_EQ(decode_base64("Zg==Zg=="), "ff");
  EXPECT_EQ(decode_base64("Z*m\x80"
                          "9v"),
            "foo");
  EXPECT_EQ(decode_base64("==="), "");
  EXPECT_EQ(decode_base64("Z"), "");
}

TEST(TransferEncoding, QuotedPrintableIsTolerant) {  // RFC 2045 §6.7
  EXPECT_EQ(decode_quoted_printable("a=3Db=\r\nc  \r\nd"), "a=bc\r\nd");
  EXPECT_EQ(decode_quoted_printable("a=\nb\n"), "ab\n");
  EXPECT_EQ(decode_quoted_printable("=e9=E9"), "\xe9\xe9");
  EXPECT_EQ(decode_quoted_printable("=XY =4 1=4"), "=XY =4 1=4");
  EXPECT_EQ(decode_quoted_printable("a= \t\r\nb"), "ab");
  EXPECT_EQ(decode_quoted_printable("a="), "a");
  EXPECT_EQ(decode_quoted_printable(""), "");
  EXPECT_EQ(decode_quoted_printable("\r\n\r\n"), "\r\n\r\n");
}

TEST(TransferEncoding, ByName) {
  EXPECT_EQ(decode_transfer("Zm9v", "BASE64"), "foo");
  EXPECT_EQ(decode_transfer("=41", "Quoted-Printable"), "A");
  EXPECT_EQ(decode_transfer("=41", "8bit"), "=41");
  EXPECT_EQ(decode_transfer("=41", "x-new"), "=41");
  EXPECT_EQ(decode_transfer("hi\nbegin 644 x\n#8V%T\n`\nend\nrest", "x-uuencode"), "cat");
  EXPECT_EQ(decode_transfer("no begin", "x-uuencode"), "");
  EXPECT_EQ(decode_q("a_b=5Fc"), "a b_c");
  EXPECT_EQ(decode_percent("a%20b%zz%2"), "a b%zz%2");
}

}  // namespace
}  // namespace gemel
