// ESEARCH: a search of many mailboxes (RFC 7377).

#include <fmt/format.h>

#include "imap/search.h"
#include "imap/search_returns.h"
#include "imap/search_sources.h"
#include "imap/search_work.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

struct MultiSearch {
  std::string tag;
  SearchReturns returns;
  SearchNode root;
  std::vector<Named> mailboxes;
};

/// One mailbox after another; each that has matches is told when it has been searched.
class MultiSearchWork final : public Work {
 public:
  MultiSearchWork(Session& session, MultiSearch search)
      : session_(session), request_(std::move(search)) {}

  /// Mailboxes: how many messages are in those to come is not known yet.
  std::optional<Done> done() const override {
    return Done{.count = at_, .goal = request_.mailboxes.size()};
  }
  Result<Progress> step(std::string& out) override {
    if (!search_ && at_ == request_.mailboxes.size()) return Progress::kDone;
    if (!search_) {
      const Result<void> opened = open(request_.mailboxes[at_]);
      if (opened) return Progress::kMore;
      // One that went meanwhile, or may not be read any more, is as if it had never been there.
      const Code code = opened.error().code;
      if (code != Code::kNotFound && code != Code::kDenied) return std::unexpected(opened.error());
      ++at_;
      return Progress::kMore;
    }
    if (returns_) {
      if (returns_->go_on(out)) return Progress::kMore;
      out += "\r\n";
      close();
      return Progress::kMore;
    }
    TRY(const bool is_found, search_->go_on());
    if (!is_found) return Progress::kMore;
    // RFC 7377 §2.1: nothing of a mailbox without matches.
    if (search_->found().isEmpty())
      close();
    else
      TRY_OK(start_answer(out));
    return Progress::kMore;
  }

 private:
  Result<void> open(const Named& named);
  Result<void> start_answer(std::string& out);
  void close();

  Session& session_;
  const MultiSearch request_;
  size_t at_ = 0;
  std::optional<View> view_;
  std::optional<Search> search_;
  std::optional<ReturnsTeller> returns_;  // of an ESEARCH line that has begun
};

Result<void> MultiSearchWork::open(const Named& named) {
  const UserAccess& user = session_.access();
  const MailStore& store = session_.store();
  const UniqueId& id = named.mailbox.id;
  const bool is_live = named.content == Content::kLive;
  TRY_OK(user.find(id, is_live ? Rights{Right::kRead} : kExpungedReaders));
  const std::string seen_by = user.seen_by(named.mailbox);
  TRY(MailboxView mailbox, view_of(store, id, named.content, seen_by));
  TRY(View view, View::open(session_.store(), user, mailbox, Access::kReadOnly));
  view_.emplace(std::move(view));
  SearchNode root = request_.root;
  bind_numbers(root, *view_, {});
  TRY(Search search, Search::start(std::move(root), *view_, std::move(mailbox),
                                   {.now_s = session_.options().clock.unix_s(),
                                    .text_index = session_.options().text_index}));
  // RFC 9738 §3.1.
  TRY_OK(session_.check_limit(search.found().cardinality() + search.to_look_at().cardinality()));
  search_.emplace(std::move(search));
  return {};
}

Result<void> MultiSearchWork::start_answer(std::string& out) {
  ModSeq modseq;
  if (request_.root.contains(SearchNode::Kind::kModSeq)) {
    TRY(modseq, search_->highest_modseq(search_->found()));
  }
  const Named& named = request_.mailboxes[at_];
  const std::string path = path_of(session_.access(), named.mailbox.name, named.content);
  put_head(out, {.tag = request_.tag,
                 .by_uid = true,
                 .mailbox =
                     MailboxMark{path, search_->mailbox().info().uidvalidity, session_.dialect()}});
  returns_.emplace(request_.returns,
                   FoundList{.count = search_->found().cardinality(),
                             .uids = [this](Span span) { return uids_at(search_->found(), span); },
                             .number = &Uid::value,
                             .relevance = [this](Uid uid) { return search_->relevance_of(uid); },
                             .modseq = modseq});
  return {};
}

/// The next one can be opened.
void MultiSearchWork::close() {
  returns_.reset();
  search_.reset();
  view_.reset();
  ++at_;
}

/// The selected mailbox is searched as the client knows it.
Result<void> queue_selected(Session& session, const MultiSearch& search) {
  if (search.returns.save) session.will_save_search();
  TRY(const MailboxInfo mailbox, session.store().find(session.view().id()));
  const Content content = session.view().shows_expunged() ? Content::kExpunged : Content::kLive;
  const MailboxMark mark{path_of(session.access(), mailbox.name, content),
                         session.view().uidvalidity(), session.dialect()};
  return queue_search(
      session, search.root,
      {.tag = search.tag, .returns = search.returns, .by_uid = true, .mailbox = mark});
}

/// What does not go together (RFC 7377 §2.2).
Result<void> check_sources(const Session& session, const MultiSearch& search,
                           const std::vector<SearchSource>& sources) {
  const bool has_selected = names_selected(sources);
  if (has_selected && !session.has_view()) return fail(Code::kSyntax, "no mailbox is selected");
  const bool is_only_selected = has_selected && sources.size() == 1;
  if (search.returns.save && !is_only_selected)
    return fail(Code::kSyntax, "SAVE goes only with the selected mailbox");
  if (search.root.contains(SearchNode::Numbers::kSaved) && !is_only_selected)
    return fail(Code::kSyntax, "\"$\" goes only with the selected mailbox");
  if (search.returns.update && !session.has_view())
    return fail(Code::kSyntax, "UPDATE needs a selected mailbox");
  return {};
}

}  // namespace

Status cmd_esearch(Session& session, Args& args) {
  const Limits& limits = session.options().limits;
  TRY_OK(args.tokens.space());
  TRY(const std::vector<SearchSource> sources,
      read_sources(args.tokens, limits.search_mailboxes_max));
  MultiSearch search{.tag = std::string(args.tag), .returns = {}, .root = {}, .mailboxes = {}};
  TRY(search.returns, read_returns(args.tokens, limits.fetch_items_max));
  // RFC 7377 §2.1: it is always answered by ESEARCH.
  if (!std::exchange(search.returns.is_extended, true)) search.returns.all = true;
  TRY(search.root, read_criteria(session, args, search.returns));
  TRY_OK(check_sources(session, search, sources));
  TRY(search.mailboxes,
      resolve_sources(session.store(), session.access(), sources, session.dialect()));
  if (search.mailboxes.size() > limits.search_mailboxes_max)
    return fail(Code::kLimit, "too many mailboxes to search at once");
  if (names_selected(sources)) {
    TRY_OK(queue_selected(session, search));
    std::erase_if(search.mailboxes, [&](const Named& named) {
      return named.mailbox.id == session.view().id() &&
             (named.content == Content::kExpunged) == session.view().shows_expunged();
    });
  } else if (search.returns.update) {
    session.say(no_update_line(args.tag, "the selected mailbox is not searched"));
  }
  session.queue(std::make_unique<MultiSearchWork>(session, std::move(search)));
  return Completion();
}

}  // namespace gemel::imap
