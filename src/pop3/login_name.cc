#include "pop3/login_name.h"

namespace gemel::pop3 {

LoginName login_name_of(const wire::SaslStep& done, std::string_view separator) {
  if (done.login_name.size() <= done.userid.size()) return {done.userid, "INBOX"};
  return {done.userid, done.login_name.substr(done.userid.size() + separator.size())};
}

Result<std::string> LoginCredentials::userid_of(std::string_view login_name) {
  const size_t at = separator_.empty() ? std::string_view::npos : login_name.find(separator_);
  if (at == std::string_view::npos) return std::string(login_name);
  const Result<UserInfo> user = store_.user(login_name);
  if (user) return std::string(login_name);
  if (user.error().code != Code::kNotFound) return std::unexpected(user.error());
  return std::string(login_name.substr(0, at));
}

}  // namespace gemel::pop3
