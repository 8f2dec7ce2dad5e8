// Any script of a user's at the delivery of any message: no crash, and the message is filed, sent
// on or refused. The input is the script, NUL, and the message, as of sieve_fuzz.cc; a script need
// not compile, for one that was put may not work any more.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/log.h"
#include "delivery/deliverer.h"
#include "store/sieve_scripts.h"

namespace {

using namespace gemel;

// One for many inputs: opening a store costs more than an input.
struct World {
  World() {
    log::set_level(log::Level::kOff);
    auto made = MailStore::open(
        {.path = "fuzz", .partitions = {}, .inline_commits = true, .opener = &engines});
    CHECK(made.has_value());
    store = std::move(*made);
    CHECK(store->create_user("bob", {}).has_value());
    outbox = std::make_unique<Outbox>(*store, 1000);
    deliverer = std::make_unique<delivery::Deliverer>(
        delivery::Services{.store = *store,
                           .clock = system_clock(),
                           .access = access,
                           .aliases = aliases,
                           .scripts = scripts,
                           .outbox = outbox.get()},
        delivery::Options{.hostname = "fuzz", .limits = {.steps_max = 200'000}});
  }
  MemoryOpener engines;
  AccessOptions access;
  delivery::AliasTable aliases;
  delivery::ScriptLibrary scripts;
  std::unique_ptr<MailStore> store;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<delivery::Deliverer> deliverer;
};

constexpr int kInputsMax = 2000;  // of one world: what is kept must not grow without end

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto world = std::make_unique<World>();
  static int inputs = 0;
  if (++inputs % kInputsMax == 0) world = std::make_unique<World>();
  World& here = *world;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  if (end == std::string_view::npos) return 0;
  SieveScripts scripts(*here.store, "bob");
  if (!scripts.put("main", input.substr(0, end), 1)) return 0;
  CHECK(scripts.activate("main", 1).has_value());
  BodyWriter writer = here.store->stage("default").value();
  CHECK(writer.append(input.substr(end + 1)).has_value());
  const EnvelopeAddress address = parse_envelope_address("bob+x@example.org").value();
  const std::vector<delivery::Verdict> verdicts =
      here.deliverer->deliver({.id = "1",
                               .return_path = "eve@example.com",
                               .recipients = {{.address = "bob+x@example.org",
                                               .parsed = address,
                                               .means = here.deliverer->find(address).value()}},
                               .body = writer.finish().value()});
  CHECK(verdicts.size() == 1);
  // What fails for now is tried again; nothing that a script says is the server's fault.
  using Kind = delivery::Verdict::Kind;
  const delivery::Verdict& verdict = verdicts.front();
  CHECK(verdict.kind != Kind::kFailed || verdict.error.code == Code::kLimit ||
        verdict.error.code == Code::kOverQuota || verdict.error.code == Code::kNoSpace);
  return 0;
}
