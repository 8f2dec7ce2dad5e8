#include "admin/credentials.h"

#include <crypt.h>

#include <memory>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "mail/mailbox_name.h"
#include "store/access.h"

namespace gemel::admin {
namespace {

std::unexpected<Error> refused() { return fail(Code::kAuthFailed, "wrong user name or password"); }

// crypt(3) with its 32 KiB of state on the heap. Empty where `setting` is none it knows.
std::string crypt_hash(std::string_view password, std::string_view setting) {
  const auto state = std::make_unique<crypt_data>();
  const char* hash =
      crypt_r(std::string(password).c_str(), std::string(setting).c_str(), state.get());
  return hash == nullptr || *hash == '*' ? "" : hash;
}

bool matches(const std::string& text, bool is_crypt, std::string_view password) {
  if (is_crypt) {
    // crypt(3) reads up to a NUL, so a password with one would be cut there.
    if (password.contains('\0')) return false;
    const std::string hash = crypt_hash(password, text);
    return !hash.empty() && equals_in_constant_time(hash, text);
  }
  const Result<wire::ScramCredential> credential = wire::parse_scram_credential(text);
  return credential && wire::password_matches(*credential, password);
}

}  // namespace

Result<std::vector<MailStore::NewItem>> items_for_password(std::string_view password,
                                                           uint32_t iterations, Random& random) {
  TRY(const wire::ScramCredential credential,
      wire::make_scram_credential(password, iterations, random));
  return std::vector<MailStore::NewItem>{
      {std::string(kUserItemScram), wire::format_scram_credential(credential)},
      {std::string(kUserItemCrypt), std::nullopt}};
}

Result<std::vector<MailStore::NewItem>> items_for_hash(std::string_view hash) {
  if (wire::parse_scram_credential(hash))
    return std::vector<MailStore::NewItem>{{std::string(kUserItemScram), std::string(hash)},
                                           {std::string(kUserItemCrypt), std::nullopt}};
  const bool is_plausible = hash.starts_with('$') && hash.size() <= kCryptBytesMax &&
                            hash.find_first_of(" \t\r\n:") == std::string_view::npos;
  if (!is_plausible || crypt_hash("", hash).size() != hash.size())
    return fail(Code::kInvalid, "the hash is neither one of crypt(3) nor a SCRAM credential");
  return std::vector<MailStore::NewItem>{{std::string(kUserItemCrypt), std::string(hash)},
                                         {std::string(kUserItemScram), std::nullopt}};
}

Credentials::Credentials(const MailStore& store, Options options, Clock& clock, Random& random)
    : store_(store), options_(options), clock_(clock), key_(random.bytes(32)) {
  const auto nobodys =
      wire::make_scram_credential(to_hex(random.bytes(16)), options.usual_iterations, random);
  CHECK(nobodys.has_value());
  nobodys_.text = wire::format_scram_credential(*nobodys);
}

Result<void> Credentials::find_user(std::string_view userid) const {
  if (!check_userid(userid) || is_reserved_userid(userid) || userid == kSharedOwner)
    return fail(Code::kNotFound, "no such user");
  TRY_OK(store_.user(userid));
  return {};
}

Result<void> Credentials::check_user(std::string_view userid) {
  Result<void> found = find_user(userid);
  if (!found && found.error().code == Code::kNotFound) return refused();
  return found;
}

Result<Credentials::Stored> Credentials::stored(std::string_view userid) const {
  TRY_OK(find_user(userid));  // a deleted user's items may still be kept
  TRY(std::optional<std::string> scram, store_.user_item(userid, kUserItemScram));
  if (scram) return Stored{std::move(*scram), false};
  TRY(std::optional<std::string> crypt, store_.user_item(userid, kUserItemCrypt));
  if (crypt) return Stored{std::move(*crypt), true};
  return fail(Code::kNotFound, "the user has no password");
}

Result<wire::ScramCredential> Credentials::scram(std::string_view userid) {
  TRY(const Stored found, stored(userid));
  if (found.is_crypt) return fail(Code::kNotFound, "the user has no SCRAM credential");
  return wire::parse_scram_credential(found.text);
}

Result<void> Credentials::check_password(std::string_view userid, std::string_view password) {
  const Result<Stored> found = stored(userid);
  if (!found && found.error().code != Code::kNotFound) return std::unexpected(found.error());
  if (!found) {
    static_cast<void>(matches(nobodys_.text, false, password));
    return refused();
  }
  // The credential has its own salt, so the mark belongs to this user and this password of his.
  const std::string mark = hmac_sha256(key_, found->text + '\0' + std::string(password));
  if (is_recent(mark)) return {};
  if (!matches(found->text, found->is_crypt, password)) return refused();
  remember(mark);
  return {};
}

bool Credentials::is_recent(const std::string& mark) {
  const std::scoped_lock lock(mutex_);
  const auto found = recent_.find(mark);
  return found != recent_.end() && found->second > clock_.monotonic_ms();
}

void Credentials::remember(const std::string& mark) {
  const std::scoped_lock lock(mutex_);
  const int64_t now_ms = clock_.monotonic_ms();
  if (recent_.size() >= kRecentLoginsMax)
    std::erase_if(recent_, [&](const auto& entry) { return entry.second <= now_ms; });
  // Marks are random in order, so the first is as good as any to forget.
  if (recent_.size() >= kRecentLoginsMax) recent_.erase(recent_.begin());
  recent_[mark] = now_ms + kRecentLoginMs;
}

}  // namespace gemel::admin
