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

TEST(TransferDecoder, IsTheSameWhereverItIsCut) {
  const std::string escapes = "a=3D b =\r\nc=E4\t \r\n=\n=4\n=4x \n\n  = =\r\nend =";
  const std::string long_line = std::string(9000, 'x') + "=41" + std::string(5000, ' ') + "=\r\ny";
  const std::string blanks = std::string(6000, ' ') + "=\t=42" + std::string(4093, '=') + "\n ";
  const std::string wide = "a" + std::string(10'000, ' ') + "\nb=" + std::string(4096, ' ') +
                           "\r\nc=" + std::string(4095, ' ') + "\nd" + std::string(20'000, '\t') +
                           "=\ne" + std::string(9000, ' ');
  const std::string base64 = "SGVs\r\nbG8=?IFdv\ncmxk IQ==\r\nQQ";
  const std::string uuencode =
      "text\nbegin 644 a\n#0V%T\n" + std::string(5000, '#') + "\n`\nend\n#0V%T\n";
  const std::string unended = "begin 644 a\n#0V%T";
  for (const std::string& text : {escapes, long_line, blanks, wide, base64, uuencode, unended}) {
    for (const std::string_view encoding : {"quoted-printable", "BASE64", "x-uue", "8bit", "odd"}) {
      for (const size_t step : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, text.size()}) {
        TransferDecoder decoder(encoding);
        std::string out;
        for (size_t at = 0; at < text.size(); at += step) decoder.feed(text.substr(at, step), out);
        decoder.finish(out);
        EXPECT_EQ(out, decode_transfer(text, encoding)) << encoding << " by " << step;
      }
    }
  }
}

}  // namespace
}  // namespace gemel
