// Final delivery: one message to all its recipients, with duplicates left out and scripts run.
//
// For each user whom the message is for: the active script, if there is one, says what happens;
// without one the message comes into the mailbox that the address means. Everything that all of
// them want is one transaction with one fsync; where that fails for one user, each has a
// transaction of its own, and they still share the fsync. A script that fails never loses mail: the
// message comes into INBOX, and beside it, once a day, a message that says what is wrong.
//
// Owns     nothing durable. Memory: the header, and the whole message where a script looks at it.
// Threads  any. Waits for the disk.
// Source   RFC 5228 §2.10 (actions), RFC 5429 §2.1 (refusing at the protocol's level), RFC 5230,
//          RFC 5321 §6.3 (loops), doc/delivery.md.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "delivery/recipient.h"
#include "delivery/script_library.h"
#include "sieve/run.h"
#include "store/access.h"
#include "store/outbox.h"

namespace gemel::delivery {

/// What is passed must outlive the deliverer.
struct Services {
  MailStore& store;
  Clock& clock;
  const AccessOptions& access;
  AliasTable& aliases;
  ScriptLibrary& scripts;
  Outbox* outbox = nullptr;  // none: no mail leaves this server
};

struct Options {
  std::string hostname;
  RecipientRules rules = {};
  /// How long a message is remembered, by Message-ID and envelope sender, so that it is not filed
  /// in a mailbox a second time; 0: not at all.
  int64_t duplicates_s = 7 * 86'400;
  size_t received_max = 100;  // Received fields; RFC 5321 §6.3: at least 100
  sieve::RunLimits limits = {};
  sieve::ScoreSource spamtest = {};
  sieve::ScoreSource virustest = {};
  /// As sieve::Delivery's.
  std::function<int32_t(int64_t unix_s)> local_zone_minutes = {};
};

struct LetterRecipient {
  std::string address;  // as it was sent
  EnvelopeAddress parsed;
  Recipient means;
  MailStore::Filing::Quota quota = MailStore::Filing::Quota::kChecked;
};

/// A message with its envelope.
struct Letter {
  std::string id;           // no other letter's: in the log, and in what scripts make
  std::string return_path;  // "" is the null path
  std::vector<LetterRecipient> recipients;
  StagedBody body;  // with its trace fields
  std::string client_name = {};
  std::string peer_address = {};
  AddressCharset charset = AddressCharset::kAscii;  // that a refusal's text may have
};

/// What one recipient's sender is told.
struct Verdict {
  enum class Kind : uint8_t {
    kAccepted,  // durable: filed, sent on, or dropped as it was wanted
    kRefused,   // by the recipient's script; `error.text` is its reason, perhaps of several lines
    kLoops,     // it has been handed on too often
    kFailed,    // `error`; nothing is filed for this recipient
  } kind = Kind::kAccepted;
  Error error = {};
};

class Deliverer {
 public:
  Deliverer(const Services& services, const Options& options)
      : services_(services), options_(options) {}

  const Options& options() const { return options_; }
  /// Errors: as delivery::find_recipient.
  Result<Recipient> find(const EnvelopeAddress& address) const;
  /// One verdict for each recipient, in order.
  std::vector<Verdict> deliver(const Letter& letter) const;

 private:
  Services services_;
  Options options_;
};

}  // namespace gemel::delivery
