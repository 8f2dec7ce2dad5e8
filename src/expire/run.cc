#include "expire/run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "expire/marks.h"
#include "expire/plan.h"
#include "store/hold.h"

namespace gemel::expire {
namespace {

using Kind = Action::Kind;
constexpr size_t kUsersAtOnce = 100;

// The year 9999: what can be written as a date.
constexpr int64_t kDateMax = 253'402'300'799;

std::string held_words(int64_t until_s) {
  if (until_s > kDateMax) return "held for ever";
  return fmt::format("held until {:%Y-%m-%d}", fmt::gmtime(static_cast<time_t>(until_s)));
}

std::string days_words(std::string_view what, int64_t age_s) {
  return fmt::format("{} at least {} days ago", what, age_s / kDayS);
}

Result<std::vector<Candidate>> candidates(const MailboxView& view) {
  TRY(const UidSet uids, view.uids());
  TRY(const std::vector<RecordState> states, view.states(uids));
  TRY(const std::vector<RecordFacts> facts, view.facts(uids));
  std::vector<Candidate> out;
  out.reserve(states.size());
  for (size_t i = 0; i < states.size(); ++i)
    out.push_back({states[i].uid, states[i].flags.has(SystemFlag::kFlagged),
                   facts[i].internaldate_s, facts[i].savedate_s, facts[i].size});
  return out;
}

uint64_t bytes_of(const std::vector<Candidate>& messages, const UidSet& uids) {
  uint64_t bytes = 0;
  for (const Candidate& message : messages)
    if (uids.contains(message.uid)) bytes += message.bytes;
  return bytes;
}

/// Those whose bytes are still with their mailbox.
Result<UidSet> not_archived(const MailboxView& view, const UidSet& uids) {
  TRY(const auto facts, view.facts(uids));
  UidSet out;
  auto one = facts.begin();
  for (const UidSet::Range& range : uids.ranges())
    for (uint64_t uid = range.first; uid <= range.last; ++uid, ++one) {
      TRY(const bool there, view.is_archived(one->guid));
      if (!there) out.add(Uid(static_cast<uint32_t>(uid)));
    }
  return out;
}

/// The tombstones up to a modseq.
Result<Going> tombstones(const MailboxView& view, ModSeq up_to) {
  Going out;
  if (!view.info().last_uid) return out;
  TRY(const auto states,
      view.states(UidSet::of(Uid(1), view.info().last_uid), MailboxView::Include::kExpungedToo));
  for (const RecordState& state : states)
    if (state.expunged && state.modseq <= up_to) out.uids.add(state.uid);
  TRY(const auto facts, view.facts(out.uids));
  for (const RecordFacts& one : facts) out.bytes += one.size;
  return out;
}

/// As the store would find them, but for the flag history.
Result<std::vector<std::string>> unused_keywords(const MailboxView& view) {
  Flags in_use;
  if (view.info().last_uid) {
    TRY(const auto states,
        view.states(UidSet::of(Uid(1), view.info().last_uid), MailboxView::Include::kExpungedToo));
    for (const RecordState& state : states) in_use = in_use | state.flags;
  }
  std::vector<std::string> out;
  const std::vector<std::string>& keywords = view.info().keywords;
  for (size_t i = 0; i < keywords.size(); ++i)
    if (!keywords[i].empty() && !in_use.has(kSystemFlagCount + i)) out.push_back(keywords[i]);
  return out;
}

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kExpunge:
      return "expunge";
    case Kind::kFree:
      return "free";
    case Kind::kFreeMailbox:
      return "free-mailbox";
    case Kind::kForget:
      return "forget";
    case Kind::kArchive:
      return "archive";
    case Kind::kArchiveMessages:
      return "archive-messages";
    case Kind::kKeywords:
      return "keywords";
    case Kind::kHold:
      return "hold";
  }
  return "";
}

class Run::Work {
 public:
  using Sink = std::function<void(const Action&)>;
  Work(MailStore& store, Clock& clock, const Defaults& defaults, Options options)
      : store_(store), now_s_(clock.unix_s()), defaults_(defaults), options_(std::move(options)) {}

  Result<bool> step(const Sink& sink);
  Report report;

 private:
  enum class Stage : uint8_t {
    kFirst,
    kFree,
    kPlan,
    kExpunge,
    kArchive,
    kArchiveMessages,
    kKeywords,
    kFreeMailbox,
    kLast
  };
  /// The mailbox under way, and how far.
  struct Place {
    MailboxInfo mailbox;
    Stage stage = Stage::kFirst;
    ModSeq due = {};                // of kFree
    std::vector<Going> going = {};  // of kExpunge
    ModSeq planned_at = {};
    bool is_freeing = false;  // a deleted mailbox, in portions
    bool is_held = false;     // and that is told
  };

