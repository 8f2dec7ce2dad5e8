// LIST, LSUB, NAMESPACE (RFC 3501 §6.3.8 and §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 2342).

#include <fmt/format.h>

#include "base/bytes.h"
#include "imap/list.h"
#include "imap/session.h"

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

Result<ListArguments> read_list(Args& args, size_t patterns_max) {
  ListArguments out;
  wire::Tokenizer& tokens = args.tokens;
  TRY_OK(tokens.space());
  if (tokens.peek() == '(') {
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
    out.request.patterns.emplace_back(reference, pattern);
    out.asks_for_separator = pattern.empty() && !is_list;
  } while (is_list && tokens.skip(' '));
  if (is_list) TRY_OK(tokens.close());
  TRY_OK(read_returns(tokens, out.request));
  TRY_OK(tokens.end());
  return out;
}

}  // namespace

Status cmd_list(Session& session, Args& args) {
  const Limits& limits = session.options().limits;
  TRY(const ListArguments arguments, read_list(args, limits.list_patterns_max));
  const ListRequest& request = arguments.request;
  if (arguments.asks_for_separator) {
    session.say("* LIST (\\Noselect) \"/\" \"\"\r\n");
    return Completion();
  }
  TRY(const ListTree tree, load_list_tree(session.store(), session.userid()));
  std::string text;
  for (const ListTree::value_type& node : tree) {
    if (!put_list(text, node, request) || !request.status) continue;
    const Result<void> put =
        put_status(text, session.store(), *node.second.mailbox,
                   {.items = *request.status, .append_limit = limits.message_bytes_max});
    // RFC 5819 §2: a mailbox that is gone by now is listed without STATUS.
    if (!put && put.error().code != Code::kNotFound) return std::unexpected(put.error());
  }
  session.say(std::move(text));
  return Completion();
}

Status cmd_lsub(Session& session, Args& args) {
  TRY(const std::string_view reference, args.next_astring());
  TRY_OK(args.tokens.space());
  TRY(const std::string_view text, args.tokens.list_mailbox());
  TRY_OK(args.tokens.end());
  const Pattern pattern(reference, text);
  const Percent percent = text.contains('%') ? Percent::kYes : Percent::kNo;
  TRY(const ListTree tree, load_list_tree(session.store(), session.userid()));
  std::string out;
  for (const ListTree::value_type& node : tree) put_lsub(out, node, pattern, percent);
  session.say(std::move(out));
  return Completion();
}

Status cmd_namespace(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  session.say("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
  return Completion();
}

}  // namespace gemel::imap
