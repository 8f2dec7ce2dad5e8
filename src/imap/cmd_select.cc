// SELECT, EXAMINE, CLOSE, UNSELECT (RFC 3501 §6.3.1, §6.3.2, §6.4.2; RFC 3691; RFC 7162 §3.2.5).

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "imap/fetch.h"
#include "imap/list.h"
#include "imap/names.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

/// What a client that comes back knows of the mailbox (RFC 7162 §3.2.5).
struct Resync {
  uint32_t uidvalidity = 0;
  ModSeq modseq;
  std::optional<Sequence> known_uids;
  // Pairs of message numbers and the UIDs that had them.
  std::vector<uint32_t> match_msns;
  std::vector<uint32_t> match_uids;
};

bool has_star(const SequenceRange& range) { return range.first == kStar || range.last == kStar; }

// RFC 7162 §7: known-uids, known-sequence-set, known-uid-set.
std::unexpected<Error> star_is_wrong() {
  return fail(Code::kSyntax, "\"*\" has no place in QRESYNC");
}

/// Numbers of a set without "*", in order, at most `count_max` of them.
Result<std::vector<uint32_t>> numbers_of(const Sequence& sequence, size_t count_max) {
  std::vector<uint32_t> out;
  for (const SequenceRange& range : sequence) {
    if (has_star(range)) return star_is_wrong();
    for (uint64_t n = range.first; n <= range.last; ++n) {
      if (out.size() == count_max) return fail(Code::kLimit, "too many numbers in QRESYNC");
      out.push_back(static_cast<uint32_t>(n));
    }
  }
  return out;
}

Result<Sequence> read_sequence(Args& args, const Limits& limits) {
  TRY(const std::string_view text, args.tokens.sequence());
  return parse_sequence(text, limits.sequence_ranges_max);
}

// ` (uidvalidity modseq [known-uids] [(msns uids)])`, RFC 7162 §3.2.5 and §7.
Result<Resync> read_resync(Args& args, const Limits& limits) {
  Resync out;
  wire::Tokenizer& tokens = args.tokens;
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  TRY(out.uidvalidity, tokens.nz_number());
  TRY_OK(tokens.space());
  TRY(const uint64_t modseq, tokens.number64());
  out.modseq = ModSeq(modseq);
  if (tokens.skip(' ') && tokens.peek() != '(') {
    TRY(out.known_uids, read_sequence(args, limits));
    if (std::ranges::any_of(*out.known_uids, has_star)) return star_is_wrong();
    tokens.skip(' ');
  }
  if (tokens.peek() == '(') {
    TRY_OK(tokens.open());
    TRY(const Sequence msns, read_sequence(args, limits));
    TRY_OK(tokens.space());
    TRY(const Sequence uids, read_sequence(args, limits));
    TRY_OK(tokens.close());
    TRY(out.match_msns, numbers_of(msns, limits.sequence_ranges_max));
    TRY(out.match_uids, numbers_of(uids, limits.sequence_ranges_max));
    if (out.match_msns.size() != out.match_uids.size())
      return fail(Code::kSyntax, "the two sets of QRESYNC are not of one size");
  }
  TRY_OK(tokens.close());
  return out;
}

// ` (CONDSTORE)`, ` (QRESYNC (...))`, or both (RFC 4466 §2.1, select-param).
Result<std::optional<Resync>> read_parameters(Session& session, Args& args) {
  std::optional<Resync> resync;
  if (args.tokens.at_end()) return resync;
  TRY_OK(args.tokens.space());
  TRY_OK(args.tokens.open());
  do {
    TRY(const std::string_view word, args.tokens.atom());
    if (equals_ignoring_case(word, "QRESYNC")) {
      // RFC 7162 §3.2.5: only after ENABLE.
      if (!session.features().qresync) return fail(Code::kSyntax, "ENABLE QRESYNC comes first");
      TRY(resync, read_resync(args, session.options().limits));
      if (session.features().uidonly && !resync->match_msns.empty()) return uid_required();
    } else if (!equals_ignoring_case(word, "CONDSTORE")) {
      return fail(Code::kSyntax, "no such parameter of SELECT");
    }
  } while (args.tokens.skip(' '));
  TRY_OK(args.tokens.close());
  TRY_OK(args.tokens.end());
  session.features().condstore = true;
  return resync;
}