  bool is_dry() const { return options_.effect == Options::Effect::kDryRun; }
  Result<bool> next_user();
  Result<void> take_users();
  Result<void> take_user(const UserInfo& user);
  Result<void> forget(const Sink& sink);
  Result<void> note(const std::string& where, const Error& error);

  Result<void> look_at(Place& place, const Sink& sink);
  Result<void> start_free(Place& place, const Sink& sink);
  Result<void> tell_due(Place& place, const Sink& sink);
  Result<void> free_some(Place& place, const Sink& sink);
  Result<void> make_plan(Place& place, const Sink& sink);
  Result<void> expunge_some(Place& place, const Sink& sink);
  Result<void> archive(Place& place, const Sink& sink);
  Result<void> archive_messages(Place& place, const Sink& sink);
  Result<void> prune_keywords(Place& place, const Sink& sink);
  Result<void> free_mailbox(Place& place, const Sink& sink);
  Result<void> put_marks(const UniqueId& id, const std::vector<Mark>& marks);
  void tell(const Sink& sink, Action action);
  void tell_held(const Sink& sink, Place& place, Action would);

  MailStore& store_;
  int64_t now_s_;
  const Defaults& defaults_;
  Options options_;
  bool is_last_user_ = false;           // no further ones to ask for
  std::string last_userid_;             // asked for up to here
  std::vector<UserInfo> users_;         // in descending order
  std::optional<std::string> forgets_;  // the user whose memory is still to be looked at
  std::vector<MailboxInfo> mailboxes_;  // of the user under way, in descending order
  std::optional<RuleTree> rules_;
  std::optional<Place> place_;
};

Result<bool> Run::Work::step(const Sink& sink) {
  if (!is_dry() && store_.role() != Role::kPrimary && !options_.only_archives())
    return fail(Code::kReadOnly, "this server is a replica: its primary decides what goes");
  if (!place_ && mailboxes_.empty()) {
    if (forgets_) {
      const std::string userid = *forgets_;
      if (const Result<void> done = forget(sink); !done) TRY_OK(note(userid, done.error()));
      return true;
    }
    return next_user();
  }
  if (!place_) {
    place_ = Place{.mailbox = std::move(mailboxes_.back())};
    mailboxes_.pop_back();
    ++report.mailboxes;
  }
  const std::string where = place_->mailbox.name.text();
  const Result<void> done = look_at(*place_, sink);
  if (!done || place_->stage == Stage::kLast) place_.reset();
  if (!done) TRY_OK(note(where, done.error()));
  return true;
}

// A store that takes no writes stops all. What a full disk refuses is only passed over: freeing,
// which comes later, is what helps.
Result<void> Run::Work::note(const std::string& where, const Error& error) {
  if (error.code == Code::kReadOnly || error.code == Code::kIo) return std::unexpected(error);
  if (report.errors.size() < kErrorsMax)
    report.errors.push_back(fmt::format("{}: {}", where, error.text));
  return {};
}

Result<void> Run::Work::take_users() {
  const std::string only = options_.mailbox ? options_.mailbox->owner : options_.userid;
  if (only.empty()) {
    TRY(users_, store_.users_after(last_userid_, kUsersAtOnce, MailStore::Which::kDeletedToo));
    is_last_user_ = users_.size() < kUsersAtOnce;
  } else {
    TRY(UserInfo user, store_.user(only, MailStore::Which::kDeletedToo));
    users_.push_back(std::move(user));
    is_last_user_ = true;
  }
  if (!users_.empty()) last_userid_ = users_.back().userid;
  std::ranges::reverse(users_);
  return {};
}

Result<bool> Run::Work::next_user() {
  if (users_.empty() && !is_last_user_) TRY_OK(take_users());
  if (users_.empty()) return false;
  const UserInfo user = std::move(users_.back());
  users_.pop_back();
  TRY_OK(take_user(user));
  return true;
}

Result<void> Run::Work::take_user(const UserInfo& user) {
  TRY(mailboxes_, store_.mailboxes(user.userid, MailStore::Which::kDeletedToo));
  rules_.emplace(defaults_.rules, mailboxes_);
  if (options_.mailbox) {
    std::erase_if(mailboxes_,
                  [this](const MailboxInfo& mailbox) { return mailbox.name != *options_.mailbox; });
    if (mailboxes_.empty())
      return fail(Code::kNotFound, fmt::format("no mailbox \"{}\"", options_.mailbox->text()));
  }
  std::ranges::reverse(mailboxes_);
  if (options_.duplicates_s && !user.is_deleted() && !options_.mailbox) forgets_ = user.userid;
  return {};
}

