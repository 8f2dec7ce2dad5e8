#include "wire/login.h"

#include <gtest/gtest.h>

#include "base/test_clock.h"

namespace gemel::wire {
namespace {

using namespace std::string_view_literals;

class OnePassword final : public CredentialSource {
 public:
  explicit OnePassword(ManualClock& its_clock) : clock(its_clock) {}
  Result<void> check_user(std::string_view userid) override {
    if (userid == "ghost") return fail(Code::kAuthFailed, "no such user");
    return {};
  }
  Result<ScramCredential> scram(std::string_view) override {
    return fail(Code::kNotFound, "no such user");
  }
  Result<void> check_password(std::string_view, std::string_view password) override {
    ++checked;
    clock.advance_ms(takes_ms);
    std::exchange(meanwhile, [] {})();
    if (password == "right") return {};
    return fail(Code::kAuthFailed, "wrong user name or password");
  }
  ManualClock& clock;
  int64_t takes_ms = 0;
  std::function<void()> meanwhile = [] {};
  int checked = 0;
};

class SlowTokens final : public TokenSource {
 public:
  void check(std::string token, std::function<void(Result<std::string>)> done) override {
    asked = std::move(token);
    answer = std::move(done);
  }
  std::string asked;
  std::function<void(Result<std::string>)> answer;
};

std::optional<Code> code_of(const Result<SaslStep>& step) {
  return step ? std::nullopt : std::optional(step.error().code);
}

class LoginTest : public ::testing::Test {
 protected:
  LoginTest() {
    env_.peer_address = "192.0.2.1";
    env_.wake = [this] { ++wakes_; };
    env_.wake_after = [this](int64_t delay_ms) { wake_after_ms_ = delay_ms; };
  }
  std::unique_ptr<Login> login() {
    return std::make_unique<Login>(LoginOptions{.credentials = credentials_,
                                                .random = random_,
                                                .clock = clock_,
                                                .server_secret = "s",
                                                .services = {&tokens_, &guard_}},
                                   env_);
  }
  // Waits as long as it must. Gives the code, and how long.
  std::pair<Code, int64_t> fail_once(std::string_view userid) {
    const auto attempt = login();
    const Result<SaslStep> step = attempt->check_password(userid, "wrong");
    if (!step) return {step.error().code, 0};
    EXPECT_TRUE(step->is_waiting);
    EXPECT_FALSE(attempt->resume());
    clock_.advance_ms(wake_after_ms_);
    const std::optional<Result<SaslStep>> refused = attempt->resume();
    EXPECT_FALSE(attempt->is_waiting());
    return {(*refused).error().code, wake_after_ms_};
  }
  bool succeeds(std::string_view userid) {
    const auto attempt = login();
    const Result<SaslStep> step = attempt->check_password(userid, "right");
    return step && step->done && step->userid == userid;
  }

  void fail_as_others(int count) {
    for (int i = 0; i < count; ++i)
      EXPECT_EQ(fail_once("u" + std::to_string(i)).first, Code::kAuthFailed);
  }
  // By a token of which `owner` comes to be known.
  std::unique_ptr<Login> bring_token(Result<std::string> owner) {
    auto attempt = login();
    EXPECT_TRUE(attempt->begin("OAUTHBEARER", Login::Secrets::kMayShow));
    EXPECT_TRUE(attempt->step("n,,\1auth=Bearer abc\1\1")->is_waiting);
    tokens_.answer(std::move(owner));
    return attempt;
  }