/// The highest UID up to which the client's numbers are still right, so that nothing below it can
/// have vanished (RFC 7162 §3.2.5.2).
uint32_t matched_up_to(const View& view, const Resync& resync) {
  uint32_t matched = 0;
  for (size_t i = 0; i < resync.match_msns.size(); ++i) {
    const uint32_t msn = resync.match_msns[i];
    if (msn > view.exists() || view.uid_of(msn).value != resync.match_uids[i]) break;
    matched = resync.match_uids[i];
  }
  return matched;
}

Bitmap known_before(const View& view, const Resync& resync) {
  if (resync.known_uids) return view.uids_in(*resync.known_uids);
  Bitmap all;
  add_range(all, 1, view.last_uid().value);
  return all;
}

struct Missed {
  Bitmap vanished;
  Bitmap changed;
};

/// What a client missed. Cost: O(changes); O(messages) after tombstones were purged.
Result<Missed> missed_since(const MailboxView& mailbox, const View& view, const Resync& resync) {
  Missed out;
  const Bitmap known = known_before(view, resync);
  const Result<std::vector<RecordState>> changes = mailbox.changes_since(resync.modseq);
  if (!changes && changes.error().code != Code::kGone) return std::unexpected(changes.error());
  if (changes) {
    for (const RecordState& state : *changes)
      (state.expunged ? out.vanished : out.changed).add(state.uid.value);
    out.vanished &= known;
  } else {
    // Which expunges are new can't be told any more, so all the client may not know are told.
    Bitmap gone = members_between(known, matched_up_to(view, resync) + 1, view.last_uid().value);
    out.vanished = gone - view.known();
    TRY(const std::vector<RecordState> states, mailbox.states(uid_set_of(view.known())));
    for (const RecordState& state : states)
      if (state.modseq > resync.modseq) out.changed.add(state.uid.value);
  }
  // RFC 7162 §3.2.5.1: changes are told only of what the client says that it knows.
  if (resync.known_uids) out.changed &= known;
  out.changed &= view.known();
  return out;
}

Result<void> say_resync(Session& session, const MailboxView& mailbox, const Resync& resync) {
  // Another uidvalidity: nothing the client knows is of use (RFC 7162 §3.2.5).
  if (resync.uidvalidity != mailbox.info().uidvalidity.value) return {};
  if (mailbox.shows_expunged()) return {};  // with its uidvalidity, nothing in it has changed
  TRY(Missed missed, missed_since(mailbox, session.view(), resync));
  session.say(vanished_lines(missed.vanished, "(EARLIER) "));
  if (missed.changed.isEmpty()) return {};
  FetchRequest request{.items = {}, .uids = std::move(missed.changed)};
  if (session.tells_uid()) request.items.items.push_back({.kind = FetchItem::Kind::kUid});
  for (const FetchItem::Kind kind : {FetchItem::Kind::kFlags, FetchItem::Kind::kModSeq})
    request.items.items.push_back({.kind = kind});
  session.queue(make_fetch(session, std::move(request)));
  return {};
}

/// The first message without \Seen (RFC 3501 §7.1, UNSEEN); nothing if all are seen.
Result<std::optional<Uid>> first_unseen(const MailboxView& mailbox, const View& view) {
  TRY(const uint32_t count, mailbox.unseen());
  if (count == 0) return std::nullopt;
  TRY(const UidSet seen, mailbox.uids_with(static_cast<size_t>(SystemFlag::kSeen)));
  const Bitmap unseen = view.known() - bitmap_of(seen);
  if (unseen.isEmpty()) return std::nullopt;
  return Uid(unseen.minimum());
}

