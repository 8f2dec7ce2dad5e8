// The name that a client gives to log in: a userid, or a userid and a mailbox.
//
// Threads  one at a time. Calls read the store, and so may wait for the disk.
#pragma once

#include <string>
#include <string_view>

#include "store/mail_store.h"
#include "wire/sasl.h"

namespace gemel::pop3 {

struct LoginName {
  std::string userid;
  std::string path;  // of a mailbox
};

/// Whose maildrop is opened, and which: the mailbox that the client has named, or the INBOX.
LoginName login_name_of(const wire::SaslStep& done, std::string_view separator);

/// The same credentials for who logs in by such a name. One that is a userid is that, whatever is
/// in it; else what stands before the first separator is, and what is behind it is the mailbox.
class LoginCredentials final : public wire::CredentialSource {
 public:
  /// What is passed must outlive this.
  LoginCredentials(const MailStore& store, std::string_view separator,
                   wire::CredentialSource& users)
      : store_(store), separator_(separator), users_(users) {}
  Result<std::string> userid_of(std::string_view login_name) override;
  Result<void> check_user(std::string_view userid) override { return users_.check_user(userid); }
  Result<wire::ScramCredential> scram(std::string_view userid) override {
    return users_.scram(userid);
  }
  Result<void> check_password(std::string_view userid, std::string_view password) override {
    return users_.check_password(userid, password);
  }
  uint32_t usual_iterations() const override { return users_.usual_iterations(); }

 private:
  const MailStore& store_;
  std::string_view separator_;
  wire::CredentialSource& users_;
};

}  // namespace gemel::pop3
