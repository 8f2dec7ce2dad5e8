// A store in memory, as most fuzzers have one for all their inputs: opening it costs more than an
// input.
#pragma once

#include <initializer_list>
#include <memory>

#include "base/check.h"
#include "base/log.h"
#include "store/mail_store.h"

namespace gemel::fuzz {

class MemoryStore {
 public:
  explicit MemoryStore(std::initializer_list<const char*> users) {
    log::set_level(log::Level::kOff);
    auto made = MailStore::open(
        {.path = "fuzz", .partitions = {}, .inline_commits = true, .opener = &engines_});
    CHECK(made.has_value());
    store_ = std::move(*made);
    for (const char* user : users) CHECK(store_->create_user(user, {}).has_value());
  }
  MailStore& operator*() { return *store_; }
  MailStore* operator->() { return store_.get(); }

 private:
  MemoryOpener engines_;
  std::unique_ptr<MailStore> store_;
};

}  // namespace gemel::fuzz
