// A world of two or three servers, their clients, and everything that goes wrong: cuts at any byte,
// power cuts at any write, full disks, late answers, promotions at a bad moment, split brains,
// machines that burn.
//
// After some time of that, faults end; within a bound all servers must be in step, by themselves,
// with nothing lost, nothing doubled, and no client deceived on any of them at any moment.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "ledger.h"
#include "reader.h"
#include "server.h"
#include "work.h"

namespace gemel::sim {

struct Outcome {
  uint64_t accepted = 0;  // operations
  uint64_t messages = 0;  // delivered
  uint64_t crashes = 0;
  uint64_t cuts = 0;
  uint64_t promotions = 0;
  uint64_t splits = 0;      // promotions while another primary lived
  uint64_t burnt = 0;       // machines lost for ever
  uint64_t burnt_amid = 0;  // of them in the midst of a take-over
  int64_t longest_heal_ms = 0;
};

class World {
 public:
  struct Options {
    uint64_t seed = 0;
    int rounds = 3;
    uint64_t steps = 60;   // of each round, about
    bool is_told = false;  // each step on stderr
    enum class Primaries : uint8_t { kOne, kChanging } primaries = Primaries::kChanging;
    /// kBurn: answers wait until the replicas have what they are about on their disks, and a
    /// primary may be lost with all that it has. kBurnAny: or a replica, and in the midst of a
    /// take-over, when of some mailboxes the two have become one and of others not.
    enum class Machines : uint8_t { kStay, kBurn, kBurnAny } machines = Machines::kStay;
    Work::Names names = Work::Names::kLasting;
    Work::Readers readers = Work::Readers::kNone;
  };
  explicit World(const Options& options);
  /// Throws Violation.
  Outcome run();
  /// What each server has.
  std::string dump_all();

 private:
  struct Place {
    std::unique_ptr<Server> server;
    std::unique_ptr<Reader> reader;
  };
  struct Edge {
    size_t from;
    size_t to;
    std::shared_ptr<Connection> connection;
    bool attempt_planned = false;
  };

  void tell(const std::string& what);
  std::vector<std::string> peers_of(size_t place) const;
  void start(size_t place);
  void crash(size_t place);
  void note_crashes();
  bool has_link(size_t a, size_t b) const;
  void attempt(Edge& edge);
  void plan_attempt(Edge& edge, int64_t delay_ms);
  void ended(Edge& edge);
  void misfortune();
  void cut_link();
  bool promote(size_t place);
  Term heard_by_others(size_t place) const;
  void burn_primary();
  void burn(size_t place);
  void burn_soon();
  void burn_amid(size_t place, int64_t until_ms);
  bool is_amid_take_over() const;
  bool machines_burn() const { return options_.machines != Options::Machines::kStay; }
  void act();
  void read_somewhere();
  void chaos();
  void heal();
  bool in_step() const;
  bool has_primary() const;
  bool needs_primary() const;
  void check();

  Options options_;
  Dice dice_;
  Events events_;
  Ledger ledger_;
  Work work_;
  std::vector<Place> places_;
  std::vector<Edge> edges_;
  std::set<std::pair<size_t, size_t>> cut_;  // pairs without a link now
  Outcome outcome_;
  int terms_ = 0;          // begun since all were in step
  bool is_burnt_ = false;  // one was, since then
};

}  // namespace gemel::sim
