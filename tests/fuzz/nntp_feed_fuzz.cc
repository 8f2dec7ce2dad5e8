// Any bytes, cut anywhere, from the peer of a feed: no crash, no growth, and no article sent that
// was not there. The first byte says how they are cut, and how the feed is set up.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "drive.h"
#include "memory_store.h"
#include "nntp/feed.h"
#include "store/newsgroups.h"

namespace {

using namespace gemel;

constexpr int kArticles = 20;

// One store for all inputs; each has a feed of its own, which has seen nothing.
struct World {
  fuzz::MemoryStore store{};

  World() {
    CHECK(create_newsgroup(*store, "news", {.name = "a.b"}).has_value());
    for (int number = 1; number <= kArticles; ++number) {
      const std::string id = std::to_string(number);
      put("Path: x!y\r\nMessage-ID: <" + id + "@x>\r\nNewsgroups: a.b\r\n\r\n.dot\r\n..\r\n" + id);
    }
    put("Subject: what mail brought lacks a Message-ID\n\n");
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

nntp::FeedOptions options_of(uint8_t bits) {
  nntp::FeedOptions out{.name = "peer"};
  if ((bits & 1) != 0) {
    out.userid = "us";
    out.password = "secret";
  }
  if ((bits & 2) != 0) out.tls = nntp::FeedOptions::Tls::kStartTls;
  return out;
}

// What is said before a greeting of 200 or 201 is nothing; a password is said under TLS where the
// feed shall have it.
void check(std::string_view said, std::string_view input, const nntp::FeedOptions& options) {
  if (!input.starts_with("200") && !input.starts_with("201"))
    CHECK(said.empty() || said == "QUIT\r\n");
  CHECK(said.empty() || said.ends_with("\r\n"));
  if (options.tls == nntp::FeedOptions::Tls::kStartTls && said.find("AUTHINFO") != said.npos)
    CHECK(said.starts_with("STARTTLS\r\nAUTHINFO"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static World world;
  const nntp::FeedOptions options = options_of(data[0] & 3);
  nntp::Feed feed({.store = *world.store,
                   .clock = system_clock(),
                   .prefix = "news",
                   .path_identity = "us.example.org"},
                  options);
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  {
    const auto session = feed.connect({.peer_address = "192.0.2.1", .can_tls = true});
    check(fuzz::drive(*session, input, data[0] / 4 + 1), input, options);
  }
  feed.disconnected({Code::kUnavailable, "gone"});
  const nntp::FeedStatus status = feed.status();
  CHECK(status.accepted + status.refused <= status.offered);
  CHECK(status.offered <= kArticles + 1 + status.deferred);
  // The next feed begins where this one began.
  CHECK(world.store->channel_forget("nntp-feed/peer").has_value());
  return 0;
}
