#include "wire/sasl_mechanisms.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "wire/sasl_text.h"

namespace gemel::wire {
namespace {

constexpr char kSeparator = '\x01';  // RFC 7628 §3.1, kvsep
// RFC 7628 §3.2.2.
constexpr std::string_view kInvalidToken = R"({"status":"invalid_token"})";

class ExternalServer final : public SaslServer {
 public:
  explicit ExternalServer(std::vector<std::string> userids) : userids_(std::move(userids)) {}

  // The whole message is the authorization identity, or nothing.
  Result<SaslStep> step(std::string_view message) override {
    TRY_OK(check_sasl_message(message));
    if (std::exchange(is_over_, true)) return fail(Code::kAuthFailed, "the SASL exchange is over");
    if (message.empty() && userids_.size() > 1)
      return fail(Code::kDenied, "the certificate has several names: say which");
    const auto found = message.empty() ? userids_.begin() : std::ranges::find(userids_, message);
    if (found == userids_.end()) return fail(Code::kDenied, "the certificate is another's");
    TRY_OK(check_sasl_identities("", *found));
    return SaslStep{.challenge = {}, .done = true, .userid = *found};
  }

 private:
  const std::vector<std::string> userids_;
  bool is_over_ = false;
};

class TokenServer final : public SaslServer {
 public:
  explicit TokenServer(TokenSyntax syntax) : syntax_(syntax) {}

  Result<SaslStep> step(std::string_view message) override {
    if (message.size() > kTokenMessageBytesMax) return fail(Code::kTooBig, "SASL message too long");
    if (std::exchange(stage_, Stage::kOver) != Stage::kFirst)
      // The answer to what judge() said is of no interest (RFC 7628 §3.2.3).
      return fail(Code::kAuthFailed, "the token is not good");
    TRY_OK(syntax_ == TokenSyntax::kXoauth2 ? take_user(message) : take_header(message));
    SaslStep out;
    while (!message.empty() && message.front() != kSeparator) {
      std::string_view value = cut_off(message, kSeparator);
      if (cut_off(value, '=') != "auth") continue;  // host and port are the client's view
      if (!equals_ignoring_case(cut_off(value, ' '), "Bearer"))
        return fail(Code::kSyntax, "only Bearer tokens are taken");
      out.token = value;
    }
    if (message != std::string_view(&kSeparator, 1))
      return fail(Code::kSyntax, "the token's message does not end");
    // RFC 7628 §3.2.2: an empty one asks what would be needed.
    if (!is_usable_secret(out.token)) return refusal();
    return out;
  }

  Result<SaslStep> judge(const Result<std::string>& owner) override {
    if (owner && check_sasl_identities(authzid_, *owner))
      return SaslStep{.challenge = {}, .done = true, .userid = *owner};
    if (owner || owner.error().code == Code::kAuthFailed) return refusal();
    return std::unexpected(owner.error());
  }

 private:
  enum class Stage : uint8_t { kFirst, kOver };

  static SaslStep refusal() {
    return SaslStep{.challenge = std::string(kInvalidToken), .is_refusal = true};
  }

  Result<void> take_header(std::string_view& message) {
    TRY(const Gs2Header header, take_gs2_header(message));
    // RFC 7628 §3.1: nothing to bind here.
    if (header.flag == Gs2Header::Flag::kBinds)
      return fail(Code::kUnsupported, "OAUTHBEARER binds no channel");
    authzid_ = header.authzid;
    if (!message.starts_with(kSeparator)) return fail(Code::kSyntax, "no token in the message");
    message.remove_prefix(1);
    return {};
  }

  Result<void> take_user(std::string_view& message) {
    std::string_view user = cut_off(message, kSeparator);
    if (cut_off(user, '=') != "user") return fail(Code::kSyntax, "not an XOAUTH2 message");
    authzid_ = user;
    return {};
  }

  const TokenSyntax syntax_;
  Stage stage_ = Stage::kFirst;
  std::string authzid_;
};

}  // namespace

std::unique_ptr<SaslServer> make_external_server(const TlsFacts& tls) {
  return std::make_unique<ExternalServer>(tls.client_userids);
}

std::unique_ptr<SaslServer> make_token_server(TokenSyntax syntax) {
  return std::make_unique<TokenServer>(syntax);
}

}  // namespace gemel::wire
