// Deliveries on RocksDB, with a script of 20 rules and without one: what a script costs.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "delivery/deliverer.h"
#include "store/sieve_scripts.h"

namespace gemel::delivery {
namespace {

enum Kind : int64_t { kNoScript, kHeaderRules, kBodyRules };
constexpr int kUsers = 8;
constexpr int kRules = 20;

// Of each rule only the last one's test is true.
std::string script_of(Kind kind) {
  std::string out = "require [\"fileinto\", \"mailbox\", \"variables\", \"body\"];\n";
  for (int rule = 0; rule < kRules; ++rule) {
    const std::string number = std::to_string(rule);
    out += rule == 0 ? "if " : "elsif ";
    if (kind == kBodyRules && rule % 4 == 3)
      out += "body :text :contains \"needle " + number + "\"";
    else if (rule % 3 == 0)
      out += "address :is \"from\" \"list" + number + "@example.org\"";
    else if (rule % 3 == 1)
      out += "header :matches \"Subject\" \"*[list" + number + "]*\"";
    else
      out += "anyof (header :contains [\"List-Id\", \"X-List\"] \"list" + number +
             "\", size :over 50M)";
    out += " { fileinto \"Lists" + number + "\"; stop; }\n";
  }
  return out + "else { fileinto :create \"Rest\"; }\n";
}

/// A store in a new directory, gone afterwards.
class World {
 public:
  explicit World(Kind kind) : path_("/tmp/gemel_bench_" + std::to_string(::getpid())) {
    log::set_level(log::Level::kOff);
    std::filesystem::remove_all(path_);
    store_ = MailStore::open({.path = path_, .partitions = {}}).value();
    for (int user = 0; user < kUsers; ++user) add("user" + std::to_string(user), kind);
    deliverer_ = std::make_unique<Deliverer>(Services{.store = *store_,
                                                      .clock = system_clock(),
                                                      .access = access_,
                                                      .aliases = aliases_,
                                                      .scripts = scripts_},
                                             Options{.hostname = "bench"});
  }
  ~World() {
    deliverer_.reset();
    store_.reset();
    std::filesystem::remove_all(path_);
  }

  bool deliver(int user, uint64_t number) {
    const std::string id = std::to_string(number);
    std::string bytes = "Message-ID: <" + id + "@example.org>\r\nFrom: ann@example.org\r\n" +
                        "To: user@example.org\r\nSubject: an ordinary message\r\n" +
                        "Content-Type: text/plain\r\n\r\n";
    for (uint64_t word = number; bytes.size() < 5000; word = word * 6364136223846793005U + 1)
      bytes += std::to_string(word) + "\r\n";
    Result<BodyWriter> writer = store_->stage("default");
    if (!writer || !writer->append(bytes)) return false;
    const EnvelopeAddress address{.local = "user" + std::to_string(user), .domain = ""};
    Letter letter{.id = id,
                  .return_path = "ann@example.org",
                  .recipients = {{.address = address.local,
                                  .parsed = address,
                                  .means = deliverer_->find(address).value()}},
                  .body = writer->finish().value()};
    return deliverer_->deliver(letter).front().kind == Verdict::Kind::kAccepted;
  }

 private:
  void add(const std::string& userid, Kind kind) {
    if (!store_->create_user(userid, {})) std::abort();
    if (kind == kNoScript) return;
    SieveScripts scripts(*store_, userid);
    if (!scripts.put("main", script_of(kind), 1) || !scripts.activate("main", 1)) std::abort();
  }
  std::string path_;
  AccessOptions access_;
  AliasTable aliases_;
  ScriptLibrary scripts_;
  std::unique_ptr<MailStore> store_;
  std::unique_ptr<Deliverer> deliverer_;
};

std::unique_ptr<World> shared;

void deliver_by_script(benchmark::State& state) {
  if (state.thread_index() == 0) shared = std::make_unique<World>(Kind(state.range(0)));
  uint64_t number = static_cast<uint64_t>(state.thread_index()) << 32;
  for (auto step : state)
    if (!shared->deliver(state.thread_index(), ++number)) state.SkipWithError("delivery fails");
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) shared.reset();
}
BENCHMARK(deliver_by_script)
    ->ArgName("rules")
    ->Arg(kNoScript)
    ->Arg(kHeaderRules)
    ->Arg(kBodyRules)
    ->Threads(1)
    ->Threads(8)
    ->UseRealTime();

}  // namespace
}  // namespace gemel::delivery
