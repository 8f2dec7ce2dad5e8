// Any messages to the server's side of each SASL mechanism, and to the client's side of SCRAM:
// no crash, nobody is let in who has not shown what the mechanism asks for.
//
// The first byte chooses the mechanism; then each line is a message. A line "!"
// is what a client that knows the password says, here and now.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "wire/sasl.h"

namespace {

using namespace gemel;
using namespace gemel::wire;

constexpr std::string_view kUser = "alice";
constexpr std::string_view kPassword = "correct-horse";
constexpr std::string_view kToken = "good";

class Users final : public CredentialSource {
 public:
  Result<void> check_user(std::string_view) override { return {}; }
  Result<ScramCredential> scram(std::string_view userid) override {
    if (userid != kUser) return fail(Code::kNotFound, "no such user");
    return credential_;
  }
  Result<void> check_password(std::string_view userid, std::string_view password) override {
    if (userid != kUser || password != kPassword) return fail(Code::kAuthFailed, "no");
    return {};
  }

 private:
  SeededRandom random_{3};
  ScramCredential credential_ =
      make_scram_credential(kPassword, kScramIterationsMin, random_).value();
};

std::string_view take_line(std::string_view& input) {
  const std::string_view line = input.substr(0, input.find('\n'));
  input.remove_prefix(std::min(input.size(), line.size() + 1));
  return line;
}

/// What a client with the password answers, in its turn.
class Client {
 public:
  Client(std::string_view mechanism, const TlsFacts& tls) : mechanism_(mechanism) {
    const bool binds = mechanism == "SCRAM-SHA-256-PLUS";
    const ChannelBinding binding =
        binds ? ChannelBinding{.type = "tls-exporter", .bytes = tls.exporter} : ChannelBinding();
    if (mechanism.starts_with("SCRAM"))
      scram_.emplace(ScramClient::make(kUser, kPassword, random_, binding).value());
  }
  std::string answer(std::string_view challenge) {
    if (!scram_) return other_answer();
    if (challenge.empty()) return scram_->first();
    return scram_->answer(challenge).value_or("");
  }

 private:
  std::string other_answer() const {
    if (mechanism_ == "PLAIN")
      return std::string(1, '\0') + std::string(kUser) + '\0' + std::string(kPassword);
    if (mechanism_ == "OAUTHBEARER")
      return "n,,\x01"
             "auth=Bearer " +
             std::string(kToken) + "\x01\x01";
    if (mechanism_ == "XOAUTH2")
      return "user=alice\x01"
             "auth=Bearer " +
             std::string(kToken) + "\x01\x01";
    return {};
  }
  std::string mechanism_;
  SeededRandom random_{5};
  std::optional<ScramClient> scram_;
};

/// Was the password, the token or the certificate there?
bool has_shown(std::string_view mechanism, std::string_view all, bool asked_client) {
  if (asked_client || mechanism == "EXTERNAL") return true;
  if (mechanism.starts_with("SCRAM")) return false;
  return all.contains(mechanism == "PLAIN" ? kPassword : kToken);
}

void run_server(std::string_view mechanism, const SaslOptions& options, std::string_view input) {
  const std::string_view all = input;
  const std::unique_ptr<SaslServer> server = *make_sasl_server(mechanism, options);
  Client client(mechanism, *options.tls);
  bool asked_client = false;
  std::string challenge;
  while (!input.empty()) {
    const std::string_view line = take_line(input);
    asked_client = asked_client || line == "!";
    Result<SaslStep> step =
        server->step(line == "!" ? client.answer(challenge) : std::string(line));
    if (step && !step->token.empty()) {
      Result<std::string> owner = std::string(kUser);
      if (step->token != kToken) owner = fail(Code::kAuthFailed, "no");
      step = server->judge(owner);
    }
    if (!step) return;
    CHECK(step->challenge.size() <= kSaslMessageBytesMax * 2);
    if (step->done) {
      CHECK(step->userid == kUser && has_shown(mechanism, all, asked_client));
      return;
    }
    challenge = step->challenge;
  }
}

/// A server with `input` for its messages is not believed, for it does not know the password.
void run_client(std::string_view input) {
  SeededRandom random(5);
  ScramClient client = ScramClient::make(kUser, kPassword, random).value();
  const std::string first(take_line(input));
  // More iterations only take longer.
  const size_t iterations = first.find("i=");
  if (iterations != std::string::npos && first.size() - iterations > 7) return;
  if (client.answer(first)) CHECK(!client.verify(take_line(input)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static Users users;
  static const auto tls = std::make_shared<const TlsFacts>(
      TlsFacts{.exporter = "exporter", .server_end_point = "end", .client_userids = {"alice"}});
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  SeededRandom random(1);
  const SaslOptions options{.credentials = users,
                            .random = random,
                            .server_secret = "secret",
                            .tls = tls,
                            .tokens = SaslOptions::Tokens::kTaken};
  const std::vector<std::string_view> mechanisms = sasl_mechanisms(options);
  const size_t choice = data[0] % (mechanisms.size() + 1);
  if (choice == mechanisms.size())
    run_client(input);
  else
    run_server(mechanisms[choice], options, input);
  return 0;
}
