// STORE and UID STORE (RFC 3501 §6.4.6, RFC 7162 §3.1.3).

#include <fmt/format.h>

#include "base/bytes.h"
#include "imap/fetch.h"
#include "imap/flag_words.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

struct StoreRequest {
  std::optional<ModSeq> unchanged_since;
  FlagOp op = FlagOp::kSet;
  bool is_silent = false;
  FlagNames flags;
};

// ` (UNCHANGEDSINCE 12345)`, if it is there.
Result<std::optional<ModSeq>> read_condition(wire::Tokenizer& tokens) {
  TRY_OK(tokens.space());
  if (tokens.peek() != '(') return std::nullopt;
  TRY_OK(tokens.open());
  if (!tokens.skip_word("UNCHANGEDSINCE")) return tokens.wrong("UNCHANGEDSINCE");
  TRY_OK(tokens.space());
  TRY(const uint64_t modseq, tokens.number64());
  TRY_OK(tokens.close());
  TRY_OK(tokens.space());
  return ModSeq(modseq);
}

Result<StoreRequest> read_request(wire::Tokenizer& tokens) {
  StoreRequest out;
  TRY(out.unchanged_since, read_condition(tokens));
  if (tokens.skip('+')) {
    out.op = FlagOp::kAdd;
  } else if (tokens.skip('-')) {
    out.op = FlagOp::kRemove;
  }
  TRY(const std::string_view item, tokens.atom());
  out.is_silent = equals_ignoring_case(item, "FLAGS.SILENT");
  if (!out.is_silent && !equals_ignoring_case(item, "FLAGS")) return tokens.wrong("FLAGS");
  TRY_OK(tokens.space());
  TRY(out.flags, read_store_flags(tokens));
  TRY_OK(tokens.end());
  return out;
}

/// What the user may change (RFC 4314 §4). Errors: kDenied, nothing of what is asked for.
Result<FlagScope> scope_for(const Session& session, const StoreRequest& request) {
  TRY(const Rights rights, session.rights());
  const FlagScope scope = scope_of(rights);
  const bool is_any_allowed = request.op == FlagOp::kSet || request.flags.empty()
                                  ? !scope.is_empty()
                                  : !scope.of(request.flags).empty();
  if (!is_any_allowed) return fail(Code::kDenied, "you may not change these flags");
  return scope;
}

/// The numbers of messages as the command counts them.
std::string numbers_text(Session& session, const Args& args, const UidSet& uids) {
  if (args.has(kUsesUids)) return uids.text();
  UidSet msns;
  MsnCursor cursor(session.view().known());
  uids.for_each([&](Uid uid) { msns.add(Uid(cursor.msn_of(uid))); });
  return msns.text();
}

/// A keyword used for the first time is announced before it is shown.
Result<void> announce_keywords(Session& session, const FlagNames& flags) {
  View& view = session.view();
  if (!has_new_keyword(flags, view.keywords())) return {};
  TRY(const MailboxInfo mailbox, session.store().find(view.id()));
  if (view.take_keywords(mailbox)) session.say(session.flags_lines());
  return {};
}

/// RFC 2180 §4.2: a message that another session has expunged was not changed, and who wants to be
/// told is told so. UIDs of no message are none (RFC 3501 §6.4.8).
FetchRequest::Expunged told_of_expunged(const Args& args, const StoreRequest& request) {
  const bool is_told = args.has(kUsesUids) || request.is_silent || request.unchanged_since;
  return is_told ? FetchRequest::Expunged::kTold : FetchRequest::Expunged::kLeftOut;
}

/// Is each message told that was named? Of a conditional STORE its modseq at least, silent or not
/// (RFC 7162 §3.1.3).
bool tells_all(const StoreRequest& request) {
  return !request.is_silent || request.unchanged_since;
}

/// Tells the client of its own change. Where it wants silence, only modseqs, and only if it knows
/// them (RFC 7162 §3.1.3); without a condition, only of what really changed.
void tell_own(Session& session, const Args& args, const StoreRequest& request, FetchRequest fetch) {
  if (request.is_silent && !session.features().condstore) return;
  if (session.features().condstore) fetch.items.require(FetchItem::Kind::kModSeq);
  if (session.tells_uid() || (args.has(kUsesUids) && !session.features().uidonly))
    fetch.items.require(FetchItem::Kind::kUid);
  if (!request.is_silent) fetch.items.items.push_back({.kind = FetchItem::Kind::kFlags});
  if (tells_all(request)) fetch.changed_since.reset();
  session.queue(make_fetch(session, std::move(fetch)));
}

}  // namespace

Status cmd_store(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY(const std::string_view set, args.tokens.sequence());
  TRY(const StoreRequest request, read_request(args.tokens));
  TRY_OK(session.check_writable());
  TRY(const FlagScope scope, scope_for(session, request));
  TRY(Bitmap all, session.named(args, set));
  const Bitmap named = session.within_limit(std::move(all));
  if (request.unchanged_since) session.enable_condstore();
  if (named.isEmpty()) return Completion();
  View& view = session.view();
  const ModSeq before = view.synced();
  TRY(const MailStore::Stored stored,
      session.store().store_flags(
          view.id(), uid_set_of(named), request.op, request.flags,
          {.unchanged_since = request.unchanged_since,
           .there_up_to = view.last_uid_at(request.unchanged_since.value_or(ModSeq())),
           .seen_by = view.seen_by(),
           .scope = scope}));
  if (scope.others) TRY_OK(announce_keywords(session, request.flags));
  // Where others' changes came between, the news at the command's end tell of all of them, if the
  // client wants any.
  const bool is_alone = view.skip_own(session.store(), stored) || !session.hears_of_selected();
  if (tells_all(request) || (is_alone && stored.has_changed))
    tell_own(session, args, request,
             {.items = {},
              .uids = named - bitmap_of(stored.modified),
              .changed_since = before,
              .expunged = told_of_expunged(args, request)});
  if (stored.modified.empty()) return Completion();
  return Completion{
      .code = fmt::format("[MODIFIED {}]", numbers_text(session, args, stored.modified)),
      .text = "others changed these meanwhile"};
}

}  // namespace gemel::imap
