// What the tests of sync share: a primary and a replica in memory, and a link between them that
// counts turns and bytes and can be cut at any byte.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "base/log.h"
#include "store/store_fixture.h"
#include "sync/channel.h"
#include "sync/receiver.h"
#include "wire/compression.h"

namespace gemel::sync {

class OneCredential final : public wire::CredentialSource {
 public:
  explicit OneCredential(std::string_view password)
      : credential_(
            wire::make_scram_credential(password, wire::kScramIterationsMin, random_).value()) {}
  Result<void> check_user(std::string_view) override { return {}; }
  Result<wire::ScramCredential> scram(std::string_view userid) override {
    if (userid == "replicator" || userid == "somebody") return credential_;
    return fail(Code::kNotFound, "no such user");
  }
  Result<void> check_password(std::string_view, std::string_view) override {
    return fail(Code::kAuthFailed, "not here");
  }

 private:
  SeededRandom random_{3};
  wire::ScramCredential credential_;
};

/// Bytes and turns since it was last taken, with and without compression.
struct Traffic {
  uint64_t turns = 0;  // after which the sender had to wait
  uint64_t up = 0;
  uint64_t down = 0;
  uint64_t packed_up = 0;
  uint64_t packed_down = 0;
};

/// One direction of the wire, as net does it.
class Packer {
 public:
  explicit Packer(wire::Compression kind = wire::Compression::kZstdWords)
      : compressor_(wire::make_compressor(kind)) {}
  uint64_t size_of(std::string_view bytes, wire::Compressor::Flush flush) {
    std::string out;
    if (!bytes.empty() || flush == wire::Compressor::Flush::kFlush)
      compressor_->write(bytes, flush, out);
    return out.size();
  }

 private:
  std::unique_ptr<wire::Compressor> compressor_;
};

class TestLink {
 public:
  /// kAlike: ids are the same in each run. kTurned: so they are, and those of the primary are
  /// above those of the replica if they were below, or the other way round.
  enum class Ids : uint8_t { kRandom, kAlike, kTurned };
  explicit TestLink(ChannelOptions::Mode mode = ChannelOptions::Mode::kOneShot,
                    Ids ids = Ids::kRandom) {
    if (ids != Ids::kRandom) {
      const bool is_turned = ids == Ids::kTurned;
      primary.options.random = is_turned ? &replica_random_ : &store_random_;
      primary.options.path += "_alike";
      primary.open();
      replica.options.random = is_turned ? &store_random_ : &replica_random_;
      replica.options.path += "_alike";
      replica.open();
    }
    channel_options.name = "standby";
    channel_options.userid = "replicator";
    channel_options.password = "secret";
    channel_options.mode = mode;
    channel_options.random = &sender_random_;
    receiver_options.userid = "replicator";
    receiver_options.server_name = "replica.example";
    receiver_options.credentials = &credential_;
    receiver_options.random = &receiver_random_;
    receiver_options.clock = &replica.clock;
    receiver_options.server_secret = "server secret";
    open_channel();
  }
  ~TestLink() { disconnect("test over"); }

  void open_channel() {
    channel.reset();
    channel = std::make_unique<Channel>(*primary, channel_options, primary.clock);
  }

  /// As after a restart of the primary's server: the channel starts from what it has written.
  void open_channel_later() {
    disconnect("restart");
    open_channel();
    connect();
  }

  void connect() {
    wire::SessionEnv env{.peer_address = "127.0.0.1", .is_local = true};
    receiver_options.upstreams = &upstreams;
    env.wake = [this] { receiver_woken_ = true; };
    receiver = make_receiver(*replica, receiver_options, env);
    env.wake = [this] { woken_ = true; };
    sender = channel->connect(env);
    packs_ = false;
    greeted_ = nullptr;
    held_.clear();
  }

  void disconnect(std::string_view reason) {
    if (!sender) return;
    sender.reset();
    receiver.reset();
    channel->disconnected({Code::kUnavailable, std::string(reason)});
  }

  /// Lets both ends talk until they have nothing to say. False: the link was cut, or one closed.
  bool run() {
    while (sender) {
      if (woken_.exchange(false)) sender->wake();
      if (receiver_woken_.exchange(false)) receiver->wake();
      const bool sent = pump_up();
      if (!sender) return false;
      const bool answered = pump_down();
      if (!sender) return false;
      if (!sent && !answered && !woken_ && !receiver_woken_) return true;
    }
    return false;
  }

  /// Asks for everything, and lets it happen.
  SyncReport sync(SyncScope scope = {}, SyncEffect effect = SyncEffect::kSend) {
    std::optional<SyncReport> report;
    channel->sync(std::move(scope), effect, [&](SyncReport done) { report = std::move(done); });
    const bool holds = run();
    EXPECT_TRUE(report || !holds) << "a sync that never ends";
    if (!report) return {.result = fail(Code::kUnavailable, "the link is down"), .actions = {}};
    return *report;
  }

