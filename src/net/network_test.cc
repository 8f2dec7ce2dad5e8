#include "net/network.h"

#include <sys/stat.h>

#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include "net/test_world.h"

namespace gemel::net {
namespace {

using testing::Counter;
using testing::Directory;
using testing::echo;
using testing::Echo;
using testing::Listener;
using testing::Peer;

class NetworkTest : public ::testing::Test {
 protected:
  std::string listen(Network& network) {
    return network.listen({.host = "127.0.0.1", .session = echo(watch_)}).value();
  }
  std::string listen_for_clients(Network& network) {
    return network
        .listen(
            {.host = "127.0.0.1", .whom = ListenOptions::For::kClients, .session = echo(watch_)})
        .value();
  }
  Echo::Watch watch_;
};

TEST_F(NetworkTest, RunsASessionOnEachConnection) {
  Network network({.workers = 2});
  const std::string address = listen(network);
  Peer one(address);
  Peer two(address);
  EXPECT_EQ(one.read_line(), "hello 127.0.0.1\n");
  EXPECT_EQ(two.read_line(), "hello 127.0.0.1\n");
  two.send("two\n");
  one.send("one\n");
  EXPECT_EQ(two.read_line(), "two\n");
  EXPECT_EQ(one.read_line(), "one\n");
  EXPECT_EQ(network.connections(), 2u);
}

TEST_F(NetworkTest, WhatWasSaidArrivesThoughThePeerGoesOnSending) {  // RFC 9293 §3.6.1
  Network network({.workers = 2});
  Peer peer(listen(network));
  peer.send("bye\n" + std::string(100'000, 'x'));
  EXPECT_EQ(peer.read_to_end(), "hello 127.0.0.1\nbye\n");
}

TEST_F(NetworkTest, ListensOnAUnixSocketOfTheModeAskedFor) {
  const Directory directory;
  const std::string path = directory.file("socket");
  {
    Network network({.workers = 2});
    EXPECT_EQ(network.listen({.path = path, .mode = 0620, .session = echo(watch_)}), path);
    struct stat found{};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0620u);
    Peer peer(path);
    EXPECT_EQ(peer.read_line(), "hello unix\n");
    Network second({.workers = 1});
    EXPECT_EQ(second.listen({.path = path, .session = echo(watch_)}).error().code, Code::kExists);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(NetworkTest, ReplacesADeadSocketButNothingElse) {
  const Directory directory;
  const std::string path = directory.file("socket");
  Network network({.workers = 1});
  std::ofstream(path) << "precious";
  EXPECT_EQ(network.listen({.path = path, .session = echo(watch_)}).error().code, Code::kExists);
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
  std::filesystem::remove(path);
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strncpy(at.sun_path, path.c_str(), sizeof at.sun_path - 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ::close(dead);
  EXPECT_TRUE(network.listen({.path = path, .session = echo(watch_)}));
  EXPECT_EQ(
      network.listen({.path = "/" + std::string(200, 'x'), .session = echo(watch_)}).error().code,
      Code::kInvalid);
}

TEST_F(NetworkTest, SaysWhyItCantListen) {
  Network network({.workers = 1});
  const std::string address = listen(network);
  const auto port = static_cast<uint16_t>(*parse_number(address.substr(address.find(':') + 1)));
  EXPECT_EQ(
      network.listen({.host = "127.0.0.1", .port = port, .session = echo(watch_)}).error().code,
      Code::kExists);
  EXPECT_EQ(network.listen({.host = "not an address", .session = echo(watch_)}).error().code,
            Code::kInvalid);
}

TEST_F(NetworkTest, AWakeFromAnyThreadReachesItsSessionAndNoOtherTurn) {
  std::mutex mutex;
  std::vector<std::function<void()>> wakes;
  watch_.on_start = [&](std::function<void()> wake) {
    const std::lock_guard lock(mutex);
    wakes.push_back(std::move(wake));
  };
  constexpr int kThreads = 4;
  constexpr int kRounds = 500;
  auto network = std::make_unique<Network>(NetworkOptions{.workers = 8});
  const std::string address = listen(*network);
  {
    Peer peer(address);
    peer.read_line();
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([wake = wakes.front()] {
        for (int round = 0; round < kRounds; ++round) wake();
      });
    for (int round = 0; round < kRounds; ++round) {
      peer.send("line\n");
      EXPECT_EQ(peer.read_line(), "line\n");
    }
    for (std::thread& thread : threads) thread.join();
    watch_.wakes.wait_for(1);
  }
  watch_.ended.wait_for(1);
  wakes.front()();  // the session is gone
  network.reset();
  wakes.front()();  // and so is the network
}

TEST_F(NetworkTest, WakesWhileTheNetworkGoesDownAreHarmless) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> is_over = false;
    std::thread waker;
    watch_.on_start = [&](std::function<void()> wake) {
      waker = std::thread([&is_over, wake = std::move(wake)] {
        while (!is_over) wake();
      });
    };
    auto network = std::make_unique<Network>(NetworkOptions{.workers = 2});
    const std::string address = listen(*network);
    Peer peer(address);
    peer.read_line();
    network.reset();
    is_over = true;
    waker.join();
  }
}

// Workers wait for some of them and not for others, as there are more of them than may be waited
// for.
TEST_F(NetworkTest, PromptPeersGetEachAnswerAndAreGoneWhenTheyGo) {
  constexpr int kPeers = 6;
  constexpr int kRounds = 300;
  Network network({.workers = 8});
  const std::string address = listen(network);
  std::vector<std::jthread> peers;
  for (int i = 0; i < kPeers; ++i)
    peers.emplace_back([&address, i] {
      Peer peer(address);
      peer.read_line();
      for (int round = 0; round < kRounds; ++round) {
        peer.send("line\n");
        EXPECT_EQ(peer.read_line(), "line\n");
      }
      if (i % 2 == 0) peer.send("bye\n");
    });
  watch_.ended.wait_for(kPeers);
}

TEST_F(NetworkTest, StopsWhileWorkersWaitForPromptPeers) {
  for (int round = 0; round < 20; ++round) {
    auto network = std::make_unique<Network>(NetworkOptions{.workers = 8});
    Peer peer(listen(*network));
    peer.read_line();
    for (int line = 0; line < 8; ++line) {
      peer.send("line\n");
      peer.read_line();
    }
    network.reset();
  }
}

TEST_F(NetworkTest, ServesManyConnectionsAtOnce) {
  constexpr size_t kPeers = 300;
  Network network({.workers = 4});
  const std::string address = listen(network);
  std::vector<std::unique_ptr<Peer>> peers;
  for (size_t i = 0; i < kPeers; ++i) peers.push_back(std::make_unique<Peer>(address));
  for (int round = 0; round < 3; ++round) {
    for (auto& peer : peers) peer->send("line\n");
  }
  for (auto& peer : peers) EXPECT_EQ(peer->read(31), "hello 127.0.0.1\nline\nline\nline\n");
  EXPECT_EQ(network.connections(), kPeers);
  peers.clear();
  watch_.ended.wait_for(kPeers);
}

TEST_F(NetworkTest, S19RefusesConnectionsBeyondTheLimits) {
  for (const NetworkOptions options : {NetworkOptions{.workers = 1, .connections_max = 2},
                                       NetworkOptions{.workers = 1, .client_connections_max = 2},
                                       NetworkOptions{.workers = 1, .peer_connections_max = 2}}) {
    const uint64_t ended_before = watch_.ended.value();
    Network network(options);
    const std::string address = listen_for_clients(network);
    auto one = std::make_unique<Peer>(address);
    Peer two(address);
    EXPECT_EQ(one->read_line() + two.read_line(), "hello 127.0.0.1\nhello 127.0.0.1\n");
    EXPECT_EQ(Peer(address).read_to_end(), "");
    one.reset();
    watch_.ended.wait_for(ended_before + 1);
    while (network.connections() > 1) std::this_thread::yield();
    EXPECT_EQ(Peer(address).read_line(), "hello 127.0.0.1\n");
  }
}

// A client that logs in finds a place however many others have connected and say nothing.
TEST_F(NetworkTest, S19StrangersMakeWayForOthersWhereNoPlaceIsLeft) {
  watch_.greets_strangers = true;
  Network network({.workers = 1, .client_connections_max = 3});
  const std::string address = listen_for_clients(network);
  Peer known(address);
  known.send("me\n");
  EXPECT_EQ(known.read_line(), "hello 127.0.0.1\n");
  EXPECT_EQ(known.read_line(), "me\n");
  Peer silent(address);
  Peer later(address);
  EXPECT_EQ(silent.read_line() + later.read_line(), "hello 127.0.0.1\nhello 127.0.0.1\n");
  Peer next(address);
  EXPECT_EQ(next.read_line(), "hello 127.0.0.1\n");
  EXPECT_EQ(silent.read_to_end(), "");  // which came first
  later.send("still here\n");
  EXPECT_EQ(later.read_line(), "still here\n");
  known.send("too\n");
  EXPECT_EQ(known.read_line(), "too\n");
}

TEST_F(NetworkTest, S19ClientsTakeNoPlaceOfServers) {
  Network network({.workers = 1, .client_connections_max = 1, .peer_connections_max = 1});
  Peer client(listen_for_clients(network));
  EXPECT_EQ(client.read_line(), "hello 127.0.0.1\n");
  const std::string address = listen(network);
  Peer one(address);
  Peer two(address);
  EXPECT_EQ(one.read_line() + two.read_line(), "hello 127.0.0.1\nhello 127.0.0.1\n");
}

TEST_F(NetworkTest, TellsTheSessionWhenNoInputComes) {
  watch_.timeout_ms = 20;
  Network network({.workers = 1});
  Peer peer(listen(network));
  EXPECT_EQ(peer.read_to_end(), "hello 127.0.0.1\nlate\n");
}

// Has a deadline, and a peer that sends the next line before the last one is done.
class Hurried final : public wire::Session {
 public:
  Hurried(std::function<void()> send_line, int lines_in_time)
      : send_line_(std::move(send_line)), lines_in_time_(lines_in_time) {}
  void receive(std::string_view) override {}
  void produce(std::string& out, size_t) override {
    if (++lines_ > 100 || is_late_) out = is_late_ ? "late\n" : "never told\n";
    is_over_ = !out.empty();
    send_line_();
  }
  wire::Want want() const override { return is_over_ ? wire::Want::kClose : wire::Want::kInput; }
  std::optional<int64_t> input_timeout_ms() const override {
    return lines_ < lines_in_time_ ? 60'000 : 0;
  }
  void timed_out() override { is_late_ = true; }
  void end_of_input() override { is_over_ = true; }
  void shut_down() override { is_over_ = true; }

 private:
  std::function<void()> send_line_;
  int lines_in_time_;
  int lines_ = 0;
  bool is_late_ = false;
  bool is_over_ = false;
};

TEST_F(NetworkTest, InputThatIsAlwaysThereDoesNotKeepADeadlineFromTheSession) {
  Network network({.workers = 1});
  std::promise<Peer*> connected;
  const auto send_line = [peer = connected.get_future().share()] { peer.get()->send("line\n"); };
  Peer peer(network
                .listen({.host = "127.0.0.1",
                         .session =
                             [&](const wire::SessionEnv&) {
                               return std::make_unique<Hurried>(send_line, 5);
                             }})
                .value());
  connected.set_value(&peer);
  EXPECT_EQ(peer.read_to_end(), "late\n");
}

TEST_F(NetworkTest, TellsTheSessionOfTheEndOfInputAfterAllInput) {
  Network network({.workers = 1});
  Peer peer(listen(network));
  const std::string text(200'000, 'x');
  std::thread sender([&] {
    peer.send(text);
    peer.send_end();
  });
  EXPECT_EQ(peer.read_to_end(), "hello 127.0.0.1\n" + text + "end\n");
  sender.join();
  EXPECT_LE(watch_.largest_input.load(), size_t{64} << 10);
}

TEST_F(NetworkTest, S19APeerThatDoesNotReadCostsOnePieceAndIsDropped) {
  Network network({.workers = 1, .write_stall_ms_max = 300});
  Peer peer(listen(network));
  peer.send("flood\n");
  watch_.ended.wait_for(1);
  // What the kernel's buffers took, and a piece.
  EXPECT_LT(watch_.produced.value(), uint64_t{32} << 20);
}

TEST_F(NetworkTest, APeerThatReadsAllThatComesLeavesTheWorkerToOthers) {
  Network network({.workers = 1});
  const std::string address = listen(network);
  Peer greedy(address);
  greedy.send("flood\n");
  std::atomic<bool> is_over = false;
  std::thread reader([&] {
    while (!is_over) greedy.read_some(64 << 10);
  });
  Peer modest(address);
  EXPECT_EQ(modest.read_line(), "hello 127.0.0.1\n");
  for (int round = 0; round < 50; ++round) {
    modest.send("line\n");
    EXPECT_EQ(modest.read_line(), "line\n");
  }
  Counter tasks;
  network.post([&] { tasks.add(1); });
  tasks.wait_for(1);
  is_over = true;
  reader.join();
}

TEST_F(NetworkTest, OutputThatThePeerReadsLateIsWhole) {
  Network network({.workers = 1});
  Peer peer(listen(network));
  const std::string text(20 << 20, 'x');
  std::thread sender([&] { peer.send(text + "\nbye\n"); });
  EXPECT_EQ(peer.read_line(), "hello 127.0.0.1\n");
  watch_.produced.wait_for(1 << 20);  // more than the peer has read
  EXPECT_EQ(peer.read_to_end(), text + "\nbye\n");
  sender.join();
}

TEST_F(NetworkTest, StoppingLetsEachSessionSayGoodbye) {
  Network network({.workers = 2});
  const std::string address = listen(network);
  Peer idle(address);
  Peer busy(address);
  idle.read_line();
  busy.read_line();
  busy.send("flood\n");
  busy.read(1 << 20);
  std::string rest;
  std::thread reader([&] { rest = busy.read_to_end(); });
  network.stop(60'000);
  EXPECT_EQ(idle.read_to_end(), "stopping\n");
  reader.join();
  EXPECT_TRUE(rest.ends_with("stopping\n"));
  EXPECT_EQ(network.connections(), 0u);
  EXPECT_EQ(watch_.ended.value(), 2u);
}

TEST_F(NetworkTest, StoppingDoesNotWaitForAPeerBeyondTheGrace) {
  Network network({.workers = 2});
  Peer peer(listen(network));
  peer.send("flood\n");
  watch_.produced.wait_for(1 << 20);
  network.stop(10);
  EXPECT_EQ(watch_.ended.value(), 1u);
}

// What is said later must not stand behind megabytes that a socket would take.
TEST_F(NetworkTest, AConnectionThatWasMadeHoldsLittleThatIsNotOnTheWire) {
  constexpr int kReceived = 64 << 10;
  const Listener listener(1, kReceived);
  Network network({.workers = 1, .write_stall_ms_max = 300});
  std::atomic<uint64_t> sent = 0;
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = listener.port();
  options.session = echo(watch_);
  options.on_bytes = [&](uint64_t up, uint64_t) { sent += up; };
  network.connect(std::move(options));
  const int peer = listener.accept();
  ASSERT_EQ(::send(peer, "flood\n", 6, 0), 6);
  watch_.ended.wait_for(1);
  EXPECT_GT(sent, uint64_t{kReceived} / 2);
  EXPECT_LT(sent, uint64_t{1} << 20);
  ::close(peer);
}

TEST_F(NetworkTest, RunsTasksSoonAndLater) {
  Counter done;
  Network network({.workers = 1});
  network.after(5, [&] { done.add(1); });
  network.post([&] { done.add(1); });
  network.after(3'600'000, [&] { done.add(100); });
  done.wait_for(2);
  network.stop(0);
  EXPECT_EQ(done.value(), 2u);
}

}  // namespace
}  // namespace gemel::net
