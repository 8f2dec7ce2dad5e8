// A store in memory with the users alice and bob, whose password is secret, and ManageSieve
// sessions on it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/log.h"
#include "base/test_clock.h"
#include "managesieve/session.h"

namespace gemel::managesieve {

/// The store must outlive it.
class EveryonesSecret final : public wire::CredentialSource {
 public:
  explicit EveryonesSecret(const std::unique_ptr<MailStore>& store) : store_(store) {}
  Result<void> check_user(std::string_view userid) override {
    if (!store_->user(userid)) return fail(Code::kAuthFailed, "no mail here");
    return {};
  }
  Result<wire::ScramCredential> scram(std::string_view) override {
    SeededRandom random(2);
    return wire::make_scram_credential("secret", wire::kScramIterationsMin, random);
  }
  Result<void> check_password(std::string_view, std::string_view password) override {
    if (password != "secret") return fail(Code::kAuthFailed, "");
    return {};
  }

 private:
  const std::unique_ptr<MailStore>& store_;
};

class TestWorld {
 public:
  TestWorld() {
    log::set_level(log::Level::kOff);
    store = *MailStore::open({.path = "mail",
                              .partitions = {},
                              .inline_commits = true,
                              .clock = &clock,
                              .random = &random,
                              .opener = &engines});
    for (const char* user : {"alice", "bob"}) EXPECT_TRUE(store->create_user(user, {}));
    options = std::make_shared<Options>(
        Options{.store = *store,
                .clock = clock,
                .random = random,
                .credentials = credentials,
                .server_secret = "kept",
                .quota = {.scripts_max = 3, .script_bytes_max = 1000},
                .limits = {.bad_commands_max = 5, .login_failures_max = 2}});
  }
  std::unique_ptr<wire::Session> session(wire::SessionEnv env) const {
    return std::make_unique<Session>(options, std::move(env));
  }

  ManualClock clock;
  SeededRandom random{1};
  MemoryOpener engines;
  std::unique_ptr<MailStore> store;
  EveryonesSecret credentials{store};
  std::shared_ptr<Options> options;
};

}  // namespace gemel::managesieve
