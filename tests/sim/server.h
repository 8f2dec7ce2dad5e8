// One server of the simulated world: a disk, a store on it, and channels to the others.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "connection.h"
#include "store/ack_gate.h"
#include "store/mail_store.h"
#include "sync/channel.h"
#include "sync/receiver.h"

namespace gemel::sim {

class Server {
 public:
  struct Options {
    std::string name;
    Role role = Role::kReplica;
    AckLevel acknowledge = AckLevel::kLocal;  // other levels refuse changes while a peer is away
    int64_t clock_skew_s = 0;
    sync::ChunkLimits chunks = {};
    uint64_t seed = 0;
  };
  Server(Events& events, Options options);
  ~Server();

  const std::string& name() const { return options_.name; }
  bool is_up() const { return store_ != nullptr; }
  bool is_primary() const { return is_up() && store_->role() == Role::kPrimary; }
  MailStore& store() { return *store_; }

  /// Opens the store with what the disk has. A channel to each of `peers`.
  void start(const std::vector<std::string>& peers);
  /// The power goes: what was not synced is lost.
  void crash();
  /// The machine burns: start() gives another one, with an empty store.
  void burn();
  /// The disk takes so many more writes; then it is as after crash(), in the middle of things.
  void crash_after_writes(uint64_t count) {
    disk_->crash_after(count / 2, count % 2 == 0 ? MemoryOpener::LastWrite::kLost
                                                 : MemoryOpener::LastWrite::kWritten);
  }
  bool has_failed() const { return disk_->has_crashed(); }
  void fail_writes(std::optional<Code> code) { disk_->fail_writes(code); }

  sync::Channel& channel(const std::string& peer) { return *channels_.at(peer); }
  std::unique_ptr<wire::Session> receive(wire::SessionEnv env);
  /// For one answer to a client. It must end before crash().
  AnswerGate answer_gate() {
    return {&*gate_, [] {}};
  }
  void expire_answers() { gate_->expire(); }

 private:
  class Password;
  Options options_;
  SkewedClock clock_;
  SeededRandom random_;
  std::unique_ptr<Password> password_;
  sync::Upstreams upstreams_;
  std::unique_ptr<MemoryOpener> disk_ = std::make_unique<MemoryOpener>();
  std::unique_ptr<MailStore> store_;
  std::optional<AckGate> gate_;
  std::map<std::string, std::unique_ptr<sync::Channel>> channels_;
};

/// Everything a server has, in lines, for a comparison by eye.
std::string dump(MailStore& store);

}  // namespace gemel::sim
