// Whole POP3 conversations, from tests/transcripts/pop3/*.txt. GEMEL_REWRITE=1 writes what was said
// into the files; then read the diff.
//
//   # words          a comment
//   C: line          sent with CRLF; lines that follow each other are sent at once (pipelined)
//   S: line          what came back; bytes above 0x7e as \xHH
//   E: timeout | end-of-input | shutdown | tls | replica | primary | disk-full | disk-ok | hide |
//      refuse-utf8 | again (a new connection)
//   M: NAME          the flags of each message in a mailbox of alice
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "pop3/test_world.h"

namespace gemel::pop3 {
namespace {

constexpr std::string_view kMessages[] = {
    "Subject: one\r\n\r\nfirst line\r\nsecond line\r\n",
    "Subject: dots\r\n\r\n.\r\n..\r\n.no end",
    "Subject: bare\n\nonly\n.\nLF\n",
    "Subject: caf\xc3\xa9\r\n\r\nraw UTF-8 above\r\n",
    "no header, no end",
};

class Conversation {
 public:
  explicit Conversation(size_t piece_bytes) : piece_bytes_(piece_bytes) {
    for (const std::string_view message : kMessages)
      world_.append(world_.mailbox("INBOX"), message);
    world_.append(world_.mailbox("Lists/cxx"), "Subject: imported\r\n\r\n", "000000a1UUID~");
    world_.append(world_.mailbox("Lists/cxx"), "Subject: new\r\n\r\n");
    world_.options->limits.line_bytes_max = 100;
    world_.options->limits.bad_commands_max = 8;
  }

  std::string start() {
    client_ = std::make_unique<Client>(
        world_,
        wire::SessionEnv{.peer_address = "192.0.2.7", .is_local = is_local_, .can_tls = true});
    return client_->greeting + (client_->is_closed() ? "(closed)\r\n" : "");
  }

  std::string send(std::string_view bytes) {
    std::string out;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_bytes_, bytes.size()))) {
      if (client_->is_closed()) return out + "(not listening)\r\n";
      out += client_->send(bytes.substr(0, piece_bytes_));
      if (client_->session().want() == wire::Want::kTls) return out + "(handshake)\r\n";
      if (client_->is_closed()) out += "(closed)\r\n";
    }
    return out;
  }

  std::string event(std::string_view event) {
    wire::Session& session = client_->session();
    if (event == "timeout") session.timed_out();
    if (event == "end-of-input") session.end_of_input();
    if (event == "shutdown") session.shut_down();
    if (event == "tls") session.tls_started();
    if (event == "replica") {
      EXPECT_TRUE(world_.store->demote());
    }
    if (event == "primary") {
      EXPECT_TRUE(world_.store->promote());
    }
    if (event == "disk-full") world_.disk.fail_writes(Code::kNoSpace);
    if (event == "disk-ok") world_.disk.fail_writes(std::nullopt);
    if (event == "hide") world_.options->on_delete = OnDelete::kHide;
    if (event == "refuse-utf8") world_.options->utf8_headers = Utf8Headers::kRefuse;
    if (event == "remote") is_local_ = false;
    if (event == "again" || event == "remote") return start();
    const std::string said = client_->pump();
    return said + (client_->is_closed() ? "(closed)\r\n" : "");
  }

  std::string mailbox(const std::string& path) {
    const MailboxView view = *world_.store->view(world_.mailbox(path));
    std::string out = fmt::format("M: {}", path);
    const std::vector<RecordState> states = *view.states(*view.uids());
    for (const RecordState& state : states)
      out += fmt::format(" {}({})", state.uid.value, text_of(state.flags, view.info().keywords));
    return out + "\n";
  }

 private:
  size_t piece_bytes_;
  bool is_local_ = true;
  World world_;
  std::unique_ptr<Client> client_;
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return out;
}

std::string with_prefix(std::string_view said) {
  std::string out;
  while (!said.empty()) {
    const size_t end = std::min(said.find("\r\n"), said.size());
    out += "S: " + escaped(said.substr(0, end)) + "\n";
    said.remove_prefix(std::min(end + 2, said.size()));
  }
  return out;
}

// The transcript as it is when its client's lines and events happen now.
std::string replay(const std::string& text, size_t piece_bytes) {
  Conversation conversation(piece_bytes);
  std::string out;
  std::string unsent;
  bool started = false;
  const auto flush = [&] {
    if (!std::exchange(started, true)) out += with_prefix(conversation.start());
    if (!unsent.empty()) out += with_prefix(conversation.send(std::exchange(unsent, "")));
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("C: ") && !started) flush();
    if (line.starts_with("C: "))
      unsent += line.substr(3) + "\r\n";
    else if (!line.starts_with('#') || started)
      flush();
    if (line.starts_with("S:")) continue;
    if (line.starts_with("M: ")) {
      const std::string name = line.substr(3);
      out += conversation.mailbox(name.substr(0, name.find(' ')));
      continue;
    }
    out += line + "\n";
    if (line.starts_with("E: ")) out += with_prefix(conversation.event(line.substr(3)));
  }
  flush();
  return out;
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::filesystem::path> transcripts() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry :
       std::filesystem::directory_iterator(GEMEL_SOURCE_DIR "/tests/transcripts/pop3"))
    out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

TEST(Pop3, Transcripts) {
  ASSERT_FALSE(transcripts().empty());
  for (const auto& path : transcripts()) {
    SCOPED_TRACE(path.filename());
    const std::string written = contents(path);
    const std::string said = replay(written, 1 << 16);
    if (std::getenv("GEMEL_REWRITE") != nullptr)
      std::ofstream(path, std::ios::binary) << said;
    else
      EXPECT_EQ(said, written);
  }
}

TEST(Pop3, SaysTheSameWhereverTheBytesAreCut) {
  for (const auto& path : transcripts()) {
    SCOPED_TRACE(path.filename());
    const std::string written = contents(path);
    for (const size_t piece_bytes : {1, 3, 7})
      EXPECT_EQ(replay(written, piece_bytes), replay(written, 1 << 16)) << piece_bytes;
  }
}

}  // namespace
}  // namespace gemel::pop3
