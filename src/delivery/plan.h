// What is to be done with a message, worked out before anything is written.
//
// Threads  one at a time. Reads the store; stages bodies; makes mailboxes for :create.
// Source   as deliverer.h.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "delivery/deliverer.h"
#include "delivery/sieve_environment.h"
#include "delivery/staged_message.h"

namespace gemel::delivery {

/// What is written together or not at all: all of one user, or one address elsewhere.
struct Unit {
  std::string name;  // for the log: the userid or address
  std::vector<MailStore::Filing> filings = {};
  std::set<std::pair<UniqueId, Guid>> filed = {};  // no mailbox gets the same bytes twice
};

/// What one recipient's verdict hangs on: a unit, or its own.
struct Share {
  size_t recipient = 0;
  size_t unit = 0;
  Verdict verdict = {};  // if kAccepted, the unit's counts
};

class Planner {
 public:
  Planner(const Services& services, const Options& options, const Letter& letter);

  /// Errors: of all recipients: kIo and the like.
  Result<void> start();
  const HeaderFacts& facts() const { return facts_; }

  void plan(size_t recipient);

  std::vector<Unit> units;
  std::vector<Share> shares;

 private:
  struct ForUser;
  struct ToSend;

  size_t unit_of(const std::string& name);
  void plan_share(size_t recipient, const std::string& name,
                  const std::function<Result<Verdict>(Unit&)>& plan);
  Result<Verdict> plan_user(const LetterRecipient& recipient, const LocalRecipient& user,
                            Unit& unit);
  Result<Verdict> plan_forward(const LetterRecipient& recipient, const std::string& address,
                               Unit& unit);
  Result<Verdict> run_script(ForUser& user, const sieve::Script& script, const std::string& name);
  sieve::Delivery delivery_of(const ForUser& user, const std::string& script);

  Result<Verdict> act(const ForUser& user, SieveEnvironment& environment,
                      const sieve::Action& action);
  Result<void> keep(const ForUser& user, const FlagNames& flags,
                    const sieve::EditedMessage& message);
  Result<void> file_into(const ForUser& user, SieveEnvironment& environment,
                         const sieve::FileInto& fileinto);
  Result<void> redirect(const ForUser& user, const sieve::Redirect& action);
  Result<Verdict> reject(const ForUser& user, const sieve::Reject& action);
  Result<void> send(const ForUser& user, const sieve::OutgoingMail& mail,
                    std::optional<Remembrance> once);
  Result<void> tell_of_mistake(const ForUser& user, const std::string& script,
                               const std::string& what);

  Result<StagedBody> staged(const sieve::EditedMessage& message, const std::string& partition);
  void file(const ForUser& user, const MailboxInfo& mailbox, StagedBody body,
            const FlagNames& flags);
  Result<void> send_on(const ToSend& mail, Unit& unit);
  std::optional<Remembrance> once_for(const std::string& userid, const std::string& what) const;
  Result<void> copy_message(BodyWriter& writer, const sieve::EditedMessage& message);

  const Services& services_;
  const Options& options_;
  const Letter& letter_;
  StagedMessage message_;
  HeaderFacts facts_;
  int64_t now_s_;
  size_t runs_ = 0;  // of scripts, for this letter
  std::map<std::string, size_t> unit_by_name_;
};

}  // namespace gemel::delivery
