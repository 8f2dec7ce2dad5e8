// Whole POP3 conversations, from tests/transcripts/pop3/*.txt, as base/test_transcript.h
// has them.
//
//   E: timeout | end-of-input | shutdown | tls | replica | primary | disk-full | disk-ok | hide |
//      refuse-utf8 | again (a new connection)
//   M: NAME          the flags of each message in a mailbox of alice
#include <fmt/format.h>

#include <algorithm>

#include "base/test_transcript.h"
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

  std::string other(const std::string& line) {
    const std::string text = line.substr(std::min<size_t>(line.size(), 3));
    if (line.starts_with("M: ")) return mailbox(text.substr(0, text.find(' ')));
    std::string out = line + "\n";
    if (line.starts_with("E: ")) out += transcript_lines("S:", event(text));
    return out;
  }

 private:
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

  size_t piece_bytes_;
  bool is_local_ = true;
  World world_;
  std::unique_ptr<Client> client_;
};

std::string replay(const std::string& text, size_t piece_bytes) {
  Conversation conversation(piece_bytes);
  return replay_transcript(
      text, {.start = [&] { return conversation.start(); },
             .send = [&](std::string_view bytes) { return conversation.send(bytes); },
             .other = [&](const std::string& line) { return conversation.other(line); }});
}

TEST(Pop3, SaysWhatItsTranscriptsSayWhereverTheBytesAreCut) {
  expect_transcripts(GEMEL_SOURCE_DIR "/tests/transcripts/pop3", replay);
}

}  // namespace
}  // namespace gemel::pop3
