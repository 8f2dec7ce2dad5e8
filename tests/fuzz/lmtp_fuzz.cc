// Any bytes, cut anywhere, to an LMTP session: no crash, no growth, and every reply is one.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "delivery_world.h"
#include "drive.h"
#include "lmtp/session.h"
#include "store/sieve_scripts.h"

namespace {

using namespace gemel;

constexpr std::string_view kScript =
    "require [\"fileinto\", \"copy\", \"variables\", \"editheader\", \"ereject\", \"vacation\"];\n"
    "if header :matches \"Subject\" \"file *\" { fileinto :copy \"${1}\"; }\n"
    "elsif header :matches \"Subject\" \"no *\" { ereject \"${1}\"; }\n"
    "else { addheader \"X-Seen\" \"yes\"; vacation \"away\"; }\n";

class OneLogin final : public wire::CredentialSource {
 public:
  Result<void> check_user(std::string_view) override { return {}; }
  Result<wire::ScramCredential> scram(std::string_view) override {
    return fail(Code::kNotFound, "no");
  }
  Result<void> check_password(std::string_view, std::string_view password) override {
    if (password != "secret") return fail(Code::kAuthFailed, "no");
    return {};
  }
};

struct World : fuzz::DeliveryWorld {
  World() : DeliveryWorld({"alice", "bob"}, {.hostname = "fuzz"}) {
    SieveScripts scripts_of_bob(*store, "bob");
    CHECK(scripts_of_bob.put("main", kScript, 1).has_value());
    CHECK(scripts_of_bob.activate("main", 1).has_value());
    aliases.set(*delivery::Aliases::parse("team: alice, bob, else@example.net\n"));
  }
  OneLogin login;
};

World& world() {
  static World made;
  return made;
}

void check_replies(std::string_view said) {
  while (!said.empty()) {
    const size_t end = said.find("\r\n");
    CHECK(end != std::string_view::npos && end >= 4);
    CHECK(said[0] >= '2' && said[0] <= '5' && (said[3] == ' ' || said[3] == '-'));
    said.remove_prefix(end + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const lmtp::Options options{.hostname = "fuzz",
                                     .message_bytes_max = 4096,
                                     .credentials = &world().login,
                                     .server_secret = "secret"};
  World& here = world();
  lmtp::Session session({*here.store, system_clock(), system_random(), here.deliverer}, options,
                        {.peer_address = "unix", .is_local = true, .can_tls = true});
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string said = fuzz::drive(session, input, data[0] + 1);
  check_replies(said);
  // What is kept from one input to the next must not grow without end; to look costs as much as an
  // input.
  static uint64_t inputs = 0;
  if (++inputs % 100 == 0) {
    const std::vector<Outbox::Entry> entries = *here.outbox.entries();
    for (const Outbox::Entry& entry : entries) CHECK(here.outbox.remove(entry.uid).has_value());
  }
  return 0;
}
