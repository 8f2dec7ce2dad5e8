// SORT and UID SORT (RFC 5256, RFC 5267 §3 for RETURN).

#include <fmt/format.h>

#include "imap/search.h"
#include "imap/search_returns.h"
#include "imap/session.h"
#include "imap/sort.h"

namespace gemel::imap {
namespace {

struct SortAnswer {
  std::string tag;
  SearchReturns returns;
  bool by_uid = false;
  bool with_modseq = false;
};

/// Searches, then collects what the order needs, then tells it.
class SortWork final : public Work {
 public:
  SortWork(Session& session, Search search, std::vector<SortKey> keys, SortAnswer answer)
      : session_(session),
        search_(std::move(search)),
        scratch_(session.scratch()),
        sorter_(std::move(keys), scratch_, [this](Uid uid) { return search_.relevance_of(uid); }),
        answer_(std::move(answer)),
        walk_(Bitmap()) {}

  std::optional<Done> done() const override {
    return stage_ == Stage::kSearch ? std::optional(search_.done()) : std::nullopt;
  }
  Result<Progress> step(std::string& out) override {
    switch (stage_) {
      case Stage::kSearch: {
        TRY(const bool is_found, search_.go_on());
        if (!is_found) return Progress::kMore;
        sorter_.expect(search_.found().cardinality());
        walk_ = BitmapWalk(search_.found());
        stage_ = Stage::kCollect;
        return Progress::kMore;
      }
      case Stage::kCollect:
        TRY_OK(sorter_.add(search_.mailbox(), walk_.next(kSliceMessages)));
        return walk_.at_end() ? finish_sort(out) : Progress::kMore;
      case Stage::kTell:
        return returns_ ? put_extended(out) : put_numbers(out);
    }
    return Progress::kDone;
  }

 private:
  enum class Stage : uint8_t { kSearch, kCollect, kTell };

  Result<Progress> finish_sort(std::string& out);
  Progress put_numbers(std::string& out);
  void start_extended(std::string& out);
  Progress put_extended(std::string& out);
  Bitmap kept() const;
  uint32_t number_of(Uid uid) const {
    return answer_.by_uid ? uid.value : session_.view().msn_of(uid);
  }

  Session& session_;
  Search search_;
  Scratch scratch_;
  Sorter sorter_;
  SortAnswer answer_;
  Stage stage_ = Stage::kSearch;
  BitmapWalk walk_;
  std::pmr::vector<Uid> sorted_{&scratch_};
  std::optional<ReturnsTeller> returns_;  // of an ESEARCH line that has begun
  ModSeq modseq_;
  size_t told_ = 0;
};

Result<Progress> SortWork::finish_sort(std::string& out) {
  sorted_ = std::move(sorter_).sorted();
  if (answer_.with_modseq) {  // RFC 7162 §3.1.6
    TRY(modseq_, search_.highest_modseq(kept()));
  }
  stage_ = Stage::kTell;
  if (answer_.returns.is_extended) {
    start_extended(out);
    return returns_ ? Progress::kMore : Progress::kDone;
  }
  out += "* SORT";
  return Progress::kMore;
}

Progress SortWork::put_numbers(std::string& out) {
  const auto put = std::back_inserter(out);
  const size_t piece_end = out.size() + session_.options().limits.output_piece_bytes;
  for (; told_ < sorted_.size() && out.size() < piece_end; ++told_)
    fmt::format_to(put, " {}", number_of(sorted_[told_]));
  if (told_ < sorted_.size()) return Progress::kMore;
  if (modseq_) fmt::format_to(put, " (MODSEQ {})", modseq_.value);
  out += "\r\n";
  return Progress::kDone;
}

Bitmap SortWork::kept() const {
  Bitmap out;
  for (const Span& span : answer_.returns.kept(sorted_.size()))
    for (uint64_t i = span.begin; i < span.end; ++i) out.add(sorted_[i].value);
  return out;
}

/// Nothing is to be told where `returns_` stays empty.
void SortWork::start_extended(std::string& out) {
  const SearchReturns& returns = answer_.returns;
  if (returns.save) session_.save_search(kept());
  // RFC 5182 §2.1: with SAVE alone nothing is told.
  if (returns.save && returns.tells_nothing()) return;
  put_head(out, {.tag = answer_.tag, .by_uid = answer_.by_uid});
  const auto uids = [this](Span span) {
    const auto at = sorted_.begin();
    return std::vector<Uid>(at + static_cast<ptrdiff_t>(span.begin),
                            at + static_cast<ptrdiff_t>(span.end));
  };
  returns_.emplace(returns,
                   FoundList{.count = sorted_.size(),
                             .uids = uids,
                             .number = [this](Uid uid) { return number_of(uid); },
                             .relevance = [this](Uid uid) { return search_.relevance_of(uid); },
                             .modseq = modseq_});
}

Progress SortWork::put_extended(std::string& out) {
  if (returns_->go_on(out)) return Progress::kMore;
  out += "\r\n";
  return Progress::kDone;
}

}  // namespace

Status cmd_sort(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY(const SearchReturns returns,
      read_returns(args.tokens, session.options().limits.fetch_items_max));
  // RFC 5267 §4.1: only CONTEXT=SORT would keep a sorted list up to date.
  if (returns.update || returns.context)
    return fail(Code::kSyntax, "SORT has no UPDATE and no CONTEXT here");
  if (returns.save) session.will_save_search();
  TRY(std::vector<SortKey> keys, read_sort_keys(args.tokens));
  TRY_OK(args.tokens.space());
  TRY(std::string charset, read_charset(args.tokens));
  TRY_OK(args.tokens.space());
  TRY(SearchNode root, session.read_search(args, std::move(charset)));
  const bool asks_for_relevance = returns.relevancy || sorts_by(keys, SortKey::Kind::kRelevancy);
  if (asks_for_relevance) TRY_OK(check_fuzzy(root));
  const bool with_modseq = root.contains(SearchNode::Kind::kModSeq);
  TRY(Search search, session.start_search(std::move(root)));
  session.queue(std::make_unique<SortWork>(session, std::move(search), std::move(keys),
                                           SortAnswer{.tag = std::string(args.tag),
                                                      .returns = returns,
                                                      .by_uid = args.has(kUsesUids),
                                                      .with_modseq = with_modseq}));
  return Completion();
}

}  // namespace gemel::imap
