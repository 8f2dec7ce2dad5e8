// The bodies of test_world.h; a test file so that they are in no library.

#include "imap/test_world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace gemel::imap {
namespace {

constexpr std::string_view kPassword = "secret";
// What a network would take at once.
constexpr size_t kPieceBytes = 16 << 10;
constexpr size_t kFeedBytes = 64 << 10;

constexpr std::array<std::string_view, 4> kNames = {"alice", "bob", "carol", "root"};

bool is_name(std::string_view userid) { return std::ranges::find(kNames, userid) != kNames.end(); }

}  // namespace

TestCredentials::TestCredentials(Random& random)
    : credential_(
          wire::make_scram_credential(kPassword, wire::kScramIterationsMin, random).value()) {}

Result<void> TestCredentials::check_user(std::string_view userid) {
  if (!is_name(userid)) return fail(Code::kAuthFailed, "wrong user name or password");
  return {};
}

Result<wire::ScramCredential> TestCredentials::scram(std::string_view userid) {
  if (!is_name(userid)) return fail(Code::kNotFound, "no such user");
  return credential_;
}

Result<void> TestCredentials::check_password(std::string_view userid, std::string_view password) {
  if ((!is_name(userid) && userid != "ghost") || password != kPassword)
    return fail(Code::kAuthFailed, "wrong user name or password");
  return {};
}

World::World(uint64_t user_mailboxes_max) {
  MailStore::Options options;
  options.path = "world";
  options.free_bytes_min = 1;
  options.user_mailboxes_max = user_mailboxes_max;
  options.clock = &clock_;
  options.random = &store_random_;
  options.opener = &disk_;
  store_ = MailStore::open(options).value();
  for (const std::string_view user : {"alice", "bob"}) CHECK(store_->create_user(user, {}));
  options_ = std::make_unique<Options>(Options{.hostname = "mail.example.com",
                                               .store = *store_,
                                               .clock = clock_,
                                               .random = session_random_,
                                               .credentials = credentials_,
                                               .server_secret = "server secret",
                                               .scratch_directory = testing::TempDir(),
                                               .access = {.admins = {"root"}}});
}

Client::Client(World& world, Link link) {
  wire::SessionEnv env;
  env.peer_address = link == Link::kLocal ? "127.0.0.1" : "192.0.2.1";
  env.is_local = link == Link::kLocal;
  env.can_tls = link == Link::kRemoteWithTls;
  env.wake = [woken = woken_] { woken->store(true); };
  session_ = make_session(world.options(), std::move(env));
}

std::string Client::pump() {
  std::string out;
  while (!is_closed_) {
    const size_t before = out.size();
    session_->produce(out, kPieceBytes);
    largest_piece_ = std::max(largest_piece_, out.size() - before);
    const wire::Want want = session_->want();
    if (want == wire::Want::kClose) is_closed_ = true;
    if (want == wire::Want::kTls) session_->tls_started();
    if (want == wire::Want::kInput || want == wire::Want::kWake) break;
  }
  return out;
}

std::string Client::send(std::string_view bytes) {
  std::string out = pump();
  while (!bytes.empty() && !is_closed_) {
    session_->receive(bytes.substr(0, kFeedBytes));
    bytes.remove_prefix(std::min(bytes.size(), kFeedBytes));
    out += pump();
  }
  return out;
}

std::string Client::wake() {
  if (is_closed_) return {};
  woken_->store(false);
  session_->wake();
  return pump();
}

std::string Client::hear() {
  std::string out;
  while (!is_closed_ && was_woken()) out += wake();
  return out;
}

Client alice(World& world) {
  Client client(world);
  client.line("0 LOGIN alice secret");
  return client;
}

std::string plain_message(std::string_view subject) {
  return fmt::format(
      "From: Bob <bob@example.com>\r\nTo: alice@example.com\r\nSubject: {}\r\n"
      "Date: Mon, 6 Nov 2023 08:00:00 +0100\r\nMessage-ID: <{}@example.com>\r\n\r\n"
      "Text of {}.\r\n",
      subject, subject, subject);
}

std::string append_command(std::string_view tag, std::string_view mailbox,
                           std::string_view message) {
  return fmt::format("{} APPEND {} {{{}+}}\r\n{}\r\n", tag, mailbox, message.size(), message);
}

}  // namespace gemel::imap
