// LIST, LSUB, NAMESPACE (RFC 3501 §6.3.8 and §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 2342).

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "imap/list.h"
#include "imap/metadata.h"
#include "imap/session.h"
#include "mail/modified_utf7.h"

namespace gemel::imap {
namespace {

// `(SUBSCRIBED RECURSIVEMATCH)`
Result<void> read_selection(wire::Tokenizer& tokens, ListRequest& out) {
  TRY_OK(tokens.open());
  while (!tokens.skip(')')) {
    TRY(const std::string_view word, tokens.atom());
    if (equals_ignoring_case(word, "SUBSCRIBED")) {
      out.selects_subscribed = true;
    } else if (equals_ignoring_case(word, "SPECIAL-USE")) {
      out.selects_special_use = true;
    } else if (equals_ignoring_case(word, "RECURSIVEMATCH")) {
      out.selects_recursively = true;
    } else if (!equals_ignoring_case(word, "REMOTE")) {  // there are no remote mailboxes
      return fail(Code::kSyntax, "no such LIST selection option");
    }
    if (tokens.peek() != ')') TRY_OK(tokens.space());
  }
  // RFC 5258 §3.1: RECURSIVEMATCH selects nothing by itself.
  if (out.selects_recursively && !out.selects_subscribed && !out.selects_special_use)
    return fail(Code::kSyntax, "RECURSIVEMATCH needs another selection option");
  return {};
}

// ` RETURN (CHILDREN STATUS (MESSAGES))`, if it is there. Children and special uses are always
// told.
Result<void> read_returns(wire::Tokenizer& tokens, ListRequest& out) {
  if (tokens.at_end()) return {};
  TRY_OK(tokens.space());
  if (!tokens.skip_word("RETURN")) return tokens.wrong("RETURN");
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  while (tokens.peek() != ')') {
    TRY(const std::string_view word, tokens.atom());
    if (equals_ignoring_case(word, "SUBSCRIBED")) {
      out.returns_subscribed = true;
    } else if (equals_ignoring_case(word, "MYRIGHTS")) {
      out.returns_rights = true;
    } else if (equals_ignoring_case(word, "METADATA")) {
      TRY_OK(tokens.space());
      TRY(out.annotations, read_entries(tokens));
    } else if (equals_ignoring_case(word, "STATUS")) {
      TRY_OK(tokens.space());
      TRY(out.status, read_status_items(tokens));
    } else if (!equals_ignoring_case(word, "CHILDREN") &&
               !equals_ignoring_case(word, "SPECIAL-USE")) {
      return fail(Code::kSyntax, "no such LIST return option");
    }
    if (tokens.peek() != ')') TRY_OK(tokens.space());
  }
  return tokens.close();
}

struct ListArguments {
  ListRequest request;
  bool asks_for_separator = false;  // an empty pattern (RFC 3501 §6.3.8)
};

Result<ListArguments> read_list(Args& args, size_t patterns_max, ImapDialect dialect) {
  ListArguments out;
  out.request.dialect = dialect;
  wire::Tokenizer& tokens = args.tokens;
  TRY_OK(tokens.space());
  if (tokens.peek() == '(') {
    out.request.is_extended = true;
    TRY_OK(read_selection(tokens, out.request));
    TRY_OK(tokens.space());
  }
  TRY(const std::string_view reference, tokens.astring());
  TRY_OK(tokens.space());
  const bool is_list = tokens.peek() == '(';
  if (is_list) TRY_OK(tokens.open());
  do {
    if (out.request.patterns.size() == patterns_max)
      return fail(Code::kLimit, "too many LIST patterns");
    TRY(const std::string_view pattern, tokens.list_mailbox());
    out.request.patterns.emplace_back(reference, pattern, dialect);
    out.asks_for_separator = pattern.empty();
  } while (is_list && tokens.skip(' '));
  if (is_list) TRY_OK(tokens.close());
  out.request.is_extended = out.request.is_extended || is_list || !tokens.at_end();
  // RFC 5258 §3: only of the LIST that was there before.
  out.asks_for_separator = out.asks_for_separator && !out.request.is_extended;
  TRY_OK(read_returns(tokens, out.request));
  TRY_OK(tokens.end());
  return out;
}

/// What goes with the LIST line of a mailbox.
Result<void> put_returns(std::string& out, const Session& session, const ListTree::value_type& node,
                         const ListRequest& request) {
  const auto& [path, what] = node;
  const Rights rights = session.access().rights(*what.mailbox);
  // What was expunged has nothing of its own but its messages.
  const bool is_live = what.content == Content::kLive;
  if (is_live && !request.annotations.empty() && rights.has_any(kMetadataReaders)) {
    TRY(const AnnotationMap annotations,
        annotations_of(session.store(), session.userid(), &*what.mailbox));
    put_metadata(out, path, request.annotations, annotations, request.dialect);
  }
  if (is_live && request.returns_rights) put_my_rights(out, path, rights, request.dialect);
  if (!request.status || !rights.has(Right::kRead)) return {};
  const Result<void> put = put_status(out, session, *what.mailbox,
                                      {.items = *request.status,
                                       .append_limit = session.options().limits.message_bytes_max,
                                       .content = what.content});
  // RFC 5819 §2: a mailbox that is gone by now is listed without STATUS.
  if (!put && put.error().code != Code::kNotFound) return std::unexpected(put.error());
  return {};
}

/// Annotations of many mailboxes may be much, so they are told in pieces.
class ListWork final : public Work {
 public:
  ListWork(const Session& session, ListTree tree, ListRequest request)
      : session_(session), tree_(std::move(tree)), request_(std::move(request)) {}

