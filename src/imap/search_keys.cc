#include "imap/search_keys.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "imap/date_time.h"
#include "mail/charset.h"
#include "mail/flags.h"

namespace gemel::imap {
namespace {

using Kind = SearchNode::Kind;

enum class Argument : uint8_t { kNone, kNumber, kSeconds, kDate, kField, kText, kUid, kSpecial };
enum class Negated : uint8_t { kNo, kYes };

struct KeyRow {
  std::string_view name;
  Kind kind;
  Argument argument = Argument::kNone;
  SystemFlag flag = {};
  Negated negated = Negated::kNo;
};

constexpr auto kIsNot = Negated::kYes;
constexpr std::array kKeys = {
    KeyRow{"ALL", Kind::kAnd},
    KeyRow{"ANSWERED", Kind::kFlag, Argument::kNone, SystemFlag::kAnswered},
    KeyRow{"BCC", Kind::kHeader, Argument::kField},
    KeyRow{"BEFORE", Kind::kBefore, Argument::kDate},
    KeyRow{"BODY", Kind::kBody, Argument::kText},
    KeyRow{"CC", Kind::kHeader, Argument::kField},
    KeyRow{"DELETED", Kind::kFlag, Argument::kNone, SystemFlag::kDeleted},
    KeyRow{"DRAFT", Kind::kFlag, Argument::kNone, SystemFlag::kDraft},
    KeyRow{"EMAILID", Kind::kEmailId, Argument::kSpecial},
    KeyRow{"FLAGGED", Kind::kFlag, Argument::kNone, SystemFlag::kFlagged},
    KeyRow{"FROM", Kind::kHeader, Argument::kField},
    KeyRow{"FUZZY", Kind::kAnd, Argument::kSpecial},
    KeyRow{"HEADER", Kind::kHeader, Argument::kSpecial},
    KeyRow{"KEYWORD", Kind::kKeyword, Argument::kSpecial},
    KeyRow{"LARGER", Kind::kLarger, Argument::kNumber},
    KeyRow{"MODSEQ", Kind::kModSeq, Argument::kSpecial},
    KeyRow{"NEW", Kind::kAnd, Argument::kSpecial},
    KeyRow{"NOT", Kind::kNot, Argument::kSpecial},
    KeyRow{"OLD", Kind::kRecent, Argument::kNone, {}, kIsNot},
    KeyRow{"OLDER", Kind::kOlder, Argument::kSeconds},
    KeyRow{"ON", Kind::kOn, Argument::kDate},
    KeyRow{"OR", Kind::kOr, Argument::kSpecial},
    KeyRow{"RECENT", Kind::kRecent},
    KeyRow{"SAVEDATESUPPORTED", Kind::kAnd},  // by every mailbox here
    KeyRow{"SAVEDBEFORE", Kind::kSavedBefore, Argument::kDate},
    KeyRow{"SAVEDON", Kind::kSavedOn, Argument::kDate},
    KeyRow{"SAVEDSINCE", Kind::kSavedSince, Argument::kDate},
    KeyRow{"SEEN", Kind::kFlag, Argument::kNone, SystemFlag::kSeen},
    KeyRow{"SENTBEFORE", Kind::kSentBefore, Argument::kDate},
    KeyRow{"SENTON", Kind::kSentOn, Argument::kDate},
    KeyRow{"SENTSINCE", Kind::kSentSince, Argument::kDate},
    KeyRow{"SINCE", Kind::kSince, Argument::kDate},
    KeyRow{"SMALLER", Kind::kSmaller, Argument::kNumber},
    KeyRow{"SUBJECT", Kind::kHeader, Argument::kField},
    KeyRow{"TEXT", Kind::kText, Argument::kText},
    KeyRow{"THREADID", Kind::kNothing, Argument::kSpecial},
    KeyRow{"TO", Kind::kHeader, Argument::kField},
    KeyRow{"UID", Kind::kSet, Argument::kUid},
    KeyRow{"UIDAFTER", Kind::kSet, Argument::kSpecial},
    KeyRow{"UIDBEFORE", Kind::kSet, Argument::kSpecial},
    KeyRow{"UNANSWERED", Kind::kFlag, Argument::kNone, SystemFlag::kAnswered, kIsNot},
    KeyRow{"UNDELETED", Kind::kFlag, Argument::kNone, SystemFlag::kDeleted, kIsNot},
    KeyRow{"UNDRAFT", Kind::kFlag, Argument::kNone, SystemFlag::kDraft, kIsNot},
    KeyRow{"UNFLAGGED", Kind::kFlag, Argument::kNone, SystemFlag::kFlagged, kIsNot},
    KeyRow{"UNKEYWORD", Kind::kKeyword, Argument::kSpecial, {}, kIsNot},
    KeyRow{"UNSEEN", Kind::kFlag, Argument::kNone, SystemFlag::kSeen, kIsNot},
    KeyRow{"YOUNGER", Kind::kYounger, Argument::kSeconds},
};
static_assert(std::ranges::is_sorted(kKeys, {}, &KeyRow::name));  // found by binary search

SearchNode negate(SearchNode node) {
  SearchNode out{.kind = Kind::kNot};
  out.children.push_back(std::move(node));
  return out;
}

void sort_by_cost(std::vector<SearchNode>& nodes) {
  std::ranges::sort(nodes, {}, &SearchNode::dearest);
}

class Parser {
 public:
  Parser(wire::Tokenizer& tokens, const SearchLimits& limits, std::string charset)
      : tokens_(tokens), limits_(limits), charset_(std::move(charset)) {}

