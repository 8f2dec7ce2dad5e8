// Any bytes, cut anywhere, to an LMTP session: no crash, no growth, and every reply is one.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "lmtp/session.h"

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
  static const lmtp::Options options{.hostname = "fuzz", .message_bytes_max = 4096};
  lmtp::Session session({store(), system_clock(), system_random()}, options,
                        {.peer_address = "unix"});
  const size_t piece_bytes = data[0] + 1;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string said;
  for (;;) {
    do {
      session.produce(said, 512);
    } while (session.want() == wire::Want::kMore);
    if (session.want() == wire::Want::kClose || input.empty()) break;
    session.receive(input.substr(0, piece_bytes));
    input.remove_prefix(std::min(piece_bytes, input.size()));
  }
  session.end_of_input();
  check_replies(said);
  return 0;
}
