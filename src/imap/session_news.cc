// What the store did meanwhile, as untagged responses.

#include <fmt/format.h>

#include "base/log.h"
#include "imap/fetch.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

// Ranges in one VANISHED line.
constexpr size_t kVanishedRangesMax = 1000;

/// `* n EXPUNGE` for each, with the numbers as they are after those before it (RFC 3501 §7.4.1).
class ExpungeWork final : public Work {
 public:
  /// `known`: before any is told.
  ExpungeWork(Bitmap known, Bitmap gone, size_t piece_bytes)
      : known_(std::move(known)),
        msns_(known_),
        walk_(std::move(gone)),
        piece_bytes_(piece_bytes) {}

  Result<Progress> step(std::string& out) override {
    constexpr size_t kLineBytesMax = 24;
    walk_.next(piece_bytes_ / kLineBytesMax + 1).for_each([&](Uid uid) {
      fmt::format_to(std::back_inserter(out), "* {} EXPUNGE\r\n", msns_.msn_of(uid) - told_++);
    });
    return walk_.at_end() ? Progress::kDone : Progress::kMore;
  }

 private:
  const Bitmap known_;
  MsnCursor msns_;
  BitmapWalk walk_;
  size_t piece_bytes_;
  uint32_t told_ = 0;
};

/// When all before it is said, Session::say_up_to.
class UpToWork final : public Work {
 public:
  explicit UpToWork(Session& session) : session_(session) {}
  Result<Progress> step(std::string& out) override {
    session_.say_up_to(out);
    return Progress::kDone;
  }

 private:
  Session& session_;
};

/// RFC 3501 §7.1, PERMANENTFLAGS; "\*" says that new keywords can be made. As rights allow (RFC
/// 4314 §5.1.1).
std::string permanent_flags(const View& view) {
  std::string out;
  if (view.is_read_only()) return out;
  const FlagScope scope = scope_of(view.rights());
  const auto add = [&](std::string_view name) { (out += out.empty() ? "" : " ") += name; };
  for (size_t i = 0; i < kSystemFlagCount; ++i)
    if (scope.allows(static_cast<SystemFlag>(i))) add(kSystemFlagNames[i]);
  if (!scope.others) return out;
  size_t count = 0;
  for (const std::string& keyword : view.keywords()) {
    if (keyword.empty()) continue;  // a place that is free again
    ++count;
    add(keyword);
  }
  if (count < kMailboxKeywordsMax) add("\\*");
  return out;
}

}  // namespace

std::string vanished_lines(const Bitmap& uids, std::string_view earlier) {
  std::string out;
  UidSet piece;
  const auto put = [&] {
    if (!piece.empty()) out += fmt::format("* VANISHED {}{}\r\n", earlier, piece.text());
    piece = UidSet();
  };
  const UidSet all = uid_set_of(uids);
  for (const UidSet::Range& range : all.ranges()) {
    piece.add(Uid(range.first), Uid(range.last));
    if (piece.ranges().size() == kVanishedRangesMax) put();
  }
  put();
  return out;
}

void Session::learn(Expunges expunges) {
  const Result<News> news = view_->learn(store());
  if (!news) {
    log::warn("imap user={} news failed: {}", userid_, news.error().text);
    return;
  }
  if (news->is_closed)
    close_view();
  else
    tell(*news, expunges);
}

void Session::catch_up(Expunges expunges) {
  if (hears_of_selected()) return learn(expunges);
  const Result<bool> is_closed = view_->is_closed(store());
  if (is_closed && *is_closed) close_view();
}

void Session::tell_up_to() {
  if (!features_.condstore) return;
  if (works_.empty())
    say_up_to(output_);
  else
    queue(std::make_unique<UpToWork>(*this));
}

// Messages are shown as they are when it is their turn, which may be after the news.
void Session::say_up_to(std::string& out) {
  const ModSeq shown = std::exchange(shown_, ModSeq());
  if (!view_ || view_->shows_expunged()) return;
  if (view_->gone().isEmpty() && shown <= view_->told()) return;
  has_held_back_ = true;
  fmt::format_to(std::back_inserter(out), "* OK [HIGHESTMODSEQ {}] more is told later\r\n",
                 view_->told().value);
}

void Session::close_view() {
  leave("the selected mailbox is gone");
  unselect();
  stop_watching();
  if (current_ && line_taker_) {  // nothing will come from the client in IDLE
    output_ += "* BYE the selected mailbox is gone\r\n";
    is_closing_ = true;
  }
}

bool Session::hears_of_selected() const {
  if (!chooses_news_) return true;
  const NotifyGroup* const selected = notified();
  return selected != nullptr && (selected->events & kNotifyMessages) != 0;
}

void Session::select(View view) {
  view_ = std::move(view);
  has_held_back_ = false;
  shown_ = ModSeq();
  saved_search_ = Bitmap();  // RFC 5182 §2.1
  made_ = Bitmap();
  is_woken_ = is_woken_ || notifier_ != nullptr;  // it takes another interest now
}

void Session::notify_by(Notifier notifier) {
  own_changes_->start();
  notifier_ = std::make_unique<Notifier>(std::move(notifier));
  notify_watch_ = store().watch_all(
      [interest = notifier_->interest(), wake = env_.wake](const Published& change) {
        if (interest->is_concerned(change)) wake();
      });
  // What came between the first look and the watch is not missed.
  is_woken_ = true;
}

void Session::stop_notifying() {
  own_changes_->stop();
  notify_watch_ = Watch();
  notifier_.reset();
}

