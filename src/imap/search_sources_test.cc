#include "imap/search_sources.h"

#include <gtest/gtest.h>

namespace gemel::imap {
namespace {

using Kind = SearchSource::Kind;

Result<std::vector<SearchSource>> parse(std::string_view text, size_t names_max = 10) {
  wire::Tokenizer tokens(text);
  return read_sources(tokens, names_max);
}

TEST(SearchSources, AreReadInTheirOrder) {  // RFC 7377 §4, RFC 5465 §8
  const auto more = parse("IN (inboxes SUBTREE lists subtree-one (a \"b c\") selected) ");
  ASSERT_TRUE(more);
  ASSERT_EQ(more->size(), 4);
  EXPECT_EQ(more->at(0).kind, Kind::kPersonal);
  EXPECT_EQ(more->at(1).kind, Kind::kSubtree);
  EXPECT_EQ(more->at(1).names, std::vector<std::string>{"lists"});
  EXPECT_EQ(more->at(2).kind, Kind::kSubtreeOne);
  EXPECT_EQ(more->at(2).names, (std::vector<std::string>{"a", "b c"}));
  EXPECT_TRUE(names_selected(*more));
  EXPECT_TRUE(names_selected(parse("ALL").value()));
  EXPECT_FALSE(names_selected(parse("IN (personal) ").value()));
}

TEST(SearchSources, HaveALimitOfNames) {
  EXPECT_TRUE(parse("IN (mailboxes (a b)) ", 2));
  EXPECT_EQ(parse("IN (mailboxes (a b c)) ", 2).error().code, Code::kLimit);
  EXPECT_EQ(parse("IN (personal personal personal) ", 2).error().code, Code::kLimit);
}

}  // namespace
}  // namespace gemel::imap
