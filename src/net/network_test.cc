#include "net/network.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace gemel::net {
namespace {

// Gives back what it gets; "bye" ends it, "wake" makes it answer from another thread.
class Echo final : public wire::Session {
 public:
  explicit Echo(wire::SessionEnv env) : env_(std::move(env)) {}
  void receive(std::string_view bytes) override { pending_ += bytes; }
  void produce(std::string& out, size_t) override {
    if (!greeted_) out += "hello\n";
    greeted_ = true;
    if (pending_ == "bye\n") want_ = wire::Want::kClose;
    if (pending_ == "wake\n") std::thread([wake = env_.wake] { wake(); }).detach();
    out += std::exchange(pending_, {});
    if (std::exchange(woken_, false)) out += "woken\n";
  }
  wire::Want want() const override { return want_; }
  void wake() override { woken_ = true; }
  void timed_out() override { want_ = wire::Want::kClose; }
  void end_of_input() override { want_ = wire::Want::kClose; }
  void shut_down() override {
    pending_ = "stopping\n";
    want_ = wire::Want::kClose;
  }

 private:
  wire::SessionEnv env_;
  std::string pending_;
  wire::Want want_ = wire::Want::kInput;
  bool greeted_ = false;
  bool woken_ = false;
};

std::unique_ptr<wire::Session> echo(wire::SessionEnv env) {
  return std::make_unique<Echo>(std::move(env));
}

class Peer {
 public:
  explicit Peer(const std::string& address) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    descriptor_ = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~Peer() { ::close(descriptor_); }
  void send(std::string_view bytes) { ::send(descriptor_, bytes.data(), bytes.size(), 0); }
  std::string read(size_t count) {
    std::string out(count, '\0');
    size_t have = 0;
    while (have < count) {
      const ssize_t got = ::recv(descriptor_, out.data() + have, count - have, 0);
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    out.resize(have);
    return out;
  }

 private:
  int descriptor_;
};

TEST(Network, RunsASessionOnEachConnection) {
  Network network({.workers = 2});
  const auto address = network.listen({.host = "127.0.0.1", .session = echo});
  ASSERT_TRUE(address) << address.error().text;
  Peer one(*address);
  Peer two(*address);
  EXPECT_EQ(one.read(6), "hello\n");
  EXPECT_EQ(two.read(6), "hello\n");
  two.send("two\n");
  one.send("wake\n");
  EXPECT_EQ(two.read(4), "two\n");
  EXPECT_EQ(one.read(11), "wake\nwoken\n");
  one.send("bye\n");
  EXPECT_EQ(one.read(100), "bye\n");
  network.stop(1000);
  EXPECT_EQ(two.read(100), "stopping\n");
}

}  // namespace
}  // namespace gemel::net
