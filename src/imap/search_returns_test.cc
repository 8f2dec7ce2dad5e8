#include "imap/search_returns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace gemel::imap {
namespace {

Result<SearchReturns> parse(std::string_view text) {
  wire::Tokenizer tokens(text);
  return read_returns(tokens, 10);
}

std::string told(std::string_view text, const std::vector<uint32_t>& numbers) {
  const FoundList found{.count = numbers.size(),
                        .uids =
                            [&](Span span) {
                              const auto at = numbers.begin();
                              return std::vector<Uid>(at + static_cast<ptrdiff_t>(span.begin),
                                                      at + static_cast<ptrdiff_t>(span.end));
                            },
                        .number = &Uid::value,
                        .relevance =
                            [&](Uid uid) {
                              const auto at = std::ranges::find(numbers, uid.value);
                              return static_cast<uint32_t>(100 - (at - numbers.begin()));
                            }};
  std::string out;
  ReturnsTeller teller(parse(text).value(), found);
  while (teller.go_on(out)) {
  }
  return out;
}

TEST(SearchReturns, TellWhatIsAskedFor) {  // RFC 4731 §3.1
  const std::vector<uint32_t> found = {2, 3, 4, 8};
  EXPECT_EQ(told("RETURN () ", found), " ALL 2:4,8");
  EXPECT_EQ(told("RETURN (count max MIN) ", found), " MIN 2 MAX 8 COUNT 4");
  EXPECT_EQ(told("RETURN (MIN MAX ALL COUNT) ", {}), " COUNT 0");
  EXPECT_EQ(told("RETURN (SAVE) ", found), "");
}

TEST(SearchReturns, KeepTheOrderOfASort) {  // RFC 5267 §3.2
  EXPECT_EQ(told("RETURN (ALL) ", {5, 3, 4, 2, 1}), " ALL 5,3:4,2,1");
  EXPECT_EQ(told("RETURN (ALL) ", {1, 2, 3}), " ALL 1:3");
  EXPECT_EQ(told("RETURN (ALL) ", {}), "");
}

// A range does not end where a piece of the answer does.
TEST(SearchReturns, TellLongListsInPieces) {
  std::vector<uint32_t> dense(5000);
  std::iota(dense.begin(), dense.end(), 7);
  EXPECT_EQ(told("RETURN (MIN ALL COUNT) ", dense), " MIN 7 ALL 7:5006 COUNT 5000");
  EXPECT_EQ(told("RETURN (PARTIAL 2:4001) ", dense), " PARTIAL (2:4001 8:4007)");
  std::vector<uint32_t> sparse;
  std::string expected;
  for (uint32_t number = 1; number < 9000; number += 2) {
    sparse.push_back(number);
    expected += (number == 1 ? " ALL " : ",") + std::to_string(number);
  }
  EXPECT_EQ(told("RETURN (ALL) ", sparse), expected);
  ReturnsTeller teller(parse("RETURN (ALL) ").value(),
                       {.count = sparse.size(),
                        .uids =
                            [&](Span span) {
                              EXPECT_LE(span.end - span.begin, 1000);
                              const auto at = sparse.begin();
                              return std::vector<Uid>(at + static_cast<ptrdiff_t>(span.begin),
                                                      at + static_cast<ptrdiff_t>(span.end));
                            },
                        .number = &Uid::value,
                        .relevance = nullptr});
  std::string out;
  EXPECT_TRUE(teller.go_on(out));
  EXPECT_LT(out.size(), 10'000);
}

TEST(SearchReturns, TellAPart) {  // RFC 9394 §3.1
  const std::vector<uint32_t> found = {2, 3, 4, 8, 9};
  EXPECT_EQ(told("RETURN (PARTIAL 1:2) ", found), " PARTIAL (1:2 2:3)");
  EXPECT_EQ(told("RETURN (PARTIAL 4:2) ", found), " PARTIAL (2:4 3:4,8)");
  EXPECT_EQ(told("RETURN (PARTIAL 5:100) ", found), " PARTIAL (5:100 9)");
  EXPECT_EQ(told("RETURN (PARTIAL 6:7) ", found), " PARTIAL (6:7 NIL)");
  EXPECT_EQ(told("RETURN (PARTIAL -1:-2) ", found), " PARTIAL (-1:-2 8:9)");
  EXPECT_EQ(told("RETURN (PARTIAL -9:-4) ", found), " PARTIAL (-4:-9 2:3)");
  EXPECT_EQ(told("RETURN (PARTIAL -6:-6) ", found), " PARTIAL (-6:-6 NIL)");
  EXPECT_EQ(told("RETURN (PARTIAL 1:4294967295) ", {}), " PARTIAL (1:4294967295 NIL)");
  EXPECT_EQ(told("RETURN (MIN PARTIAL 2:2 COUNT) ", found), " MIN 2 COUNT 5 PARTIAL (2:2 3)");
}

TEST(SearchReturns, TellHowRelevantEachIs) {  // RFC 6203 §4
  EXPECT_EQ(told("RETURN (RELEVANCY ALL) ", {1, 5, 10}), " ALL 1,5,10 RELEVANCY (100 99 98)");
  EXPECT_EQ(told("RETURN (PARTIAL 2:9 RELEVANCY) ", {1, 5, 10}),
            " PARTIAL (2:9 5,10) RELEVANCY (99 98)");
  EXPECT_EQ(told("RETURN (RELEVANCY) ", {}), " RELEVANCY ()");
}

TEST(SearchReturns, RefuseBadOptions) {
  for (const char* bad :
       {"RETURN (PARTIAL 1) ", "RETURN (PARTIAL 1:*) ", "RETURN (PARTIAL *:1) ",
        "RETURN (PARTIAL 0:1) ", "RETURN (PARTIAL 1:-1) ", "RETURN (PARTIAL -1:1) ",
        "RETURN (PARTIAL 1:4294967296) ", "RETURN (PARTIAL) ", "RETURN (PARTIAL 1:2:3) ",
        "RETURN (PARTIAL 1:2 ALL) ", "RETURN (PARTIAL 1:2 PARTIAL 1:2) ", "RETURN (ODD) ",
        "RETURN (PARTIAL :) ", "RETURN (PARTIAL 01:2) ", "RETURN (MIN)", "RETURN MIN "}) {
    const Result<SearchReturns> parsed = parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Code::kSyntax) << bad;
  }
  EXPECT_FALSE(parse("ALL").value().is_extended);
}

TEST(SearchReturns, SayWhatSaveKeeps) {  // RFC 5182 §2.4, RFC 9394 §3.2
  using Spans = std::vector<Span>;
  const auto kept = [](std::string_view text, uint64_t size) {
    return parse(text).value().kept(size);
  };
  EXPECT_EQ(kept("RETURN (SAVE) ", 9), (Spans{{0, 9}}));
  EXPECT_EQ(kept("RETURN (SAVE MIN) ", 9), (Spans{{0, 1}}));
  EXPECT_EQ(kept("RETURN (SAVE MIN MAX) ", 9), (Spans{{0, 1}, {8, 9}}));
  EXPECT_EQ(kept("RETURN (SAVE MIN COUNT) ", 9), (Spans{{0, 9}}));
  EXPECT_EQ(kept("RETURN (SAVE PARTIAL 2:3) ", 9), (Spans{{1, 3}}));
  EXPECT_EQ(kept("RETURN (SAVE PARTIAL 2:3 MAX) ", 9), (Spans{{8, 9}, {1, 3}}));
  EXPECT_EQ(kept("RETURN (SAVE PARTIAL 2:3 COUNT MIN) ", 9), (Spans{{0, 9}}));
  EXPECT_EQ(kept("RETURN (SAVE MIN) ", 0), Spans{});
}

}  // namespace
}  // namespace gemel::imap
