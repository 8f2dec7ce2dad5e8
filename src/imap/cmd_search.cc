// SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 4731 for RETURN), CANCELUPDATE (RFC 5267 §4.3).

#include <fmt/format.h>

#include "imap/search.h"
#include "imap/search_work.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

/// An answer, and what is kept or told of the search besides.
struct SearchTask {
  SearchAnswer answer;
  bool with_modseq = false;
  std::optional<SearchContext> context = {};  // to be kept with what is found
};

class SearchWork final : public Work {
 public:
  SearchWork(Session& session, Search search, SearchTask task)
      : session_(session),
        search_(std::move(search)),
        answer_(std::move(task.answer)),
        with_modseq_(task.with_modseq),
        context_(std::move(task.context)),
        walk_(Bitmap()),
        msns_(session.view().known()) {}

  Result<Progress> step(std::string& out) override;
  std::optional<Done> done() const override {
    return is_found_ ? std::nullopt : std::optional(search_.done());
  }

 private:
  Result<void> finish_search(std::string& out);
  void start_extended(std::string& out);
  Progress put_extended(std::string& out);
  void put_numbers(std::string& out);
  uint32_t number_of(Uid uid) { return answer_.by_uid ? uid.value : msns_.msn_of(uid); }
  Bitmap kept() const;

  Session& session_;
  Search search_;
  const SearchAnswer answer_;
  const bool with_modseq_;
  std::optional<SearchContext> context_;
  bool is_found_ = false;
  std::optional<ReturnsTeller> returns_;  // of an ESEARCH line that has begun
  ModSeq modseq_;
  BitmapWalk walk_;  // what is still to be put
  MsnCursor msns_;
};

Result<Progress> SearchWork::step(std::string& out) {
  if (!is_found_) {
    TRY(is_found_, search_.go_on());
    if (is_found_) TRY_OK(finish_search(out));
    return is_found_ && answer_.returns.is_extended && !returns_ ? Progress::kDone
                                                                 : Progress::kMore;
  }
  if (returns_) return put_extended(out);
  put_numbers(out);
  return walk_.at_end() ? Progress::kDone : Progress::kMore;
}

Bitmap SearchWork::kept() const {
  const Bitmap& found = search_.found();
  Bitmap out;
  for (const Span& span : answer_.returns.kept(found.cardinality())) out |= places(found, span);
  return out;
}

Result<void> SearchWork::finish_search(std::string& out) {
  if (with_modseq_) {
    TRY(modseq_, search_.highest_modseq(kept()));
  }
  if (answer_.returns.is_extended) {
    start_extended(out);
    return {};
  }
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

/// Nothing is to be told where `returns_` stays empty.
void SearchWork::start_extended(std::string& out) {
  const SearchReturns& returns = answer_.returns;
  const Bitmap& found = search_.found();
  if (returns.save) session_.save_search(kept());
  if (context_) {
    context_->results = found;
    session_.add_context(std::move(*context_));
  }
  // RFC 5182 §2.1: with SAVE alone nothing is told.
  if (returns.save && returns.tells_nothing()) return;
  if (answer_.mailbox && found.isEmpty()) return;
  put_head(out, {.tag = answer_.tag, .by_uid = answer_.by_uid, .mailbox = answer_.mailbox});
  returns_.emplace(returns,
                   FoundList{.count = found.cardinality(),
                             .uids = [this](Span span) { return uids_at(search_.found(), span); },
                             .number = [this](Uid uid) { return number_of(uid); },
                             .relevance = [this](Uid uid) { return search_.relevance_of(uid); },
                             .modseq = modseq_});
}

Progress SearchWork::put_extended(std::string& out) {
  if (returns_->go_on(out)) return Progress::kMore;
  out += "\r\n";
  return Progress::kDone;
}

/// The results change by themselves as time goes by, and nobody is told of that.
bool depends_on_time(const SearchNode& root) {
  return root.contains(SearchNode::Kind::kOlder) || root.contains(SearchNode::Kind::kYounger);
}

/// What will be kept of a search with UPDATE; nothing where that is refused, and then the client is
/// told why (RFC 5267 §4.3.1). Errors: kSyntax, the tag is that of another one.
Result<std::optional<SearchContext>> make_context(Session& session, const SearchNode& root,
                                                  const SearchAnswer& answer) {
  if (session.has_context(answer.tag))
    return fail(Code::kSyntax, "updates of a search with this tag are under way");
  const bool is_too_many = session.context_count() >= session.options().limits.search_contexts_max;
  if (is_too_many || depends_on_time(root)) {
    session.say(no_update_line(answer.tag, is_too_many ? "too many searches are kept up to date"
                                                       : "nobody tells how time goes by"));
    return std::nullopt;
  }
  const View& view = session.view();
  SearchContext out{
      .tag = answer.tag, .by_uid = answer.by_uid, .mailbox = answer.mailbox, .root = root};
  out.new_items = answer.returns.new_items;
  bind_numbers(out.root, view, session.saved_search());
  out.synced = view.synced();
  out.largest = view.known().isEmpty() ? 0 : view.known().maximum();
  return out;
}

}  // namespace

Result<SearchNode> read_criteria(Session& session, Args& args, const SearchReturns& returns) {
  // RFC 6855 §3: everything is UTF-8 then.
  if (session.features().utf8 && args.tokens.skip_word("CHARSET"))
    return fail(Code::kSyntax, "no CHARSET after UTF8=ACCEPT");
  TRY(std::string charset, read_charset_option(args.tokens));
  TRY(SearchNode root, session.read_search(args, std::move(charset)));
  if (returns.relevancy) TRY_OK(check_fuzzy(root));
  return root;
}

Result<void> queue_search(Session& session, SearchNode root, SearchAnswer answer) {
  SearchTask task{.answer = std::move(answer),
                  .with_modseq = root.contains(SearchNode::Kind::kModSeq)};
  if (task.answer.returns.update) {
    TRY(task.context, make_context(session, root, task.answer));
  }
  TRY(Search search, session.start_search(std::move(root)));
  if (task.context && session.is_limited()) {
    session.say(no_update_line(task.context->tag, "only a part of the mailbox was searched"));
    task.context.reset();
  }
  session.queue(std::make_unique<SearchWork>(session, std::move(search), std::move(task)));
  return {};
}

Status cmd_cancelupdate(Session& session, Args& args) {
  std::vector<std::string> tags;
  do {
    TRY_OK(args.tokens.space());
    TRY(const std::string_view tag, args.tokens.string());
    if (!session.has_context(tag))
      return fail(Code::kNotFound, "no search with this tag is kept up to date");
    tags.emplace_back(tag);
  } while (!args.tokens.at_end());
  TRY_OK(args.tokens.end());
  for (const std::string& tag : tags) session.cancel_context(tag);
  return Completion();
}

Status cmd_search(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY(SearchReturns returns, read_returns(args.tokens, session.options().limits.fetch_items_max));
  // RFC 9051 §6.4.4: ESEARCH is the only answer there.
  if (session.features().rev2 && !returns.is_extended) returns.is_extended = returns.all = true;
  if (returns.save) session.will_save_search();
  TRY(SearchNode root, read_criteria(session, args, returns));
  TRY_OK(queue_search(
      session, std::move(root),
      {.tag = std::string(args.tag), .returns = returns, .by_uid = args.has(kUsesUids)}));
  return Completion();
}

}  // namespace gemel::imap
