// Runs simulated worlds.
//
//   gemel_sim --seed N [--tell]     one world; --tell says each step, and the log
//   gemel_sim --count N             N fresh ones; the first seed is printed
//   gemel_sim --soak                fresh ones until stopped
//   gemel_sim --fixed FILE          the seeds of a file, one a line, # for comments
//   … --one-primary                 nobody is promoted
//   … --burn                        primaries are lost for ever; answers wait for the replicas
//   … --burn-any                    replicas too, and in the midst of a take-over
//   … --names                       mailboxes and users are often made anew under their names
//   … --readers                     users look at mailboxes of others
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
using gemel::sim::Work;
using gemel::sim::World;

struct Totals {
  uint64_t worlds = 0;
  uint64_t failed = 0;
  Outcome sum;
};

using Primaries = World::Options::Primaries;
using Machines = World::Options::Machines;

void run_one(World::Options options, Totals& totals) {
  World world(options);
  ++totals.worlds;
  try {
    const Outcome outcome = world.run();
    totals.sum.accepted += outcome.accepted;
    totals.sum.messages += outcome.messages;
    totals.sum.crashes += outcome.crashes;
    totals.sum.cuts += outcome.cuts;
    totals.sum.promotions += outcome.promotions;
    totals.sum.splits += outcome.splits;
    totals.sum.burnt += outcome.burnt;
    totals.sum.burnt_amid += outcome.burnt_amid;
    totals.sum.longest_heal_ms = std::max(totals.sum.longest_heal_ms, outcome.longest_heal_ms);
  } catch (const Violation& violation) {
    ++totals.failed;
    fmt::print("seed {}: {}\n", options.seed, violation.what());
    if (options.is_told) fmt::print("{}", world.dump_all());
    std::fflush(stdout);
  }
}

int report(const Totals& totals) {
  fmt::print(
      "{} worlds, {} operations, {} messages, {} crashes, {} cuts, {} promotions, {} of them "
      "into a split brain, {} machines burnt, {} of them amid a take-over; slowest healing {} "
      "s\n{} passed, {} failed\n",
      totals.worlds, totals.sum.accepted, totals.sum.messages, totals.sum.crashes, totals.sum.cuts,
      totals.sum.promotions, totals.sum.splits, totals.sum.burnt, totals.sum.burnt_amid,
      totals.sum.longest_heal_ms / 1000, totals.worlds - totals.failed, totals.failed);
  return totals.failed == 0 ? 0 : 1;
}

// "burn" or "burn-any", as an option or behind a seed.
Machines machines_of(std::string_view word) {
  if (word.ends_with("burn-any")) return Machines::kBurnAny;
  return word.ends_with("burn") ? Machines::kBurn : Machines::kStay;
}

// "names", likewise.
Work::Names names_of(bool is_said) {
  return is_said ? Work::Names::kReused : Work::Names::kLasting;
}

// "readers", likewise.
Work::Readers readers_of(bool is_said) {
  return is_said ? Work::Readers::kSome : Work::Readers::kNone;
}

// A line: the seed, and the words where it is of such a world: "names", "readers", then "burn" or
// "burn-any".
int run_fixed(const char* path) {
  std::ifstream file(path);
  if (!file) {
    fmt::print(stderr, "gemel_sim: can't read {}\n", path);
    return 2;
  }
  Totals totals;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#')
      run_one({.seed = std::strtoull(line.c_str(), nullptr, 10),
               .machines = machines_of(line),
               .names = names_of(line.contains("names")),
               .readers = readers_of(line.contains("readers"))},
              totals);
  return report(totals);
}

int run_fresh(uint64_t count, World::Options options) {
  Totals totals;
  const uint64_t first = gemel::system_random().u64() % 1'000'000'000;
  fmt::print("first seed {}\n", first);
  for (uint64_t i = 0; i < count; ++i) {
    options.seed = first + i;
    run_one(options, totals);
    if (i % 1000 == 999) report(totals);
  }
  return report(totals);
}

}  // namespace

int main(int argc, char** argv) {
  const std::set<std::string_view> words(argv + 1, argv + argc);
  const std::string_view what = argc > 1 ? argv[1] : "";
  const char* value = argc > 2 ? argv[2] : "";
  World::Options options{
      .is_told = words.contains("--tell"),
      .primaries = words.contains("--one-primary") ? Primaries::kOne : Primaries::kChanging,
      .machines = machines_of(words.contains("--burn-any") ? "burn-any"
                              : words.contains("--burn")   ? "burn"
                                                           : ""),
      .names = names_of(words.contains("--names")),
      .readers = readers_of(words.contains("--readers"))};
  gemel::log::set_level(options.is_told ? gemel::log::Level::kDebug : gemel::log::Level::kOff);
  if (what == "--soak") return run_fresh(UINT64_MAX, options);
  if (what == "--count") return run_fresh(std::strtoull(value, nullptr, 10), options);
  if (what == "--fixed") return run_fixed(value);
  if (what == "--seed") {
    Totals totals;
    options.seed = std::strtoull(value, nullptr, 10);
    run_one(options, totals);
    return report(totals);
  }
  fmt::print(stderr,
             "usage: gemel_sim --seed N [--tell] | --count N | --soak | --fixed FILE\n"
             "       … --one-primary, --burn, --burn-any, --names, --readers\n");
  return 2;
}
