#include <csignal>
#include <fstream>
#include <thread>

#include "net/network.h"
#include "net/test_world.h"

namespace gemel::net {
namespace {

using testing::Counter;
using testing::Directory;
using testing::echo;
using testing::Echo;
using testing::Listener;
using testing::Peer;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() { testing::make_certificate(certificate_, key_); }

  std::string listen(ListenOptions::Tls tls) {
    return network_
        .listen({.host = "127.0.0.1",
                 .tls = tls,
                 .identity = TlsIdentity::load(files()).value(),
                 .session = echo(watch_)})
        .value();
  }

  TlsFiles files() const { return {.certificates = {{certificate_, key_}}}; }

  Directory directory_;
  std::string certificate_ = directory_.file("certificate.pem");
  std::string key_ = directory_.file("key.pem");
  Echo::Watch watch_;
  Network network_{{.workers = 2}};
};

TEST_F(TlsTest, SpeaksTlsFromTheFirstByte) {
  const std::string address = listen(ListenOptions::Tls::kImplicit);
  Peer peer(address);
  ASSERT_TRUE(peer.start_tls());
  EXPECT_EQ(peer.read_line(), "hello 127.0.0.1 tls\n");
  const std::string text(300'000, 'x');
  std::thread sender([&] { peer.send("small\n"); });
  EXPECT_EQ(peer.read_line(), "small\n");
  sender.join();
  peer.send(text.substr(0, 100'000));
  EXPECT_EQ(peer.read(100'000), text.substr(0, 100'000));
  peer.send("bye\n");
  EXPECT_EQ(peer.read_to_end(), "bye\n");
}

TEST_F(TlsTest, OutputThatThePeerReadsLateIsWhole) {
  Peer peer(listen(ListenOptions::Tls::kImplicit));
  ASSERT_TRUE(peer.start_tls());
  EXPECT_EQ(peer.read_line(), "hello 127.0.0.1 tls\n");
  peer.send("flood\n");
  watch_.produced.wait_for(1 << 20);
  EXPECT_EQ(peer.read_line(), "flood\n");
  EXPECT_EQ(peer.read(16 << 20), std::string(16 << 20, 'f'));  // more than sockets hold
  std::thread stopper([&] { network_.stop(60'000); });
  const std::string rest = peer.read_to_end();
  EXPECT_EQ(rest.substr(std::min(rest.find_first_not_of('f'), rest.size())), "stopping\n");
  stopper.join();
}

TEST_F(TlsTest, AnEndWithoutGoodbyeIsOne) {
  Peer peer(listen(ListenOptions::Tls::kImplicit));
  ASSERT_TRUE(peer.start_tls());
  EXPECT_EQ(peer.read_line(), "hello 127.0.0.1 tls\n");
  peer.send_end();
  EXPECT_EQ(peer.read_to_end(), "end\n");
}

// What the socket told of is read, and the goodbye with it.
TEST_F(TlsTest, AGoodbyeRightBehindTheLastLineEndsTheSession) {
  Peer peer(listen(ListenOptions::Tls::kImplicit));
  ASSERT_TRUE(peer.start_tls());
  EXPECT_EQ(peer.read_line(), "hello 127.0.0.1 tls\n");
  peer.send_with_goodbye("line\n");
  EXPECT_EQ(peer.read_to_end(), "line\nend\n");
  EXPECT_TRUE(SSL_get_shutdown(peer.tls()) & SSL_RECEIVED_SHUTDOWN);
}

// RFC 8446 §4.6.3: OpenSSL would take them in one call for as long as they come.
TEST_F(TlsTest, APeerThatChangesKeysWithoutEndIsDropped) {
  const std::string address = listen(ListenOptions::Tls::kImplicit);
  const auto change_keys = [](Peer& peer, int times) {
    bool goes_on = true;
    while (goes_on && times-- > 0)
      goes_on = SSL_key_update(peer.tls(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
                SSL_do_handshake(peer.tls()) == 1;
  };
  Peer fair(address);
  Peer endless(address);
  for (Peer* peer : {&fair, &endless}) {
    ASSERT_TRUE(peer->start_tls());
    EXPECT_EQ(peer->read_line(), "hello 127.0.0.1 tls\n");
  }
  for (const std::string line : {"one\n", "two\n", "three\n"}) {
    change_keys(fair, 30);
    fair.send(line);
    EXPECT_EQ(fair.read_line(), line);
  }
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own way to a socket raises it
  change_keys(endless, 100);
  endless.send("after\n");
  EXPECT_EQ(endless.read_line(), "");
}

TEST_F(TlsTest, APeerThatSpeaksNoTlsIsDropped) {
  Peer peer(listen(ListenOptions::Tls::kImplicit));
  peer.send("a1 LOGIN in the clear\r\n");
  EXPECT_FALSE(peer.read_to_end().contains("hello"));
  EXPECT_EQ(watch_.ended.value(), 0u);
}

TEST_F(TlsTest, StartsTlsWhenTheSessionWantsIt) {
  Peer peer(listen(ListenOptions::Tls::kStartTls));
  EXPECT_EQ(peer.read_line(), "hello 127.0.0.1\n");
  peer.send("starttls\n");
  EXPECT_EQ(peer.read_line(), "starttls\n");
  ASSERT_TRUE(peer.start_tls());
  EXPECT_EQ(peer.read_line(), "secured\n");
  peer.send("line\n");
  EXPECT_EQ(peer.read_line(), "line\n");
  network_.stop(60'000);
  EXPECT_EQ(peer.read_to_end(), "stopping\n");
}

TEST_F(TlsTest, WhatCameInTheClearBehindStartTlsIsNeverTheSecuredSessions) {  // RFC 9051 §6.2.1
  const std::string address = listen(ListenOptions::Tls::kStartTls);
  Peer together(address);
  EXPECT_EQ(together.read_line(), "hello 127.0.0.1\n");
  together.send("starttls\nevil\n");
  EXPECT_EQ(together.read_line(), "starttls\n");
  ASSERT_TRUE(together.start_tls());
  together.send("good\n");
  EXPECT_EQ(together.read(13), "secured\ngood\n");

  Peer later(address);
  EXPECT_EQ(later.read_line(), "hello 127.0.0.1\n");
  later.send("starttls\n");
  EXPECT_EQ(later.read_line(), "starttls\n");
  later.send("evil\n");
  EXPECT_FALSE(later.read_to_end().contains("evil"));
}

TEST_F(TlsTest, WithoutACertificateNoTlsStarts) {
  Peer peer(network_.listen({.host = "127.0.0.1", .session = echo(watch_)}).value());
  peer.send("starttls\n");
  EXPECT_EQ(peer.read_to_end(), "hello 127.0.0.1\nstarttls\n");
  EXPECT_EQ(
      network_.listen({.host = "127.0.0.1", .tls = ListenOptions::Tls::kStartTls}).error().code,
      Code::kInvalid);
}

TEST_F(TlsTest, AReloadedCertificateIsForNewConnections) {
  const auto identity = TlsIdentity::load(files()).value();
  testing::make_certificate(certificate_, directory_.file("other.pem"));
  EXPECT_EQ(identity->reload(files()).error().code, Code::kInvalid);  // the key is another's
  const std::string address = network_
                                  .listen({.host = "127.0.0.1",
                                           .tls = ListenOptions::Tls::kImplicit,
                                           .identity = identity,
                                           .session = echo(watch_)})
                                  .value();
  EXPECT_TRUE(Peer(address).start_tls());  // the old one stays in use
  testing::make_certificate(certificate_, key_);
  EXPECT_TRUE(identity->reload(files()));
  EXPECT_TRUE(Peer(address).start_tls());
  EXPECT_EQ(TlsIdentity::load({.certificates = {{directory_.file("none"), key_}}}).error().code,
            Code::kInvalid);
}

// Says one line, and keeps the answers.
class Caller final : public wire::Session {
 public:
  explicit Caller(std::string& heard) : heard_(heard) {}
  void receive(std::string_view bytes) override { heard_ += bytes; }
  void produce(std::string& out, size_t) override {
    if (!std::exchange(has_spoken_, true)) out += "bye\n";
  }
  wire::Want want() const override { return is_over_ ? wire::Want::kClose : wire::Want::kInput; }
  void timed_out() override { is_over_ = true; }
  void end_of_input() override { is_over_ = true; }
  void shut_down() override { is_over_ = true; }

 private:
  std::string& heard_;
  bool has_spoken_ = false;
  bool is_over_ = false;
};

class ConnectTest : public TlsTest {
 protected:
  /// Calls `address`; what was heard, or why there was no connection.
  std::string call(const std::string& address, std::unique_ptr<ConnectOptions::Tls> tls) {
    std::string heard;
    std::string reason;
    Counter ended;
    ConnectOptions options;
    options.host = address.substr(0, address.find(':'));
    options.port = static_cast<uint16_t>(*parse_number(address.substr(address.find(':') + 1)));
    options.tls = std::move(tls);
    options.session = [&](const wire::SessionEnv&) { return std::make_unique<Caller>(heard); };
    options.on_bytes = [&](uint64_t sent, uint64_t received) {
      sent_ += sent;
      received_ += received;
    };
    options.on_end = [&](const Error& error) {
      reason = error.text;
      ended.add(1);
    };
    network_.connect(std::move(options));
    ended.wait_for(1);
    return heard.empty() ? reason : heard;
  }
  static std::unique_ptr<ConnectOptions::Tls> trust(const std::string& ca,
                                                    const std::string& name) {
    return std::make_unique<ConnectOptions::Tls>(
        ConnectOptions::Tls{.ca_file = ca, .server_name = name});
  }
  std::atomic<uint64_t> sent_ = 0;
  std::atomic<uint64_t> received_ = 0;
};

TEST_F(ConnectTest, RunsASessionOnAConnectionItMakes) {
  EXPECT_EQ(call(listen(ListenOptions::Tls::kStartTls), nullptr), "hello 127.0.0.1\nbye\n");
  EXPECT_EQ(sent_, 4u);
  EXPECT_EQ(received_, 20u);
  watch_.ended.wait_for(1);
}

TEST_F(ConnectTest, TrustsOnlyTheRightNameUnderTheRightCa) {
  const std::string address = listen(ListenOptions::Tls::kImplicit);
  EXPECT_EQ(call(address, trust(certificate_, "mail.example")), "hello 127.0.0.1 tls\nbye\n");
  EXPECT_TRUE(call(address, trust(certificate_, "other.example")).starts_with("TLS: "));
  EXPECT_TRUE(call(address, trust("", "mail.example")).starts_with("TLS: "));
  EXPECT_TRUE(call(address, trust(directory_.file("none"), "x")).starts_with("CA file "));
}

TEST_F(ConnectTest, TrustsWhatIsInTheCaFileNow) {
  const std::string address = listen(ListenOptions::Tls::kImplicit);
  const std::string ca = directory_.file("ca.pem");
  testing::make_certificate(ca, directory_.file("other.pem"));
  EXPECT_TRUE(call(address, trust(ca, "mail.example")).starts_with("TLS: "));
  std::filesystem::copy_file(certificate_, directory_.file("new.pem"));
  std::filesystem::rename(directory_.file("new.pem"), ca);
  EXPECT_EQ(call(address, trust(ca, "mail.example")), "hello 127.0.0.1 tls\nbye\n");
}

TEST_F(ConnectTest, SaysWhyThereIsNoConnection) {
  std::string address;
  {
    Network gone({.workers = 1});
    address = gone.listen({.host = "127.0.0.1", .session = echo(watch_)}).value();
  }
  EXPECT_EQ(call(address, nullptr), "can't connect to " + address + ": Connection refused");
  while (network_.connections() > 0) std::this_thread::yield();
}

TEST_F(ConnectTest, StoppingEndsWhatIsBeingMade) {
  // A listener whose queue is full does not answer.
  const Listener listener(0);
  Counter ended;
  for (int i = 0; i < 8; ++i) {
    ConnectOptions options;
    options.host = "127.0.0.1";
    options.port = listener.port();
    options.connect_timeout_ms = 3'600'000;
    options.session = [&](wire::SessionEnv env) {
      return std::make_unique<Echo>(std::move(env), watch_);
    };
    options.on_end = [&](const Error&) { ended.add(1); };
    network_.connect(std::move(options));
  }
  network_.stop(0);
  EXPECT_EQ(ended.value(), 8u);
}

}  // namespace
}  // namespace gemel::net
