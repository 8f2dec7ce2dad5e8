// GETMETADATA, SETMETADATA (RFC 5464 §4).

#include <fmt/format.h>

#include "base/bytes.h"
#include "expire/rule.h"
#include "imap/metadata.h"
#include "imap/names.h"

namespace gemel::imap {
namespace {

// RFC 5464 §6.2.1: clients never change it.
constexpr std::string_view kAdminEntry = "/shared/admin";

struct GetRequest {
  std::optional<uint64_t> bytes_max;
  Depth depth = Depth::kItself;
  std::string_view mailbox;
  std::vector<std::string> entries;
};

// `(MAXSIZE 1024 DEPTH infinity)`
Result<void> read_options(wire::Tokenizer& tokens, GetRequest& out) {
  TRY_OK(tokens.open());
  while (!tokens.skip(')')) {
    if (tokens.skip_word("MAXSIZE")) {
      TRY_OK(tokens.space());
      TRY(out.bytes_max, tokens.number());
    } else if (tokens.skip_word("DEPTH")) {
      TRY_OK(tokens.space());
      TRY(const std::string_view depth, tokens.atom());
      if (depth == "0")
        out.depth = Depth::kItself;
      else if (depth == "1")
        out.depth = Depth::kChildren;
      else if (equals_ignoring_case(depth, "infinity"))
        out.depth = Depth::kAll;
      else
        return fail(Code::kSyntax, "DEPTH is 0, 1 or infinity");
    } else {
      return tokens.wrong("MAXSIZE or DEPTH");
    }
    if (tokens.peek() != ')') TRY_OK(tokens.space());
  }
  return {};
}

Result<GetRequest> read_get(wire::Tokenizer& tokens) {
  GetRequest out;
  TRY_OK(tokens.space());
  if (tokens.peek() == '(') {
    TRY_OK(read_options(tokens, out));
    TRY_OK(tokens.space());
  }
  TRY(out.mailbox, tokens.astring());
  TRY_OK(tokens.space());
  // As the examples of RFC 5464 §4.2.1 have it, and some clients. An entry begins with "/".
  if (tokens.next_is("(MAXSIZE ") || tokens.next_is("(DEPTH ")) {
    TRY_OK(read_options(tokens, out));
    TRY_OK(tokens.space());
  }
  TRY(out.entries, read_entries(tokens));
  TRY_OK(tokens.end());
  return out;
}

Result<std::optional<std::string>> read_value(wire::Tokenizer& tokens) {
  if (tokens.peek() == '~') {  // literal8
    TRY(const wire::LiteralArgument literal, tokens.literal());
    return std::string(literal.bytes);
  }
  TRY(const std::optional<std::string_view> text, tokens.nstring());
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

// `(/shared/comment "x" /private/comment NIL)`
Result<AnnotationChanges> read_changes(wire::Tokenizer& tokens) {
  AnnotationChanges out;
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  do {
    if (out.size() == kAnnotationsMax) return fail(Code::kLimit, "too many annotations at once");
    TRY(const std::string_view word, tokens.astring());
    TRY(std::string entry, parse_annotation_name(word));
    TRY_OK(tokens.space());
    TRY(std::optional<std::string> value, read_value(tokens));
    out.emplace_back(std::move(entry), std::move(value));
  } while (tokens.skip(' '));
  TRY_OK(tokens.close());
  TRY_OK(tokens.end());
  return out;
}

void put_value(std::string& out, const std::optional<std::string>& value) {
  if (value && value->contains('\0')) {
    // A string can't hold NUL (RFC 3501 §9), a literal8 can (RFC 3516 §4.2).
    out += fmt::format("~{{{}}}\r\n", value->size());
    out += *value;
  } else {
    wire::put_nstring(out, value);
  }
}

/// The mailbox, over which the user has `l` and one of the rights to read; nothing: the server.
Result<std::optional<MailboxInfo>> target_of(const Session& session, std::string_view wire_name) {
  const UserAccess& user = session.access();
  if (wire_name.empty()) return std::nullopt;
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  TRY(MailboxInfo mailbox, user.find(name, {Right::kLookup}));
  TRY_OK(user.check_any(mailbox, kMetadataReaders));
  return mailbox;
}

// By a rule that can't be read nothing goes (doc/expire.md), and its owner must hear of it now.
Result<void> check_rule(std::string_view text) {
  const Result<expire::Rule> rule = expire::parse_rule(text);
  if (rule) return {};
  return fail(Code::kInvalid, rule.error().text);
}

Result<void> check_change(const UserAccess& user, const std::optional<MailboxInfo>& mailbox,
                          std::string_view entry) {
  if (!mailbox && (entry == kAdminEntry || (is_shared_annotation(entry) && !user.is_admin())))
    return fail(Code::kDenied, "only an administrator sets what is shared of the server");
  if (!mailbox || !is_shared_annotation(entry)) return {};
  const Right needed = entry.starts_with(kServerEntry) ? Right::kAdminister : Right::kWrite;
  return user.check(*mailbox, {needed});
}

}  // namespace

Result<std::vector<std::string>> read_entries(wire::Tokenizer& tokens) {
  std::vector<std::string> out;
  const bool is_list = tokens.peek() == '(';
  if (is_list) TRY_OK(tokens.open());
  do {
    if (out.size() == kAnnotationsMax) return fail(Code::kLimit, "too many entries at once");
    TRY(const std::string_view word, tokens.astring());
    // With DEPTH these are all that there is (RFC 5464 §4.2.2).
    std::string entry = to_lower(word);
    if (entry + '/' != kPrivateEntry && entry + '/' != kSharedEntry) {
      TRY(entry, parse_annotation_name(word));
    }
    out.push_back(std::move(entry));
  } while (is_list && tokens.skip(' '));
  if (is_list) TRY_OK(tokens.close());
  return out;
}

void put_metadata(std::string& out, std::string_view path, const std::vector<std::string>& entries,
                  const AnnotationMap& annotations, ImapDialect dialect) {
  out += "* METADATA ";
  put_path(out, path, dialect);
  out += " (";
  for (const std::string& entry : entries) {
    if (&entry != entries.data()) out += ' ';
    wire::put_astring(out, entry);
    out += ' ';
    const auto at = annotations.find(entry);
    put_value(out, at == annotations.end() ? std::nullopt : std::optional(at->second));
  }
  out += ")\r\n";
}

Status cmd_getmetadata(Session& session, Args& args) {
  TRY(const GetRequest request, read_get(args.tokens));
  TRY(const std::optional<MailboxInfo> mailbox, target_of(session, request.mailbox));
  TRY(const AnnotationMap all,
      annotations_of(session.store(), session.userid(), mailbox ? &*mailbox : nullptr));
  uint64_t longest = 0;
  std::vector<std::string> told;
  for (const std::string& asked : request.entries) {
    // What was asked for by its name and is not there is told to be NIL.
    if (request.depth == Depth::kItself && !all.contains(asked)) told.push_back(asked);
    for (const auto& [entry, value] : all) {
      if (!is_within(entry, asked, request.depth)) continue;
      if (request.bytes_max && value.size() > *request.bytes_max)
        longest = std::max<uint64_t>(longest, value.size());
      else
        told.push_back(entry);
    }
  }
  if (!told.empty()) {
    std::string text;
    put_metadata(text, mailbox ? session.access().path_of(mailbox->name) : "", told, all,
                 session.dialect());
    session.say(std::move(text));
  }
  if (longest == 0) return Completion();
  return Completion{.code = fmt::format("[METADATA LONGENTRIES {}]", longest)};
}

Status cmd_setmetadata(Session& session, Args& args) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY(const AnnotationChanges changes, read_changes(args.tokens));
  TRY(const std::optional<MailboxInfo> mailbox, target_of(session, wire_name));
  for (const auto& [entry, value] : changes) {
    TRY_OK(check_change(session.access(), mailbox, entry));
    if (value && entry == expire::kEntryRule) TRY_OK(check_rule(*value));
  }
  TRY_OK(annotate(session.store(), session.userid(), mailbox ? &*mailbox : nullptr, changes));
  return Completion();
}

}  // namespace gemel::imap