  ManualClock clock_;
  SeededRandom random_{1};
  OnePassword credentials_{clock_};
  SlowTokens tokens_;
  LoginGuard guard_{{.delay_ms = 100,
                     .delay_ms_max = 350,
                     .address_failures_max = 6,
                     .user_failures_max = 4,
                     .window_ms = 60'000},
                    clock_};
  SessionEnv env_;
  int wakes_ = 0;
  int64_t wake_after_ms_ = 0;
};

TEST_F(LoginTest, ARefusalWaitsLongerEachTime) {
  using Refused = std::pair<Code, int64_t>;
  EXPECT_EQ(fail_once("ann"), (Refused{Code::kAuthFailed, 100}));
  EXPECT_EQ(fail_once("bob"), (Refused{Code::kAuthFailed, 200}));
  EXPECT_EQ(fail_once("cyd"), (Refused{Code::kAuthFailed, 350}));
  clock_.advance_ms(60'001);
  EXPECT_EQ(fail_once("dan"), (Refused{Code::kAuthFailed, 100}));
}

TEST_F(LoginTest, AnAddressThatFailsTooOftenIsRefusedUnchecked) {
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(fail_once("u" + std::to_string(i)).first, Code::kAuthFailed);
  const int checked = credentials_.checked;
  EXPECT_FALSE(succeeds("ann"));
  EXPECT_EQ(fail_once("ann").first, Code::kBusy);
  EXPECT_EQ(credentials_.checked, checked);
  env_.peer_address = "192.0.2.2";
  EXPECT_TRUE(succeeds("ann"));
  env_.peer_address = "192.0.2.1";
  clock_.advance_ms(60'001);
  EXPECT_TRUE(succeeds("ann"));
}

TEST_F(LoginTest, AUserWhoIsGuessedAtIsSafeFromStrangersButNotLockedOut) {
  env_.peer_address = "198.51.100.7";
  EXPECT_TRUE(succeeds("ann"));
  for (int i = 0; i < 4; ++i) {
    env_.peer_address = "192.0.2." + std::to_string(i);
    EXPECT_EQ(fail_once("ann").first, Code::kAuthFailed);
  }
  env_.peer_address = "192.0.2.99";
  EXPECT_FALSE(succeeds("ann"));
  EXPECT_TRUE(succeeds("bob"));
  env_.peer_address = "198.51.100.7";  // where ann has logged in from
  EXPECT_TRUE(succeeds("ann"));
}

TEST_F(LoginTest, ANameThatDoesNotExistHasTheSameLimits) {
  for (int i = 0; i < 4; ++i) {
    env_.peer_address = "192.0.2." + std::to_string(i);
    const auto attempt = login();
    ASSERT_TRUE(attempt->begin("SCRAM-SHA-256", Login::Secrets::kHidden));
    ASSERT_TRUE(attempt->step("n,,n=nobody,r=abc"));
    EXPECT_TRUE(attempt->step("c=biws,r=x,p=AAAA")->is_waiting);
  }
  env_.peer_address = "192.0.2.99";
  const auto attempt = login();
  ASSERT_TRUE(attempt->begin("SCRAM-SHA-256", Login::Secrets::kHidden));
  EXPECT_EQ(attempt->step("n,,n=nobody,r=abc").error().code, Code::kBusy);
}

TEST_F(LoginTest, FailuresFromThisMachineCountForTheUserAlone) {
  env_.is_local = true;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(fail_once("u" + std::to_string(i)), std::pair(Code::kAuthFailed, int64_t{100}));
}

TEST_F(LoginTest, WithoutADelayARefusalComesAtOnce) {
  LoginGuard quick({.delay_ms = 0}, clock_);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(quick.failed({.address = "192.0.2.1"}), 0);
}

TEST_F(LoginTest, CountsAreBounded) {
  LoginGuard small({.entries_max = 3}, clock_);
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(i);
    EXPECT_EQ(small.failed({.address = name, .userid = name}), 1000);
    small.succeeded({.address = name, .userid = name});
  }
}

TEST_F(LoginTest, ATokenIsWaitedFor) {
  const auto attempt = login();
  ASSERT_TRUE(attempt->begin("oauthbearer", Login::Secrets::kMayShow));
  const Result<SaslStep> step = attempt->step("n,,\1auth=Bearer abc\1\1");
  EXPECT_TRUE(step->is_waiting);
  EXPECT_TRUE(attempt->is_waiting());
  EXPECT_EQ(tokens_.asked, "abc");
  EXPECT_FALSE(attempt->resume());
  tokens_.answer("ann");
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ((**attempt->resume()).userid, "ann");
  EXPECT_FALSE(attempt->is_waiting());
}

TEST_F(LoginTest, AnAnswerAboutATokenMayComeWhenNobodyWaits) {
  auto attempt = login();
  ASSERT_TRUE(attempt->begin("OAUTHBEARER", Login::Secrets::kMayShow));
  ASSERT_TRUE(attempt->step("n,,\1auth=Bearer abc\1\1"));
  attempt.reset();
  tokens_.answer("ann");
  EXPECT_EQ(wakes_, 1);
}

TEST_F(LoginTest, AnAddressThatFailsTooOftenIsRefusedWithATokenOrACertificateToo) {
  fail_as_others(6);
  const auto token = login();
  ASSERT_TRUE(token->begin("OAUTHBEARER", Login::Secrets::kMayShow));
  EXPECT_EQ(code_of(token->step("n,,\1auth=Bearer abc\1\1")), Code::kBusy);
  EXPECT_EQ(tokens_.asked, "");
  env_.is_tls = true;
  env_.tls = std::make_shared<TlsFacts>(TlsFacts{.client_userids = {"ann"}});
  const auto certificate = login();
  ASSERT_TRUE(certificate->begin("EXTERNAL", Login::Secrets::kMayShow));
  EXPECT_EQ(code_of(certificate->step("")), Code::kBusy);
}

// RFC 7628 §3.2.3 has the client answer the refusal; who guesses would not.
TEST_F(LoginTest, ATokenThatIsNotGoodCountsBeforeItsRefusalIsSaid) {
  for (int i = 0; i < 6; ++i) {
    const auto attempt = bring_token(fail(Code::kAuthFailed, "no"));
    EXPECT_TRUE(attempt->resume()->value().is_waiting);
    clock_.advance_ms(wake_after_ms_);
    const std::optional<Result<SaslStep>> refusal = attempt->resume();
    ASSERT_TRUE(refusal && *refusal);
    EXPECT_EQ((*refusal)->challenge, R"({"status":"invalid_token"})");
    if (i % 2 == 0) EXPECT_EQ(code_of(attempt->step("\1")), Code::kAuthFailed);  // and counts once
  }
  EXPECT_FALSE(succeeds("ann"));
}

TEST_F(LoginTest, SoManyTokensOfAnAddressAreAskedAboutAtOnce) {
  std::vector<std::unique_ptr<Login>> attempts;
  std::vector<std::function<void(Result<std::string>)>> answers;
  const auto ask = [&] {
    attempts.push_back(login());
    EXPECT_TRUE(attempts.back()->begin("XOAUTH2", Login::Secrets::kMayShow));
    const Result<SaslStep> step = attempts.back()->step("user=\1auth=Bearer abc\1\1");
    if (step) answers.push_back(std::exchange(tokens_.answer, nullptr));
    return code_of(step);
  };
  for (size_t i = 0; i < kTokensAtOnceMax; ++i) EXPECT_EQ(ask(), std::nullopt);
  EXPECT_EQ(ask(), Code::kBusy);
  attempts.clear();  // a client that goes away does not stop the questions
  EXPECT_EQ(ask(), Code::kBusy);
  env_.peer_address = "192.0.2.2";
  EXPECT_EQ(ask(), std::nullopt);
  env_.peer_address = "192.0.2.1";
  answers.front()("ann");
  answers.erase(answers.begin());
  EXPECT_EQ(ask(), std::nullopt);
}

// By whatever mechanism; and it counts as any other failure.
TEST_F(LoginTest, WhoProvesToBeSomebodyMustBeAUserHere) {
  EXPECT_EQ(bring_token("ann")->resume()->value().userid, "ann");
  env_.is_tls = true;
  env_.tls = std::make_shared<TlsFacts>(TlsFacts{.client_userids = {"ghost"}});
  const auto certificate = login();
  ASSERT_TRUE(certificate->begin("EXTERNAL", Login::Secrets::kMayShow));
  EXPECT_TRUE(certificate->step("")->is_waiting);
  for (const auto& attempt : {bring_token("ghost"), bring_token("ghost")})
    EXPECT_TRUE(attempt->resume()->value().is_waiting);
  EXPECT_TRUE(login()->check_password("ghost", "right")->is_waiting);
  clock_.advance_ms(wake_after_ms_);
  EXPECT_EQ(code_of(*certificate->resume()), Code::kAuthFailed);
  EXPECT_EQ(wake_after_ms_, 350);
}

TEST_F(LoginTest, ExchangesThatAreOpenAlreadyHaveTheSameLimits) {
  std::vector<std::unique_ptr<Login>> attempts;
  for (int i = 0; i < 5; ++i) {
    attempts.push_back(login());
    ASSERT_TRUE(attempts.back()->begin("SCRAM-SHA-256", Login::Secrets::kHidden));
    ASSERT_TRUE(attempts.back()->step("n,,n=ann,r=abc"));
  }
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(attempts[i]->step("c=biws,r=x,p=AAAA")->is_waiting);
  EXPECT_EQ(code_of(attempts[4]->step("c=biws,r=x,p=AAAA")), Code::kBusy);
}

TEST_F(LoginTest, AGuessIsNotAnsweredIfOthersWereTooManyWhileItWasChecked) {
  credentials_.meanwhile = [&] {
    for (int i = 0; i < 4; ++i) guard_.failed({.address = "198.51.100.7", .userid = "ann"});
  };
  EXPECT_EQ(code_of(login()->check_password("ann", "right")), Code::kBusy);
}

TEST_F(LoginTest, AUsersOwnLoginLetsNoStrangerGuessOn) {
  const auto guess = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      env_.peer_address = "192.0.2." + std::to_string(i);
      EXPECT_EQ(fail_once("ann").first, Code::kAuthFailed);
    }
  };
  guess(0, 2);
  env_.peer_address = "198.51.100.7";
  EXPECT_EQ(fail_once("ann").first, Code::kAuthFailed);  // ann mistypes it
  EXPECT_TRUE(succeeds("ann"));                          // which is forgotten
  guess(2, 4);
  EXPECT_TRUE([&] {
    env_.peer_address = "198.51.100.7";
    return succeeds("ann");
  }());
  env_.peer_address = "192.0.2.99";
  EXPECT_EQ(fail_once("ann").first, Code::kBusy);
}

TEST_F(LoginTest, ARefusalTakesTheSameTimeWhateverTheCheckTakes) {
  credentials_.takes_ms = 30;
  const auto attempt = login();
  EXPECT_TRUE(attempt->check_password("ann", "wrong")->is_waiting);
  EXPECT_EQ(wake_after_ms_, 70);
  credentials_.takes_ms = 250;  // longer than the second refusal has to wait
  EXPECT_EQ(code_of(login()->check_password("ann", "wrong")), Code::kAuthFailed);
}

TEST_F(LoginTest, SecretsStayHiddenInTheClear) {
  const auto attempt = login();
  EXPECT_EQ(attempt->mechanisms(Login::Secrets::kHidden, "AUTH="), "AUTH=SCRAM-SHA-256");
  EXPECT_EQ(attempt->mechanisms(Login::Secrets::kMayShow),
            "PLAIN SCRAM-SHA-256 OAUTHBEARER XOAUTH2");
  EXPECT_EQ(attempt->begin("XOAUTH2", Login::Secrets::kHidden).error().code, Code::kDenied);
  EXPECT_EQ(attempt->begin("plain", Login::Secrets::kHidden).error().code, Code::kDenied);
  EXPECT_EQ(attempt->begin("GSSAPI", Login::Secrets::kMayShow).error().code, Code::kUnsupported);
  EXPECT_EQ(attempt->step("\0ann\0right"sv).error().code, Code::kSyntax);
}

}  // namespace
}  // namespace gemel::wire
