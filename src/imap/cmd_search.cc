// SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 4731 for RETURN, RFC 5182 for SAVE).

#include <fmt/format.h>

#include "base/bytes.h"
#include "imap/search.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

// Messages looked at before others get their turn, where bodies must be read.
constexpr size_t kSliceMessages = 50;

/// What is to be told of the result; nothing set means the plain answer of RFC 3501.
struct SearchReturns {
  bool is_extended = false;
  bool min = false;
  bool max = false;
  bool all = false;
  bool count = false;
  bool save = false;
};

struct SearchAnswer {
  std::string tag;
  SearchReturns returns;
  bool by_uid = false;
  bool with_modseq = false;
};

class SearchWork final : public Work {
 public:
  SearchWork(Session& session, Search search, SearchAnswer answer)
      : session_(session),
        search_(std::move(search)),
        answer_(std::move(answer)),
        walk_(Bitmap()),
        msns_(session.view().known()) {}

  Result<Progress> step(std::string& out) override;
  std::optional<Done> done() const override {
    return is_found_ ? std::nullopt : std::optional(search_.done());
  }

 private:
  Result<void> finish_search(std::string& out);
  Result<void> put_extended(std::string& out);
  void put_numbers(std::string& out);
  uint32_t number_of(Uid uid) { return answer_.by_uid ? uid.value : msns_.msn_of(uid); }
  std::string set_text(const Bitmap& uids);
  Bitmap told() const;

  Session& session_;
  Search search_;
  SearchAnswer answer_;
  bool is_found_ = false;
  ModSeq modseq_;
  BitmapWalk walk_;  // what is still to be put
  MsnCursor msns_;
};

Result<Progress> SearchWork::step(std::string& out) {
  if (!is_found_) {
    TRY(is_found_, search_.go_on(kSliceMessages));
    if (is_found_) TRY_OK(finish_search(out));
    return is_found_ && answer_.returns.is_extended ? Progress::kDone : Progress::kMore;
  }
  put_numbers(out);
  return walk_.at_end() ? Progress::kDone : Progress::kMore;
}

/// With only MIN or MAX asked for, those are the result that is saved and whose modseq is told
/// (RFC 5182 §2.4, RFC 4731 §3.2).
Bitmap SearchWork::told() const {
  const SearchReturns& returns = answer_.returns;
  const Bitmap& found = search_.found();
  const bool only_ends = (returns.min || returns.max) && !returns.all && !returns.count;
  if (!only_ends || found.isEmpty()) return found;
  Bitmap ends;
  if (returns.min) ends.add(found.minimum());
  if (returns.max) ends.add(found.maximum());
  return ends;
}

Result<void> SearchWork::finish_search(std::string& out) {
  if (answer_.with_modseq) {
    TRY(modseq_, search_.highest_modseq(told()));
  }
  if (answer_.returns.is_extended) return put_extended(out);
  out += "* SEARCH";
  walk_ = BitmapWalk(search_.found());
  return {};
}

void SearchWork::put_numbers(std::string& out) {
  constexpr size_t kNumberBytesMax = 11;
  const size_t count = session_.options().limits.output_piece_bytes / kNumberBytesMax + 1;
  walk_.next(count).for_each(
      [&](Uid uid) { fmt::format_to(std::back_inserter(out), " {}", number_of(uid)); });
  if (!walk_.at_end()) return;
  if (modseq_) out += fmt::format(" (MODSEQ {})", modseq_.value);
  out += "\r\n";
}

std::string SearchWork::set_text(const Bitmap& uids) {
  UidSet numbers;
  for (Bitmap::const_iterator at = uids.begin(); at.i.has_value; ++at)
    numbers.add(Uid(number_of(Uid(*at))));
  return numbers.text();
}

Result<void> SearchWork::put_extended(std::string& out) {
  const SearchReturns& returns = answer_.returns;
  const Bitmap& found = search_.found();
  if (returns.save) session_.save_search(told());
  // RFC 5182 §2.1: with SAVE alone nothing is told.
  if (returns.save && !returns.min && !returns.max && !returns.all && !returns.count) return {};
  out += "* ESEARCH (TAG ";
  wire::put_string(out, answer_.tag);
  out += ')';
  const auto put = std::back_inserter(out);
  if (answer_.by_uid) out += " UID";
  if (!found.isEmpty()) {
    if (returns.min) fmt::format_to(put, " MIN {}", number_of(Uid(found.minimum())));
    if (returns.max) fmt::format_to(put, " MAX {}", number_of(Uid(found.maximum())));
    if (returns.all) fmt::format_to(put, " ALL {}", set_text(found));
  }
  if (returns.count) fmt::format_to(put, " COUNT {}", found.cardinality());
  if (modseq_) fmt::format_to(put, " MODSEQ {}", modseq_.value);
  out += "\r\n";
  return {};
}

// ` RETURN (MIN COUNT)`, if it is there.
Result<SearchReturns> read_returns(wire::Tokenizer& tokens) {
  SearchReturns out;
  if (!tokens.skip_word("RETURN")) return out;
  out.is_extended = true;
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  while (tokens.peek() != ')') {
    TRY(const std::string_view word, tokens.atom());
    if (equals_ignoring_case(word, "MIN")) {
      out.min = true;
    } else if (equals_ignoring_case(word, "MAX")) {
      out.max = true;
    } else if (equals_ignoring_case(word, "ALL")) {
      out.all = true;
    } else if (equals_ignoring_case(word, "COUNT")) {
      out.count = true;
    } else if (equals_ignoring_case(word, "SAVE")) {
      out.save = true;
    } else {
      return fail(Code::kSyntax, "no such SEARCH return option");
    }
    if (tokens.peek() != ')') TRY_OK(tokens.space());
  }
  TRY_OK(tokens.close());
  TRY_OK(tokens.space());
  // RFC 4731 §3.1: an empty list means ALL.
  if (!out.min && !out.max && !out.count && !out.save) out.all = true;
  return out;
}

}  // namespace

Status cmd_search(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY(const SearchReturns returns, read_returns(args.tokens));
  // RFC 5182 §2.1: a search that fails leaves nothing saved.
  if (returns.save) session.save_search({});
  std::string charset;
  if (args.tokens.skip_word("CHARSET")) {
    TRY_OK(args.tokens.space());
    TRY(charset, read_charset(args.tokens));
    TRY_OK(args.tokens.space());
  }
  TRY(SearchNode root, session.read_search(args, std::move(charset)));
  const bool with_modseq = root.contains(SearchNode::Kind::kModSeq);
  TRY(Search search, session.start_search(std::move(root)));
  session.queue(std::make_unique<SearchWork>(session, std::move(search),
                                             SearchAnswer{.tag = std::string(args.tag),
                                                          .returns = returns,
                                                          .by_uid = args.has(kUsesUids),
                                                          .with_modseq = with_modseq}));
  return Completion();
}

}  // namespace gemel::imap
