// Any bytes, cut anywhere, to an IMAP session over a store of its own, while another client changes
// the same mailbox: no crash, and what is said is IMAP whose message numbers add up.
//
// The first byte says how the input is cut, the second what state it meets.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "imap_world.h"
#include "mail/uid_set.h"

namespace {

using namespace gemel;

enum State : uint8_t {
  kSelected = 1,  // alice has logged in and selected INBOX
  kQresync = 2,
  kOther = 4,  // another client acts after each piece
  kReplica = 8,
};

/// Follows what the session says as a client would.
class Listener {
 public:
  void hear(std::string_view said) {
    while (!said.empty()) {
      std::string line;
      bool goes_on = true;
      while (goes_on) {
        const size_t end = said.find("\r\n");
        CHECK(end != std::string_view::npos);
        const std::string_view piece = said.substr(0, end);
        line += piece;
        said.remove_prefix(end + 2);
        const size_t count = literal_at_end_of(piece);
        CHECK(count <= said.size());
        goes_on = ends_in_literal(piece);
        said.remove_prefix(count);
      }
      understand(line);
    }
  }

 private:
  // Free text ends no line of the server's like that, and no atom has the opening brace; one may
  // end in the closing one (RFC 3501 §9, atom-specials).
  static bool ends_in_literal(std::string_view line) {
    return line.ends_with('}') && line.contains('{');
  }
  static size_t literal_at_end_of(std::string_view line) {
    if (!ends_in_literal(line)) return 0;
    const size_t open = line.rfind('{');
    return parse_number(line.substr(open + 1, line.size() - open - 2)).value();
  }

  void understand(std::string_view line) {
    if (line.starts_with("+ ")) return;
    const size_t space = line.find(' ');
    CHECK(space != std::string_view::npos && space > 0);
    if (!line.starts_with("* ")) {
      const std::string_view rest = line.substr(space + 1);
      CHECK(rest.starts_with("OK ") || rest.starts_with("NO ") || rest.starts_with("BAD "));
      return;
    }
    line.remove_prefix(2);
    if (line.starts_with("VANISHED ") && !line.starts_with("VANISHED (EARLIER)")) {
      exists_ -= UidSet::parse(line.substr(9), SIZE_MAX).value().size();
      return;
    }
    const size_t end = line.find(' ');
    const Result<uint64_t> number = parse_number(line.substr(0, end));
    if (!number) return;
    const std::string_view what = line.substr(end + 1);
    if (what == "EXISTS") {
      exists_ = *number;
    } else if (what == "EXPUNGE") {
      CHECK(*number >= 1 && *number <= exists_);
      --exists_;
    } else if (what.starts_with("FETCH (")) {
      CHECK(*number >= 1 && *number <= exists_);
    } else if (what.starts_with("UIDFETCH (")) {  // RFC 9586: the number is a UID
      CHECK(*number >= 1);
    } else {
      CHECK(what == "RECENT");
    }
  }

  uint64_t exists_ = 0;
};

class Client {
 public:
  explicit Client(fuzz::ImapWorld& world) : session_(world.session()) {}

  void hear() {
    std::string said;
    do {
      session_->produce(said, 512);
      if (session_->want() == wire::Want::kTls) session_->tls_started();
    } while (session_->want() == wire::Want::kMore);
    listener_.hear(said);
  }
  void say(std::string_view bytes) {
    hear();
    if (is_closed()) return;
    session_->receive(bytes);
    hear();
  }
  void wake() {
    session_->wake();
    hear();
  }
  bool is_closed() const { return session_->want() == wire::Want::kClose; }

 private:
  std::unique_ptr<wire::Session> session_;
  Listener listener_;
};

constexpr std::string_view kMessage =
    "From: a@example.com\r\nSubject: =?utf-8?q?b=C3=A9?=\r\nContent-Type: multipart/mixed; "
    "boundary=x\r\n\r\n--x\r\n\r\none\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nc"
    "\r\n--x--\r\n";

// What the other client does, one after another.
constexpr std::string_view kOtherDoes[] = {
    "b STORE 1 +FLAGS ($new \\Deleted)\r\n",
    "b APPEND INBOX {3+}\r\nabc\r\n",
    "b EXPUNGE\r\n",
    "b UID STORE 1:* -FLAGS (\\Seen)\r\n",
    "b MOVE 1 INBOX\r\n",
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  log::set_level(log::Level::kOff);
  fuzz::ImapWorld world;
  for (int i = 0; i < 5; ++i) world.append(kMessage);
  Client client(world);
  Client other(world);
  other.say("b LOGIN alice x\r\nb SELECT INBOX\r\n");
  const size_t piece_bytes = data[0] + size_t{1};
  const uint8_t state = data[1];
  if ((state & kSelected) != 0) client.say("0 LOGIN alice x\r\n");
  if ((state & kQresync) != 0) client.say("0 ENABLE QRESYNC\r\n");
  if ((state & kSelected) != 0) client.say("0 SELECT INBOX\r\n");
  if ((state & kReplica) != 0) CHECK(world.store().demote().has_value());
  std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  for (size_t turn = 0; !input.empty() && !client.is_closed(); ++turn) {
    client.say(input.substr(0, piece_bytes));
    input.remove_prefix(std::min(piece_bytes, input.size()));
    if ((state & kOther) == 0) continue;
    other.say(kOtherDoes[turn % std::size(kOtherDoes)]);
    client.wake();
  }
  return 0;
}
