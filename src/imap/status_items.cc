#include "imap/status_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

// In the order of StatusItem.
constexpr std::array<std::string_view, 11> kNames = {
    "APPENDLIMIT", "DELETED", "DELETED-STORAGE", "HIGHESTMODSEQ", "MAILBOXID", "MESSAGES",
    "RECENT",      "SIZE",    "UIDNEXT",         "UIDVALIDITY",   "UNSEEN"};

struct Asked {
  const Session& session;
  const MailboxInfo& mailbox;
  const StatusRequest& request;

  Result<MailboxView> look() const {
    return view_of(session.store(), mailbox.id, request.content, session.access().seen_by(mailbox));
  }
};

Result<uint64_t> recent_count(const Asked& asked) {
  const Uid recent_uid = asked.session.store().recent_uid(asked.mailbox);
  if (asked.mailbox.exists == 0 || recent_uid >= asked.mailbox.last_uid) return 0;
  TRY(const MailboxView view, asked.look());
  TRY(const UidSet uids, view.uids());
  return (uids & UidSet::of(next(recent_uid), Uid(UINT32_MAX))).size();
}

// RFC 9208 §4.1.4.
Result<uint64_t> deleted_bytes(const Asked& asked) {
  uint64_t bytes = 0;
  if (asked.mailbox.deleted == 0) return bytes;
  TRY(const MailboxView view, asked.look());
  TRY(const UidSet uids, view.uids_with(static_cast<size_t>(SystemFlag::kDeleted)));
  TRY(const std::vector<RecordFacts> facts, view.facts(uids));
  for (const RecordFacts& one : facts) bytes += one.size;
  return bytes;
}

Result<uint64_t> unseen_count(const Asked& asked) {
  if (asked.session.access().seen_by(asked.mailbox).empty()) return asked.mailbox.unseen;
  TRY(const MailboxView view, asked.look());
  TRY(const uint32_t count, view.unseen());
  return count;
}

Result<uint64_t> number_of(StatusItem item, const Asked& asked) {
  const MailboxInfo& mailbox = asked.mailbox;
  switch (item) {
    case StatusItem::kAppendLimit:
      return asked.request.append_limit;
    case StatusItem::kDeleted:
      return mailbox.deleted;
    case StatusItem::kDeletedStorage:
      return deleted_bytes(asked);
    case StatusItem::kHighestModSeq:
      return mailbox.highestmodseq.value;
    case StatusItem::kMessages:
      return mailbox.exists;
    case StatusItem::kRecent:
      return recent_count(asked);
    case StatusItem::kSize:
      return mailbox.bytes;
    case StatusItem::kUidNext:
      return mailbox.uidnext().value;
    case StatusItem::kUidValidity:
      return mailbox.uidvalidity.value;
    case StatusItem::kUnseen:
      return unseen_count(asked);
    case StatusItem::kMailboxId:
      break;  // no number
  }
  return 0;
}

Result<void> put_of_view(std::string& out, const Asked& asked) {
  std::string values;
  for (const StatusItem item : asked.request.items) {
    if (!values.empty()) values += ' ';
    (values += kNames[static_cast<size_t>(item)]) += ' ';
    if (item == StatusItem::kMailboxId) {
      values += fmt::format("({})", object_id(asked.mailbox, asked.request.content));
      continue;
    }
    TRY(const uint64_t number, number_of(item, asked));
    values += std::to_string(number);
  }
  out += "* STATUS ";
  put_path(out, path_of(asked.session.access(), asked.mailbox.name, asked.request.content),
           asked.session.dialect());
  out += fmt::format(" ({})\r\n", values);
  return {};
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
  if (request.content == Content::kLive) return put_of_view(out, {session, mailbox, request});
  TRY(const MailboxView expunged, Asked{session, mailbox, request}.look());
  return put_of_view(out, {session, expunged.info(), request});
}

}  // namespace gemel::imap
