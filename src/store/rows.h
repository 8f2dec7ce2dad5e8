// The values of the store's rows: what each holds, and its bytes.
//
// Source   doc/storage-format.md, "Values".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mail/quota.h"
#include "mail/record.h"

namespace gemel {

/// Raised by every change that an older program would read wrongly.
inline constexpr uint64_t kFormatVersion = 6;
/// Stores from this version on are opened, and are of the newest once they are written.
inline constexpr uint64_t kFormatVersionMin = 3;

/// What a store is when it is opened: a seed becomes a replica with an origin of its own.
enum class StoredRole : uint8_t { kPrimary, kReplica, kSeed };

/// The store as a whole.
struct MetaRow {
  uint64_t origin = 0;
  uint64_t last_mailbox = 0;  // number of the last UniqueId made here
  JournalSeq journal_head;
  UidValidity last_uidvalidity;
  Digest digest;
  StoredRole role = StoredRole::kPrimary;
  Term term;                          // that it writes in, or follows
  Term heard;                         // the highest it knows of
  uint64_t version = kFormatVersion;  // that it was read with; it is written with the newest
  std::string encode() const;
  /// Errors: kUnsupported, another format version; kCorrupt.
  static Result<MetaRow> decode(std::string_view bytes);
};

struct MailboxRow {
  MailboxInfo info;
  Digest records;      // the sum over all records; info.digest is this and the header's
  JournalSeq journal;  // where its entry is; 0 in a row of format 5, see read_journal()
  /// Whether the page of last_uid has a row in the changes index, as in format 5.
  bool is_last_page_indexed = false;
  std::string encode() const;
  static Result<MailboxRow> decode(const UniqueId& id, std::string_view bytes);
};

struct UserRow {
  UserInfo info;          // modseq 0: only mailboxes have come so far, the user itself not yet
  uint64_t bytes = 0;     // of live messages in live mailboxes
  uint64_t messages = 0;  // those
  uint64_t annotation_bytes = 0;  // see QuotaUsage
  JournalSeq journal;             // as of a mailbox; 0 also while its modseq is
  QuotaUsage usage() const { return {bytes, messages, info.mailboxes, annotation_bytes}; }
  std::string encode() const;
  static Result<UserRow> decode(std::string_view userid, std::string_view bytes);
};

/// A row that can't be read, or does not decode, as one that is not there.
template <class T>
Result<std::optional<T>> unless_corrupt(Result<std::optional<T>> row) {
  if (!row && row.error().code == Code::kCorrupt) return std::nullopt;
  return row;
}

/// Octets of the mailbox's annotations; none where it is deleted.
uint64_t annotation_bytes_of(const MailboxInfo& mailbox);
/// Octets that an item counts as an annotation.
uint64_t annotation_bytes_of(const UserItem& item);

std::string encode(const RecordFacts& facts);
Result<RecordFacts> decode_facts(std::string_view bytes);

/// An item without its key.
std::string encode(const UserItem& item);
Result<UserItem> decode_item(std::string_view key, std::string_view bytes);

/// A body's row: its bytes, or where its chunks are. A body has chunks exactly if it is larger than
/// kBodyChunkBytes, or archived: then its row is another (see MailStore::archive).
struct ChunkedBody {
  std::string stage_id;
  uint64_t size = 0;
  uint32_t chunks = 0;
  std::string encode() const;
};
struct BodyRow {
  std::string inline_bytes;
  ChunkedBody chunked;       // stage_id is empty for inline bytes
  std::string archive = {};  // the partition that has the chunks; empty: the body's own
  static Result<BodyRow> decode(std::string bytes);
  /// The row of a body that has no chunks, packed where that is shorter.
  static std::string encode_inline(std::string_view bytes);
  /// The row of an archived body.
  std::string encode_archived() const;
  static Result<BodyRow> decode_archived(std::string_view bytes);
};
uint64_t size_of(const BodyRow& row);
/// Below, a body is packed lightly (base/pack.h): most messages are so small, and most bytes are
/// not in them.
inline constexpr size_t kBodySmallBytes = 16 << 10;
inline constexpr char kBodyInline = 0;
inline constexpr char kBodyChunked = 1;
inline constexpr char kBodyPacked = 2;
inline constexpr char kBodyPackedLightly = 3;
inline constexpr size_t kStageIdBytes = 16;

/// A stage's row: how many chunks it has; and where they are an archived body's, the partition and
/// guid of that body, which owns them if its row names them.
struct StageRow {
  uint32_t chunks = 0;
  std::string partition = {};
  Guid guid = {};
  std::string encode() const;
  static Result<StageRow> decode(std::string_view bytes);
};

}  // namespace gemel
