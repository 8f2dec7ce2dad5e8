// A store in memory, its outbox, and a deliverer: what tests of delivery and of its protocols
// share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/log.h"
#include "base/test_clock.h"
#include "delivery/deliverer.h"

namespace gemel::delivery {

/// With the users alice (and her mailbox lists/cxx), bob and dan@example.org.
class TestWorld {
 public:
  explicit TestWorld(Options options = {.hostname = "mx.example.org"}) {
    log::set_level(log::Level::kOff);
    store = *MailStore::open({.path = "mail",
                              .partitions = {},
                              .inline_commits = true,
                              .clock = &clock,
                              .random = &random,
                              .opener = &engines});
    outbox = std::make_unique<Outbox>(*store, 10);
    for (const char* user : {"alice", "bob", "dan@example.org"})
      EXPECT_TRUE(store->create_user(user, {}));
    EXPECT_TRUE(store->create({.name = *MailboxName::make("alice", "lists/cxx")}));
    make_deliverer(std::move(options));
  }
  void make_deliverer(Options options) {
    deliverer = std::make_unique<Deliverer>(Services{.store = *store,
                                                     .clock = clock,
                                                     .access = access,
                                                     .aliases = aliases,
                                                     .scripts = scripts,
                                                     .outbox = outbox.get()},
                                            options);
  }

  MailboxInfo mailbox(std::string_view text) const {
    return store->find(*MailboxName::parse(text)).value();
  }
  /// The bytes of a message that is there.
  std::string message(std::string_view text, uint32_t uid) const {
    const MailboxView view = store->view(mailbox(text).id).value();
    return view.body(view.record(Uid(uid)).value().facts.guid).value().read_all().value();
  }

  ManualClock clock;
  SeededRandom random{1};
  MemoryOpener engines;
  AccessOptions access;
  AliasTable aliases;
  ScriptLibrary scripts;
  std::unique_ptr<MailStore> store;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<Deliverer> deliverer;
};

}  // namespace gemel::delivery