Result<void> Run::Work::forget(const Sink& sink) {
  const std::string userid = *std::exchange(forgets_, std::nullopt);
  uint64_t count = 0;
  for (const std::string_view kind : {kUserItemDuplicate, kUserItemVacation}) {
    TRY(const auto slots, store_.user_items(userid, kind));
    const int64_t added_s =
        kind == kUserItemDuplicate ? now_s_ - *options_.duplicates_s : INT64_MIN;
    for (const UserItem& slot : slots) count += trimmed(slot.value, now_s_, added_s).forgotten;
  }
  // Most users have nothing to forget, and need no transaction.
  if (count > 0 && !is_dry()) {
    TRY(count, store_.forget_remembered(userid, *options_.duplicates_s));
  }
  if (count > 0)
    tell(sink,
         {.kind = Kind::kForget,
          .where = userid,
          .messages = count,
          .why = days_words("remembered, and lapsed or last added to", *options_.duplicates_s)});
  return {};
}

void Run::Work::tell(const Sink& sink, Action action) {
  switch (action.kind) {
    case Kind::kExpunge:
      report.expunged += action.messages;
      report.expunged_bytes += action.bytes;
      break;
    case Kind::kFree:
    case Kind::kFreeMailbox:
      report.freed += action.messages;
      report.freed_bytes += action.bytes;
      break;
    case Kind::kForget:
      report.forgotten += action.messages;
      break;
    case Kind::kArchive:
      ++report.archived;
      report.archived_bytes += action.bytes;
      break;
    case Kind::kArchiveMessages:
      report.archived_messages += action.messages;
      report.archived_message_bytes += action.bytes;
      break;
    case Kind::kKeywords:
      report.keywords += action.keywords.size();
      break;
    case Kind::kHold:
      report.held_messages += action.messages;
      report.held_bytes += action.bytes;
      break;
  }
  sink(action);
}

void Run::Work::tell_held(const Sink& sink, Place& place, Action would) {
  if (!std::exchange(place.is_held, true)) ++report.held;
  would.kind = Kind::kHold;
  tell(sink, std::move(would));
}

Result<void> Run::Work::look_at(Place& place, const Sink& sink) {
  switch (place.stage) {
    case Stage::kFirst:
      if (place.mailbox.is_deleted()) {
        place.stage = Stage::kFreeMailbox;
        return {};
      }
      place.stage = Stage::kPlan;
      return options_.expunged_s ? start_free(place, sink) : Result<void>();
    case Stage::kFree:
      return free_some(place, sink);
    case Stage::kPlan:
      return make_plan(place, sink);
    case Stage::kExpunge:
      return expunge_some(place, sink);
    case Stage::kArchive:
      place.stage = Stage::kArchiveMessages;
      return options_.archive.empty() ? Result<void>() : archive(place, sink);
    case Stage::kArchiveMessages:
      place.stage = Stage::kKeywords;
      return options_.archive.empty() ? Result<void>() : archive_messages(place, sink);
    case Stage::kKeywords:
      place.stage = Stage::kLast;
      return options_.keywords == Options::Keywords::kLeave ? Result<void>()
                                                            : prune_keywords(place, sink);
    case Stage::kFreeMailbox:
      return free_mailbox(place, sink);
    case Stage::kLast:
      break;
  }
  return {};
}

Result<void> Run::Work::put_marks(const UniqueId& id, const std::vector<Mark>& marks) {
  if (is_dry()) return {};
  TRY(const std::optional<std::string> kept, store_.channel_get(kMarksMemory, id.text()));
  const std::string text = text_of(marks);
  if (text == kept.value_or("")) return {};
  return store_.channel_put(kMarksMemory, {{id.text(), text}});
}

Result<void> Run::Work::start_free(Place& place, const Sink& sink) {
  const MailboxInfo& mailbox = place.mailbox;
  if (mailbox.expunged == 0) return put_marks(mailbox.id, {});
  TRY(const std::optional<std::string> kept, store_.channel_get(kMarksMemory, mailbox.id.text()));
  std::vector<Mark> marks = parse_marks(kept.value_or(""));
  add_mark(marks, {now_s_, mailbox.highestmodseq}, defaults_.keep_expunged_s);
  TRY_OK(put_marks(mailbox.id, marks));
  place.due = modseq_before(marks, now_s_, *options_.expunged_s);
  if (place.due <= mailbox.purged_modseq) return {};
  if (is_dry()) return tell_due(place, sink);
  place.stage = Stage::kFree;
  return {};
}