  Result<SearchNode> all();

 private:
  Result<SearchNode> key();
  Result<SearchNode> list();
  Result<SearchNode> named(const KeyRow& row);
  Result<SearchNode> around_uid(const KeyRow& row);
  Result<SearchNode> special(const KeyRow& row);
  Result<SearchNode> header();
  Result<SearchNode> modseq();
  Result<SearchNode> either();
  Result<std::string> text();
  Result<void> read_text(SearchNode& node);
  Result<SearchNode> fuzzy();
  Result<SearchNode> set(SearchNode::Numbers numbers);

  wire::Tokenizer& tokens_;
  const SearchLimits& limits_;
  std::string charset_;
  size_t keys_ = 0;
  size_t text_bytes_ = 0;
  size_t depth_ = 0;
  size_t fuzzy_depth_ = 0;
};

Result<SearchNode> Parser::all() {
  SearchNode out;
  do {
    TRY(out.children.emplace_back(), key());
  } while (tokens_.skip(' '));
  TRY_OK(tokens_.end());
  sort_by_cost(out.children);
  return out;
}

Result<SearchNode> Parser::key() {
  if (++keys_ > limits_.keys_max) return fail(Code::kLimit, "too many search keys");
  if (++depth_ > limits_.depth_max) return fail(Code::kLimit, "search keys are nested too deep");
  Result<SearchNode> out = fail(Code::kSyntax, "no such search key");
  const char c = tokens_.peek();
  if (c == '(') {
    out = list();
  } else if ((c >= '0' && c <= '9') || c == '*' || c == '$') {
    out = set(SearchNode::Numbers::kMsn);
  } else {
    TRY(const std::string_view name, tokens_.atom());
    const std::string upper = to_upper(name);
    const auto row = std::ranges::lower_bound(kKeys, std::string_view(upper), {}, &KeyRow::name);
    if (row != kKeys.end() && row->name == upper) out = named(*row);
    if (out && row->negated == Negated::kYes) out = negate(std::move(*out));
  }
  --depth_;
  return out;
}

Result<SearchNode> Parser::list() {
  SearchNode out;
  TRY_OK(tokens_.open());
  do {
    TRY(out.children.emplace_back(), key());
  } while (tokens_.skip(' '));
  TRY_OK(tokens_.close());
  sort_by_cost(out.children);
  return out;
}

Result<SearchNode> Parser::set(SearchNode::Numbers numbers) {
  TRY(const std::string_view words, tokens_.sequence());
  if (words == "$") return SearchNode{.kind = Kind::kSet, .numbers = SearchNode::Numbers::kSaved};
  SearchNode out{.kind = Kind::kSet, .numbers = numbers};
  TRY(out.sequence, parse_sequence(words, limits_.ranges_max));
  return out;
}

Result<std::string> Parser::text() {
  TRY_OK(tokens_.space());
  TRY(const std::string_view raw, tokens_.astring());
  std::string utf8 = to_utf8(raw, charset_);
  // Folded, it may take eleven times as much, and stay as long as the client wants to hear of it.
  text_bytes_ += utf8.size();
  if (text_bytes_ > limits_.text_bytes_max)
    return fail(Code::kLimit, "too much text to search for");
  return utf8;
}

Result<void> Parser::read_text(SearchNode& node) {
  TRY(const std::string words, text());
  node.key.emplace(words);
  if (fuzzy_depth_ > 0) node.fuzzy = std::make_shared<const FuzzyKey>(to_utf8(words, "utf-8"));
  return {};
}

Result<SearchNode> Parser::named(const KeyRow& row) {
  SearchNode node{.kind = row.kind};
  switch (row.argument) {
    case Argument::kNone:
      node.number = static_cast<uint64_t>(row.flag);
      return node;
    case Argument::kNumber: {
      TRY_OK(tokens_.space());
      TRY(node.number, tokens_.number64());
      return node;
    }
    case Argument::kSeconds: {  // RFC 5032 §3: not zero
      TRY_OK(tokens_.space());
      TRY(node.number, tokens_.nz_number());
      return node;
    }
    case Argument::kDate: {
      TRY_OK(tokens_.space());
      TRY(const std::string_view words, tokens_.astring());
      TRY(node.date, parse_date(words));
      return node;
    }
    case Argument::kField: {
      node.text = row.name;
      TRY_OK(read_text(node));
      return node;
    }
    case Argument::kText: {
      TRY_OK(read_text(node));
      return node;
    }
    case Argument::kUid: {
      TRY_OK(tokens_.space());
      return set(SearchNode::Numbers::kUid);
    }
    case Argument::kSpecial:
      return special(row);
  }
  return node;
}

// UIDAFTER, UIDBEFORE (RFC 9738 §3.2).
Result<SearchNode> Parser::around_uid(const KeyRow& row) {
  TRY(const uint32_t uid, tokens_.nz_number());
  SearchNode out{.kind = Kind::kSet, .numbers = SearchNode::Numbers::kUid};
  const bool is_after = row.name == "UIDAFTER";
  if (is_after || uid > 1) out.sequence.push_back({1, is_after ? uid : uid - 1});
  return is_after ? negate(std::move(out)) : std::move(out);
}

Result<SearchNode> Parser::special(const KeyRow& row) {
  if (row.name == "NEW") {  // RECENT UNSEEN
    SearchNode out;
    out.children.push_back({.kind = Kind::kRecent});
    out.children.push_back(
        negate({.kind = Kind::kFlag, .number = static_cast<uint64_t>(SystemFlag::kSeen)}));
    return out;
  }
  TRY_OK(tokens_.space());
  if (row.name == "FUZZY") return fuzzy();
  if (row.kind == Kind::kSet) return around_uid(row);
  if (row.kind == Kind::kNot) {
    TRY(SearchNode inner, key());
    return negate(std::move(inner));
  }
  if (row.kind == Kind::kOr) return either();
  if (row.kind == Kind::kHeader) return header();
  if (row.kind == Kind::kModSeq) return modseq();
  TRY(const std::string_view word, tokens_.atom());
  return SearchNode{.kind = row.kind, .text = std::string(word)};
}

// RFC 6203 §5: what is no text is matched exactly.
Result<SearchNode> Parser::fuzzy() {
  SearchNode out{.is_fuzzy = true};
  ++fuzzy_depth_;
  TRY(out.children.emplace_back(), key());
  --fuzzy_depth_;
  return out;
}

Result<SearchNode> Parser::either() {
  SearchNode out{.kind = Kind::kOr};
  TRY(out.children.emplace_back(), key());
  TRY_OK(tokens_.space());
  TRY(out.children.emplace_back(), key());
  sort_by_cost(out.children);
  return out;
}

Result<SearchNode> Parser::header() {
  SearchNode out{.kind = Kind::kHeader};
  TRY(const std::string_view field, tokens_.astring());
  out.text = field;
  TRY_OK(read_text(out));
  return out;
}

// `MODSEQ ["/flags/\\Seen" all] 12345`; one modseq stands for all of a message's metadata here, as
// RFC 7162 §3.1.5 allows.
Result<SearchNode> Parser::modseq() {
  SearchNode out{.kind = Kind::kModSeq};
  if (tokens_.peek() == '"') {
    TRY_OK(tokens_.string());
    TRY_OK(tokens_.space());
    if (!tokens_.skip_word("ALL") && !tokens_.skip_word("PRIV") && !tokens_.skip_word("SHARED"))
      return tokens_.wrong("\"all\", \"priv\" or \"shared\"");
    TRY_OK(tokens_.space());
  }
  TRY(out.number, tokens_.number64());
  return out;
}

}  // namespace

SearchNode::Kind SearchNode::dearest() const {
  Kind out = children.empty() ? kind : Kind::kAnd;
  for (const SearchNode& child : children) out = std::max(out, child.dearest());
  return out;
}

bool SearchNode::contains(Kind wanted) const {
  return kind == wanted || std::ranges::any_of(children, [&](const SearchNode& child) {
           return child.contains(wanted);
         });
}

bool SearchNode::contains_fuzzy() const {
  return is_fuzzy || std::ranges::any_of(children, &SearchNode::contains_fuzzy);
}

bool SearchNode::contains(Numbers wanted) const {
  return (kind == Kind::kSet && numbers == wanted) ||
         std::ranges::any_of(children,
                             [&](const SearchNode& child) { return child.contains(wanted); });
}

Result<void> check_fuzzy(const SearchNode& root) {
  if (root.contains_fuzzy()) return {};
  return fail(Code::kSyntax, "RELEVANCY goes only with FUZZY");
}

Result<std::string> read_charset(wire::Tokenizer& tokens) {
  TRY(const std::string_view name, tokens.astring());
  if (!knows_charset(name)) return fail(Code::kUnsupported, "no such charset here");
  return std::string(name);
}

Result<std::string> read_charset_option(wire::Tokenizer& tokens) {
  if (!tokens.skip_word("CHARSET")) return std::string();
  TRY_OK(tokens.space());
  TRY(std::string charset, read_charset(tokens));
  TRY_OK(tokens.space());
  return charset;
}

Result<SearchNode> parse_search(wire::Tokenizer& tokens, const SearchLimits& limits,
                                std::string charset) {
  return Parser(tokens, limits, std::move(charset)).all();
}

}  // namespace gemel::imap
