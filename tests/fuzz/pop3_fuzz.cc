// Any bytes, cut anywhere, to a POP3 session: no crash, no growth, and every reply is one.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/log.h"
#include "drive.h"
#include "pop3/options.h"

namespace {

using namespace gemel;

// One store for all inputs: opening it costs more than an input.
MailStore& store() {
  static MemoryOpener engines;
  static const std::unique_ptr<MailStore> opened = [] {
    auto made = MailStore::open({.path = "fuzz", .partitions = {}, .opener = &engines});
    CHECK(made.has_value());
    CHECK((*made)->create_user("alice", {}).has_value());
    return std::move(*made);
  }();
  return *opened;
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
  log::set_level(log::Level::kOff);
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
