// Whole ManageSieve conversations, from tests/transcripts/managesieve/*.txt, as
// base/test_transcript.h has them.
//
//   E: timeout | end-of-input | shutdown | tls | replica | primary | login NAME (a new connection
//      that has logged in)
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/test_transcript.h"
#include "managesieve/test_world.h"
#include "wire/test_line.h"

namespace gemel::managesieve {
namespace {

class Conversation {
 public:
  explicit Conversation(size_t piece_bytes) : line_(piece_bytes) {
    line_.connect(world_.session({.peer_address = "192.0.2.7", .can_tls = true}));
  }

  std::string other(const std::string& text) {
    std::string out = text + "\n";
    if (text.starts_with("E: ")) out += transcript_lines("S:", event(text.substr(3)));
    return out;
  }

  wire::TestLine& line() { return line_; }

 private:
  std::string event(std::string_view event) {
    if (event == "replica") {
      EXPECT_TRUE(world_.store->demote());
    }
    if (event == "primary") {
      EXPECT_TRUE(world_.store->promote());
    }
    if (event.starts_with("login ")) {
      line_.connect(world_.session({.peer_address = "192.0.2.7", .is_tls = true}));
      line_.settle();
      const std::string name(event.substr(6));
      line_.send(fmt::format("AUTHENTICATE \"PLAIN\" \"{}\"\r\n",
                             to_base64('\0' + name + '\0' + "secret")));
      return "";
    }
    line_.happen(event);
    return line_.settle();
  }

  TestWorld world_;
  wire::TestLine line_;  // last: its session uses the world
};

std::string replay(const std::string& text, size_t piece_bytes) {
  Conversation conversation(piece_bytes);
  return replay_transcript(
      text, {.start = [&] { return conversation.line().settle(); },
             .send = [&](std::string_view bytes) { return conversation.line().send(bytes); },
             .other = [&](const std::string& line) { return conversation.other(line); }});
}

TEST(ManageSieve, SaysWhatItsTranscriptsSayWhereverTheBytesAreCut) {
  expect_transcripts(GEMEL_SOURCE_DIR "/tests/transcripts/managesieve", replay);
}

}  // namespace
}  // namespace gemel::managesieve
