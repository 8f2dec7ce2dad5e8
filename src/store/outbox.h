// The outbox: mail that was accepted for sending on and has not left yet.
//
// It is the INBOX of a reserved user. So mail enters it in the transaction of the delivery that
// asked for it, survives kill -9 and power loss, goes to replicas, and leaves from whoever is
// primary. An entry's body is its envelope and then the message:
//
//   gemel-outbox 1 CRLF
//   from SENDER CRLF            "from " alone: the null path
//   to RECIPIENT CRLF
//   failure drop|return|file CRLF
//   owner USERID CRLF           only with "file"
//   CRLF message
//
// How often it was tried is not kept: a restart tries everything at once. When an entry came in is
// its internaldate.
//
// Owns     the reserved user. Threads  any.
// Source   doc/decisions/0010-outbox.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "store/mail_store.h"

namespace gemel {

/// Longer than any address that SMTP takes (RFC 5321 §4.5.3.1.3).
inline constexpr size_t kOutboxAddressBytesMax = 1024;
inline constexpr size_t kOutboxEnvelopeBytesMax = 4096;

/// Who gets a message; one recipient an entry, so that it is on its way or not.
struct OutboxEnvelope {
  std::string sender;     // without brackets; "" is the null path
  std::string recipient;  // without brackets
  /// What becomes of a message that can't be sent: refused for good, or tried for too long.
  enum class Failure : uint8_t {
    kDrop,    // nothing but a line in the log: a reply, a notification
    kReturn,  // `sender` is told by a delivery status notification, unless it is null
    kFile,    // it comes into the INBOX of `owner`, who had it sent on
  } failure = Failure::kDrop;
  std::string owner = {};  // userid, of kFile
  bool operator==(const OutboxEnvelope&) const = default;
};

class Outbox {
 public:
  /// `entries_max`: what would be one more gives kLimit. The store must outlive this.
  Outbox(MailStore& store, size_t entries_max) : store_(store), entries_max_(entries_max) {}

  // --- putting in ---

  /// Takes the message, in pieces; the envelope is in it already. Errors: kInvalid, an address has
  /// a control character or is too long; those of MailStore::stage.
  Result<BodyWriter> stage(const OutboxEnvelope& envelope);
  /// What was staged, for a transaction of the caller's (MailStore::append, MailStore::deliver);
  /// what is binary is in base64, see line_body.h. Errors: kLimit, the outbox is full; kReadOnly,
  /// this is a replica; those of made_of_lines.
  Result<MailStore::Append> entry(StagedBody staged, int64_t now_s);
  /// All of it at once; durable when it returns. `message`: RFC 5322 bytes with CRLF.
  Result<void> put(const OutboxEnvelope& envelope, std::string_view message, int64_t now_s);

  // --- sending ---

  struct Entry {
    Uid uid;
    int64_t queued_s = 0;
  };
  /// All that waits, the oldest first. Empty where there never was an outbox.
  Result<std::vector<Entry>> entries() const;
  struct Mail {
    OutboxEnvelope envelope;
    Body body;
    uint64_t message_at = 0;  // of the body; what is before is the envelope
    Guid guid;
  };
  /// Errors: kNotFound; kCorrupt, it is no entry.
  Result<Mail> open(Uid uid) const;
  /// It is gone when this returns: sent, or given up.
  Result<void> remove(Uid uid);
  /// Frees what remove() has hidden. Cost: O(entries there ever were since the last time).
  Result<void> tidy();

  /// `on_change` runs on the committer's thread when something comes or goes; be quick. Makes the
  /// outbox where it is missing. Errors: kReadOnly, this is a replica.
  Result<Watch> watch(std::function<void()> on_change);

 private:
  /// Made where it is missing. Errors: kReadOnly.
  Result<MailboxInfo> mailbox();

  MailStore& store_;
  size_t entries_max_;
};

/// The envelope as it stands before the message, and back. Errors: kInvalid; kCorrupt.
Result<std::string> text_of(const OutboxEnvelope& envelope);
struct ParsedEnvelope {
  OutboxEnvelope envelope;
  size_t bytes = 0;  // that it took
};
Result<ParsedEnvelope> parse_outbox_envelope(std::string_view text);

}  // namespace gemel
