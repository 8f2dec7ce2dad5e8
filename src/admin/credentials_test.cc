#include "admin/credentials.h"

#include <crypt.h>
#include <gtest/gtest.h>

#include "mail/mailbox_name.h"
#include "store/access.h"

namespace gemel::admin {
namespace {

class ManualClock final : public Clock {
 public:
  int64_t unix_s() override { return now_ms / 1000; }
  int64_t monotonic_ms() override { return now_ms; }
  int64_t now_ms = 1'000'000;
};

class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ =
        *MailStore::open({.path = "mail", .partitions = {}, .clock = &clock_, .opener = &engines_});
    credentials_ = std::make_unique<Credentials>(*store_, Credentials::Options{}, clock_, random_);
    ASSERT_TRUE(store_->create_user("alice", *items_for_password("correct horse", 4096, random_)));
    ASSERT_TRUE(store_->create_user("bob", {}));
  }
  Code code_of(std::string_view userid, std::string_view password) {
    return credentials_->check_password(userid, password).error().code;
  }

  ManualClock clock_;
  SeededRandom random_{7};
  MemoryOpener engines_;
  std::unique_ptr<MailStore> store_;
  std::unique_ptr<Credentials> credentials_;
};

TEST_F(CredentialsTest, TakesTheRightPasswordOnly) {
  EXPECT_TRUE(credentials_->check_password("alice", "correct horse"));
  EXPECT_TRUE(credentials_->check_password("alice", "correct horse"));  // by its mark
  EXPECT_EQ(code_of("alice", "wrong"), Code::kAuthFailed);
  EXPECT_EQ(code_of("alice", ""), Code::kAuthFailed);
  EXPECT_EQ(code_of("nobody", "correct horse"), Code::kAuthFailed);
  EXPECT_EQ(code_of("bob", ""), Code::kAuthFailed);  // has no password
  EXPECT_EQ(code_of("no/user", "x"), Code::kAuthFailed);
}

TEST_F(CredentialsTest, GivesScramWhatItKeeps) {
  EXPECT_EQ(credentials_->scram("alice")->iterations, 4096U);
  EXPECT_EQ(credentials_->scram("nobody").error().code, Code::kNotFound);
  EXPECT_EQ(credentials_->scram("bob").error().code, Code::kNotFound);
}

TEST_F(CredentialsTest, NobodyIsWhatTheServerKeepsForItself) {
  EXPECT_TRUE(credentials_->check_user("alice"));
  EXPECT_TRUE(credentials_->check_user("bob"));  // by a token, say
  for (const std::string_view owner : {kSharedOwner, kOutboxUserId, kServerUserId}) {
    ASSERT_TRUE(store_->create_user(owner, *items_for_password("secret", 4096, random_)));
    EXPECT_EQ(credentials_->check_user(owner).error().code, Code::kAuthFailed);
    EXPECT_EQ(code_of(owner, "secret"), Code::kAuthFailed);
    EXPECT_EQ(credentials_->scram(owner).error().code, Code::kNotFound);
  }
  for (const std::string_view none : {"nobody", "", "no/user"})
    EXPECT_EQ(credentials_->check_user(none).error().code, Code::kAuthFailed);
}

TEST_F(CredentialsTest, ANewPasswordEndsTheOldOneAndItsMark) {
  EXPECT_TRUE(credentials_->check_password("alice", "correct horse"));
  ASSERT_TRUE(store_->put_user_items("alice", *items_for_password("battery", 4096, random_)));
  EXPECT_EQ(code_of("alice", "correct horse"), Code::kAuthFailed);
  EXPECT_TRUE(credentials_->check_password("alice", "battery"));
}

TEST_F(CredentialsTest, ADeletedUserCantLogIn) {
  EXPECT_TRUE(credentials_->check_password("alice", "correct horse"));
  ASSERT_TRUE(store_->delete_user("alice"));
  EXPECT_EQ(code_of("alice", "correct horse"), Code::kAuthFailed);
  EXPECT_EQ(credentials_->scram("alice").error().code, Code::kNotFound);
}

TEST_F(CredentialsTest, TakesHashesOfOtherSystemsForPlain) {
  // Of "secret", by crypt(3): sha512crypt and yescrypt.
  for (const char* setting : {"$6$saltstring", "$y$j9T$saltsaltsalt"}) {
    crypt_data state{};
    const std::string hash = crypt_r("secret", setting, &state);
    ASSERT_TRUE(hash.starts_with('$'));
    const auto items = items_for_hash(hash);
    ASSERT_TRUE(items) << setting;
    ASSERT_TRUE(store_->put_user_items("alice", *items));
    EXPECT_TRUE(credentials_->check_password("alice", "secret"));
    EXPECT_EQ(code_of("alice", "wrong"), Code::kAuthFailed);
    EXPECT_EQ(code_of("alice", std::string_view("secret\0x", 8)), Code::kAuthFailed);
    EXPECT_EQ(credentials_->scram("alice").error().code, Code::kNotFound);
  }
}

TEST_F(CredentialsTest, RefusesHashesThatAreNone) {
  for (const char* bad :
       {"", "secret", "$", "$6$salt", "$9$salt$hash", "SCRAM-SHA-256$x", "$6$a b$"})
    EXPECT_FALSE(items_for_hash(bad)) << bad;
  const auto made = items_for_password("p", 4096, random_);
  EXPECT_TRUE(items_for_hash(*made->front().value));  // a SCRAM credential in its text form
}

TEST_F(CredentialsTest, RefusesAnEmptyPasswordAndTooFewIterations) {
  EXPECT_FALSE(items_for_password("", 4096, random_));
  EXPECT_FALSE(items_for_password("p", 1, random_));
}

}  // namespace
}  // namespace gemel::admin
