#include "imap/status_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "imap/names.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

// In the order of StatusItem.
constexpr std::array<std::string_view, 11> kNames = {
    "APPENDLIMIT", "DELETED", "DELETED-STORAGE", "HIGHESTMODSEQ", "MAILBOXID", "MESSAGES",
    "RECENT",      "SIZE",    "UIDNEXT",         "UIDVALIDITY",   "UNSEEN"};

Result<uint64_t> recent_count(const MailStore& store, const MailboxInfo& mailbox) {
  if (mailbox.exists == 0 || mailbox.recent_uid >= mailbox.last_uid) return 0;
  TRY(const MailboxView view, store.view(mailbox.id));
  TRY(const UidSet uids, view.uids());
  return (uids & UidSet::of(next(view.info().recent_uid), Uid(UINT32_MAX))).size();
}

// RFC 9208 §4.1.4.
Result<uint64_t> deleted_bytes(const MailStore& store, const MailboxInfo& mailbox) {
  uint64_t bytes = 0;
  if (mailbox.deleted == 0) return bytes;
  TRY(const MailboxView view, store.view(mailbox.id));
  TRY(const UidSet uids, view.uids_with(static_cast<size_t>(SystemFlag::kDeleted)));
  TRY(const std::vector<RecordFacts> facts, view.facts(uids));
  for (const RecordFacts& one : facts) bytes += one.size;
  return bytes;
}

Result<uint32_t> unseen_count(const Session& session, const MailboxInfo& mailbox) {
  const std::string seen_by = session.access().seen_by(mailbox);
  if (seen_by.empty()) return mailbox.unseen;
  TRY(const MailboxView view, session.store().view(mailbox.id, seen_by));
  return view.unseen();
}

Result<std::string> value_of(StatusItem item, const Session& session, const MailboxInfo& mailbox,
                             uint64_t append_limit) {
  const auto text = [](uint64_t value) { return std::to_string(value); };
  switch (item) {
    case StatusItem::kAppendLimit:
      return text(append_limit);
    case StatusItem::kDeleted:
      return text(mailbox.deleted);
    case StatusItem::kDeletedStorage: {
      TRY(const uint64_t bytes, deleted_bytes(session.store(), mailbox));
      return text(bytes);
    }
    case StatusItem::kHighestModSeq:
      return text(mailbox.highestmodseq.value);
    case StatusItem::kMailboxId:
      return fmt::format("({})", mailbox.id.text());
    case StatusItem::kMessages:
      return text(mailbox.exists);
    case StatusItem::kRecent: {
      TRY(const uint64_t count, recent_count(session.store(), mailbox));
      return text(count);
    }
    case StatusItem::kSize:
      return text(mailbox.bytes);
    case StatusItem::kUidNext:
      return text(mailbox.uidnext().value);
    case StatusItem::kUidValidity:
      return text(mailbox.uidvalidity.value);
    case StatusItem::kUnseen: {
      TRY(const uint32_t count, unseen_count(session, mailbox));
      return text(count);
    }
  }
  return std::string();
}

}  // namespace

Result<std::vector<StatusItem>> read_status_items(wire::Tokenizer& tokens) {
  std::vector<StatusItem> out;
  TRY_OK(tokens.open());
  do {
    TRY(const std::string_view word, tokens.atom());
    const std::string upper = to_upper(word);
    const auto at = std::ranges::lower_bound(kNames, std::string_view(upper));
    if (at == kNames.end() || *at != upper) return fail(Code::kSyntax, "no such STATUS item");
    const auto item = static_cast<StatusItem>(at - kNames.begin());
    if (std::ranges::find(out, item) == out.end()) out.push_back(item);
  } while (tokens.skip(' '));
  TRY_OK(tokens.close());
  return out;
}

Result<void> put_status(std::string& out, const Session& session, const MailboxInfo& mailbox,
                        const StatusRequest& request) {
  std::string values;
  for (const StatusItem item : request.items) {
    TRY(const std::string value, value_of(item, session, mailbox, request.append_limit));
    if (!values.empty()) values += ' ';
    ((values += kNames[static_cast<size_t>(item)]) += ' ') += value;
  }
  out += "* STATUS ";
  put_path(out, session.access().path_of(mailbox.name));
  out += fmt::format(" ({})\r\n", values);
  return {};
}

}  // namespace gemel::imap
