// One run of expire over all users, or some: rules hide messages, what was hidden or deleted long
// enough ago is freed, and so on. In bounded steps, each at most one transaction of kStepMessages,
// so that it can be ended anywhere; the next run goes on from what it finds. What is held stays.
//
// Only a primary runs it; its replicas follow by replication and never decide. Which messages'
// bytes lie in an archive is each server's own matter, so that part runs on a replica too, by
// itself.
//
// Threads  one at a time.
// Source   doc/expire.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "expire/rule.h"
#include "store/mail_store.h"

namespace gemel::expire {

inline constexpr uint64_t kStepMessages = 1000;
inline constexpr size_t kErrorsMax = 20;

/// What the server's configuration says, for every run.
struct Defaults {
  RulesByPath rules = {};
  int64_t keep_expunged_s = 14 * kDayS;  // how far apart marks are follows from it
};

/// What a run does; what is left out is not done.
struct Options {
  enum class Rules : uint8_t { kLeave, kApply } rules = Rules::kLeave;
  std::optional<int64_t> expunged_s = {};    // free messages expunged longer ago
  std::optional<int64_t> deleted_s = {};     // and mailboxes deleted longer ago
  std::optional<int64_t> duplicates_s = {};  // forget what deliveries remember, see MailStore
  std::string archive = {};  // partition for mailboxes and messages whose rule says so
  enum class Keywords : uint8_t { kLeave, kPrune } keywords = Keywords::kLeave;
  enum class Effect : uint8_t { kDo, kDryRun } effect = Effect::kDo;
  std::string userid = {};                  // only of this user
  std::optional<MailboxName> mailbox = {};  // only this one, deleted ones of the name too
  /// Nothing that only a primary decides. What is left moves bytes, and changes nothing that
  /// anybody is told; a replica does it too.
  bool decides_nothing() const {
    return rules == Rules::kLeave && !expunged_s && !deleted_s && !duplicates_s &&
           keywords == Keywords::kLeave;
  }
  bool only_archives() const { return decides_nothing() && !archive.empty(); }
  bool does_nothing() const { return decides_nothing() && archive.empty(); }
};

/// One thing that a run did, or in a dry run would do.
struct Action {
  enum class Kind : uint8_t {
    kExpunge,          // hidden, by a rule
    kFree,             // expunged messages, for good
    kFreeMailbox,      // messages of a deleted mailbox, for good
    kForget,           // what deliveries remember
    kArchive,          // a mailbox goes to another partition
    kArchiveMessages,  // the bytes of some of its messages do
    kKeywords,         // that no message has
    kHold,             // would have gone, but there is a hold
  };
  Kind kind = Kind::kExpunge;
  std::string where = {};  // mailbox or user, in text form
  UidSet uids = {};        // of kExpunge, and of kFree in a dry run
  uint64_t messages = 0;   // of kForget: things remembered
  uint64_t bytes = 0;
  std::vector<std::string> keywords = {};  // of kKeywords
  std::string why = {};
};
std::string_view name_of(Action::Kind kind);

struct Report {
  uint64_t mailboxes = 0;  // looked at
  uint64_t expunged = 0;
  uint64_t expunged_bytes = 0;
  uint64_t freed = 0;  // messages, of deleted mailboxes too
  uint64_t freed_bytes = 0;
  uint64_t mailboxes_freed = 0;
  uint64_t forgotten = 0;
  uint64_t archived = 0;  // mailboxes
  uint64_t archived_bytes = 0;
  uint64_t archived_messages = 0;  // of mailboxes that stay
  uint64_t archived_message_bytes = 0;
  uint64_t keywords = 0;
  uint64_t held = 0;           // mailboxes
  uint64_t held_messages = 0;  // of them, that would have gone
  uint64_t held_bytes = 0;
  std::vector<std::string> errors = {};  // what was passed over; at most kErrorsMax
};

class Run {
 public:
  /// All must outlive the run.
  Run(MailStore& store, Clock& clock, const Defaults& defaults, Options options);
  ~Run();

  /// Does a piece and tells of it; false: there is no more to do. One broken mailbox stops no
  /// other. Errors: kReadOnly, this is a replica, and it is no dry run; kNotFound, the user or
  /// mailbox named in the options; kIo. After one there is nothing to go on with.
  Result<bool> step(const std::function<void(const Action&)>& on_action);
  const Report& report() const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace gemel::expire
