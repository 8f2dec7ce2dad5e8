#include "imap/names.h"

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/modified_utf7.h"

namespace gemel::imap {
namespace {

constexpr std::string_view kInbox = "INBOX";

bool is_inbox_level(std::string_view path) {
  return equals_ignoring_case(path.substr(0, kInbox.size()), kInbox) &&
         (path.size() == kInbox.size() || path[kInbox.size()] == kHierarchySeparator);
}

bool matches_exactly(std::string_view text, std::string_view path) {
  // reached[i]: the pattern up to here can stand for the first i bytes of the path.
  std::vector<bool> reached(path.size() + 1, false);
  reached[0] = true;
  for (const char c : text) {
    if (c == '*' || c == '%') {
      for (size_t i = 1; i <= path.size(); ++i)
        if (reached[i - 1] && (c == '*' || path[i - 1] != kHierarchySeparator)) reached[i] = true;
      continue;
    }
    for (size_t i = path.size(); i > 0; --i) reached[i] = reached[i - 1] && path[i - 1] == c;
    reached[0] = false;
  }
  return reached[path.size()];
}

}  // namespace

Result<std::string> path_of_wire(std::string_view wire_name, ImapDialect dialect) {
  if (dialect == ImapDialect::kUtf8) return std::string(wire_name);
  Result<std::string> path = from_modified_utf7(wire_name);
  if (!path) return fail(Code::kInvalid, "a mailbox name is not in modified UTF-7");
  return path;
}

Result<MailboxName> mailbox_of(const UserAccess& user, std::string_view wire_name,
                               ImapDialect dialect) {
  TRY(const std::string path, path_of_wire(wire_name, dialect));
  return user.name_of(path);
}

Result<std::string> path_as_seen(const UserAccess& user, std::string_view wire_name,
                                 ImapDialect dialect) {
  TRY(std::string path, path_of_wire(wire_name, dialect));
  const Result<MailboxName> name = user.name_of(path);
  return name ? user.path_of(*name) : std::move(path);
}

Result<std::vector<std::string>> read_mailboxes(wire::Tokenizer& tokens) {
  std::vector<std::string> out;
  TRY_OK(tokens.space());
  const bool is_list = tokens.peek() == '(';
  if (is_list) TRY_OK(tokens.open());
  do {
    TRY(const std::string_view name, tokens.astring());
    out.emplace_back(name);
  } while (is_list && tokens.skip(' '));
  if (is_list) TRY_OK(tokens.close());
  return out;
}

Result<std::set<std::string>> subscribed_paths(const MailStore& store, const UserAccess& user) {
  TRY(const std::vector<UserItem> items, store.user_items(user.userid(), kUserItemSubscription));
  std::set<std::string> out;
  for (const UserItem& item : items) out.insert(item.key.substr(kUserItemSubscription.size()));
  return out;
}

Result<Named> find_named(const UserAccess& user, std::string_view wire_name, ImapDialect dialect) {
  TRY(const MailboxName name, mailbox_of(user, wire_name, dialect));
  Result<MailboxInfo> found = user.find(name, {Right::kRead});
  if (found) return Named{*std::move(found), Content::kLive};
  if (found.error().code != Code::kNotFound || !wire_name.starts_with(kExpungedPrefix))
    return std::unexpected(found.error());
  TRY(const MailboxName source,
      mailbox_of(user, wire_name.substr(kExpungedPrefix.size()), dialect));
  TRY(MailboxInfo mailbox, user.find(source, kExpungedReaders));
  return Named{std::move(mailbox), Content::kExpunged};
}

std::string path_of(const UserAccess& user, const MailboxName& name, Content content) {
  const std::string path = user.path_of(name);
  return content == Content::kLive ? path : std::string(kExpungedPrefix) + path;
}

Result<MailboxView> view_of(const MailStore& store, const UniqueId& id, Content content,
                            std::string_view seen_by) {
  return content == Content::kLive ? store.view(id, seen_by) : store.view_expunged(id, seen_by);
}

std::string object_id(const MailboxInfo& mailbox, Content content) {
  return content == Content::kLive ? mailbox.id.text() : mailbox.id.text() + "-expunged";
}

bool is_within(std::string_view path, std::string_view asked, Depth depth) {
  if (!path.starts_with(asked)) return false;
  path.remove_prefix(asked.size());
  if (path.empty()) return true;
  if (depth == Depth::kItself || path.front() != kHierarchySeparator) return false;
  return depth == Depth::kAll || !path.substr(1).contains(kHierarchySeparator);
}

void put_path(std::string& out, std::string_view path, ImapDialect dialect) {
  if (dialect == ImapDialect::kUtf8 && !is_ascii(path)) return put_imap_string(out, path, dialect);
  if (dialect == ImapDialect::kUtf8) return wire::put_astring(out, path);
  // What the store keeps is valid UTF-8.
  wire::put_astring(out, to_modified_utf7(path).value_or(std::string(path)));
}

Pattern::Pattern(std::string_view reference, std::string_view pattern, ImapDialect dialect) {
  std::string whole(reference);
  whole += pattern;
  if (whole.size() > kPatternBytesMax) return;
  // Runs of wildcards mean the same as one.
  std::string text = path_of_wire(whole, dialect).value_or("");
  for (const char c : text) {
    const char last = text_.empty() ? '\0' : text_.back();
    if ((c == '*' || c == '%') && last == '*') continue;
    if (c == '%' && last == '%') continue;
    if (c == '*' && last == '%') text_.pop_back();
    text_ += c;
  }
  if (is_inbox_level(text_)) text_.replace(0, kInbox.size(), kInbox);
}

bool Pattern::matches(std::string_view path) const {
  if (text_.empty()) return false;
  if (matches_exactly(text_, path)) return true;
  // INBOX is found in any case (RFC 3501 §5.1), by "in%" too.
  return path == kInbox && matches_exactly(to_upper(text_), path);
}

}  // namespace gemel::imap
