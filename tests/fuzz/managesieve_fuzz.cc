// Any bytes, cut anywhere, to a ManageSieve session: no crash, no growth, and what it says is lines
// and literals that fit.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "drive.h"
#include "managesieve/session.h"
#include "memory_store.h"

namespace {

using namespace gemel;

MailStore& store() {
  static fuzz::MemoryStore made{"alice"};
  return *made;
}

// Every line ends, and every literal {n} has its n octets.
void check_ends(std::string_view said) {
  while (!said.empty()) {
    const size_t end = said.find("\r\n");
    CHECK(end != std::string_view::npos);
    const std::string_view line = said.substr(0, end);
    said.remove_prefix(end + 2);
    const size_t brace = line.rfind('{');
    if (!line.ends_with('}') || brace == std::string_view::npos) continue;
    size_t count = 0;
    for (const char c : line.substr(brace + 1, line.size() - brace - 2)) {
      CHECK(c >= '0' && c <= '9');
      count = count * 10 + static_cast<size_t>(c - '0');
    }
    CHECK(said.size() >= count + 2);
    said.remove_prefix(count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static fuzz::Anyone anyone;
  static const auto options = std::make_shared<const managesieve::Options>(
      managesieve::Options{.store = store(),
                           .clock = system_clock(),
                           .random = system_random(),
                           .credentials = anyone,
                           .server_secret = "secret",
                           .quota = {.scripts_max = 5, .script_bytes_max = 4096}});
  managesieve::Session session(options,
                               {.peer_address = "unix", .is_local = true, .can_tls = true});
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string said = fuzz::drive(session, input, data[0] + 1);
  check_ends(said);
  return 0;
}
