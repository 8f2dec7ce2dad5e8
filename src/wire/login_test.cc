#include "wire/login.h"

#include <gtest/gtest.h>

#include "base/test_clock.h"

namespace gemel::wire {
namespace {

using namespace std::string_view_literals;

class OnePassword final : public CredentialSource {
 public:
  Result<ScramCredential> scram(std::string_view) override {
    return fail(Code::kNotFound, "no such user");
  }
  Result<void> check_password(std::string_view, std::string_view password) override {
    ++checked;
    if (password == "right") return {};
    return fail(Code::kAuthFailed, "wrong user name or password");
  }
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

  ManualClock clock_;
  SeededRandom random_{1};
  OnePassword credentials_;
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
