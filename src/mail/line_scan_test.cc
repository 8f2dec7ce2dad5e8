#include "mail/line_scan.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

using std::string_view_literals::operator""sv;

struct Case {
  std::string_view bytes;
  bool has_nul = false;
  bool has_bare_cr = false;
  bool has_bare_lf = false;
  uint64_t longest_line = 0;
  uint64_t crlf_growth = 0;
};

constexpr Case kCases[] = {
    {.bytes = ""},
    {.bytes = "ab\r\nc\r\n", .longest_line = 2},
    {.bytes = "a\r\nbcd", .longest_line = 3, .crlf_growth = 2},
    {.bytes = "a\nb\r\n", .has_bare_lf = true, .longest_line = 1, .crlf_growth = 1},
    {.bytes = "\n", .has_bare_lf = true, .crlf_growth = 1},
    {.bytes = "a\rb\r\n", .has_bare_cr = true, .longest_line = 3},
    {.bytes = "a\r\r\n", .has_bare_cr = true, .longest_line = 2},
    {.bytes = "a\r", .has_bare_cr = true, .longest_line = 2, .crlf_growth = 2},
    {.bytes = "a\0\r\n"sv, .has_nul = true, .longest_line = 2},
};

TEST(LineScan, SeesTheSameWhereverTheBytesAreCut) {  // RFC 2045 §2.8
  for (const Case& expected : kCases) {
    for (size_t cut = 0; cut <= expected.bytes.size(); ++cut) {
      SCOPED_TRACE(testing::Message() << '"' << expected.bytes << "\" at " << cut);
      LineScan scan;
      scan.add(expected.bytes.substr(0, cut));
      scan.add(expected.bytes.substr(cut));
      EXPECT_EQ(scan.has_nul(), expected.has_nul);
      EXPECT_EQ(scan.has_bare_cr(), expected.has_bare_cr);
      EXPECT_EQ(scan.has_bare_lf(), expected.has_bare_lf);
      EXPECT_EQ(scan.longest_line(), expected.longest_line);
      EXPECT_EQ(scan.crlf_growth(), expected.crlf_growth);
    }
  }
}

}  // namespace
}  // namespace gemel
