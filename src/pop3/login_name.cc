#include "pop3/login_name.h"

namespace gemel::pop3 {

Result<LoginName> parse_login_name(const MailStore& store, std::string_view name,
                                   std::string_view separator) {
  LoginName whole{std::string(name), "INBOX"};
  const size_t at = separator.empty() ? std::string_view::npos : name.find(separator);
  if (at == std::string_view::npos) return whole;
  const Result<UserInfo> user = store.user(name);
  if (user) return whole;
  if (user.error().code != Code::kNotFound) return std::unexpected(user.error());
  return LoginName{std::string(name.substr(0, at)),
                   std::string(name.substr(at + separator.size()))};
}

Result<wire::ScramCredential> LoginCredentials::scram(std::string_view name) {
  TRY(const LoginName login, parse_login_name(store_, name, separator_));
  return users_.scram(login.userid);
}

Result<void> LoginCredentials::check_password(std::string_view name, std::string_view password) {
  TRY(const LoginName login, parse_login_name(store_, name, separator_));
  return users_.check_password(login.userid, password);
}

}  // namespace gemel::pop3
