// What a user's script sees of the server, and where its fileinto leads.
//
// Threads  one at a time; reads the store, and makes mailboxes where a script says :create.
// Source   RFC 5490 (mailbox, mboxmetadata), RFC 8579 (special-use), RFC 9042 (mailboxid), RFC 6609
//          (include); RFC 4314 §2.1 (`p` and `i`: who may deliver).
#pragma once

#include <string>

#include "delivery/script_library.h"
#include "sieve/run.h"
#include "store/access.h"
#include "store/mail_store.h"

namespace gemel::delivery {

class SieveEnvironment final : public sieve::Environment {
 public:
  /// What is passed must outlive it.
  struct Parts {
    MailStore& store;
    const AccessOptions& access;
    ScriptLibrary& scripts;
    int64_t now_s = 0;
  };
  SieveEnvironment(const Parts& parts, const std::string& userid)
      : store_(parts.store),
        scripts_(parts.scripts),
        now_s_(parts.now_s),
        userid_(userid),
        access_(parts.store, parts.access, userid) {}

  Result<bool> mailbox_exists(std::string_view mailbox) override;
  Result<bool> mailbox_id_exists(std::string_view id) override;
  Result<bool> has_special_use(std::optional<std::string_view> mailbox,
                               std::string_view use) override;
  Result<std::optional<std::string>> metadata(std::optional<std::string_view> mailbox,
                                              std::string_view annotation) override;
  Result<std::shared_ptr<const sieve::Script>> script(sieve::ScriptLocation location,
                                                      std::string_view name) override;
  Result<bool> is_tracked(std::string_view key) override;

  /// Where a fileinto goes; nothing: into INBOX. May make a mailbox. Errors: kIo and the like; what
  /// keeps a mailbox from being made means INBOX.
  Result<std::optional<MailboxInfo>> target_of(const sieve::FileInto& fileinto);

 private:
  /// One that is there and the user may deliver into. Errors: as the store's, but not kNotFound,
  /// kDenied and what a name can have wrong.
  Result<std::optional<MailboxInfo>> deliverable(std::string_view path) const;
  Result<std::optional<MailboxInfo>> deliverable_id(std::string_view id) const;
  Result<std::optional<MailboxInfo>> with_use(std::string_view use) const;
  Result<std::optional<MailboxInfo>> usable(const Result<MailboxInfo>& found) const;
  Result<std::optional<MailboxInfo>> make(const sieve::FileInto& fileinto);

  MailStore& store_;
  ScriptLibrary& scripts_;
  int64_t now_s_;
  std::string userid_;
  UserAccess access_;
};

/// A script's mark as the store keeps it.
Remembrance remembrance_of(const std::string& userid, const sieve::Tracked& tracked);

}  // namespace gemel::delivery
