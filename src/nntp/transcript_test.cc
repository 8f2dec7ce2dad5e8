// Whole NNTP conversations, from tests/transcripts/nntp/*.txt. GEMEL_REWRITE=1 writes what was said
// into the files; then read the diff.
//
//   # words          a comment
//   C: line          sent with CRLF; lines that follow each other are sent at once (pipelined)
//   C= text          the same without CRLF; \r \n \0 \t and \xHH are escapes
//   S: line          what came back
//   X: local | remote | tls | peer     a new connection from there
//   E: timeout | end-of-input | shutdown | replica | primary | disk-full | disk-ok |
//      advance SECONDS | anonymous | append GROUP SUBJECT | plain GROUP TEXT |
//      expunge GROUP UIDS | attribute GROUP NAME VALUE | control | group GROUP | remove GROUP
//   M: GROUP         the number of messages in a group or "outbox", and below it the newest one
//   | line
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "nntp/test_world.h"

namespace gemel::nntp {
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
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
    }
  }
  return out;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t')
      out += "\\t";
    else if (byte >= 0x20 && byte < 0x7f)
      out += c;
    else
      out += fmt::format("\\x{:02x}", byte);
  }
  return out;
}

std::string with_prefix(std::string_view prefix, std::string_view said) {
  std::string out;
  while (!said.empty()) {
    const size_t end = std::min(said.find("\r\n"), said.size());
    const std::string line = escape(said.substr(0, end));
    out += std::string(prefix) + (line.empty() ? "" : " ") + line + "\n";
    said.remove_prefix(std::min(end + 2, said.size()));
  }
  return out;
}

/// The first word of `text`, which is taken off.
std::string word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  std::string out(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

class Conversation {
 public:
  explicit Conversation(size_t piece_bytes) : piece_bytes_(piece_bytes) {}

  std::string connect(std::string_view from) {
    const Client::Link link = from == "remote" ? Client::Link::kRemote
                              : from == "tls"  ? Client::Link::kRemoteWithTls
                              : from == "peer" ? Client::Link::kPeer
                                               : Client::Link::kLocal;
    client_ = std::make_unique<Client>(world_, link, piece_bytes_);
    return client_->pump();
  }
  std::string send(std::string_view bytes) { return client_->send(bytes); }

  std::string event(std::string_view text) {
    const std::string what = word(text);
    if (change_world(what, text)) return client_ ? client_->pump() : "";
    if (what == "timeout") client_->session().timed_out();
    if (what == "end-of-input") client_->session().end_of_input();
    if (what == "shutdown") client_->session().shut_down();
    return client_->pump();
  }

  std::string mailbox(std::string_view name) {
    const MailboxName full = name == "outbox" ? MailboxName{std::string(kOutboxUserId), "INBOX"}
                                              : *mailbox_of_newsgroup("shared", "news", name);
    const auto info = world_.store().find(full);
    if (!info) return fmt::format("M: {} is not there\n", name);
    return fmt::format("M: {} {}\n", name, info->exists) + with_prefix("|", world_.newest(full));
  }

 private:
  bool change_world(const std::string& what, std::string_view text) {
    MailStore& store = world_.store();
    if (what == "replica") return store.demote().has_value();
    if (what == "primary") return store.promote().has_value();
    if (what == "disk-full") return world_.disk().fail_writes(Code::kNoSpace), true;
    if (what == "disk-ok") return world_.disk().fail_writes(std::nullopt), true;
    if (what == "advance") return world_.clock().advance_s(std::stol(std::string(text))), true;
    if (what == "anonymous") return world_.change_options().anonymous = Anonymous::kAnyone, true;
    if (what == "control") return allow_control(), true;
    if (what == "group")
      return create_newsgroup(store, "news", {.name = std::string(text)}).has_value();
    return change_group(what, text);
  }

  bool change_group(const std::string& what, std::string_view text) {
    MailStore& store = world_.store();
    if (what != "append" && what != "plain" && what != "expunge" && what != "attribute" &&
        what != "remove")
      return false;
    const std::string group = word(text);
    const UniqueId id = world_.group(group);
    if (what == "append") append(group, text);
    if (what == "plain") world_.append(group, unescape(text));
    if (what == "expunge") EXPECT_TRUE(store.expunge(id, *UidSet::parse(text, 100)));
    if (what == "remove") EXPECT_TRUE(store.remove(id));
    if (what == "attribute") {
      const std::string name = word(text);
      EXPECT_TRUE(store.set_attributes(id, {{name, std::string(text)}}));
    }
    return true;
  }

  void append(const std::string& group, std::string_view subject) {
    world_.append(group, fmt::format("Path: old.example!not-for-mail\r\nFrom: Bob <bob@example.org>"
                                     "\r\nNewsgroups: {}\r\nSubject: {}\r\nDate: Mon, 24 Nov 2025 "
                                     "15:00:00 +0000\r\nMessage-ID: <{}@old>\r\n\r\nline 1\r\n"
                                     ".line 2\r\n",
                                     group, subject, ++appended_));
  }

  void allow_control() {
    using Kind = ControlRule::Kind;
    for (const Kind kind : {Kind::kCancel, Kind::kSupersedes, Kind::kNewgroup, Kind::kRmgroup})
      world_.change_options().control_rules.push_back(
          {.kind = kind, .from = "*@example.org", .groups = *Wildmat::parse("test.*")});
  }

  size_t piece_bytes_;
  World world_;
  std::unique_ptr<Client> client_;
  int appended_ = 0;
};

// The transcript as it is when its client's lines and events happen now.
std::string replay(const std::string& text, size_t piece_bytes) {
  Conversation conversation(piece_bytes);
  std::string out;
  std::string unsent;
  const auto flush = [&] {
    if (!unsent.empty()) out += with_prefix("S:", conversation.send(std::exchange(unsent, "")));
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line == "C:" || line.starts_with("C: "))
      unsent += unescape(line.substr(std::min<size_t>(line.size(), 3))) + "\r\n";
    else if (line.starts_with("C= "))
      unsent += unescape(line.substr(3));
    else
      flush();
    if (line.starts_with("S:") || line.starts_with('|')) continue;
    if (line.starts_with("M: ")) {
      const std::string name = line.substr(3);
      out += conversation.mailbox(name.substr(0, name.find(' ')));
      continue;
    }
    out += line + "\n";
    if (line.starts_with("X: ")) out += with_prefix("S:", conversation.connect(line.substr(3)));
    if (line.starts_with("E: ")) out += with_prefix("S:", conversation.event(line.substr(3)));
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
       std::filesystem::directory_iterator(GEMEL_SOURCE_DIR "/tests/transcripts/nntp"))
    out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

TEST(Nntp, Transcripts) {
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

TEST(Nntp, SaysTheSameWhereverTheBytesAreCut) {
  for (const auto& path : transcripts()) {
    SCOPED_TRACE(path.filename());
    const std::string written = contents(path);
    for (const size_t piece_bytes : {1, 2, 3, 7})
      EXPECT_EQ(replay(written, piece_bytes), replay(written, 1 << 16)) << piece_bytes;
  }
}

}  // namespace
}  // namespace gemel::nntp
