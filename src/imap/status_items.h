// STATUS, for one mailbox or for all that LIST finds.
//
// Source   RFC 3501 §6.3.10, RFC 7162 §3.1.7 (HIGHESTMODSEQ), RFC 8438 (SIZE), RFC 9051 §6.3.11
//          (DELETED), RFC 8474 §4.3 (MAILBOXID), RFC 7889 §4 (APPENDLIMIT).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imap/names.h"
#include "store/mail_store.h"
#include "wire/tokens.h"

namespace gemel::imap {

enum class StatusItem : uint8_t {
  kAppendLimit,
  kDeleted,
  kDeletedStorage,
  kHighestModSeq,
  kMailboxId,
  kMessages,
  kRecent,
  kSize,
  kUidNext,
  kUidValidity,
  kUnseen,
};

/// `(MESSAGES UNSEEN)`, each once, in the order asked. Errors: kSyntax, also for an empty list.
Result<std::vector<StatusItem>> read_status_items(wire::Tokenizer& tokens);

class Session;

struct StatusRequest {
  std::vector<StatusItem> items;
  uint64_t append_limit;
  Content content = Content::kLive;
};
/// Appends `* STATUS name (...)` with CRLF, as the session's user sees the mailbox. Cost: O(1), but
/// O(messages / 256) for RECENT, O(deleted messages) for DELETED-STORAGE, and for UNSEEN where the
/// user is not the owner. Errors: kNotFound, the mailbox is gone.
Result<void> put_status(std::string& out, const Session& session, const MailboxInfo& mailbox,
                        const StatusRequest& request);

}  // namespace gemel::imap
