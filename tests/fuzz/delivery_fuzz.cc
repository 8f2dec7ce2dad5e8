// Any script of a user's at the delivery of any message: no crash, and the message is filed, sent
// on or refused. The input is the script, NUL, and the message, as of sieve_fuzz.cc; a script need
// not compile, for one that was put may not work any more.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "delivery_world.h"
#include "store/sieve_scripts.h"

namespace {

using namespace gemel;

std::unique_ptr<fuzz::DeliveryWorld> make_world() {
  return std::make_unique<fuzz::DeliveryWorld>(
      std::initializer_list<const char*>{"bob"},
      delivery::Options{.hostname = "fuzz", .limits = {.steps_max = 200'000}});
}

constexpr int kInputsMax = 2000;  // of one world: what is kept must not grow without end

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto world = make_world();
  static int inputs = 0;
  if (++inputs % kInputsMax == 0) world = make_world();
  fuzz::DeliveryWorld& here = *world;
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
      here.deliverer.deliver({.id = "1",
                              .return_path = "eve@example.com",
                              .recipients = {{.address = "bob+x@example.org",
                                              .parsed = address,
                                              .means = here.deliverer.find(address).value()}},
                              .body = writer.finish().value()});
  CHECK(verdicts.size() == 1);
  // What fails for now is tried again; nothing that a script says is the server's fault.
  using Kind = delivery::Verdict::Kind;
  const delivery::Verdict& verdict = verdicts.front();
  CHECK(verdict.kind != Kind::kFailed || verdict.error.code == Code::kLimit ||
        verdict.error.code == Code::kOverQuota || verdict.error.code == Code::kNoSpace);
  return 0;
}
