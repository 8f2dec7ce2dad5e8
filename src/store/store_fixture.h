// What the store's tests share: a store on either engine, with a user, in a world of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/test_clock.h"
#include "store/mail_store.h"

namespace gemel {

inline FlagNames flag_names(std::initializer_list<std::string_view> names) {
  FlagNames out;
  for (const std::string_view name : names) EXPECT_TRUE(out.add(name));
  return out;
}

inline std::string test_directory() {
  static int count = 0;
  std::string path = testing::TempDir() + "gemel_store_" + std::to_string(::getpid()) + "_" +
                     std::to_string(count++);
  std::filesystem::remove_all(path);
  return path;
}

/// A store that can be closed, crashed and opened again. With one further partition, "archive".
class TestStore {
 public:
  enum class On : uint8_t { kMemory, kRocksDb };
  explicit TestStore(On on, Role role = Role::kPrimary) : on_(on) {
    options.path = test_directory();
    options.partitions = {{"archive", options.path + "_archive"}};
    options.role = role;
    options.clock = &clock;
    options.free_bytes_min = 1;
    options.opener = on == On::kMemory ? static_cast<EngineOpener*>(&memory) : &rocksdb_opener();
    open();
  }
  ~TestStore() {
    store.reset();
    if (on_ == On::kMemory) return;
    std::filesystem::remove_all(options.path);
    std::filesystem::remove_all(options.path + "_archive");
  }
  void open() {
    store.reset();
    auto opened = MailStore::open(options);
    ASSERT_TRUE(opened) << opened.error().text;
    store = std::move(*opened);
  }
  MailStore* operator->() const { return store.get(); }
  MailStore& operator*() const { return *store; }

  StagedBody stage(std::string_view bytes, std::string_view partition = "default") {
    BodyWriter writer = store->stage(partition).value();
    EXPECT_TRUE(writer.append(bytes));
    return writer.finish().value();
  }
  MailStore::Appended append(const UniqueId& mailbox, std::string_view bytes,
                             FlagNames flags = {}) {
    std::vector<MailStore::Append> messages;
    messages.push_back({mailbox, stage(bytes), std::move(flags), clock.unix_s()});
    return store->append(std::move(messages)).value().front();
  }
  /// An update that changes records behind everyone's back, and no number.
  MailboxUpdate mend_of(const UniqueId& mailbox) const {
    const MailboxInfo info = store->find(mailbox).value();
    return {.id = mailbox,
            .from = info.highestmodseq,
            .to = info.highestmodseq,
            .last_uid = info.last_uid,
            .recent_uid = info.recent_uid,
            .purged_modseq = info.purged_modseq,
            .header = {},
            .items = {},
            .mends = info.digest};
  }
  /// `count` small messages in one transaction.
  void append_many(const UniqueId& mailbox, size_t count, FlagNames flags = {}) {
    std::vector<MailStore::Append> messages;
    for (size_t i = 0; i < count; ++i)
      messages.push_back({mailbox, stage("message " + std::to_string(i)), flags, 1});
    ASSERT_TRUE(store->append(std::move(messages)));
  }
  UniqueId create(const std::string& path, std::string partition = {}) {
    return store->create({.name = {"alice", path}, .partition = std::move(partition)}).value().id;
  }
  UniqueId inbox(const std::string& owner = "alice") {
    return store->find(MailboxName{owner, "INBOX"}).value().id;
  }
  MailboxInfo info(const UniqueId& id) { return store->find(id).value(); }
  std::string uids(const UniqueId& id) { return store->view(id).value().uids().value().text(); }
  std::string flags(const UniqueId& id, uint32_t uid) {
    const MailboxView view = store->view(id).value();
    return text_of(view.record(Uid(uid)).value().state.flags, view.info().keywords);
  }
  std::string body(const UniqueId& id, uint32_t uid) {
    const MailboxView view = store->view(id).value();
    return view.body(view.record(Uid(uid)).value().facts.guid).value().read_all().value();
  }
  void expect_sound() {
    const auto report = store->verify({});
    ASSERT_TRUE(report) << report.error().text;
    for (const MailStore::Problem& problem : report->problems)
      ADD_FAILURE() << problem.invariant << " " << problem.where << ": " << problem.what;
  }

  ManualClock clock{1'700'000'000};
  MemoryOpener memory;
  MailStore::Options options;
  std::unique_ptr<MailStore> store;

 private:
  On on_;
};

/// The same test on both engines, with the user alice.
class StoreTest : public testing::TestWithParam<TestStore::On> {
 protected:
  StoreTest() : store(GetParam()) { EXPECT_TRUE(store->create_user("alice", {})); }
  ~StoreTest() override {
    if (store.store) store.expect_sound();
  }
  TestStore store;
};

inline std::string engine_name(const testing::TestParamInfo<TestStore::On>& info) {
  return info.param == TestStore::On::kMemory ? "Memory" : "RocksDb";
}

}  // namespace gemel

#define GEMEL_ON_BOTH_ENGINES(Suite) \
  INSTANTIATE_TEST_SUITE_P(          \
      On, Suite, testing::Values(TestStore::On::kMemory, TestStore::On::kRocksDb), engine_name)
