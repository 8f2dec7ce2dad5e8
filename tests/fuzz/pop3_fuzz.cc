// Any bytes, cut anywhere, to a POP3 session: no crash, no growth, and every reply is one.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "drive.h"
#include "memory_store.h"
#include "pop3/options.h"

namespace {

using namespace gemel;

MailStore& store() {
  static fuzz::MemoryStore made{"alice"};
  return *made;
}

void deliver(std::string_view bytes, std::string uidl) {
  auto writer = store().stage("default");
  CHECK(writer && writer->append(bytes));
  auto body = writer->finish();
  CHECK(body.has_value());
  const UniqueId inbox = store().find(MailboxName{"alice", "INBOX"})->id;
  CHECK(store().append({{.mailbox = inbox, .body = *body, .flags = {}, .uidl = std::move(uidl)}}));
}

// The messages may hold whatever the input says, but a line outside them is a reply.
void check_ends(std::string_view said) {
  CHECK(said.starts_with("+OK ") && said.ends_with("\r\n"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static pop3::Maildrops maildrops;
  static fuzz::Anyone anyone;
  static const auto options = std::make_shared<const pop3::Options>(
      pop3::Options{.hostname = "fuzz",
                    .store = store(),
                    .maildrops = maildrops,
                    .clock = system_clock(),
                    .random = system_random(),
                    .credentials = anyone,
                    .server_secret = "secret",
                    .utf8_headers = pop3::Utf8Headers::kRefuse});
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (store().find(MailboxName{"alice", "INBOX"})->exists < 3) {
    deliver("Subject: \xc3\xa9\n\n.\n..\n", "");
    deliver(input.substr(0, 1000), "old");
    deliver("", "");
  }
  const auto session =
      pop3::make_session(options, {.peer_address = "unix", .is_local = true, .can_tls = true});
  const std::string said = fuzz::drive(*session, input, data[0] + 1);
  check_ends(said);
  return 0;
}
