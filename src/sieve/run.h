// Runs a script on a message.
//
// Pure but for what the Environment looks up: nothing is written, sent or remembered here. Outcome
// says what to do, and what to remember when it is done.
//
// Threads  any; one run on one thread.
// Source   RFC 5228 §2.10 (actions, implicit keep, errors) and the extensions' RFCs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "sieve/action.h"
#include "sieve/limits.h"
#include "sieve/script.h"

namespace gemel::sieve {

/// The message, as it would be stored. Views stay valid as long as the source lives.
class MessageSource {
 public:
  virtual ~MessageSource() = default;
  virtual uint64_t size() = 0;
  /// The header, its empty line included.
  virtual Result<std::string_view> header() = 0;
  /// All of it. Asked for only by what looks at, or changes, the body.
  virtual Result<std::string_view> all() = 0;
};

/// A message that is in memory anyway; `bytes` must outlive it.
class MessageInMemory final : public MessageSource {
 public:
  explicit MessageInMemory(std::string_view bytes) : bytes_(bytes) {}
  uint64_t size() override { return bytes_.size(); }
  Result<std::string_view> header() override;
  Result<std::string_view> all() override { return bytes_; }

 private:
  std::string_view bytes_;
};

struct Envelope {
  std::string from;  // without brackets; "" is the null path
  std::string to;    // this recipient, detail included
};

/// RFC 6609 §3.2.
enum class ScriptLocation : uint8_t { kPersonal, kGlobal };

/// What a script asks of the server. Each call may read, none may write; an Error ends the run with
/// an implicit keep. Mailboxes are the user's, named in UTF-8 as in the script.
class Environment {
 public:
  virtual ~Environment() = default;

  /// Is it there, and may the user deliver into it? (RFC 5490 §3.1)
  virtual Result<bool> mailbox_exists(std::string_view mailbox) = 0;
  /// The same for an OBJECTID mailbox id (RFC 9042 §4.2).
  virtual Result<bool> mailbox_id_exists(std::string_view id) = 0;
  /// Has `mailbox`, or if it is nothing any mailbox of the user, this use? (RFC 8579 §3) `use` is
  /// as written: "\\Junk" in any case.
  virtual Result<bool> has_special_use(std::optional<std::string_view> mailbox,
                                       std::string_view use) = 0;
  /// The value of an annotation of a mailbox, or with no mailbox of the server (RFC 5490 §3.3 to
  /// §3.6); nothing if there is none.
  virtual Result<std::optional<std::string>> metadata(std::optional<std::string_view> mailbox,
                                                      std::string_view annotation) = 0;
  /// An included script. Errors: kNotFound, there is none of this name; kInvalid, it has mistakes.
  virtual Result<std::shared_ptr<const Script>> script(ScriptLocation location,
                                                       std::string_view name) = 0;
  /// Is `key` remembered and not expired? (RFC 7352 §3, RFC 5230 §4.2)
  virtual Result<bool> is_tracked(std::string_view key) = 0;
};

/// Where spamtest (RFC 5235 §2) or virustest (§3) finds what a scanner said: a header field that
/// the scanner writes. Off while there is neither a `field` nor `given`; then both tests see "0",
/// not tested.
struct ScoreSource {
  enum class Kind : uint8_t {
    kNumber,      // the first number in the value: "3.7", "Yes, score=3.7"
    kCharacters,  // how many of its first character the value begins with: "*****"
    kWord,        // the value's first word, looked up in `words`
  };
  std::string field = {};
  /// What the scanner said, from 0 to 1, where that is known already; then no field is looked at.
  std::optional<double> given = std::nullopt;
  Kind kind = Kind::kNumber;
  /// For kNumber: look behind this text in the value, "score="; empty: from its start.
  std::string behind = {};
  double max = 10;  // this much or more is certain: "10", 100 percent, or 5 for virustest
  std::vector<std::pair<std::string, double>> words = {};  // kWord: in any case, to 0..max
};

/// One delivery to one user.
struct Delivery {
  /// Of the script that runs, if it has one: it must not include itself (RFC 6609 §3.1).
  std::string script_name = {};
  Envelope envelope = {};
  /// Addresses at which the user gets mail, for vacation's question whether the message was meant
  /// for him (RFC 5230 §4.5); envelope.to counts too. The first is the From of what is sent, or
  /// envelope.to if there is none.
  std::vector<std::string> user_addresses = {};
  int64_t now_s = 0;  // the moment of the run, unix time
  /// Local time at a moment, in minutes east of UTC, for date without :zone (RFC 5260 §4.1);
  /// nothing: UTC.
  std::function<int32_t(int64_t unix_s)> local_zone_minutes = {};
  std::string hostname = {};           // environment "host", and in Message-IDs made here
  std::string domain = {};             // environment "domain"
  std::string remote_host = {};        // environment "remote-host"; empty: not known
  std::string remote_ip = {};          // environment "remote-ip"
  std::string unique = {};             // a token no other delivery has: Message-IDs and boundaries
  std::string detail_separator = "+";  // subaddress (RFC 5233 §4)
  ScoreSource spamtest = {};
  ScoreSource virustest = {};
  RunLimits limits = {};
};

struct RuntimeError {
  std::string script;  // name of the included script; "" is the script itself
  Position position;
  std::string text;  // one line, no final dot
};

struct Outcome {
  /// In the script's order; an implicit keep is the last one. One action for each mailbox and each
  /// address (RFC 5228 §2.10.3). Never both a Reject and a delivery. If there is an error: one
  /// Keep. Empty never: what does nothing is a Discard.
  std::vector<Action> actions;
  std::vector<Tracked> tracked;  // by duplicate, to remember when delivery is done
  std::optional<RuntimeError> error;
  uint64_t steps = 0;  // of RunLimits::steps_max
};

/// Never fails as a whole: a run that does is an Outcome with `error` and a Keep.
Outcome execute(const Script& script, MessageSource& message, const Delivery& delivery,
                Environment& environment);

}  // namespace gemel::sieve
