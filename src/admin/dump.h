// Everything that replicates, a row each, in an order that is the same on every server: two servers
// in step give equal dumps (invariant I7).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/mail_store.h"

namespace gemel::admin {

/// Rows of users by userid, each with its items by key and its mailboxes by id, each with its
/// records by uid; deleted and expunged ones too. One thread.
class Dump {
 public:
  /// `userid` empty: all. The store must outlive the dump.
  Dump(const MailStore& store, std::string_view userid) : store_(store), userid_(userid) {}

  /// Appends some more rows as lines. False when there are no more. Memory: the rows of about 1,000
  /// records, and the names of the users and of one user's mailboxes.
  /// Errors: kNotFound, the user; those of reading.
  Result<bool> next(std::string& out);

 private:
  Result<void> start();
  Result<void> dump_user(const UserInfo& user, std::string& out);
  Result<void> dump_some_records(std::string& out);

  const MailStore& store_;
  std::string userid_;
  bool started_ = false;
  std::vector<UserInfo> users_;         // still to come, last first
  std::vector<MailboxInfo> mailboxes_;  // of the user under way, last first
  uint32_t next_uid_ = 1;
};

}  // namespace gemel::admin
