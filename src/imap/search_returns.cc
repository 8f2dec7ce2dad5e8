#include "imap/search_returns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "imap/names.h"
#include "imap/sequence.h"

namespace gemel::imap {
namespace {

struct OptionRow {
  std::string_view name;
  bool SearchReturns::* member;
};
constexpr std::array kOptions = {
    OptionRow{"ALL", &SearchReturns::all},     OptionRow{"CONTEXT", &SearchReturns::context},
    OptionRow{"COUNT", &SearchReturns::count}, OptionRow{"MAX", &SearchReturns::max},
    OptionRow{"MIN", &SearchReturns::min},     OptionRow{"RELEVANCY", &SearchReturns::relevancy},
    OptionRow{"SAVE", &SearchReturns::save},   OptionRow{"UPDATE", &SearchReturns::update},
};

// What is left of it behind a "-".
Result<uint32_t> place_of(std::string_view text) {
  if (const std::optional<uint32_t> number = nz_number_of(text)) return *number;
  return fail(Code::kSyntax, "PARTIAL needs two numbers from 1");
}

// `UPDATE (UID FLAGS)`
Result<void> read_new_items(wire::Tokenizer& tokens, FetchItems& out, size_t items_max) {
  if (!tokens.skip_text(" (")) return {};
  do {
    TRY_OK(add_fetch_item(tokens, out, items_max));
  } while (tokens.skip(' '));
  out.sets_seen = false;  // nobody has read them
  return tokens.expect(')');
}

Result<void> read_option(wire::Tokenizer& tokens, SearchReturns& out, size_t items_max) {
  TRY(const std::string_view word, tokens.atom());
  if (equals_ignoring_case(word, "PARTIAL")) {
    // RFC 9394 §3.1: one of them, or else ALL.
    if (out.partial) return fail(Code::kSyntax, "PARTIAL is there twice");
    TRY_OK(tokens.space());
    TRY(out.partial, read_partial(tokens));
    return {};
  }
  const auto row = std::ranges::find_if(
      kOptions, [&](const OptionRow& option) { return equals_ignoring_case(option.name, word); });
  if (row == kOptions.end()) return fail(Code::kSyntax, "no such return option");
  out.*row->member = true;
  if (row->member == &SearchReturns::update)
    TRY_OK(read_new_items(tokens, out.new_items, items_max));
  return {};
}

}  // namespace

Bitmap places(const Bitmap& set, Span span) {
  uint32_t first = 0;
  uint32_t last = 0;
  if (span.begin >= span.end || !set.select(static_cast<uint32_t>(span.begin), &first) ||
      !set.select(static_cast<uint32_t>(span.end - 1), &last))
    return {};
  return members_between(set, first, last);
}

std::vector<Uid> uids_at(const Bitmap& set, Span span) {
  std::vector<Uid> out;
  const Bitmap uids = places(set, span);
  for (Bitmap::const_iterator at = uids.begin(); at.i.has_value; ++at) out.emplace_back(*at);
  return out;
}

std::string PartialRange::text() const {
  const std::string_view sign = from_end ? "-" : "";
  return fmt::format("{}{}:{}{}", sign, first, sign, last);
}

Span PartialRange::among(uint64_t size) const {
  const uint64_t begin = std::min<uint64_t>(first - 1, size);
  const uint64_t end = std::min<uint64_t>(last, size);
  return from_end ? Span{size - end, size - begin} : Span{begin, end};
}

Result<PartialRange> read_partial(wire::Tokenizer& tokens) {
  TRY(const std::string_view word, tokens.atom());
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos) return tokens.wrong("a range such as 1:100");
  std::string_view first = word.substr(0, colon);
  std::string_view last = word.substr(colon + 1);
  const bool from_end = first.starts_with('-');
  if (from_end != last.starts_with('-'))
    return fail(Code::kSyntax, "PARTIAL counts from one end, not from both");
  first.remove_prefix(from_end ? 1 : 0);
  last.remove_prefix(from_end ? 1 : 0);
  TRY(const uint32_t a, place_of(first));
  TRY(const uint32_t b, place_of(last));
  return PartialRange{.first = std::min(a, b), .last = std::max(a, b), .from_end = from_end};
}