  Result<Progress> step(std::string& out) override {
    const size_t enough = out.size() + session_.options().limits.output_piece_bytes;
    for (; at_ != tree_.end() && out.size() < enough; ++at_)
      if (put_list(out, *at_, request_)) TRY_OK(put_returns(out, session_, *at_, request_));
    return at_ == tree_.end() ? Progress::kDone : Progress::kMore;
  }

 private:
  const Session& session_;
  const ListTree tree_;
  const ListRequest request_;
  ListTree::const_iterator at_ = tree_.begin();
};

}  // namespace

Status cmd_list(Session& session, Args& args) {
  const Limits& limits = session.options().limits;
  TRY(ListArguments arguments, read_list(args, limits.list_patterns_max, session.dialect()));
  if (arguments.asks_for_separator) {
    session.say("* LIST (\\Noselect) \"/\" \"\"\r\n");
    return Completion();
  }
  TRY(ListTree tree, load_list_tree(session.store(), session.access()));
  constexpr std::string_view kExpunged = kExpungedPrefix.substr(0, kExpungedPrefix.size() - 1);
  if (std::ranges::any_of(arguments.request.patterns,
                          [&](const Pattern& pattern) { return pattern.starts_with(kExpunged); }))
    add_expunged(tree, session.access());
  mark_untold(tree, arguments.request);
  session.queue(std::make_unique<ListWork>(session, std::move(tree), std::move(arguments.request)));
  return Completion();
}

Status cmd_lsub(Session& session, Args& args) {
  TRY(const std::string_view reference, args.next_astring());
  TRY_OK(args.tokens.space());
  TRY(const std::string_view text, args.tokens.list_mailbox());
  TRY_OK(args.tokens.end());
  const Pattern pattern(reference, text, session.dialect());
  const Percent percent = text.contains('%') ? Percent::kYes : Percent::kNo;
  TRY(const ListTree tree, load_list_tree(session.store(), session.access()));
  std::string out;
  for (const ListTree::value_type& node : tree)
    put_lsub(out, node, pattern, {.percent = percent, .dialect = session.dialect()});
  session.say(std::move(out));
  return Completion();
}

// RFC 2342 §5: the user's own, others', and shared mailboxes.
Status cmd_namespace(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  const AccessOptions& options = session.options().access;
  const bool is_utf8 = session.dialect() == ImapDialect::kUtf8;
  std::string text = "* NAMESPACE ((\"\" \"/\"))";
  for (const std::string& prefix : {options.other_users_prefix, options.shared_prefix}) {
    if (prefix.empty()) {
      text += " NIL";
      continue;
    }
    text += " ((";
    // A name with a space in it is one that needs quotes, as all of them have (RFC 2342 §6).
    const std::string whole = prefix + kHierarchySeparator;
    put_imap_string(text, is_utf8 ? whole : to_modified_utf7(whole).value_or(whole),
                    session.dialect());
    text += " \"/\"))";
  }
  session.say(text + "\r\n");
  return Completion();
}

}  // namespace gemel::imap
