// What the tests of POP3 share: a store in memory, users, a clock that stands still, and clients
// that speak to sessions without a socket.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/test_clock.h"
#include "pop3/options.h"

namespace gemel::pop3 {

/// Every user's password is "open sesame "; nobody is called "nobody". The store must outlive it.
class TestCredentials final : public wire::CredentialSource {
 public:
  TestCredentials(Random& random, const std::unique_ptr<MailStore>& store)
      : store_(store), credential_(*wire::make_scram_credential("open sesame ", 4096, random)) {}
  Result<void> check_user(std::string_view userid) override {
    if (!store_->user(userid)) return fail(Code::kAuthFailed, "no mail here");
    return {};
  }
  Result<wire::ScramCredential> scram(std::string_view userid) override {
    asked_for = userid;
    if (userid == "nobody") return fail(Code::kNotFound, "no such user");
    return credential_;
  }
  Result<void> check_password(std::string_view userid, std::string_view password) override {
    asked_for = userid;
    if (password == "open sesame ") return {};
    return fail(Code::kAuthFailed, "no");
  }
  std::string asked_for;

 private:
  const std::unique_ptr<MailStore>& store_;
  wire::ScramCredential credential_;
};

/// A store with a second partition, "archive", and the users alice and bob@example.org, each with
/// an INBOX.
class World {
 public:
  World() {
    log::set_level(log::Level::kOff);
    auto opened = MailStore::open({.path = "mail",
                                   .partitions = {{"archive", "archive"}},
                                   .clock = &clock,
                                   .random = &random,
                                   .opener = &disk});
    EXPECT_TRUE(opened);
    store = std::move(*opened);
    for (const char* user : {"alice", "bob@example.org"}) EXPECT_TRUE(store->create_user(user, {}));
    options = std::make_unique<Options>(Options{.hostname = "pop.example.org",
                                                .store = *store,
                                                .maildrops = maildrops,
                                                .clock = clock,
                                                .random = random,
                                                .credentials = credentials,
                                                .server_secret = "secret"});
  }

  UniqueId mailbox(const std::string& path) {
    const MailboxName name{"alice", path};
    if (auto found = store->find(name)) return found->id;
    return store->create({.name = name})->id;
  }
  Uid append(const UniqueId& mailbox, std::string_view bytes, std::string uidl = "") {
    BodyWriter writer = *store->stage("default");
    EXPECT_TRUE(writer.append(bytes));
    const auto appended = store->append({{.mailbox = mailbox,
                                          .body = *writer.finish(),
                                          .flags = {},
                                          .internaldate_s = clock.unix_s(),
                                          .uidl = std::move(uidl)}});
    EXPECT_TRUE(appended);
    return appended->front().uid;
  }
  std::string flags(const UniqueId& mailbox, uint32_t uid) {
    const MailboxView view = *store->view(mailbox);
    return text_of(view.record(Uid(uid))->state.flags, view.info().keywords);
  }

  ManualClock clock{1'700'000'000};
  SeededRandom random{1};
  MemoryOpener disk;
  std::unique_ptr<MailStore> store;
  TestCredentials credentials{random, store};
  Maildrops maildrops;
  std::unique_ptr<Options> options;
};

/// One connection and the loop that runs its session.
class Client {
 public:
  explicit Client(World& world, wire::SessionEnv env = {.peer_address = "unix", .is_local = true})
      : session_(make_session(std::make_shared<const Options>(*world.options), std::move(env))) {
    greeting = pump();
  }

  /// All that the session says to these bytes. Nothing is given after the session has ended.
  std::string send(std::string_view bytes) {
    if (is_closed_) return "(closed)";
    session_->receive(bytes);
    return pump();
  }
  /// With CRLF.
  std::string line(std::string_view text) { return send(std::string(text) + "\r\n"); }
  std::string log_in(std::string_view name = "alice") {
    line("USER " + std::string(name));
    return line("PASS open sesame ");
  }
  std::string pump() {
    std::string out;
    wire::Want want{};
    do {
      const size_t before = out.size();
      session_->produce(out, 4096);
      largest_piece = std::max(largest_piece, out.size() - before);
      want = session_->want();
    } while (want == wire::Want::kMore);
    is_closed_ = want == wire::Want::kClose;
    return out;
  }

  wire::Session& session() { return *session_; }
  bool is_closed() const { return is_closed_; }

  std::string greeting;
  size_t largest_piece = 0;  // most bytes that one produce() gave

 private:
  std::unique_ptr<wire::Session> session_;
  bool is_closed_ = false;
};

}  // namespace gemel::pop3
