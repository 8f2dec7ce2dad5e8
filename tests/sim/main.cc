// Runs simulated worlds.
//
//   gemel_sim --seed N [--tell]     one world; --tell says each step, and the log
//   gemel_sim --count N             N fresh ones; the first seed is printed
//   gemel_sim --soak                fresh ones until stopped
//   gemel_sim --fixed FILE          the seeds of a file, one a line, # for comments
//   … --one-primary                 nobody is promoted
// Exit status 1: a world broke; its seed and what broke are printed.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string_view>

#include "base/log.h"
#include "world.h"

namespace {

using gemel::sim::Outcome;
using gemel::sim::Violation;
using gemel::sim::World;

enum class Tell : uint8_t { kNo, kYes };

struct Totals {
  uint64_t worlds = 0;
  uint64_t failed = 0;
  Outcome sum;
};

using Primaries = World::Options::Primaries;

void run_one(uint64_t seed, Tell tell, Totals& totals, Primaries primaries) {
  World world({.seed = seed, .is_told = tell == Tell::kYes, .primaries = primaries});
  ++totals.worlds;
  try {
    const Outcome outcome = world.run();
    totals.sum.accepted += outcome.accepted;
    totals.sum.messages += outcome.messages;
    totals.sum.crashes += outcome.crashes;
    totals.sum.cuts += outcome.cuts;
    totals.sum.promotions += outcome.promotions;
    totals.sum.splits += outcome.splits;
    totals.sum.longest_heal_ms = std::max(totals.sum.longest_heal_ms, outcome.longest_heal_ms);
  } catch (const Violation& violation) {
    ++totals.failed;
    fmt::print("seed {}: {}\n", seed, violation.what());
    if (tell == Tell::kYes) fmt::print("{}", world.dump_all());
    std::fflush(stdout);
  }
}

int report(const Totals& totals) {
  fmt::print(
      "{} worlds, {} operations, {} messages, {} crashes, {} cuts, {} promotions, {} of them "
      "into a split brain; slowest healing {} s\n{} passed, {} failed\n",
      totals.worlds, totals.sum.accepted, totals.sum.messages, totals.sum.crashes, totals.sum.cuts,
      totals.sum.promotions, totals.sum.splits, totals.sum.longest_heal_ms / 1000,
      totals.worlds - totals.failed, totals.failed);
  return totals.failed == 0 ? 0 : 1;
}

int run_fixed(const char* path) {
  std::ifstream file(path);
  if (!file) {
    fmt::print(stderr, "gemel_sim: can't read {}\n", path);
    return 2;
  }
  Totals totals;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#')
      run_one(std::strtoull(line.c_str(), nullptr, 10), Tell::kNo, totals, Primaries::kChanging);
  return report(totals);
}

int run_fresh(uint64_t count, Primaries primaries) {
  Totals totals;
  const uint64_t first = gemel::system_random().u64() % 1'000'000'000;
  fmt::print("first seed {}\n", first);
  for (uint64_t i = 0; i < count; ++i) {
    run_one(first + i, Tell::kNo, totals, primaries);
    if (i % 1000 == 999) report(totals);
  }
  return report(totals);
}

}  // namespace

int main(int argc, char** argv) {
  const std::set<std::string_view> words(argv + 1, argv + argc);
  const std::string_view what = argc > 1 ? argv[1] : "";
  const char* value = argc > 2 ? argv[2] : "";
  const Tell tell = words.contains("--tell") ? Tell::kYes : Tell::kNo;
  const Primaries primaries =
      words.contains("--one-primary") ? Primaries::kOne : Primaries::kChanging;
  gemel::log::set_level(tell == Tell::kYes ? gemel::log::Level::kDebug : gemel::log::Level::kOff);
  if (what == "--soak") return run_fresh(UINT64_MAX, primaries);
  if (what == "--count") return run_fresh(std::strtoull(value, nullptr, 10), primaries);
  if (what == "--fixed") return run_fixed(value);
  if (what == "--seed") {
    Totals totals;
    run_one(std::strtoull(value, nullptr, 10), tell, totals, primaries);
    return report(totals);
  }
  fmt::print(stderr,
             "usage: gemel_sim --seed N [--tell] | --count N | --soak | --fixed FILE\n"
             "       … --one-primary\n");
  return 2;
}
