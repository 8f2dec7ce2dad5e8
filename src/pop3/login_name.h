// The name that a client logs in by: a userid, or a userid and a mailbox.
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

/// A name that is a userid is that, whatever is in it; else what stands before the first separator
/// is, and what is behind it is the mailbox. Errors: those of reading the store.
Result<LoginName> parse_login_name(const MailStore& store, std::string_view name,
                                   std::string_view separator);

/// The same credentials, found by login name.
class LoginCredentials final : public wire::CredentialSource {
 public:
  /// What is passed must outlive this.
  LoginCredentials(const MailStore& store, std::string_view separator,
                   wire::CredentialSource& users)
      : store_(store), separator_(separator), users_(users) {}
  Result<wire::ScramCredential> scram(std::string_view name) override;
  Result<void> check_password(std::string_view name, std::string_view password) override;
  uint32_t usual_iterations() const override { return users_.usual_iterations(); }

 private:
  const MailStore& store_;
  std::string_view separator_;
  wire::CredentialSource& users_;
};

}  // namespace gemel::pop3
