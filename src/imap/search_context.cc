#include "imap/search_context.h"

#include <fmt/format.h>

#include <optional>

#include "base/log.h"
#include "imap/fetch.h"
#include "imap/search.h"
#include "imap/search_returns.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

class ContextUpdate final : public Work {
 public:
  ContextUpdate(Session& session, std::shared_ptr<SearchContext> context)
      : session_(session), context_(std::move(context)) {}

  Result<Progress> step(std::string& out) override {
    if (context_->is_cancelled) return Progress::kDone;
    Result<Progress> progress = look(out);
    if (progress) return progress;
    // The command under way has done what it was asked for.
    log::warn("imap user={} context failed: {}", session_.userid(), progress.error().text);
    context_->is_cancelled = true;
    out += no_update_line(context_->tag, "the mailbox could not be searched");
    return Progress::kDone;
  }

 private:
  Result<Progress> look(std::string& out);
  Result<Progress> tell_new(std::string& out);
  Result<void> start();
  Result<Bitmap> moved() const;
  void tell(std::string& out);

  Session& session_;
  std::shared_ptr<SearchContext> context_;
  Bitmap among_;
  uint32_t newest_ = 0;         // that was known when the client was last told
  std::unique_ptr<Work> news_;  // of messages that are new, as the client wants them
  std::optional<Search> search_;
};

Result<Progress> ContextUpdate::look(std::string& out) {
  if (!search_) TRY_OK(start());
  TRY(const bool is_found, search_->go_on());
  if (!is_found) return Progress::kMore;
  TRY(const Progress progress, tell_new(out));
  if (progress == Progress::kDone) tell(out);
  return progress;
}

/// RFC 5465 §7: behind EXISTS, before ESEARCH, and not for what came in by its flags.
Result<Progress> ContextUpdate::tell_new(std::string& out) {
  if (context_->new_items.items.empty()) return Progress::kDone;
  if (!news_) {
    const Bitmap came = search_->found() - context_->results;
    FetchRequest request{.items = context_->new_items,
                         .uids = members_between(came, newest_ + 1, UINT32_MAX) - session_.made()};
    if (request.uids.isEmpty()) return Progress::kDone;
    news_ = make_fetch(session_, std::move(request));
  }
  Result<Progress> progress = news_->step(out);
  // All that could be told was; the results change none the less.
  if (!progress && progress.error().code != Code::kIo) return Progress::kDone;
  return progress;
}

/// Messages that may match now and did not, or the other way round.
Result<Bitmap> ContextUpdate::moved() const {
  TRY(const MailboxView mailbox, session_.look());
  Bitmap out = context_->touched;
  const Result<std::vector<RecordState>> changes = mailbox.changes_since(context_->synced);
  if (!changes && changes.error().code != Code::kGone) return std::unexpected(changes.error());
  if (!changes) return session_.view().known();
  for (const RecordState& state : *changes) out.add(state.uid.value);
  out.add(context_->largest);
  return out;
}

Result<void> ContextUpdate::start() {
  const View& view = session_.view();
  TRY(among_, moved());
  const uint32_t largest = view.known().isEmpty() ? 0 : view.known().maximum();
  among_.add(largest);
  among_ &= view.known() - view.gone();
  context_->synced = view.synced();
  context_->touched = Bitmap();
  newest_ = std::exchange(context_->largest, largest);
  TRY(Search search, session_.start_search(context_->root, among_));
  search_.emplace(std::move(search));
  return {};
}

void ContextUpdate::tell(std::string& out) {
  const Bitmap& found = search_->found();
  const Bitmap came = found - context_->results;
  const Bitmap went = (context_->results & among_) - found;
  context_->results |= came;
  context_->results -= went;
  put_context_changes(out, session_.view(), *context_, {.came = came, .went = went});
}

}  // namespace

std::unique_ptr<Work> make_context_update(Session& session,
                                          std::shared_ptr<SearchContext> context) {
  return std::make_unique<ContextUpdate>(session, std::move(context));
}

void put_context_changes(std::string& out, const View& view, const SearchContext& context,
                         const ContextChanges& changes) {
  if (changes.came.isEmpty() && changes.went.isEmpty()) return;
  put_head(out, {.tag = context.tag, .by_uid = context.by_uid, .mailbox = context.mailbox});
  // RFC 5267 §4.3.3: with position 0 the client keeps the order, that of the mailbox.
  const auto put = [&](std::string_view name, const Bitmap& uids) {
    if (uids.isEmpty()) return;
    fmt::format_to(std::back_inserter(out), " {} (0 ", name);
    OrderedSet set;
    MsnCursor msns(view.known());
    for (Bitmap::const_iterator at = uids.begin(); at.i.has_value; ++at)
      set.add(out, context.by_uid ? *at : msns.msn_of(Uid(*at)));
    set.end(out);
    out += ')';
  };
  put("REMOVEFROM", changes.went);
  put("ADDTO", changes.came);
  out += "\r\n";
}

std::string no_update_line(std::string_view tag, std::string_view text) {
  std::string out = "* NO [NOUPDATE ";
  wire::put_string(out, tag);
  return out + fmt::format("] {}\r\n", text);
}

}  // namespace gemel::imap
