// What the tests of NNTP share: a store in memory with users and groups, a clock that stands still,
// and clients that speak to sessions without a socket.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/test_clock.h"
#include "nntp/options.h"
#include "store/newsgroups.h"

namespace gemel::nntp {

/// Every user's password is "secret".
class TestCredentials final : public wire::CredentialSource {
 public:
  explicit TestCredentials(Random& random)
      : credential_(*wire::make_scram_credential("secret", wire::kScramIterationsMin, random)) {}
  Result<void> check_user(std::string_view userid) override;
  Result<wire::ScramCredential> scram(std::string_view userid) override;
  Result<void> check_password(std::string_view userid, std::string_view password) override;

 private:
  wire::ScramCredential credential_;
};

/// A store with the users alice, bob and root (an administrator), and these groups, which everybody
/// who has logged in may read and post to: test.one, test.two, test.empty; test.mod is moderated by
/// mod@example.org, test.closed takes no posts, and test.secret is for alice alone.
class World {
 public:
  World();
  std::shared_ptr<const Options> options() const {
    return std::make_shared<const Options>(*options_);
  }
  Options& change_options() { return *options_; }
  MailStore& store() { return *store_; }
  ManualClock& clock() { return clock_; }
  MemoryOpener& disk() { return disk_; }
  Outbox& outbox() { return *outbox_; }
  History& history() { return *history_; }

  UniqueId group(std::string_view name);
  /// Puts a message into the group as IMAP would.
  Uid append(std::string_view group, std::string_view message);
  /// What the newest message of a group or of the outbox holds; empty: there is none.
  std::string newest(const MailboxName& name);

 private:
  ManualClock clock_;
  SeededRandom store_random_{1};
  SeededRandom session_random_{2};
  MemoryOpener disk_;
  TestCredentials credentials_{session_random_};
  AccessOptions access_{.admins = {"root"}};
  std::unique_ptr<MailStore> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Options> options_;
};

/// One connection and the loop that runs its session.
class Client {
 public:
  enum class Link : uint8_t { kLocal, kRemote, kRemoteWithTls, kPeer };
  explicit Client(World& world, Link link = Link::kLocal, size_t piece_bytes = 1 << 16);

  /// What is said before anything is sent.
  std::string pump();
  /// Gives the bytes to the session, in pieces, and returns all that it says.
  std::string send(std::string_view bytes);
  std::string line(std::string_view text) { return send(std::string(text) + "\r\n"); }
  std::string log_in(std::string_view userid = "alice");

  wire::Session& session() { return *session_; }
  bool is_closed() const { return is_closed_; }
  /// Most bytes that one produce() gave.
  size_t largest_piece() const { return largest_piece_; }

 private:
  size_t piece_bytes_;
  std::unique_ptr<wire::Session> session_;
  bool is_closed_ = false;
  bool is_dropping_ = false;
  size_t largest_piece_ = 0;
};

/// An article ready to be sent: dots stuffed, the final dot there.
std::string article_text(std::string_view header, std::string_view body);

}  // namespace gemel::nntp