Result<void> say_mailbox(Session& session, const MailboxView& mailbox) {
  const MailboxInfo& info = mailbox.info();
  const View& view = session.view();
  TRY(const std::optional<Uid> unseen, first_unseen(mailbox, view));
  std::string text = session.flags_lines();
  text += session.exists_lines();
  // It is a message number (RFC 9586 §3), and there is none in RFC 9051.
  if (unseen && !session.features().uidonly && !session.features().rev2)
    text += fmt::format("* OK [UNSEEN {}] the first one not seen\r\n", view.msn_of(*unseen));
  text += fmt::format(
      "* OK [UIDVALIDITY {}] UIDs are valid\r\n"
      "* OK [UIDNEXT {}] the next UID\r\n"
      "* OK [HIGHESTMODSEQ {}] the latest change\r\n"
      "* OK [MAILBOXID ({})] the mailbox's id\r\n",
      info.uidvalidity.value, info.uidnext().value, info.highestmodseq.value,
      object_id(info, mailbox.shows_expunged() ? Content::kExpunged : Content::kLive));
  session.say(std::move(text));
  return {};
}

Result<void> open_mailbox(Session& session, std::string_view wire_name, Access access,
                          const std::optional<Resync>& resync) {
  MailStore& store = session.store();
  const UserAccess& user = session.access();
  TRY(const Named named, find_named(user, wire_name, session.dialect()));
  const std::string seen_by = user.seen_by(named.mailbox);
  TRY(const MailboxView mailbox, view_of(store, named.mailbox.id, named.content, seen_by));
  TRY(View view, View::open(store, user, mailbox, access));
  session.select(std::move(view));
  TRY_OK(say_mailbox(session, mailbox));
  // RFC 9051 §6.3.2: the name as it is kept.
  if (session.features().rev2)
    say_canonical(session, wire_name, path_of(user, named.mailbox.name, named.content));
  if (resync) TRY_OK(say_resync(session, mailbox, *resync));
  return {};
}

Status open(Session& session, Args& args, Access access) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY(const std::optional<Resync> resync, read_parameters(session, args));
  // RFC 3501 §6.3.1: the old mailbox is closed even if the new one can't be opened.
  if (session.has_view()) session.say("* OK [CLOSED] the mailbox before is closed\r\n");
  session.unselect();
  const Access asked = access;
  if (session.store().role() == Role::kReplica) access = Access::kReadOnly;
  if (const Result<void> opened = open_mailbox(session, wire_name, access, resync); !opened) {
    session.unselect();
    return std::unexpected(opened.error());
  }
  if (!session.view().shows_expunged()) session.view().set_asked(asked);
  return Completion{.code = session.view().changes_nothing() ? "[READ-ONLY]" : "[READ-WRITE]"};
}

}  // namespace

Status cmd_select(Session& session, Args& args) { return open(session, args, Access::kReadWrite); }

Status cmd_examine(Session& session, Args& args) { return open(session, args, Access::kReadOnly); }

Status cmd_unselect(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  session.unselect();
  return Completion();
}

Status cmd_close(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  // RFC 4314 §4, CLOSE: without the right nothing is expunged, and that is no error.
  const bool may_expunge = session.check_writable({Right::kExpunge}).has_value();
  const View view = session.view();
  session.unselect();
  if (!may_expunge) return Completion();
  // RFC 3501 §6.4.2: expunges without a word. What the client did not see marked stays.
  TRY(const MailboxView mailbox, session.store().view(view.id()));
  TRY(const UidSet deleted, mailbox.uids_with(static_cast<size_t>(SystemFlag::kDeleted)));
  const UidSet gone = uid_set_of(bitmap_of(deleted) & view.known());
  if (!gone.empty()) TRY_OK(session.store().expunge(view.id(), gone));
  return Completion();
}

}  // namespace gemel::imap
