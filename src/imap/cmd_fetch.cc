// FETCH and UID FETCH (RFC 3501 §6.4.5, RFC 7162 §3.1.4.1 and §3.2.6, RFC 9394 §3.3).

#include "base/bytes.h"
#include "imap/fetch.h"
#include "imap/search_returns.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

struct Modifiers {
  std::optional<ModSeq> changed_since = {};
  std::optional<PartialRange> partial = {};
  bool vanished = false;
};

// ` (CHANGEDSINCE 12345 VANISHED PARTIAL 1:100)`, in any order.
Result<Modifiers> read_modifiers(Args& args, const Features& features) {
  Modifiers out;
  wire::Tokenizer& tokens = args.tokens;
  if (tokens.at_end()) return out;
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  do {
    TRY(const std::string_view word, tokens.atom());
    if (equals_ignoring_case(word, "CHANGEDSINCE")) {
      TRY_OK(tokens.space());
      TRY(const uint64_t modseq, tokens.number64());
      out.changed_since = ModSeq(modseq);
    } else if (equals_ignoring_case(word, "PARTIAL")) {
      TRY_OK(tokens.space());
      TRY(out.partial, read_partial(tokens));
    } else if (equals_ignoring_case(word, "VANISHED")) {
      out.vanished = true;
    } else {
      return fail(Code::kSyntax, "no such FETCH modifier");
    }
  } while (tokens.skip(' '));
  TRY_OK(tokens.close());
  // RFC 7162 §3.2.6: VANISHED needs QRESYNC, UIDs and CHANGEDSINCE.
  if (out.vanished && (!features.qresync || !args.has(kUsesUids) || !out.changed_since))
    return fail(Code::kSyntax, "VANISHED goes only with UID FETCH, CHANGEDSINCE and QRESYNC");
  if (out.partial && !args.has(kUsesUids))  // RFC 9394 §3.3
    return fail(Code::kSyntax, "PARTIAL goes only with UID FETCH");
  return out;
}

/// Those of `uids` that were expunged after `since`, or all that are not there if that can't be
/// told any more.
Result<Bitmap> vanished_since(Session& session, const Bitmap& uids, ModSeq since) {
  const View& view = session.view();
  TRY(const MailboxView mailbox, session.look());
  const Result<std::vector<RecordState>> changes = mailbox.changes_since(since);
  if (!changes && changes.error().code != Code::kGone) return std::unexpected(changes.error());
  Bitmap gone;
  if (changes) {
    for (const RecordState& state : *changes)
      if (state.expunged) gone.add(state.uid.value);
  } else {
    add_range(gone, 1, view.last_uid().value);
  }
  return (gone & uids) - view.known();
}

}  // namespace

Status cmd_fetch(Session& session, Args& args) {
  const Limits& limits = session.options().limits;
  TRY_OK(args.tokens.space());
  TRY(const std::string_view text, args.tokens.sequence());
  TRY_OK(args.tokens.space());
  TRY(FetchItems items, parse_fetch_items(args.tokens, limits.fetch_items_max));
  TRY(const Modifiers modifiers, read_modifiers(args, session.features()));
  TRY_OK(args.tokens.end());
  TRY(Bitmap named, session.named(args, text));
  // RFC 9394 §3.4: CHANGEDSINCE looks only at those in the range.
  if (modifiers.partial) {
    named = places(named, modifiers.partial->among(named.cardinality()));
    if (limits.limited == Limits::Limited::kAll)  // RFC 9738 §3.1: not a part of a part
      TRY_OK(session.check_limit(named.cardinality()));
  }
  Bitmap uids = session.within_limit(std::move(named));
  // RFC 7162 §3.1: whoever asks for modseqs knows what they are.
  if (modifiers.changed_since) items.require(FetchItem::Kind::kModSeq);
  if (args.has(kUsesUids) && !session.features().uidonly) items.require(FetchItem::Kind::kUid);
  if (items.has(FetchItem::Kind::kModSeq)) session.enable_condstore();
  if (modifiers.vanished) {
    TRY(const Bitmap asked, session.uids_in(text));
    TRY(const Bitmap gone, vanished_since(session, asked, *modifiers.changed_since));
    session.say(vanished_lines(gone, "(EARLIER) "));
  }
  session.queue(
      make_fetch(session, {.items = std::move(items),
                           .uids = std::move(uids),
                           .changed_since = modifiers.changed_since,
                           .order = session.is_limited() ? FetchRequest::Order::kHighestFirst
                                                         : FetchRequest::Order::kLowestFirst}));
  return Completion();
}

}  // namespace gemel::imap