std::vector<Span> SearchReturns::kept(uint64_t size) const {
  std::vector<Span> out;
  if (size == 0) return out;
  if (all || count || (!min && !max && !partial)) {
    out.push_back({0, size});
    return out;
  }
  // RFC 5182 §2.4, RFC 9394 §3.2, RFC 4731 §3.2.
  if (min) out.push_back({0, 1});
  if (max) out.push_back({size - 1, size});
  if (partial) out.push_back(partial->among(size));
  return out;
}

Result<SearchReturns> read_returns(wire::Tokenizer& tokens, size_t items_max) {
  SearchReturns out;
  if (!tokens.skip_word("RETURN")) return out;
  out.is_extended = true;
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  while (tokens.peek() != ')') {
    TRY_OK(read_option(tokens, out, items_max));
    if (tokens.peek() != ')') TRY_OK(tokens.space());
  }
  TRY_OK(tokens.close());
  TRY_OK(tokens.space());
  if (out.partial && out.all) return fail(Code::kSyntax, "ALL and PARTIAL exclude each other");
  // RFC 4731 §3.1: an empty list means ALL.
  if (out.tells_nothing() && !out.save && !out.update && !out.context) out.all = true;
  return out;
}

void put_head(std::string& out, const EsearchHead& head) {
  out += "* ESEARCH (TAG ";
  wire::put_string(out, head.tag);
  if (head.mailbox) {
    out += " MAILBOX ";
    put_path(out, head.mailbox->path, head.mailbox->dialect);
    fmt::format_to(std::back_inserter(out), " UIDVALIDITY {}", head.mailbox->uidvalidity.value);
  }
  out += head.by_uid ? ") UID" : ")";
}

void OrderedSet::add(std::string& out, uint32_t number) {
  if (first_ != 0 && number == last_ + 1) {
    ++last_;
    return;
  }
  if (first_ != 0) {
    end(out);
    out += ',';
  }
  first_ = last_ = number;
}

void OrderedSet::end(std::string& out) {
  const auto put = std::back_inserter(out);
  if (first_ != 0) fmt::format_to(put, "{}", first_);
  if (last_ != first_) fmt::format_to(put, ":{}", last_);
  first_ = last_ = 0;
}

ReturnsTeller::ReturnsTeller(const SearchReturns& returns, FoundList found)
    : found_(std::move(found)) {
  const uint64_t size = found_.count;
  const auto number_at = [&](uint64_t place) {
    return found_.number(found_.uids({place, place + 1}).front());
  };
  if (size > 0) {
    if (returns.min) parts_.push_back({.head = fmt::format(" MIN {}", number_at(0))});
    if (returns.max) parts_.push_back({.head = fmt::format(" MAX {}", number_at(size - 1))});
    if (returns.all) parts_.push_back({.head = " ALL ", .span = {0, size}});
  }
  if (returns.count) parts_.push_back({.head = fmt::format(" COUNT {}", size)});
  const Span partial = returns.partial ? returns.partial->among(size) : Span{0, size};
  if (returns.partial) {
    const std::string_view none = partial.begin < partial.end ? "" : "NIL";
    parts_.push_back({.head = fmt::format(" PARTIAL ({} {}", returns.partial->text(), none),
                      .span = partial,
                      .tail = ")"});
  }
  if (returns.relevancy)
    parts_.push_back(
        {.head = " RELEVANCY (", .span = partial, .values = Values::kRelevances, .tail = ")"});
  // RFC 7162 §3.1.6.
  if (found_.modseq) parts_.push_back({.head = fmt::format(" MODSEQ {}", found_.modseq.value)});
}

bool ReturnsTeller::go_on(std::string& out) {
  if (parts_.empty()) return false;
  const Part& part = parts_.front();
  if (at_ == 0) out += part.head;
  put_values(out, part);
  if (part.span.begin + at_ < part.span.end) return true;
  set_.end(out);
  out += part.tail;
  parts_.pop_front();
  at_ = 0;
  return true;
}

void ReturnsTeller::put_values(std::string& out, const Part& part) {
  constexpr uint64_t kPlaces = 1000;
  const uint64_t begin = part.span.begin + at_;
  const Span piece{begin, std::min(begin + kPlaces, part.span.end)};
  if (piece.begin >= piece.end) return;
  for (const Uid uid : found_.uids(piece)) {
    if (part.values == Values::kNumbers)
      set_.add(out, found_.number(uid));
    else
      fmt::format_to(std::back_inserter(out), "{}{}", at_ == 0 ? "" : " ", found_.relevance(uid));
    ++at_;
  }
}

}  // namespace gemel::imap
