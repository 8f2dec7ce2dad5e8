// What the tests of IMAP share: a store in memory, users, a clock that stands still, and clients
// that speak to sessions without a socket.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/test_clock.h"
#include "imap/options.h"
#include "store/mail_store.h"
#include "wire/sasl.h"

namespace gemel::imap {

/// Every user's password is "secret": those of alice, bob, carol and root, an administrator.
class TestCredentials final : public wire::CredentialSource {
 public:
  explicit TestCredentials(Random& random);
  Result<void> check_user(std::string_view userid) override;
  Result<wire::ScramCredential> scram(std::string_view userid) override;
  Result<void> check_password(std::string_view userid, std::string_view password) override;

 private:
  wire::ScramCredential credential_;
};

/// A store with the users alice and bob, each with an INBOX. Others are made by a test.
class World {
 public:
  /// `user_mailboxes_max`: 0, any number.
  explicit World(uint64_t user_mailboxes_max = 0);
  std::shared_ptr<const Options> options() const {
    return std::make_shared<const Options>(*options_);
  }
  Options& change_options() { return *options_; }
  MailStore& store() { return *store_; }
  ManualClock& clock() { return clock_; }
  MemoryOpener& disk() { return disk_; }

 private:
  ManualClock clock_{1'700'000'000};  // 14 November 2023, 22:13:20 UTC
  SeededRandom store_random_{1};
  SeededRandom session_random_{2};
  MemoryOpener disk_;
  TestCredentials credentials_{session_random_};
  std::unique_ptr<MailStore> store_;
  std::unique_ptr<Options> options_;
};

/// One connection and the loop that runs its session.
class Client {
 public:
  enum class Link : uint8_t { kLocal, kRemote, kRemoteWithTls };
  explicit Client(World& world, Link link = Link::kLocal);

  /// Gives the bytes to the session and returns all that it says, line ends included. Nothing is
  /// given after the session has ended.
  std::string send(std::string_view bytes);
  /// With CRLF.
  std::string line(std::string_view text) { return send(std::string(text) + "\r\n"); }
  /// What the session says without being asked, as if it had been woken.
  std::string wake();
  /// The same, but only where what it watches has woken it.
  std::string hear();
  std::string pump();

  wire::Session& session() { return *session_; }
  bool is_closed() const { return is_closed_; }
  bool was_woken() const { return woken_->load(); }
  /// Most bytes that one produce() gave.
  size_t largest_piece() const { return largest_piece_; }

 private:
  std::shared_ptr<std::atomic<bool>> woken_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<wire::Session> session_;
  bool is_closed_ = false;
  size_t largest_piece_ = 0;
};

/// A client of alice that has logged in.
Client alice(World& world);

/// A message with this subject and a short text.
std::string plain_message(std::string_view subject);
/// `tag APPEND mailbox {n+}` and the message.
std::string append_command(std::string_view tag, std::string_view mailbox,
                           std::string_view message);

}  // namespace gemel::imap
