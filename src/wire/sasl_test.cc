#include "wire/sasl.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"

namespace gemel::wire {
namespace {

/// One user, bob, whose password is "pencil".
class OneUser final : public CredentialSource {
 public:
  explicit OneUser(Random& random)
      : credential_(make_scram_credential("pencil", kScramIterationsMin, random).value()) {}
  Result<ScramCredential> scram(std::string_view userid) override {
    if (userid != "bob") return fail(Code::kNotFound, "no such user");
    return credential_;
  }
  Result<void> check_password(std::string_view userid, std::string_view password) override {
    if (userid != "bob" || !password_matches(credential_, password))
      return fail(Code::kAuthFailed, "no such user or wrong password");
    return {};
  }

 private:
  ScramCredential credential_;
};

class Sasl : public testing::Test {
 protected:
  std::unique_ptr<SaslServer> server(std::string_view mechanism) {
    return make_sasl_server(mechanism,
                            {.credentials = users, .random = random, .server_secret = "secret"})
        .value();
  }
  /// Plays a whole SCRAM exchange: whom the server took it for.
  Result<std::string> scram(std::string_view userid, std::string_view password) {
    const auto exchange = server("scram-sha-256");
    TRY(ScramClient client, ScramClient::make(userid, password, random));
    TRY(const SaslStep first, exchange->step(client.first()));
    TRY(const std::string answer, client.answer(first.challenge));
    TRY(const SaslStep last, exchange->step(answer));
    TRY_OK(client.verify(last.challenge));
    TRY(const SaslStep done, exchange->step(""));
    EXPECT_TRUE(done.done);
    return done.userid;
  }

  SeededRandom random{7};
  OneUser users{random};
};

TEST_F(Sasl, TakesTheRightPasswordByScram) {
  const Result<std::string> userid = scram("bob", "pencil");
  ASSERT_TRUE(userid) << userid.error().text;
  EXPECT_EQ(*userid, "bob");
}

TEST_F(Sasl, RefusesAWrongPasswordAndAnUnknownUserAlikeByScram) {
  EXPECT_EQ(scram("bob", "pen").error().code, Code::kAuthFailed);
  EXPECT_EQ(scram("eve", "pencil").error().code, Code::kAuthFailed);
}

TEST_F(Sasl, GivesAnUnknownUserTheSameSaltEachTime) {
  const auto salt_of = [&](std::string_view userid) {
    const ScramClient client = ScramClient::make(userid, "x", random).value();
    const std::string first = server("SCRAM-SHA-256")->step(client.first()).value().challenge;
    return first.substr(first.find(",s="));
  };
  EXPECT_EQ(salt_of("eve"), salt_of("eve"));
  EXPECT_NE(salt_of("eve"), salt_of("mallory"));
}

TEST_F(Sasl, TakesPlain) {  // RFC 4616 §2
  const Result<SaslStep> step = server("PLAIN")->step(std::string_view("\0bob\0pencil", 11));
  ASSERT_TRUE(step && step->done);
  EXPECT_EQ(step->userid, "bob");
  EXPECT_EQ(server("PLAIN")->step(std::string_view("\0bob\0pen", 8)).error().code,
            Code::kAuthFailed);
  EXPECT_EQ(server("PLAIN")->step(std::string_view("eve\0bob\0pencil", 14)).error().code,
            Code::kDenied);
  EXPECT_EQ(server("PLAIN")->step("bob pencil").error().code, Code::kSyntax);
}

TEST_F(Sasl, RefusesChannelBindingAndLongMessages) {
  EXPECT_EQ(server("SCRAM-SHA-256")->step("p=tls-unique,,n=bob,r=abc").error().code,
            Code::kUnsupported);
  EXPECT_EQ(server("PLAIN")->step(std::string(kSaslMessageBytesMax + 1, 'a')).error().code,
            Code::kTooBig);
}

TEST_F(Sasl, KeepsACredentialAsText) {
  const ScramCredential made = make_scram_credential("pencil", 5000, random).value();
  const ScramCredential read = parse_scram_credential(format_scram_credential(made)).value();
  EXPECT_EQ(read.iterations, 5000U);
  EXPECT_TRUE(password_matches(read, "pencil"));
  EXPECT_FALSE(password_matches(read, "pen"));
}

// The exchange of RFC 7677 §3: what the client answers follows from the server's message alone.
TEST_F(Sasl, DerivesTheKeysOfTheRfcsExample) {
  ScramCredential credential;
  credential.iterations = 4096;
  credential.salt = from_base64("W22ZaJ0SNY7soEsUEjb6gQ==").value();
  const std::string salted = pbkdf2_sha256("pencil", credential.salt, credential.iterations);
  const std::string server_key = hmac_sha256(salted, "Server Key");
  constexpr std::string_view kSigned =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,"
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  EXPECT_EQ(to_base64(hmac_sha256(server_key, kSigned)),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

}  // namespace
}  // namespace gemel::wire
