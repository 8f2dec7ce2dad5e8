#include "wire/sasl.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/hash.h"

#if __has_include(<gsasl.h>)
#include <gsasl.h>
#endif

namespace gemel::wire {
namespace {

class Users final : public CredentialSource {
 public:
  void add(const std::string& userid, std::string_view password) {
    users_[userid] = make_scram_credential(password, kScramIterationsMin, random_).value();
  }
  Result<void> check_user(std::string_view) override { return {}; }
  Result<ScramCredential> scram(std::string_view userid) override {
    if (userid == "broken") return fail(Code::kIo, "the disk failed");
    const auto found = users_.find(std::string(userid));
    if (found == users_.end()) return fail(Code::kNotFound, "no such user");
    return found->second;
  }
  Result<void> check_password(std::string_view userid, std::string_view password) override {
    const Result<ScramCredential> found = scram(userid);
    if (found && password_matches(*found, password)) return {};
    return fail(Code::kAuthFailed, "no");
  }
  uint32_t usual_iterations() const override { return usual_iterations_; }
  void set_usual_iterations(uint32_t count) { usual_iterations_ = count; }

 private:
  uint32_t usual_iterations_ = kScramIterationsDefault;
  SeededRandom random_{7};
  std::map<std::string, ScramCredential> users_;
};

struct Offer {
  std::shared_ptr<const TlsFacts> tls = {};
  SaslOptions::Tokens tokens = SaslOptions::Tokens::kNone;
};

class Sasl : public ::testing::Test {
 protected:
  Sasl() {
    users_.add("user", "pencil");
    users_.add("a,b=c", "p\xc3\xa4ss");
  }
  std::unique_ptr<SaslServer> server(std::string_view mechanism, const Offer& offer = {}) {
    return *make_sasl_server(mechanism, {.credentials = users_,
                                         .random = random_,
                                         .server_secret = "s",
                                         .tls = offer.tls,
                                         .tokens = offer.tokens});
  }
  Code plain_error(std::string_view message) { return server("PLAIN")->step(message).error().code; }
  Code scram_error(std::string_view first) {
    return server("SCRAM-SHA-256")->step(first).error().code;
  }
  Result<std::string> log_in(std::string_view userid, std::string_view password) {
    TRY(ScramClient client, ScramClient::make(userid, password, random_));
    const auto scram = server("scram-sha-256");
    TRY(const SaslStep first, scram->step(client.first()));
    TRY(const std::string proof, client.answer(first.challenge));
    TRY(const SaslStep last, scram->step(proof));
    TRY_OK(client.verify(last.challenge));
    TRY(const SaslStep done, scram->step(""));
    EXPECT_TRUE(done.done);
    return done.userid;
  }