/// What is due, and goes in no dry run, or never as there is a hold.
Result<void> Run::Work::tell_due(Place& place, const Sink& sink) {
  TRY(const MailboxView view, store_.view(place.mailbox.id));
  TRY(Going going, tombstones(view, place.due));
  TRY(const auto held_until_s, store_.held_until(view.info()));
  const uint64_t count = going.uids.size();
  if (count == 0) return {};
  Action action{.kind = Kind::kFree,
                .where = place.mailbox.name.text(),
                .uids = std::move(going.uids),
                .messages = count,
                .bytes = going.bytes,
                .why = days_words("expunged", *options_.expunged_s)};
  if (held_until_s) {
    action.why = held_words(*held_until_s);
    tell_held(sink, place, std::move(action));
  } else {
    tell(sink, std::move(action));
  }
  return {};
}

Result<void> Run::Work::free_some(Place& place, const Sink& sink) {
  TRY(const MailStore::Purged purged,
      store_.purge_expunged(place.mailbox.id, place.due, kStepMessages));
  if (purged.is_done) place.stage = Stage::kPlan;
  if (purged.held_until_s) return tell_due(place, sink);
  if (purged.messages > 0)
    tell(sink, {.kind = Kind::kFree,
                .where = place.mailbox.name.text(),
                .messages = purged.messages,
                .bytes = purged.bytes,
                .why = days_words("expunged", *options_.expunged_s)});
  if (!purged.is_done) return {};
  TRY(const std::optional<std::string> kept,
      store_.channel_get(kMarksMemory, place.mailbox.id.text()));
  std::vector<Mark> marks = parse_marks(kept.value_or(""));
  drop_marks(marks, place.due);
  return put_marks(place.mailbox.id, marks);
}

Result<void> Run::Work::make_plan(Place& place, const Sink& sink) {
  place.stage = Stage::kArchive;
  if (options_.rules == Options::Rules::kLeave) return {};
  TRY(const Rule rule, rules_->of(place.mailbox.name));
  if (!rule.expunges()) return {};
  TRY(const MailboxView view, store_.view(place.mailbox.id));
  TRY(std::vector<Candidate> messages, candidates(view));
  place.going = plan(rule, std::move(messages), now_s_);
  place.planned_at = view.info().highestmodseq;
  if (place.going.empty()) return {};
  TRY(const auto held_until_s, store_.held_until(view.info()));
  if (!held_until_s && !is_dry()) {
    place.stage = Stage::kExpunge;
    return {};
  }
  for (Going& going : place.going) {
    const uint64_t count = going.uids.size();
    Action action{.kind = Kind::kExpunge,
                  .where = place.mailbox.name.text(),
                  .uids = std::move(going.uids),
                  .messages = count,
                  .bytes = going.bytes,
                  .why = std::move(going.why)};
    if (!held_until_s) {
      tell(sink, std::move(action));
      continue;
    }
    action.why = held_words(*held_until_s);
    tell_held(sink, place, std::move(action));
  }
  return {};
}

Result<void> Run::Work::expunge_some(Place& place, const Sink& sink) {
  Going& going = place.going.front();
  const UidSet some = going.uids.lowest(kStepMessages);
  going.uids = going.uids - some;
  // Whoever changes a message meanwhile, sets \Flagged for one, keeps it until the next run.
  TRY(const MailStore::Expunged done,
      store_.expunge(place.mailbox.id, some,
                     {.unchanged_since = place.planned_at, .holds = ExpungeTerms::Holds::kSpare}));
  if (!done.uids.empty())
    tell(sink, {.kind = Kind::kExpunge,
                .where = place.mailbox.name.text(),
                .uids = done.uids,
                .messages = done.uids.size(),
                .bytes = done.bytes,
                .why = going.why});
  if (going.uids.empty()) place.going.erase(place.going.begin());
  if (place.going.empty()) place.stage = Stage::kArchive;
  return {};
}

