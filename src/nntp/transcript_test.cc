// Whole NNTP conversations, from tests/transcripts/nntp/*.txt, as base/test_transcript.h
// has them.
//
//   X: local | remote | tls | peer     a new connection from there
//   E: timeout | end-of-input | shutdown | replica | primary | disk-full | disk-ok |
//      advance SECONDS | anonymous | append GROUP SUBJECT | plain GROUP TEXT |
//      expunge GROUP UIDS | attribute GROUP NAME VALUE | control | group GROUP | remove GROUP
//   M: GROUP         the number of messages in a group or "outbox", and below it the newest one
//   | line
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/test_transcript.h"
#include "nntp/test_world.h"

namespace gemel::nntp {
namespace {

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

  std::string other(const std::string& line) {
    if (line.starts_with('|')) return "";
    const std::string text = line.substr(std::min<size_t>(line.size(), 3));
    if (line.starts_with("M: ")) return mailbox(text.substr(0, text.find(' ')));
    std::string out = line + "\n";
    if (line.starts_with("X: ")) out += transcript_lines("S:", connect(text));
    if (line.starts_with("E: ")) out += transcript_lines("S:", event(text));
    return out;
  }

 private:
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
    return fmt::format("M: {} {}\n", name, info->exists) +
           transcript_lines("|", world_.newest(full));
  }

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
    if (what == "plain") world_.append(group, unescape_transcript(text));
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

std::string replay(const std::string& text, size_t piece_bytes) {
  Conversation conversation(piece_bytes);
  return replay_transcript(
      text, {.start = [] { return std::string(); },
             .send = [&](std::string_view bytes) { return conversation.send(bytes); },
             .other = [&](const std::string& line) { return conversation.other(line); }});
}

TEST(Nntp, SaysWhatItsTranscriptsSayWhereverTheBytesAreCut) {
  expect_transcripts(GEMEL_SOURCE_DIR "/tests/transcripts/nntp", replay);
}

}  // namespace
}  // namespace gemel::nntp
