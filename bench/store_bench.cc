// The store on RocksDB: durable deliveries, flag changes, and the reads that clients wait for.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "store/mail_store.h"

namespace gemel {
namespace {

/// A store in a new directory, gone afterwards.
class BenchStore {
 public:
  BenchStore() : path_("/tmp/gemel_bench_" + std::to_string(::getpid())) {
    std::filesystem::remove_all(path_);
    store_ = MailStore::open({.path = path_, .partitions = {}}).value();
    for (int user = 0; user < 64; ++user) inboxes_.push_back(make("user" + std::to_string(user)));
  }
  ~BenchStore() {
    store_.reset();
    std::filesystem::remove_all(path_);
  }
  MailStore& operator*() { return *store_; }
  MailStore* operator->() { return store_.get(); }
  const UniqueId& inbox(int user) const { return inboxes_[static_cast<size_t>(user)]; }

  StagedBody stage(uint64_t number, size_t bytes) {
    BodyWriter writer = store_->stage("default").value();
    std::string body = "Subject: " + std::to_string(number) + "\r\n\r\n";
    for (uint64_t word = number; body.size() < bytes; word = word * 6364136223846793005U + 1)
      body += std::to_string(word) + ' ';
    if (!writer.append(body)) std::abort();
    return writer.finish().value();
  }

 private:
  UniqueId make(const std::string& userid) {
    if (!store_->create_user(userid, {})) std::abort();
    return store_->find(MailboxName{userid, "INBOX"}).value().id;
  }
  std::string path_;
  std::unique_ptr<MailStore> store_;
  std::vector<UniqueId> inboxes_;
};

std::unique_ptr<BenchStore> shared;

void deliver(benchmark::State& state) {
  if (state.thread_index() == 0) shared = std::make_unique<BenchStore>();
  uint64_t number = static_cast<uint64_t>(state.thread_index()) << 32;
  for (auto step : state) {
    std::vector<MailStore::Append> messages;
    messages.push_back({shared->inbox(state.thread_index()), shared->stage(++number, 5000), {}, 1});
    if (!(*shared)->append(std::move(messages))) state.SkipWithError("append fails");
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) shared.reset();
}
BENCHMARK(deliver)->Threads(1)->Threads(8)->Threads(64)->UseRealTime();

/// An INBOX of `count` small messages.
void fill(BenchStore& store, int64_t count) {
  for (int64_t done = 0; done < count;) {
    std::vector<MailStore::Append> messages;
    for (; done < count && messages.size() < 5000; ++done)
      messages.push_back({store.inbox(0), store.stage(static_cast<uint64_t>(done), 40), {}, 1});
    if (!store->append(std::move(messages))) std::abort();
  }
}

void flag_all(benchmark::State& state) {
  BenchStore store;
  fill(store, state.range(0));
  FlagNames seen;
  seen.add(SystemFlag::kSeen);
  bool add = true;
  for (auto step : state) {
    const auto stored = store->store_flags(store.inbox(0), UidSet::of(Uid(1), Uid(UINT32_MAX)),
                                           add ? FlagOp::kAdd : FlagOp::kRemove, seen);
    if (!stored) state.SkipWithError("store fails");
    add = !add;
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(flag_all)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();

void all_flags_and_uids(benchmark::State& state) {
  BenchStore store;
  fill(store, state.range(0));
  for (auto step : state) {
    const MailboxView view = store->view(store.inbox(0)).value();
    benchmark::DoNotOptimize(view.uids().value());
    benchmark::DoNotOptimize(view.states(UidSet::of(Uid(1), Uid(UINT32_MAX))).value());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(all_flags_and_uids)->Arg(100'000)->Unit(benchmark::kMillisecond);

void changes_since(benchmark::State& state) {
  BenchStore store;
  fill(store, 100'000);
  const ModSeq since = store->find(store.inbox(0)).value().highestmodseq;
  FlagNames seen;
  seen.add(SystemFlag::kSeen);
  UidSet uids;
  for (int64_t i = 0; i < state.range(0); ++i) uids.add(Uid(static_cast<uint32_t>(i * 97 + 1)));
  if (!store->store_flags(store.inbox(0), uids, FlagOp::kAdd, seen)) std::abort();
  for (auto step : state) {
    const MailboxView view = store->view(store.inbox(0)).value();
    benchmark::DoNotOptimize(view.changes_since(since).value());
  }
}
BENCHMARK(changes_since)->Arg(1)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace gemel
