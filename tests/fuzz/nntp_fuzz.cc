// Any bytes, cut anywhere, to an NNTP session: no crash, no growth, and every reply is one. The
// first byte says how they are cut, and who the client is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "drive.h"
#include "memory_store.h"
#include "nntp/options.h"
#include "store/newsgroups.h"

namespace {

using namespace gemel;

// One world for all inputs: opening a store costs more than an input.
struct World {
  fuzz::MemoryStore store{"alice"};
  fuzz::Anyone anyone;
  AccessOptions access;
  std::unique_ptr<nntp::History> history;
  std::unique_ptr<Outbox> outbox;
  std::shared_ptr<nntp::Options> options;

  World() {
    using Status = NewsgroupStatus;
    for (const NewNewsgroup& group :
         {NewNewsgroup{.name = "a.b", .description = "d", .gateway = "list@example.org"},
          NewNewsgroup{.name = "a.m", .status = Status::kModerated, .moderator = "m@example.org"},
          NewNewsgroup{.name = "a.n", .status = Status::kNoPosting}})
      CHECK(create_newsgroup(*store, "news", group).has_value());
    history = std::make_unique<nntp::History>(*store, "news");
    outbox = std::make_unique<Outbox>(*store, 100);
    options = std::make_shared<nntp::Options>(nntp::Options{.hostname = "fuzz",
                                                            .path_identity = "fuzz",
                                                            .store = *store,
                                                            .clock = system_clock(),
                                                            .random = system_random(),
                                                            .credentials = anyone,
                                                            .access = access,
                                                            .history = *history,
                                                            .outbox = outbox.get(),
                                                            .server_secret = "secret"});
    options->peers.push_back({.name = "peer", .addresses = {"192.0.2.1"}, .path_name = "peer"});
    using Kind = nntp::ControlRule::Kind;
    for (const Kind kind : {Kind::kCancel, Kind::kSupersedes, Kind::kNewgroup, Kind::kRmgroup})
      options->control_rules.push_back({.kind = kind, .groups = *nntp::Wildmat::parse("c.*")});
    options->limits.header_bytes_max = 2000;
    options->limits.article_bytes_max = 4000;
  }

  void put(std::string_view bytes) {
    auto writer = store->stage("default");
    CHECK(writer && writer->append(bytes));
    auto body = writer->finish();
    CHECK(body.has_value());
    const UniqueId group = find_newsgroup(*store, "news", "a.b")->id;
    CHECK(store->append({{.mailbox = group, .body = *body, .flags = {}}}));
  }
};

constexpr uint32_t kArticlesKept = 20;

// The articles may hold whatever the input says, but the first and the last line are replies.
void check_ends(std::string_view said) { CHECK(said.starts_with("20") && said.ends_with("\r\n")); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static World world;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const MailboxInfo group = *find_newsgroup(*world.store, "news", "a.b");
  if (group.exists < 3) {
    world.put("Subject: \xc3\xa9\n\n.\n..\n");
    world.put(input.substr(0, 1000));
    world.put("");
  }
  if (group.last_uid.value > kArticlesKept)
    CHECK(world.store->expunge(group.id, UidSet::of(Uid(1), group.last_uid)).has_value());
  const bool is_peer = (data[0] & 1) != 0;
  const auto session = nntp::make_session(
      world.options, {.peer_address = is_peer ? "192.0.2.1" : "127.0.0.1", .is_local = true});
  const std::string said = fuzz::drive(*session, input, data[0] / 2 + 1);
  check_ends(said);
  return 0;
}
