// Any words as search keys, over any bytes as a message: no crash, and what is found has a logic.
// A search and its negation share all messages between them, and a key twice is the key once.
//
// The first line is the keys, the rest the message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "imap_world.h"
#include "mail/uid_set.h"

namespace {

using namespace gemel;

constexpr std::string_view kMessages[] = {
    "From: a@example.com\r\nSubject: =?utf-8?q?b=C3=A9?=\r\n\r\nplain\r\n",
    "From: \"B, c\" <b@example.org>\r\nDate: Tue, 14 Nov 2023 10:00:00 +0100\r\nContent-Type: "
    "multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\nb25l\r\n"
    "--x\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nc\r\n--x--\r\n",
    "\r\n",
};

// A client of one store for all inputs: opening one costs more than a search.
class Client {
 public:
  Client() {
    for (const std::string_view message : kMessages) world_.append(message);
    log_in();
    say("0 STORE 1 +FLAGS.SILENT (\\Seen $known)\r\n");
  }

  // A session ends itself behind too many mistakes.
  void log_in() {
    if (session_ && session_->want() != wire::Want::kClose) return;
    session_ = world_.session();
    say("0 LOGIN alice x\r\n");
    say("0 SELECT INBOX\r\n");
  }

  std::string say(std::string_view bytes) {
    std::string said;
    hear(said);
    session_->receive(bytes);
    said.clear();
    hear(said);
    return said;
  }

  void append(std::string_view message) { world_.append(message); }
  // All but the first ones are gone again.
  void forget() {
    MailStore& store = world_.store();
    const MailboxInfo info = store.find(world_.inbox()).value();
    const UidSet others = UidSet::of(Uid(std::size(kMessages) + 1), info.last_uid);
    CHECK(store.expunge(info.id, others).has_value());
    CHECK(store.purge_expunged(info.id, store.find(info.id)->highestmodseq).has_value());
  }

  /// Nothing: the keys make no sense, or the session has ended.
  std::optional<UidSet> search(std::string_view keys) {
    const std::string said = say("1 UID SEARCH " + std::string(keys) + "\r\n");
    constexpr std::string_view kRow = "* SEARCH";
    const size_t row = said.find(kRow);
    if (!said.contains("\r\n1 OK ") || row == said.npos) return std::nullopt;
    UidSet out;
    std::string_view rest = std::string_view(said).substr(row + kRow.size());
    rest = rest.substr(0, rest.find_first_of("\r("));
    while (!rest.empty()) {
      rest.remove_prefix(1);
      const std::string_view word = rest.substr(0, rest.find(' '));
      if (!word.empty()) out.add(Uid(static_cast<uint32_t>(parse_number(word).value())));
      rest.remove_prefix(word.size());
    }
    return out;
  }

 private:
  void hear(std::string& said) {
    do session_->produce(said, 4096);
    while (session_->want() == wire::Want::kMore);
  }

  fuzz::ImapWorld world_;
  std::unique_ptr<wire::Session> session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kKeysMax = 2000;
  log::set_level(log::Level::kOff);
  static Client client;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\n'), input.size());
  std::string keys(input.substr(0, end));
  std::erase(keys, '\r');
  // A literal would take the next command for its text; parentheses must not close ours.
  if (keys.size() > kKeysMax || keys.contains('{')) return 0;
  client.log_in();
  client.append(input.substr(std::min(end + 1, input.size())));
  const std::optional<UidSet> found = client.search(keys);
  if (found && keys.find_first_of("()\"") == keys.npos) {
    const UidSet all = client.search("ALL").value();
    CHECK((*found - all).empty());
    if (const auto others = client.search("NOT (" + keys + ")")) CHECK(*others == all - *found);
    if (const auto twice = client.search("(" + keys + ") (" + keys + ")")) CHECK(*twice == *found);
    if (const auto either = client.search("OR (" + keys + ") SEEN"))
      CHECK((*found - *either).empty());
  }
  client.forget();
  client.say("2 NOOP\r\n");
  return 0;
}