  SeededRandom random_{1};
  Users users_;
};

using namespace std::string_view_literals;

TEST_F(Sasl, PlainLogsInWhoKnowsThePassword) {  // RFC 4616 §2
  EXPECT_EQ(server("plain")->step("\0user\0pencil"sv)->userid, "user");
  EXPECT_TRUE(server("PLAIN")->step("user\0user\0pencil"sv)->done);
  EXPECT_EQ(plain_error("\0user\0pencix"sv), Code::kAuthFailed);
  EXPECT_EQ(plain_error("\0nobody\0pencil"sv), Code::kAuthFailed);
  EXPECT_EQ(plain_error("\0user\0"sv), Code::kAuthFailed);
  EXPECT_EQ(plain_error("\0\0pencil"sv), Code::kAuthFailed);
  EXPECT_EQ(plain_error("other\0user\0pencil"sv), Code::kDenied);
  EXPECT_EQ(plain_error("\0us\ner\0pencil"sv), Code::kAuthFailed);
  for (const std::string_view bad : {""sv, "\0user"sv, "\0user\0pencil\0"sv})
    EXPECT_EQ(plain_error(bad), Code::kSyntax);
}

TEST_F(Sasl, ScramLogsInWhoKnowsThePassword) {
  EXPECT_EQ(log_in("user", "pencil"), "user");
  EXPECT_EQ(log_in("a,b=c", "p\xc3\xa4ss"), "a,b=c");
  EXPECT_EQ(log_in("user", "pencix").error().code, Code::kAuthFailed);
  EXPECT_EQ(log_in("broken", "x").error().code, Code::kIo);
  EXPECT_EQ(log_in("", "x").error().code, Code::kInvalid);
}

TEST_F(Sasl, ScramDoesNotTellWhoExists) {  // RFC 5802 §9
  EXPECT_EQ(log_in("nobody", "x").error().text, log_in("user", "x").error().text);
  const auto salt_of = [&](std::string_view userid) {
    const ScramClient client = *ScramClient::make(userid, "x", random_);
    const std::string first = server("SCRAM-SHA-256")->step(client.first())->challenge;
    return first.substr(first.find(",s="));
  };
  EXPECT_EQ(salt_of("nobody"), salt_of("nobody"));
  EXPECT_NE(salt_of("nobody"), salt_of("noone"));
  EXPECT_EQ(salt_of("nobody").size(), salt_of("user").size());
}

TEST_F(Sasl, ScramRefusesWhatItDoesNotOffer) {
  EXPECT_TRUE(server("SCRAM-SHA-256")->step("y,,n=user,r=abc"));
  EXPECT_TRUE(server("SCRAM-SHA-256")->step("n,a=user,n=user,r=abc"));
  EXPECT_EQ(scram_error("p=tls-exporter,,n=user,r=abc"), Code::kUnsupported);
  EXPECT_EQ(scram_error("n,,m=x,n=user,r=abc"), Code::kUnsupported);
  EXPECT_EQ(scram_error("n,a=other,n=user,r=abc"), Code::kDenied);
  for (const char* bad : {"", "n", "n,,", "n,,n=user", "n,,n=user,r=", "n,,r=abc,n=user",
                          "x,,n=u,r=a", "n,,n=us=er,r=abc", "n,b=user,n=user,r=abc"})
    EXPECT_EQ(scram_error(bad), Code::kSyntax) << bad;
}

TEST_F(Sasl, ScramGivesNobodyTheUsualIterations) {
  users_.set_usual_iterations(10'000);
  EXPECT_TRUE(server("SCRAM-SHA-256")->step("n,,n=nobody,r=abc")->challenge.ends_with(",i=10000"));
}

TEST_F(Sasl, ScramBindsALoginToItsConnection) {  // RFC 5802 §6, RFC 9266, RFC 5929
  const auto tls = std::make_shared<TlsFacts>(
      TlsFacts{.exporter = "exported", .server_end_point = "hash", .client_userids = {}});
  const auto log_in_bound = [&](const ChannelBinding& binding) -> Result<std::string> {
    TRY(ScramClient client, ScramClient::make("user", "pencil", random_, binding));
    const auto scram = server("SCRAM-SHA-256-PLUS", {.tls = tls});
    TRY(const SaslStep first, scram->step(client.first()));
    TRY(const std::string proof, client.answer(first.challenge));
    TRY(const SaslStep last, scram->step(proof));
    TRY_OK(client.verify(last.challenge));
    TRY(const SaslStep done, scram->step(""));
    return done.userid;
  };
  EXPECT_EQ(log_in_bound({"tls-exporter", "exported"}), "user");
  EXPECT_EQ(log_in_bound({"tls-server-end-point", "hash"}), "user");
  EXPECT_EQ(log_in_bound({"tls-exporter", "another's"}).error().code, Code::kAuthFailed);
  EXPECT_EQ(log_in_bound({"tls-unique", "exported"}).error().code, Code::kUnsupported);
  EXPECT_EQ(log_in_bound({}).error().code, Code::kSyntax);

  const auto plain = [&](std::string_view first) {
    return server("SCRAM-SHA-256", {.tls = tls})->step(first);
  };
  EXPECT_TRUE(plain("n,,n=user,r=abc"));
  // Who could bind was kept from it: -PLUS was offered.
  EXPECT_EQ(plain("y,,n=user,r=abc").error().code, Code::kAuthFailed);
  EXPECT_EQ(plain("p=tls-exporter,,n=user,r=abc").error().code, Code::kUnsupported);
}

TEST_F(Sasl, ABindingThatTheConnectionLacksIsNotOffered) {
  const auto tls = std::make_shared<TlsFacts>(
      TlsFacts{.exporter = "", .server_end_point = "hash", .client_userids = {}});
  const auto scram = server("SCRAM-SHA-256-PLUS", {.tls = tls});
  EXPECT_EQ(scram->step("p=tls-exporter,,n=user,r=abc").error().code, Code::kUnsupported);
  EXPECT_FALSE(make_sasl_server("SCRAM-SHA-256-PLUS",
                                {.credentials = users_, .random = random_, .server_secret = "s"}));
}

TEST_F(Sasl, S17ExternalLogsInOnlyWhomTheCertificateNames) {  // RFC 4422 appendix A
  const auto external = [&](std::vector<std::string> names, std::string_view message) {
    const auto tls = std::make_shared<TlsFacts>(TlsFacts{.client_userids = std::move(names)});
    return server("EXTERNAL", {.tls = tls})->step(message);
  };
  EXPECT_EQ(external({"ann"}, "")->userid, "ann");
  EXPECT_EQ(external({"ann"}, "ann")->userid, "ann");
  EXPECT_EQ(external({"ann"}, "bob").error().code, Code::kDenied);
  EXPECT_EQ(external({"ann", "bob"}, "bob")->userid, "bob");
  EXPECT_EQ(external({"ann", "bob"}, "").error().code, Code::kDenied);
  EXPECT_EQ(external({"a\nb"}, "").error().code, Code::kAuthFailed);
  const auto nameless = std::make_shared<TlsFacts>();
  EXPECT_FALSE(make_sasl_server(
      "EXTERNAL",
      {.credentials = users_, .random = random_, .server_secret = "s", .tls = nameless}));
}

TEST_F(Sasl, ATokenLogsInItsOwner) {  // RFC 7628 §3.1
  constexpr SaslOptions::Tokens kTaken = SaslOptions::Tokens::kTaken;
  const auto bearer = server("OAUTHBEARER", {.tokens = kTaken});
  const auto step = bearer->step("n,a=ann,\1host=mail.example\1port=143\1auth=Bearer abc.def\1\1");
  EXPECT_EQ(step->token, "abc.def");
  EXPECT_EQ(bearer->judge("ann")->userid, "ann");
  const auto other = server("XOAUTH2", {.tokens = kTaken});
  EXPECT_EQ(other->step("user=ann\1auth=Bearer abc.def\1\1")->token, "abc.def");
  EXPECT_TRUE(other->judge("ann")->done);
}

TEST_F(Sasl, ATokenThatIsNotGoodIsRefusedInTwoSteps) {  // RFC 7628 §3.2.2, §3.2.3
  constexpr SaslOptions::Tokens kTaken = SaslOptions::Tokens::kTaken;
  for (const Result<std::string>& owner :
       {Result<std::string>("bob"), Result<std::string>(fail(Code::kAuthFailed, "expired"))}) {
    const auto bearer = server("OAUTHBEARER", {.tokens = kTaken});
    ASSERT_TRUE(bearer->step("n,a=ann,\1auth=bearer abc\1\1"));
    const Result<SaslStep> refused = bearer->judge(owner);
    EXPECT_EQ(refused->challenge, "{\"status\":\"invalid_token\"}");
    EXPECT_FALSE(refused->done);
    EXPECT_EQ(bearer->step("\1").error().code, Code::kAuthFailed);
  }
  const auto silent = server("OAUTHBEARER", {.tokens = kTaken});
  ASSERT_TRUE(silent->step("n,,\1auth=Bearer abc\1\1"));
  EXPECT_EQ(silent->judge(fail(Code::kUnavailable, "nobody answers")).error().code,
            Code::kUnavailable);
  const auto asking = server("OAUTHBEARER", {.tokens = kTaken});
  EXPECT_TRUE(asking->step("n,,\1auth=\1\1").error().code == Code::kSyntax);
  for (const char* bad : {"", "n,,", "n,,\1", "n,,\1auth=Bearer abc", "n,,\1auth=Bearer abc\1",
                          "n,,\1auth=Basic abc\1\1", "n,,auth=Bearer abc\1\1"})
    EXPECT_EQ(server("OAUTHBEARER", {.tokens = kTaken})->step(bad).error().code, Code::kSyntax)
        << bad;
  EXPECT_EQ(server("OAUTHBEARER", {.tokens = kTaken})
                ->step(std::string(kTokenMessageBytesMax + 1, 'x'))
                .error()
                .code,
            Code::kTooBig);
}

TEST_F(Sasl, MechanismsAreNamedWhereTheyWork) {
  const SaslOptions plain{.credentials = users_, .random = random_, .server_secret = "s"};
  EXPECT_EQ(sasl_mechanisms(plain), (std::vector<std::string_view>{"PLAIN", "SCRAM-SHA-256"}));
  SaslOptions all = plain;
  all.tls = std::make_shared<TlsFacts>(
      TlsFacts{.exporter = "e", .server_end_point = "", .client_userids = {"ann"}});
  all.tokens = SaslOptions::Tokens::kTaken;
  const std::vector<std::string_view> names = sasl_mechanisms(all);
  EXPECT_EQ(names.size(), 6u);
  for (const std::string_view name : names) {
    EXPECT_TRUE(make_sasl_server(name, all)) << name;
    EXPECT_EQ(shows_its_secret(name),
              name == "PLAIN" || name == "OAUTHBEARER" || name == "XOAUTH2");
  }
}

TEST_F(Sasl, MessagesHaveALimit) {
  const std::string long_name(kSaslMessageBytesMax, 'u');
  EXPECT_EQ(scram_error("n,,n=" + long_name), Code::kTooBig);
  EXPECT_EQ(plain_error(long_name + "x"), Code::kTooBig);
}

TEST_F(Sasl, S16ScramRefusesAProofThatWasMadeForAnotherExchange) {
  ScramClient client = *ScramClient::make("user", "pencil", random_);
  const auto once = server("SCRAM-SHA-256");
  const std::string proof = *client.answer(once->step(client.first())->challenge);
  const auto again = server("SCRAM-SHA-256");
  ASSERT_TRUE(again->step(client.first()));
  EXPECT_EQ(again->step(proof).error().code, Code::kAuthFailed);
  EXPECT_EQ(again->step(proof).error().code, Code::kAuthFailed);  // over for good
  EXPECT_TRUE(once->step(proof));
  EXPECT_EQ(once->step("more").error().code, Code::kSyntax);
}

TEST_F(Sasl, TheBindingSentIsTheBindingProved) {  // RFC 5802 §5.1, attribute c
  ScramClient client = *ScramClient::make("user", "pencil", random_);
  const auto scram = server("SCRAM-SHA-256");
  const std::string first = "y" + client.first().substr(1);
  const std::string proof = *client.answer(scram->step(first)->challenge);
  EXPECT_EQ(scram->step(proof).error().code, Code::kAuthFailed);
}

TEST_F(Sasl, TheClientBelievesOnlyAServerThatKnowsThePassword) {
  const auto answer_code = [&](std::string_view rest) {
    ScramClient client = *ScramClient::make("user", "pencil", random_);
    const std::string first = client.first();
    const std::string nonce = first.substr(first.find("r="));
    return client.answer(nonce + std::string(rest)).error().code;
  };
  EXPECT_EQ(answer_code("x,s=AAAA,i=4095"), Code::kAuthFailed);
  EXPECT_EQ(answer_code("x,s=AAAA,i=10000001"), Code::kAuthFailed);
  EXPECT_EQ(answer_code(",s=AAAA,i=4096"), Code::kAuthFailed);
  EXPECT_EQ(answer_code("x,s=AAA,i=4096"), Code::kSyntax);
  ScramClient client = *ScramClient::make("user", "pencil", random_);
  EXPECT_EQ(client.answer("r=other,s=AAAA,i=4096").error().code, Code::kAuthFailed);
  EXPECT_EQ(client.verify("v=AAAA").error().code, Code::kAuthFailed);
  EXPECT_EQ(client.verify("e=other-error").error().code, Code::kAuthFailed);
  EXPECT_EQ(client.verify("nonsense").error().code, Code::kSyntax);
}

TEST_F(Sasl, CredentialsComeBackFromTheirText) {
  const ScramCredential made = *make_scram_credential("pencil", 5000, random_);
  const std::string text = format_scram_credential(made);
  EXPECT_TRUE(text.starts_with("SCRAM-SHA-256$5000:"));
  const ScramCredential read = *parse_scram_credential(text);
  EXPECT_EQ(format_scram_credential(read), text);
  EXPECT_TRUE(password_matches(read, "pencil"));
  EXPECT_FALSE(password_matches(read, "pencix"));
  for (const std::string& bad :
       {text + "x", text.substr(1), std::string("SCRAM-SHA-256$1:QQ==$QQ==:QQ=="),
        std::string("SCRAM-SHA-256$4096"), std::string()})
    EXPECT_FALSE(parse_scram_credential(bad)) << bad;
  EXPECT_FALSE(make_scram_credential("", 4096, random_));
  EXPECT_FALSE(make_scram_credential("a\x01", 4096, random_));
  EXPECT_FALSE(make_scram_credential("a", 4095, random_));
}

TEST_F(Sasl, CredentialsAreWhatTheRfcsExampleSays) {  // RFC 7677 §3
  const std::string salt = *from_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
  ScramCredential credential;
  credential.iterations = 4096;
  credential.salt = salt;
  credential.stored_key = *from_base64("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
  EXPECT_TRUE(password_matches(credential, "pencil"));
  constexpr std::string_view kSigned =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,"
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const std::string server_key =
      hmac_sha256(pbkdf2_sha256("pencil", salt, credential.iterations), "Server Key");
  EXPECT_EQ(to_base64(hmac_sha256(server_key, kSigned)),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

#if __has_include(<gsasl.h>)
int answer_property(Gsasl*, Gsasl_session* session, Gsasl_property property) {
  switch (property) {
    case GSASL_AUTHID:
      return gsasl_property_set(session, property, "user");
    case GSASL_PASSWORD:
      return gsasl_property_set(session, property, "pencil");
    case GSASL_SCRAM_ITER:
      return gsasl_property_set(session, property, "4096");
    default:
      return GSASL_NO_CALLBACK;
  }
}

class Oracle {
 public:
  enum class Side : uint8_t { kClient, kServer };
  Oracle(Side side, const char* mechanism) {
    EXPECT_EQ(gsasl_init(&library_), GSASL_OK);
    gsasl_callback_set(library_, answer_property);
    const auto start = side == Side::kClient ? gsasl_client_start : gsasl_server_start;
    EXPECT_EQ(start(library_, mechanism, &session_), GSASL_OK);
  }
  ~Oracle() {
    gsasl_finish(session_);
    gsasl_done(library_);
  }
  std::string step(std::string_view message) {
    char* out = nullptr;
    size_t size = 0;
    status_ = gsasl_step(session_, message.data(), message.size(), &out, &size);
    std::string answer = out != nullptr ? std::string(out, size) : std::string();
    gsasl_free(out);
    return answer;
  }
  int status() const { return status_; }

 private:
  Gsasl* library_ = nullptr;
  Gsasl_session* session_ = nullptr;
  int status_ = GSASL_NEEDS_MORE;
};

TEST_F(Sasl, AnIndependentClientLogsIn) {
  Oracle plain(Oracle::Side::kClient, "PLAIN");
  EXPECT_EQ(server("PLAIN")->step(plain.step(""))->userid, "user");
  Oracle scram(Oracle::Side::kClient, "SCRAM-SHA-256");
  const auto ours = server("SCRAM-SHA-256");
  const Result<SaslStep> first = ours->step(scram.step(""));
  const Result<SaslStep> last = ours->step(scram.step(first->challenge));
  ASSERT_TRUE(last);
  EXPECT_EQ(scram.step(last->challenge), "");
  EXPECT_EQ(scram.status(), GSASL_OK);
  EXPECT_EQ(ours->step("")->userid, "user");
}

TEST_F(Sasl, AnIndependentServerLetsOurClientIn) {
  Oracle theirs(Oracle::Side::kServer, "SCRAM-SHA-256");
  ScramClient client = *ScramClient::make("user", "pencil", random_);
  const std::string proof = *client.answer(theirs.step(client.first()));
  EXPECT_TRUE(client.verify(theirs.step(proof)));
  EXPECT_EQ(theirs.status(), GSASL_OK);
}
#endif

}  // namespace
}  // namespace gemel::wire
