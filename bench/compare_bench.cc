// Digests, pages, and the comparison that an UPDATE is made of.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "counted.h"
#include "store/digest.h"
#include "store/mail_store.h"
#include "store/page.h"
#include "sync/compare.h"

namespace gemel {
namespace {

void BM_RecordDigest(benchmark::State& state) {
  RecordState record{.uid = Uid(1), .modseq = ModSeq(1), .flags = {}, .expunged = false};
  RecordFacts facts;
  facts.size = 5'000;
  const Counting counting;
  for (auto _ : state) {
    ++record.uid.value;
    benchmark::DoNotOptimize(state_digest(record, 42));
    benchmark::DoNotOptimize(facts_digest(record.uid, facts));
  }
}
BENCHMARK(BM_RecordDigest)->Apply(counted<10'000>);

/// `kinds` different sets of flags, one after the other.
Page page_of(uint32_t kinds) {
  Page page;
  page.number = 3;
  for (uint32_t slot = 0; slot < kPageUids; ++slot) {
    RecordState record{.uid = page.uid_at(slot), .modseq = ModSeq(1), .flags = {}};
    record.modseq = ModSeq(1 + slot % kinds);
    record.flags.words[0] = slot % kinds;
    page.put(record);
  }
  return page;
}

void BM_PageEncode(benchmark::State& state) {
  const Page page = page_of(static_cast<uint32_t>(state.range(0)));
  const Counting counting;
  for (auto _ : state) benchmark::DoNotOptimize(page.encode());
  state.SetItemsProcessed(state.iterations() * kPageUids);
}
BENCHMARK(BM_PageEncode)->Arg(1)->Arg(8)->Apply(counted<1'000>);

void BM_PageDecode(benchmark::State& state) {
  const Page page = page_of(static_cast<uint32_t>(state.range(0)));
  const std::string bytes = page.encode();
  const Counting counting;
  for (auto _ : state) benchmark::DoNotOptimize(Page::decode(page.number, bytes));
  state.SetItemsProcessed(state.iterations() * kPageUids);
}
BENCHMARK(BM_PageDecode)->Arg(1)->Arg(8)->Apply(counted<1'000>);

class ByGuid final : public sync::Routes {
 public:
  Result<sync::Route> route(const MailboxView&, const sync::RecordRow&) override {
    return sync::Route{.kind = sync::Route::Kind::kByGuid};
  }
};

/// A mailbox in memory with messages that nothing is known of yet.
void BM_Compare(benchmark::State& state) {
  MemoryOpener memory;
  const auto store = MailStore::open({.path = "bench", .opener = &memory}).value();
  if (!store->create_user("ann", {})) std::abort();
  const UniqueId id = store->find(MailboxName{"ann", "INBOX"}).value().id;
  std::vector<MailStore::Append> messages;
  for (int64_t i = 0; i < state.range(0); ++i) {
    BodyWriter writer = store->stage("default").value();
    if (!writer.append(std::to_string(i))) std::abort();
    messages.push_back({.mailbox = id, .body = writer.finish().value(), .flags = {}});
  }
  if (!store->append(std::move(messages))) std::abort();
  ByGuid routes;
  sync::OpenGate gate;
  const Counting counting;
  for (auto _ : state) {
    sync::Comparison comparison = sync::Comparison::start(store->view(id).value(), {}).value();
    while (!comparison.done()) benchmark::DoNotOptimize(comparison.next(routes, {}, gate));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Compare)->Arg(1)->Arg(10'000)->Apply(counted<10>);

}  // namespace
}  // namespace gemel
