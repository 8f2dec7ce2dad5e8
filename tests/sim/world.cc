#include "world.h"

#include <fmt/format.h>

#include <algorithm>

#include "mail/lineage.h"

namespace gemel::sim {
namespace {

/// After the faults have ended, for reconnecting with pauses, for what was set aside, for merging.
constexpr int64_t kHealMsMax = 3'600'000;
/// From a promotion until what both sides have changed is one: mostly, and with links that are cut.
constexpr int64_t kTakeOverMs = 4'000;
constexpr int64_t kTakeOverMsMax = 40'000;

}  // namespace

World::World(const Options& options)
    : options_(options),
      dice_(options.seed),
      work_(dice_, ledger_, options.names, options.readers) {
  const size_t count = dice_.one_in(3) ? 3 : 2;
  const bool in_small_chunks = dice_.one_in(2);
  for (size_t i = 0; i < count; ++i) {
    Server::Options server{.name = std::string(1, static_cast<char>('A' + i)),
                           .role = i == 0 ? Role::kPrimary : Role::kReplica,
                           .acknowledge = machines_burn() ? AckLevel::kDurable : AckLevel::kLocal,
                           .clock_skew_s = static_cast<int64_t>(dice_.below(200'000)) - 100'000,
                           .seed = options.seed * 16 + i + 1};
    if (in_small_chunks) server.chunks = {.body_bytes = 600, .messages = 4};
    places_.push_back(
        {std::make_unique<Server>(events_, server), std::make_unique<Reader>(server.name)});
  }
  for (size_t from = 0; from < count; ++from)
    for (size_t to = 0; to < count; ++to)
      if (from != to) edges_.push_back({from, to, nullptr});
}

void World::tell(const std::string& what) {
  if (options_.is_told) fmt::print(stderr, "{:>9} {}\n", events_.now_ms(), what);
}

// --- servers and links ---

std::vector<std::string> World::peers_of(size_t place) const {
  std::vector<std::string> out;
  for (const Edge& edge : edges_)
    if (edge.from == place) out.push_back(places_[edge.to].server->name());
  return out;
}

void World::start(size_t place) {
  tell("start " + places_[place].server->name());
  places_[place].server->start(peers_of(place));
  for (Edge& edge : edges_)
    if (edge.from == place) plan_attempt(edge, 0);
}

void World::crash(size_t place) {
  Server& server = *places_[place].server;
  if (!server.is_up()) return;
  tell("crash " + server.name());
  ++outcome_.crashes;
  for (Edge& edge : edges_)
    if (edge.connection && (edge.from == place || edge.to == place)) {
      edge.connection->drop();
      edge.connection.reset();
      if (edge.from != place) ended(edge);
    }
  work_.forget(server);
  server.crash();
}

// A disk that stopped in the middle of a write takes its server with it.
void World::note_crashes() {
  for (size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].server->is_up() || !places_[i].server->has_failed()) continue;
    crash(i);
    events_.after(static_cast<int64_t>(dice_.below(20'000)), [this, i] {
      if (!places_[i].server->is_up()) start(i);
    });
  }
}

bool World::has_link(size_t a, size_t b) const { return !cut_.contains(std::minmax(a, b)); }

void World::plan_attempt(Edge& edge, int64_t delay_ms) {
  if (std::exchange(edge.attempt_planned, true)) return;
  events_.after(delay_ms, [this, &edge] {
    edge.attempt_planned = false;
    attempt(edge);
  });
}

void World::attempt(Edge& edge) {
  Server& from = *places_[edge.from].server;
  Server& to = *places_[edge.to].server;
  if (!from.is_up() || edge.connection) return;
  if (!from.is_primary()) return plan_attempt(edge, 1000);  // until it is one
  sync::Channel& channel = from.channel(to.name());
  if (!to.is_up() || !has_link(edge.from, edge.to)) {
    channel.disconnected({Code::kUnavailable, "no way there"});
    return plan_attempt(edge, channel.next_attempt_ms());
  }
  Connection::Options options{.delay_ms = static_cast<int64_t>(1 + dice_.below(50)),
                              .on_ended = [this, &edge] { ended(edge); }};
  if (options_.is_told)
    options.on_bytes = [this, link = from.name() + to.name()](char way, std::string_view bytes) {
      while (!bytes.empty()) {
        const size_t end = std::min(bytes.find("\r\n"), bytes.size());
        tell(fmt::format("{}{} {}", link, way, bytes.substr(0, end)));
        bytes.remove_prefix(std::min(end + 2, bytes.size()));
      }
    };
  edge.connection = std::make_shared<Connection>(events_, dice_, options);
  edge.connection->open([&](wire::SessionEnv env) { return channel.connect(std::move(env)); },
                        [&](wire::SessionEnv env) { return to.receive(std::move(env)); });
}

void World::ended(Edge& edge) {
  edge.connection.reset();
  Server& from = *places_[edge.from].server;
  if (!from.is_up()) return;
  sync::Channel& channel = from.channel(places_[edge.to].server->name());
  channel.disconnected({Code::kUnavailable, "the connection has ended"});
  plan_attempt(edge, channel.next_attempt_ms());
}

// --- faults ---

void World::cut_link() {
  const size_t a = dice_.below(places_.size());
  const size_t b = (a + 1 + dice_.below(places_.size() - 1)) % places_.size();
  const std::pair<size_t, size_t> pair = std::minmax(a, b);
  tell(fmt::format("cut {} - {}", places_[a].server->name(), places_[b].server->name()));
  ++outcome_.cuts;
  for (Edge& edge : edges_)
    if (edge.connection && std::pair<size_t, size_t>(std::minmax(edge.from, edge.to)) == pair)
      edge.connection->cut();
  if (dice_.one_in(2)) return;  // a short one
  cut_.insert(pair);
  events_.after(static_cast<int64_t>(dice_.below(30'000)), [this, pair] { cut_.erase(pair); });
}

// False: it is down or primary already, or has not become it.
bool World::promote(size_t place) {
  Server& server = *places_[place].server;
  if (!server.is_up() || server.is_primary()) return false;
  const bool is_split = has_primary();
  ledger_.promoted();
  if (!server.store().promote(heard_by_others(place))) return false;
  tell("promote " + server.name());
  ++outcome_.promotions;
  ++terms_;
  if (is_split) ++outcome_.splits;
  if (options_.machines == Options::Machines::kBurnAny) burn_soon();
  return true;
}

// After a promotion: one machine, in the midst of the take-over or not.
void World::burn_soon() {
  const size_t burnt = dice_.below(places_.size());
  if (!dice_.one_in(4)) return burn_amid(burnt, events_.now_ms() + kTakeOverMsMax);
  events_.after(static_cast<int64_t>(dice_.below(kTakeOverMs)), [this, burnt] { burn(burnt); });
}

// The latest term that those have heard of whom it can ask.
Term World::heard_by_others(size_t place) const {
  Term latest;
  for (size_t i = 0; i < places_.size(); ++i) {
    Server& other = *places_[i].server;
    if (i == place || !other.is_up() || other.has_failed() || !has_link(i, place)) continue;
    latest = std::max(latest, other.store().term());
  }
  return latest;
}

// As soon as there is a state between the two, or a little later.
void World::burn_amid(size_t place, int64_t until_ms) {
  if (is_amid_take_over() && dice_.one_in(3)) return burn(place);
  if (is_burnt_ || events_.now_ms() > until_ms) return;
  events_.after(static_cast<int64_t>(1 + dice_.below(20)),
                [this, place, until_ms] { burn_amid(place, until_ms); });
}

// A server has some mailboxes as the primary has made them in its term, and others not yet.
bool World::is_amid_take_over() const {
  const auto primary =
      std::ranges::find_if(places_, [](const Place& place) { return place.server->is_primary(); });
  if (terms_ == 0 || primary == places_.end() || primary->server->has_failed()) return false;
  const MailStore& ours = primary->server->store();
  const std::vector<UserInfo> users = ours.users().value();
  return std::ranges::any_of(places_, [&](const Place& place) {
    if (!place.server->is_up() || place.server->has_failed() || &place == &*primary) return false;
    if (place.server->store().digest() == ours.digest()) return false;
    size_t taken = 0;
    size_t left = 0;
    for (const UserInfo& user : users) {
      const auto infos = place.server->store().mailboxes(user.userid);
      if (!infos) continue;
      for (const MailboxInfo& info : *infos) {
        const auto there = ours.find(info.id);
        const bool is_same = there && there->digest == info.digest;
        if (!is_same) ++left;
        if (is_same && term_at(info.lineage, info.highestmodseq) == ours.term()) ++taken;
      }
    }
    return taken > 0 && left > 0;
  });
}

void World::burn_primary() {
  const auto primary =
      std::ranges::find_if(places_, [](const Place& place) { return place.server->is_primary(); });
  if (primary != places_.end()) burn(static_cast<size_t>(primary - places_.begin()));
}

// Where it was a primary somebody promotes another one. What the clients of the burnt one alone had
// seen is nobody's any more. Of two that burn, what both were told is gone: so one does.
void World::burn(size_t place) {
  if (std::exchange(is_burnt_, true)) return;
  Server& burnt = *places_[place].server;
  tell("burn " + burnt.name());
  ++outcome_.burnt;
  if (is_amid_take_over()) ++outcome_.burnt_amid;
  const bool was_primary = burnt.is_primary();
  crash(place);
  burnt.burn();
  places_[place].reader->forget();
  if (was_primary) {
    const size_t next = (place + 1 + dice_.below(places_.size() - 1)) % places_.size();
    if (!places_[next].server->is_up()) start(next);
    promote(next);
  }
  events_.after(static_cast<int64_t>(dice_.below(20'000)), [this, place] {
    if (!places_[place].server->is_up()) start(place);
  });
}

void World::misfortune() {
  if (options_.machines == Options::Machines::kBurn && dice_.one_in(5)) return burn_primary();
  if (options_.machines == Options::Machines::kBurnAny && dice_.one_in(30))
    return burn(dice_.below(places_.size()));
  const size_t place = dice_.below(places_.size());
  Server& server = *places_[place].server;
  switch (dice_.below(7)) {
    case 0:
    case 1:
      return cut_link();
    case 2:
      crash(place);
      events_.after(static_cast<int64_t>(dice_.below(20'000)), [this, place] {
        if (!places_[place].server->is_up()) start(place);
      });
      return;
    case 3:
      if (server.is_up()) server.crash_after_writes(dice_.below(24));
      return;
    case 4:
      if (!server.is_up()) return;
      tell("full disk at " + server.name());
      server.fail_writes(Code::kNoSpace);
      events_.after(static_cast<int64_t>(dice_.below(5'000)),
                    [this, place] { places_[place].server->fail_writes(std::nullopt); });
      return;
    default:
      if (options_.primaries == Options::Primaries::kChanging) promote(place);
      return;
  }
}

// --- what goes on ---

void World::act() {
  for (const Place& each : places_)
    if (each.server->is_up()) each.server->expire_answers();
  work_.settle();
  const size_t place = dice_.below(places_.size());
  Server& server = *places_[place].server;
  if (!server.is_primary()) return;
  tell(server.name() + " " + work_.step(server));
}

void World::read_somewhere() {
  const Place& place = places_[dice_.below(places_.size())];
  if (!place.server->is_up() || place.server->has_failed()) return;
  const auto users = place.server->store().users();
  if (!users || users->empty()) return;
  const auto infos = place.server->store().mailboxes((*users)[dice_.below(users->size())].userid);
  if (!infos || infos->empty()) return;
  place.reader->read(place.server->store(), (*infos)[dice_.below(infos->size())].id);
}

void World::chaos() {
  const bool is_rough = !dice_.one_in(4);
  for (uint64_t i = 0; i < options_.steps * places_.size(); ++i) {
    act();
    note_crashes();
    read_somewhere();
    note_crashes();
    if (is_rough && dice_.one_in(12)) misfortune();
    events_.run_until(events_.now_ms() + static_cast<int64_t>(dice_.below(200)),
                      [] { return false; });
    note_crashes();
  }
}

bool World::in_step() const {
  for (const Place& place : places_) {
    if (!place.server->is_up() || place.server->has_failed()) return false;
    if (place.server->store().digest() != places_[0].server->store().digest()) return false;
  }
  return std::ranges::count_if(places_,
                               [](const Place& place) { return place.server->is_primary(); }) == 1;
}

bool World::has_primary() const {
  return std::ranges::any_of(places_, [](const Place& p) { return p.server->is_primary(); });
}

// None is, nor will be by itself.
bool World::needs_primary() const {
  return !has_primary() && std::ranges::all_of(places_, [](const Place& place) {
    return place.server->is_up() && !place.server->has_failed();
  });
}

void World::heal() {
  tell("heal");
  cut_.clear();
  for (size_t i = 0; i < places_.size(); ++i) {
    places_[i].server->fail_writes(std::nullopt);
    note_crashes();
    if (places_[i].server->is_up()) continue;
    start(i);
  }
  const int64_t began = events_.now_ms();
  // A later term may have begun on a machine that burnt: the primary hears of it only now, and
  // steps back. Whoever is promoted then has asked all the others.
  bool is_promoted = false;
  while (!in_step() && events_.now_ms() < began + kHealMsMax) {
    if (needs_primary() && promote(dice_.below(places_.size())))
      require(!std::exchange(is_promoted, true), "a server had to be promoted twice");
    events_.run_until(began + kHealMsMax, [this] {
      note_crashes();
      return in_step() || needs_primary();
    });
  }
  require(in_step(), "the servers are not in step after all faults have ended");
  outcome_.longest_heal_ms = std::max(outcome_.longest_heal_ms, events_.now_ms() - began);
}

void World::check() {
  for (const Place& place : places_) {
    MailStore& store = place.server->store();
    place.reader->read_all(store);
    const auto report = store.verify({});
    require(report.has_value(), "a store can't be verified");
    for (const MailStore::Problem& problem : report->problems)
      throw Violation(fmt::format("{}: {} {}: {}", place.server->name(), problem.invariant,
                                  problem.where, problem.what));
    // Clients that move from here to another server find themselves up to date.
    for (const Place& other : places_) {
      Reader moved = *place.reader;
      moved.read_all(other.server->store());
    }
  }
  const bool is_rough = std::exchange(terms_, 0) > 1 || is_burnt_;
  is_burnt_ = false;
  ledger_.check(places_[0].server->store(),
                is_rough ? Ledger::Precision::kRough : Ledger::Precision::kExact);
  tell("in step and sound");
}

Outcome World::run() {
  for (size_t i = 0; i < places_.size(); ++i) start(i);
  work_.begin(*places_[0].server);
  for (int round = 0; round < options_.rounds; ++round) {
    chaos();
    heal();
    check();
  }
  outcome_.accepted = work_.accepted();
  outcome_.messages = ledger_.messages();
  return outcome_;
}

std::string World::dump_all() {
  std::string out;
  for (const Place& place : places_)
    if (place.server->is_up() && !place.server->has_failed())
      out += fmt::format("--- {} ({})\n{}", place.server->name(),
                         place.server->is_primary() ? "primary" : "replica",
                         dump(place.server->store()));
  return out;
}

}  // namespace gemel::sim