  Traffic take_traffic() { return std::exchange(traffic, {}); }

  void expect_in_step() {
    EXPECT_EQ(primary->digest().text(), replica->digest().text());
    for (TestStore* store : {&primary, &replica}) store->expect_sound();
  }

  // Used by the stores and the sessions, which come after.
  OneCredential credential_{"secret"};
  SeededRandom store_random_{4};
  SeededRandom replica_random_{5};

  TestStore primary{TestStore::On::kMemory};
  TestStore replica{TestStore::On::kMemory, Role::kReplica};
  ChannelOptions channel_options;
  ReceiverOptions receiver_options;
  std::unique_ptr<Channel> channel;
  std::unique_ptr<wire::Session> sender;
  std::unique_ptr<wire::Session> receiver;
  Upstreams upstreams{replica.clock};
  Traffic traffic;
  /// Bytes, both ways together, after which the link is cut.
  std::optional<uint64_t> cut_after;
  /// Called with what passes: '>' up, '<' down.
  std::function<void(char, std::string_view)> on_bytes = [](char, std::string_view) {};
  /// Called with each piece that the sender makes, before it makes the next.
  std::function<void(std::string_view)> on_said = [](std::string_view) {};

 private:
  // All that `from` says, up to the cut.
  std::string collect(wire::Session& from, Packer& packer, uint64_t& packed) {
    std::string all;
    while (true) {
      std::string out;
      from.produce(out, 65536);
      const wire::Want want = from.want();
      if (&from == sender.get()) on_said(out);
      all += out;
      if (packs_ && !out.empty())
        packed += packer.size_of(out, want == wire::Want::kMore ? wire::Compressor::Flush::kHold
                                                                : wire::Compressor::Flush::kFlush);
      if (!packs_) packed += out.size();
      // Compression begins here, and the sender goes on at once.
      if (want == wire::Want::kCompression && &from == sender.get()) continue;
      if (want != wire::Want::kMore) break;
    }
    return all;
  }

  // Cuts `bytes` where the link is; true if it was.
  bool cut(std::string& bytes) {
    if (!cut_after) return false;
    if (bytes.size() <= *cut_after) {
      *cut_after -= bytes.size();
      return false;
    }
    bytes.resize(*cut_after);
    cut_after.reset();
    return true;
  }

  void deliver(wire::Session& to, std::string_view bytes) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, 60'000);
      bytes.remove_prefix(piece.size());
      to.receive(piece);
      if (&to == receiver.get()) held_ += collect(to, down_, traffic.packed_down);
    }
  }

  bool pump_up() {
    std::string bytes = collect(*sender, up_, traffic.packed_up);
    const bool is_cut = cut(bytes);
    traffic.up += bytes.size();
    if (!bytes.empty()) on_bytes('>', bytes);
    deliver(*receiver, bytes);
    if (is_cut || sender->want() == wire::Want::kClose) disconnect("cut");
    return !bytes.empty();
  }

  bool pump_down() {
    std::string bytes = std::exchange(held_, {});
    bytes += collect(*receiver, down_, traffic.packed_down);
    const bool is_cut = cut(bytes);
    traffic.down += bytes.size();
    if (!bytes.empty()) {
      if (greeted_ == sender.get()) ++traffic.turns;
      greeted_ = sender.get();
      on_bytes('<', bytes);
    }
    deliver(*sender, bytes);
    if (sender->want() == wire::Want::kCompression) begin_to_pack();
    if (is_cut || receiver->want() == wire::Want::kClose) disconnect("cut");
    return !bytes.empty();
  }

  void begin_to_pack() {
    up_ = Packer(sender->compression());
    down_ = Packer(receiver->compression());
    packs_ = true;
  }

  SeededRandom sender_random_{1};
  SeededRandom receiver_random_{2};
  std::atomic<bool> woken_ = false;
  std::atomic<bool> receiver_woken_ = false;
  bool packs_ = false;
  Packer up_;
  Packer down_;
  std::string held_;
  const wire::Session* greeted_ = nullptr;
};

/// A link, not connected yet, with a user on its primary. Silent.
class LinkFixture : public testing::Test {
 protected:
  explicit LinkFixture(TestLink::Ids ids = TestLink::Ids::kRandom)
      : link(ChannelOptions::Mode::kOneShot, ids) {
    log::set_level(log::Level::kOff);
    EXPECT_TRUE(primary->create_user("alice", {}));
  }
  static MailboxName named(const std::string& path) { return {"alice", path}; }

  TestLink link;
  TestStore& primary = link.primary;
  TestStore& replica = link.replica;
};

}  // namespace gemel::sync
