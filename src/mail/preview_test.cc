#include "mail/preview.h"

#include <gtest/gtest.h>

#include "mail/html_text.h"

namespace gemel {
namespace {

std::string preview(std::string_view message) {
  WholeMessage whole(message);
  return preview_of(whole, parse_structure(message));
}
std::string preview_of_html(const std::string& html) {
  return preview("Content-Type: text/html; charset=utf-8\r\n\r\n" + html);
}

TEST(Html, IsTextToAReader) {
  EXPECT_EQ(text_of_html("<p>a <b>b</b>&amp;&lt;c&#233;&#xe9;</p>"), "a b&<céé");
  EXPECT_EQ(text_of_html("a<style>p {}</style>b<SCRIPT>x<y</script>c<!-- <d> -->e"), "abce");
  EXPECT_EQ(text_of_html("a < b & c &unknown; &#0; &#x110000;"), "a ");
  EXPECT_EQ(text_of_html("a & c &unknown; &#0;"), "a & c &unknown; \xef\xbf\xbd");
  EXPECT_EQ(text_of_html("<style>never closed"), "");
}

TEST(Preview, OfHtmlIsItsText) {
  EXPECT_EQ(preview_of_html("<title>no</title><p>one</p>two&nbsp;<!-- no --> 3 &amp; 4"),
            "one two 3 & 4");
  EXPECT_EQ(preview_of_html("<head>never closed <b>x"), "never closed x");
  EXPECT_EQ(preview_of_html("<header>shown</header><STYLE x>no</style >y"), "shown y");
}

TEST(Preview, IsOfTheFirstTextThatSaysSomething) {
  EXPECT_EQ(preview("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n \r\n"
                    "--b\r\nContent-Type: text/html\r\n\r\n<b>x</b>\r\n"
                    "--b\r\n\r\n> quoted\r\n  said\r\n--b--\r\n"),
            "said");
}

// M08: HTML that ends in "<", a body cut in a UTF-8 sequence, a part of blanks.
TEST(Preview, OfWhatIsCutIsStillText) {
  EXPECT_EQ(preview_of_html("a<"), "a");
  EXPECT_EQ(preview_of_html("a&"), "a&");
  EXPECT_EQ(preview("Content-Type: text/plain; charset=utf-8\r\n\r\nna\xc3"), "na\xef\xbf\xbd");
  EXPECT_EQ(preview("Subject: x\r\n\r\n \t\r\n "), "");
}

TEST(Preview, HasSoManyCharacters) {
  EXPECT_EQ(preview("\r\n" + std::string(1000, 'x')), std::string(kPreviewCharactersMax, 'x'));
}

}  // namespace
}  // namespace gemel
