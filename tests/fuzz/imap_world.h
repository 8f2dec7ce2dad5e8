// An IMAP server in memory, of one user who may log in with any password, for fuzzers.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "drive.h"
#include "imap/options.h"

namespace gemel::fuzz {

class StillClock final : public Clock {
 public:
  int64_t unix_s() override { return 1'700'000'000; }
  int64_t monotonic_ms() override { return 0; }
};

class ImapWorld {
 public:
  ImapWorld() {
    MailStore::Options options;
    options.path = "fuzz";
    options.free_bytes_min = 1;
    options.inline_commits = true;
    options.clock = &clock_;
    options.random = &random_;
    options.opener = &engines_;
    store_ = MailStore::open(options).value();
    CHECK(store_->create_user("alice", {}).has_value());
    options_ = std::make_shared<const imap::Options>(imap::Options{.hostname = "fuzz",
                                                                   .store = *store_,
                                                                   .clock = clock_,
                                                                   .random = random_,
                                                                   .credentials = credentials_,
                                                                   .server_secret = "secret"});
  }

  MailStore& store() { return *store_; }
  UniqueId inbox() { return store_->find(MailboxName{"alice", "INBOX"}).value().id; }
  /// Into alice's INBOX.
  void append(std::string_view message) {
    BodyWriter writer = store_->stage("default").value();
    CHECK(writer.append(message).has_value());
    CHECK(store_->append({{.mailbox = inbox(), .body = writer.finish().value(), .flags = {}}})
              .has_value());
  }
  std::unique_ptr<wire::Session> session() {
    return imap::make_session(options_, {.peer_address = "unix", .is_local = true});
  }

 private:
  StillClock clock_;
  SeededRandom random_{1};
  MemoryOpener engines_;
  Anyone credentials_;
  std::unique_ptr<MailStore> store_;
  std::shared_ptr<const imap::Options> options_;
};

}  // namespace gemel::fuzz