Result<void> Run::Work::archive(Place& place, const Sink& sink) {
  TRY(const Rule rule, rules_->of(place.mailbox.name));
  if (!rule.archives() || place.mailbox.partition == options_.archive) return {};
  if (store_.role() != Role::kPrimary && !is_dry()) return {};  // it follows its primary
  TRY(const MailboxView view, store_.view(place.mailbox.id));
  const MailboxInfo& mailbox = view.info();
  TRY(const std::vector<Candidate> messages, candidates(view));
  if (messages.empty()) return {};
  int64_t newest_s = 0;
  for (const Candidate& message : messages) newest_s = std::max(newest_s, message.savedate_s);
  const uint64_t days = rule.archive_days_or_never();
  const uint64_t bytes = rule.archive_bytes_or_never();
  const bool is_old = days != kNever && now_s_ - newest_s >= static_cast<int64_t>(days) * kDayS;
  const bool is_large = mailbox.bytes >= bytes;
  if (!is_old && !is_large) return {};
  if (!is_dry()) TRY_OK(store_.move(mailbox.id, options_.archive));
  tell(sink, {.kind = Kind::kArchive,
              .where = mailbox.name.text(),
              .messages = messages.size(),
              .bytes = mailbox.bytes,
              .why = is_old ? fmt::format("nothing came in for {} days", days)
                            : fmt::format("it holds at least {} bytes", bytes)});
  return {};
}

Result<void> Run::Work::archive_messages(Place& place, const Sink& sink) {
  TRY(const Rule rule, rules_->of(place.mailbox.name));
  if (!rule.archives_messages()) return {};
  TRY(const MailboxView view, store_.view(place.mailbox.id));
  if (view.info().partition == options_.archive) return {};
  TRY(const std::vector<Candidate> messages, candidates(view));
  for (const Going& going : plan_archive(rule, messages, now_s_)) {
    TRY(UidSet uids, not_archived(view, going.uids));
    if (!is_dry()) {
      TRY(uids, store_.archive(place.mailbox.id, uids, options_.archive));
    }
    if (uids.empty()) continue;
    tell(sink, {.kind = Kind::kArchiveMessages,
                .where = place.mailbox.name.text(),
                .uids = uids,
                .messages = uids.size(),
                .bytes = bytes_of(messages, uids),
                .why = going.why});
  }
  return {};
}

Result<void> Run::Work::prune_keywords(Place& place, const Sink& sink) {
  if (place.mailbox.keywords.empty()) return {};
  std::vector<std::string> unused;
  if (is_dry()) {
    TRY(const MailboxView view, store_.view(place.mailbox.id));
    TRY(unused, unused_keywords(view));
  } else {
    TRY(unused, store_.prune_keywords(place.mailbox.id));
  }
  if (unused.empty()) return {};
  tell(sink, {.kind = Kind::kKeywords,
              .where = place.mailbox.name.text(),
              .keywords = std::move(unused),
              .why = "no message has them"});
  return {};
}

Result<void> Run::Work::free_mailbox(Place& place, const Sink& sink) {
  place.stage = Stage::kLast;
  if (!options_.deleted_s || now_s_ - place.mailbox.deleted_s < *options_.deleted_s) return {};
  TRY(const MailboxInfo mailbox, store_.find(place.mailbox.id));
  Action action{.kind = Kind::kFreeMailbox,
                .where = mailbox.name.text(),
                .messages = uint64_t{mailbox.exists} + mailbox.expunged,
                .bytes = mailbox.bytes + mailbox.expunged_bytes,
                .why = days_words("deleted", *options_.deleted_s)};
  if (action.messages == 0 && !place.is_freeing) return {};
  TRY(std::optional<int64_t> held_until_s, store_.held_until(mailbox));
  if (!held_until_s && !is_dry()) {
    TRY(const MailStore::Purged purged, store_.purge_deleted(mailbox.id, kStepMessages));
    held_until_s = purged.held_until_s;  // it came just now
    if (!held_until_s) {
      action.messages = purged.messages;
      action.bytes = purged.bytes;
    }
    place.is_freeing = !purged.is_done;
    if (place.is_freeing) place.stage = Stage::kFreeMailbox;
  }
  if (held_until_s) {
    action.why = held_words(*held_until_s);
    tell_held(sink, place, std::move(action));
    return {};
  }
  if (place.stage == Stage::kLast) ++report.mailboxes_freed;
  if (action.messages > 0) tell(sink, std::move(action));
  return {};
}

Run::Run(MailStore& store, Clock& clock, const Defaults& defaults, Options options)
    : work_(std::make_unique<Work>(store, clock, defaults, std::move(options))) {}
Run::~Run() = default;

Result<bool> Run::step(const std::function<void(const Action&)>& on_action) {
  return work_->step(on_action);
}
const Report& Run::report() const { return work_->report; }

}  // namespace gemel::expire
