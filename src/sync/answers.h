// What the receiver answers, as text and back: rows (`* MAILBOX ...`) and the line that ends each
// command (`OK`, `NO`, `BAD`).
//
// Threads  pure functions.
// Source   doc/replication-protocol.md, "Answers".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sync/standing.h"
#include "sync/values.h"
#include "wire/tokens.h"

namespace gemel::sync {

/// `* RESERVE`: bodies that are there and stay until the connection ends.
struct ReserveRow {
  std::vector<Guid> guids;
};

/// `* BODY`: the literal behind it has the bytes.
struct BodyRow {
  Guid guid;
  uint64_t size = 0;
  size_t literal = 0;  // its index in the frame
};

/// The first line from the receiver.
struct Greeting {
  uint32_t protocol = 0;
  int digest_version = 0;
  std::string server;
  bool starttls = false;
  bool scram = false;
  bool zstd = false;
  bool zstd_words = false;
  bool received = false;  // says so when a batch has come, see ReceivedRow
  bool after = false;     // an UPDATE may say AFTER
  bool readers = false;   // READERS may be asked
};

/// What `NO` gives the reason of, so that the sender knows what to do.
enum class Reason : uint8_t {
  kNone,         // see the text
  kModified,     // its state is not the one named; the rows before say the state
  kMissing,      // bodies are missing: their guids follow
  kNoSource,     // a COPY names a message that is not there
  kExists,       // the name is taken, by the mailbox whose id follows
  kCorrupt,      // a body came that does not have the guid that was said
  kInvalid,      // it would break an invariant, or is no mailbox name here, and so on
  kUnavailable,  // no space, no time: try again later
  kDenied,       // not here, not for this user, not on this link
  kStale,        // the sender's term is over: a later one follows
};
inline constexpr size_t kReasonCount = static_cast<size_t>(Reason::kStale) + 1;
inline constexpr std::array<std::string_view, kReasonCount> kReasonWords = {
    "",        "MODIFIED", "MISSING",     "NOSOURCE", "EXISTS",
    "CORRUPT", "INVALID",  "UNAVAILABLE", "DENIED",   "STALE"};

/// The end of a command.
struct Ending {
  enum class Kind : uint8_t { kOk, kNo, kBad };
  Kind kind = Kind::kOk;
  std::string command;
  std::optional<uint64_t> check = {};  // OK UPDATE, OK USERDATA
  std::optional<Uid> next = {};        // OK CHANGES: there is more, from here on; 0: that is all
  Reason reason = Reason::kNone;
  std::vector<Guid> missing = {};
  std::optional<UniqueId> holder = {};
  std::optional<Term> term = {};
  std::string text = {};
};

/// `* RECEIVED`: all of the batch is in the receiver's memory, on its way to the disk.
struct ReceivedRow {};

/// `BYE`: the receiver ends the connection, and why; with the later term if that is the reason.
struct Bye {
  std::optional<Term> term;
  std::string text = {};
};

struct Challenge {
  std::string base64;
};

using Answer = std::variant<Greeting, MailboxState, UserState, HeaderState, RecordUids,
                            ChangedRecord, UserItem, RangeRow, ReserveRow, LostRow, BodyRow,
                            ReceivedRow, Ending, Bye, Challenge>;

std::string encode(const Greeting& greeting);
std::string encode(const MailboxState& state);
std::string encode(const UserState& state);
std::string encode(const HeaderState& header);
std::string encode(const RecordUids& uids);
std::string encode(const ChangedRecord& record);
std::string encode(const UserItem& item);
std::string encode(const LostRow& row);
/// Without the bytes, and the line end behind them.
std::string encode_start(const BodyRow& row);
std::string encode(const RangeRow& row);
std::string encode(const ReserveRow& row);
std::string encode(const Ending& ending);
std::string encode(const ReceivedRow& row);
std::string encode(const Bye& bye);

/// One answer with its line end and literals. Errors: kSyntax, kLimit.
Result<Answer> decode_answer(wire::Tokenizer& in);

}  // namespace gemel::sync
