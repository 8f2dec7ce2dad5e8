// Whole ManageSieve conversations, from tests/transcripts/managesieve/*.txt. GEMEL_REWRITE=1 writes
// what was said into the files; then read the diff.
//
//   # words          a comment
//   C: line          sent with CRLF; lines that follow each other are sent at once
//   C= text          the same without CRLF; \r \n and \xHH are escapes
//   S: line          what came back
//   E: timeout | end-of-input | shutdown | tls | replica | primary | login NAME (a new connection
//      that has logged in)
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "managesieve/test_world.h"

namespace gemel::managesieve {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size()) {
      out += from_hex(text.substr(i + 1, 2)).value_or("?");
      i += 2;
    } else {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c;
    }
  }
  return out;
}

class Conversation {
 public:
  explicit Conversation(size_t piece_bytes) : piece_bytes_(piece_bytes) {
    connect({.peer_address = "192.0.2.7", .can_tls = true});
  }

  std::string start() { return settle(); }

  std::string send(std::string_view bytes) {
    std::string out;
    while (!bytes.empty()) {
      if (session_->want() != wire::Want::kInput) return out + "(not listening)\r\n";
      const std::string_view piece = bytes.substr(0, piece_bytes_);
      session_->receive(piece);
      bytes.remove_prefix(piece.size());
      out += settle();
    }
    return out;
  }

  std::string event(std::string_view event) {
    if (event == "timeout") session_->timed_out();
    if (event == "end-of-input") session_->end_of_input();
    if (event == "shutdown") session_->shut_down();
    if (event == "replica") {
      EXPECT_TRUE(world_.store->demote());
    }
    if (event == "primary") {
      EXPECT_TRUE(world_.store->promote());
    }
    if (event == "tls") {
      EXPECT_EQ(session_->want(), wire::Want::kTls);
      session_->tls_started();
    }
    if (event.starts_with("login ")) {
      connect({.peer_address = "192.0.2.7", .is_tls = true});
      settle();
      const std::string name(event.substr(6));
      send(fmt::format("AUTHENTICATE \"PLAIN\" \"{}\"\r\n",
                       to_base64('\0' + name + '\0' + "secret")));
      return "";
    }
    return settle();
  }

 private:
  void connect(wire::SessionEnv env) {
    closed_ = false;
    session_ = world_.session(std::move(env));
  }

  std::string settle() {
    std::string out;
    do {
      session_->produce(out, 4096);
    } while (session_->want() == wire::Want::kMore);
    if (session_->want() == wire::Want::kClose && !closed_) {
      closed_ = true;
      out += "(closed)\r\n";
    }
    return out;
  }

  size_t piece_bytes_;
  TestWorld world_;
  std::unique_ptr<wire::Session> session_;
  bool closed_ = false;
};

std::string with_prefix(std::string_view said) {
  std::string out;
  while (!said.empty()) {
    const size_t end = std::min(said.find("\r\n"), said.size());
    out += "S: " + std::string(said.substr(0, end)) + "\n";
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
    if (line == "C:" || line.starts_with("C: "))
      unsent += line.substr(std::min<size_t>(line.size(), 3)) + "\r\n";
    else if (line.starts_with("C= "))
      unsent += unescape(line.substr(3));
    else if (!line.starts_with('#') || started)
      flush();
    if (line.starts_with("S:")) continue;
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
       std::filesystem::directory_iterator(GEMEL_SOURCE_DIR "/tests/transcripts/managesieve"))
    out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

TEST(ManageSieve, Transcripts) {
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

TEST(ManageSieve, SaysTheSameWhereverTheBytesAreCut) {
  for (const auto& path : transcripts()) {
    SCOPED_TRACE(path.filename());
    const std::string written = contents(path);
    for (const size_t piece_bytes : {1, 2, 3, 7})
      EXPECT_EQ(replay(written, piece_bytes), replay(written, 1 << 16)) << piece_bytes;
  }
}

}  // namespace
}  // namespace gemel::managesieve
