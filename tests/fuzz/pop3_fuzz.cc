// Any bytes, cut anywhere, to a POP3 session: no crash, no growth, and every reply is one.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "pop3/options.h"

namespace {

using namespace gemel;

class Anyone final : public wire::CredentialSource {
 public:
  Result<wire::ScramCredential> scram(std::string_view) override {
    return fail(Code::kNotFound, "no");
  }
  Result<void> check_password(std::string_view, std::string_view) override { return {}; }
};

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
  static pop3::Maildrops maildrops;
  static Anyone anyone;
  static const auto options = std::make_shared<const pop3::Options>(
      pop3::Options{.hostname = "fuzz",
                    .store = store(),
                    .maildrops = maildrops,
                    .clock = system_clock(),
                    .random = system_random(),
                    .credentials = anyone,
                    .server_secret = "secret",
                    .utf8_headers = pop3::Utf8Headers::kRefuse});
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (store().find(MailboxName{"alice", "INBOX"})->exists < 3) {
    deliver("Subject: \xc3\xa9\n\n.\n..\n", "");
    deliver(input.substr(0, 1000), "old");
    deliver("", "");
  }
  const auto session =
      pop3::make_session(options, {.peer_address = "unix", .is_local = true, .can_tls = true});
  const size_t piece_bytes = data[0] + 1;
  std::string said;
  for (;;) {
    do {
      session->produce(said, 512);
    } while (session->want() == wire::Want::kMore);
    if (session->want() == wire::Want::kTls) session->tls_started();
    if (session->want() == wire::Want::kClose || input.empty() || said.size() > 1 << 20) break;
    session->receive(input.substr(0, piece_bytes));
    input.remove_prefix(std::min(piece_bytes, input.size()));
  }
  session->end_of_input();
  check_ends(said);
  return 0;
}