/// False where there is nobody to tell: without IDLE (RFC 2177) and NOTIFY a client learns with its
/// next command.
bool Session::hear_news() {
  const bool is_idle = current_.has_value();
  const NotifyGroup* const selected = notified();
  const bool learns = view_ && (is_idle || selected != nullptr);
  // RFC 5465 §6.1.2: what is delayed waits for a command that may be answered by EXPUNGE.
  if (learns) {
    catch_up(is_idle || selected->filter == NotifyGroup::Filter::kSelected ? Expunges::kTell
                                                                           : Expunges::kHoldBack);
    update_contexts();
    tell_up_to();
  }
  const bool notifies = notifier_ != nullptr;
  if (notifies) tell_notifications();  // which may be the last of them
  return learns || notifies;
}

void Session::tell_notifications() {
  std::string text;
  const Result<void> looked = notifier_->look(*this, text);
  if (looked) {
    say(std::move(text));
    return;
  }
  if (looked.error().code != Code::kLimit) {
    log::warn("imap user={} notifications failed: {}", userid_, looked.error().text);
    return;
  }
  // RFC 5465 §5.8: as after NOTIFY NONE.
  say(fmt::format("* OK {}\r\n", looked.error().text));
  stop_notifying();
}

// RFC 5465 §5.2: behind the EXISTS.
void Session::tell_arrived(Uid first) {
  const NotifyGroup* const selected = notified();
  if (selected == nullptr || selected->new_items.items.empty()) return;
  FetchRequest request{.items = selected->new_items,
                       .uids = members_between(view_->known(), first.value, UINT32_MAX) - made_};
  if (!request.uids.isEmpty()) queue(make_fetch(*this, std::move(request)));
}

void Session::note_made(const UniqueId& mailbox, const UidSet& uids) {
  if (view_ && view_->id() == mailbox && !view_->shows_expunged()) made_ |= bitmap_of(uids);
}

void Session::tell(const News& news, Expunges expunges) {
  note_in_contexts(news.changed | news.touched);
  tell_contexts_of_gone();
  Bitmap changed = news.changed - view_->gone();
  // Whose client does not look at modseqs has nothing to see there.
  if (features_.condstore) changed |= news.touched - view_->gone();
  const NotifyGroup* const selected = notified();
  if (selected != nullptr && (selected->events & kNotifyFlagChange) == 0 && !changed.isEmpty()) {
    view_->leave_untold(news.since);
    changed = Bitmap();
  }
  if (expunges == Expunges::kTell && !view_->gone().isEmpty()) {
    if (features_.qresync || features_.uidonly)
      say(vanished_lines(view_->gone(), ""));  // RFC 7162 §3.2.7, RFC 9586 §3.3
    else
      queue(std::make_unique<ExpungeWork>(view_->known(), view_->gone(),
                                          options_->limits.output_piece_bytes));
    view_->forget_gone();
  }
  if (news.arrived > 0) say(exists_lines());
  if (news.arrived > 0) tell_arrived(news.first_arrived);
  if (news.new_keywords || news.new_rights) say(flags_lines());
  if (!changed.isEmpty()) tell_changed(std::move(changed));
  const bool has_told_all = view_->told() == view_->synced();
  if (expunges == Expunges::kTell && has_told_all && std::exchange(has_held_back_, false))
    say(fmt::format("* OK [HIGHESTMODSEQ {}] all was told\r\n", view_->told().value));
}

void Session::tell_changed(Bitmap changed) {
  const NotifyGroup* const selected = notified();
  FetchRequest request{.items = {}, .uids = std::move(changed)};
  if (features_.condstore) request.items.require(FetchItem::Kind::kModSeq);
  // RFC 5465 §5.1; UIDFETCH begins with it.
  const bool is_notified = selected != nullptr && (selected->events & kNotifyFlagChange) != 0;
  if (tells_uid() || (is_notified && !features_.uidonly))
    request.items.require(FetchItem::Kind::kUid);
  request.items.items.push_back({.kind = FetchItem::Kind::kFlags});
  queue(make_fetch(*this, std::move(request)));
}

void Session::notice_role() {
  if (view_->asked() == Access::kReadOnly) return;
  const bool is_replica = store().role() == Role::kReplica;
  if (is_replica == view_->is_read_only()) return;
  view_->set_access(is_replica ? Access::kReadOnly : Access::kReadWrite);
  say(is_replica ? "* OK [READ-ONLY] this server is a replica now\r\n"
                 : "* OK [READ-WRITE] this server is the primary now\r\n");
  say(flags_lines());
}

// RFC 9051, appendix E: there is no RECENT any more.
std::string Session::exists_lines() const {
  std::string out = fmt::format("* {} EXISTS\r\n", view_->exists());
  if (!features_.rev2) out += fmt::format("* {} RECENT\r\n", view_->recent_count());
  return out;
}

std::string Session::flags_lines() const {
  std::string names;
  for (const std::string_view name : kSystemFlagNames) (names += names.empty() ? "" : " ") += name;
  for (const std::string& keyword : view_->keywords())
    if (!keyword.empty()) (names += ' ') += keyword;
  std::string text = fmt::format("* FLAGS ({})\r\n", names);
  const std::string kept = permanent_flags(*view_);
  text += fmt::format("* OK [PERMANENTFLAGS ({})] {}\r\n", kept,
                      kept.empty() ? "no flag can be changed" : "these flags are kept");
  return text;
}

}  // namespace gemel::imap
