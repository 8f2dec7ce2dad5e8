// Any script on any message: no crash, no growth beyond the limits, and an outcome that says what
// to do. The input is the script, NUL, and the message.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "sieve/memory_environment.h"
#include "sieve/report.h"

namespace {

using namespace gemel;

sieve::MemoryEnvironment environment() {
  sieve::MemoryEnvironment out;
  out.mailboxes["Lists"] = {.id = "F1", .special_uses = {"\\junk"}, .metadata = {{"/a", "x"}}};
  out.scripts[{sieve::ScriptLocation::kPersonal, "part"}] =
      "require [\"variables\", \"include\"]; global \"x\"; set \"x\" \"y\"; return;";
  out.scripts[{sieve::ScriptLocation::kGlobal, "round"}] =
      "require \"include\"; include :global \"round\";";
  return out;
}

sieve::Delivery delivery() {
  sieve::Delivery out{.script_name = "main",
                      .envelope = {.from = "eve@example.com", .to = "ann+x@example.org"},
                      .user_addresses = {"ann@example.org"},
                      .now_s = 1'764'000'000,
                      .hostname = "mx.example.org",
                      .domain = "example.org",
                      .unique = "1"};
  out.spamtest.field = "X-Score";
  // Small, so that an input ends soon.
  out.limits.steps_max = 200'000;
  return out;
}

void check(const sieve::Outcome& outcome, const sieve::RunLimits& limits) {
  CHECK(!outcome.actions.empty());
  CHECK(outcome.steps <= limits.steps_max + 1);
  // RFC 5228 §2.10.6: a run that fails does nothing but keep.
  if (outcome.error) {
    CHECK(outcome.actions.size() == 1);
    CHECK(std::holds_alternative<sieve::Keep>(outcome.actions.front()));
    CHECK(outcome.error->text.find('\n') == std::string::npos);
  }
  for (const sieve::Action& action : outcome.actions) {
    CHECK(sieve::text_of(action).find('\n') == std::string::npos);
    if (const auto* redirect = std::get_if<sieve::Redirect>(&action))
      CHECK(redirect->address.find_first_of("\r\n") == std::string::npos);
  }
  CHECK(!sieve::report_of(outcome, {}).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view script = input.substr(0, input.find('\0'));
  const std::string_view message =
      script.size() < input.size() ? input.substr(script.size() + 1) : std::string_view("\r\n");
  const sieve::Compiled compiled = sieve::compile(script);
  CHECK((compiled.script == nullptr) == !compiled.errors.empty());
  if (compiled.script == nullptr) return 0;
  sieve::MessageInMemory source(message);
  sieve::MemoryEnvironment here = environment();
  const sieve::Delivery how = delivery();
  const sieve::Outcome outcome = sieve::execute(*compiled.script, source, how, here);
  check(outcome, how.limits);
  // The same again: a script can't see how often it ran.
  CHECK(sieve::execute(*compiled.script, source, how, here).actions.size() ==
        outcome.actions.size());
  return 0;
}
