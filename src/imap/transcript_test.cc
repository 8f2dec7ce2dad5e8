// Whole conversations: tests/transcripts/imap/*.txt. GEMEL_REWRITE=1 writes what the server says
// into them; read the diff then.
//
//   # a comment
//   ! what happens beside the conversation: see Conversation::happen
//   C: a client's line; "A: C:" and "B: C:" where there are several
//   S: what the server answers
//
// A client's line is sent with CRLF, unless it ends in "<>"; <0xHH> is one byte. What clients say
// without a break is sent at once. After it, all clients are shown what the server tells them:
// those that it wakes, as the network's loop would.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "imap/test_world.h"

namespace gemel::imap {
namespace {

constexpr std::string_view kNoLineEnd = "<>";

struct Said {
  std::string who;  // "" where there is only one client
  bool by_client = false;
  std::string text;
};

/// `A: C: text`, or nothing for another kind of line.
std::optional<Said> parse_said(std::string_view line) {
  Said out;
  if (line.size() > 3 && line[0] >= 'A' && line[0] <= 'Z' && line.substr(1, 2) == ": " &&
      (line.substr(3).starts_with("C:") || line.substr(3).starts_with("S:"))) {
    out.who = line.substr(0, 1);
    line.remove_prefix(3);
  }
  if (!line.starts_with("C:") && !line.starts_with("S:")) return std::nullopt;
  out.by_client = line.front() == 'C';
  line.remove_prefix(std::min<size_t>(line.size(), 3));
  out.text = line;
  return out;
}

std::string decode(std::string_view text) {
  const bool has_end = !text.ends_with(kNoLineEnd);
  if (!has_end) text.remove_suffix(kNoLineEnd.size());
  std::string out;
  while (!text.empty()) {
    unsigned byte = 0;
    if (text.starts_with("<0x") && text.size() >= 6 && text[5] == '>' &&
        std::from_chars(text.data() + 3, text.data() + 5, byte, 16).ptr == text.data() + 5) {
      out += static_cast<char>(byte);
      text.remove_prefix(6);
      continue;
    }
    out += text.front();
    text.remove_prefix(1);
  }
  return has_end ? out + "\r\n" : out;
}

std::string encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte > 0x7e)
      out += fmt::format("<0x{:02x}>", byte);
    else
      out += c;
  }
  return out;
}

/// Plays the client's side of a transcript and writes it anew with the server's.
class Conversation {
 public:
  std::string play(const std::string& script) {
    std::istringstream lines(script);
    for (std::string line; std::getline(lines, line);) {
      const std::optional<Said> said = parse_said(line);
      if (said && !said->by_client) continue;
      if (!said || said->who != speaker_) settle();
      out_ += line + "\n";
      if (said) {
        speaker_ = said->who;
        pending_ += decode(said->text);
        speaks_ = true;
      } else if (line.starts_with("! ")) {
        happen(line.substr(2));
      }
    }
    settle();
    return out_;
  }

 private:
  Client& client(const std::string& who) {
    if (!clients_.contains(who)) connect(who, Client::Link::kLocal);
    return *clients_.at(who);
  }

  void connect(const std::string& who, Client::Link link) {
    clients_[who] = std::make_unique<Client>(world_, link);
    heard_[who] += clients_[who]->pump();
  }

  void settle() {
    if (std::exchange(speaks_, false)) {
      Client& speaking = client(speaker_);
      heard_[speaker_] += speaking.send(std::exchange(pending_, ""));
    }
    for (const auto& [who, listening] : clients_) heard_[who] += listening->hear();
    for (auto& [who, text] : heard_) write(who, std::exchange(text, ""));
  }

  void write(const std::string& who, std::string_view text) {
    const std::string prefix = who.empty() ? "S: " : who + ": S: ";
    while (!text.empty()) {
      const size_t end = std::min(text.find("\r\n"), text.size());
      out_ += prefix + encode(text.substr(0, end)) +
              (end == text.size() ? std::string(kNoLineEnd) : "") + "\n";
      text.remove_prefix(std::min(text.size(), end + 2));
    }
    if (who_closed_.contains(who) || !clients_.at(who)->is_closed()) return;
    who_closed_.insert(who);
    out_ += "# " + (who.empty() ? "the connection" : who + "'s connection") + " is closed\n";
  }

  void happen(const std::string& what) {
    std::istringstream words(what);
    std::string word;
    std::string who;
    words >> word >> who;
    if (who == "-") who = "";
    if (word == "remote") {
      connect(who, Client::Link::kRemote);  // not on this machine, no TLS
    } else if (word == "remote-tls") {
      connect(who, Client::Link::kRemoteWithTls);  // STARTTLS is offered
    } else if (word == "replica") {
      EXPECT_TRUE(world_.store().demote());
    } else if (word == "primary") {
      EXPECT_TRUE(world_.store().promote());
    } else if (word == "timeout") {
      client(who).session().timed_out();
      heard_[who] += client(who).pump();
    } else if (word == "stop") {
      client(who).session().shut_down();
      heard_[who] += client(who).pump();
    } else if (word == "end") {
      client(who).session().end_of_input();
      heard_[who] += client(who).pump();
    } else if (word == "user") {  // "! user carol"
      EXPECT_TRUE(world_.store().create_user(who, {}));
    } else if (word == "create") {  // "! create shared/Team"
      EXPECT_TRUE(world_.store().create({.name = MailboxName::parse(who).value()}));
    } else if (word == "restore") {  // "! restore alice/Old": a deleted mailbox
      restore(MailboxName::parse(who).value());
    } else if (word == "acl") {  // "! acl alice/INBOX bob lrs"
      set_acl(MailboxName::parse(who).value(), words);
    } else if (word == "messages") {  // "! messages 3 INBOX": of alice
      append(static_cast<size_t>(std::stoul(who)), words);
    } else if (word == "purge") {  // "! purge INBOX": no tombstone is kept
      const MailboxInfo mailbox = world_.store().find(MailboxName{"alice", who}).value();
      EXPECT_TRUE(world_.store().purge_expunged(mailbox.id, mailbox.highestmodseq));
    } else {
      ADD_FAILURE() << "what is \"! " << what << "\"?";
    }
  }

  void restore(const MailboxName& name) {
    const auto all = world_.store().mailboxes(name.owner, MailStore::Which::kDeletedToo).value();
    const auto at = std::ranges::find_if(all, [&](const MailboxInfo& mailbox) {
      return mailbox.is_deleted() && mailbox.name == name;
    });
    ASSERT_NE(at, all.end());
    EXPECT_TRUE(world_.store().restore(at->id, name));
  }

  void set_acl(const MailboxName& name, std::istringstream& words) {
    std::string identifier;
    std::string rights;
    words >> identifier >> rights;
    const MailboxInfo mailbox = world_.store().find(name).value();
    EXPECT_TRUE(world_.store().set_attributes(mailbox.id,
                                              {{std::string(kAttributeAcl) + identifier, rights}}));
  }

  void append(size_t count, std::istringstream& words) {
    std::string path;
    words >> path;
    const MailboxInfo mailbox = world_.store().find(MailboxName{"alice", path}).value();
    for (size_t i = 1; i <= count; ++i) {
      BodyWriter writer = world_.store().stage("default").value();
      EXPECT_TRUE(writer.append(plain_message(fmt::format("m{}", ++messages_))));
      std::vector<MailStore::Append> one;
      one.push_back({.mailbox = mailbox.id,
                     .body = writer.finish().value(),
                     .flags = {},
                     .internaldate_s = 1'699'254'000});
      EXPECT_TRUE(world_.store().append(std::move(one)));
    }
  }

  World world_;
  std::map<std::string, std::unique_ptr<Client>> clients_;
  std::map<std::string, std::string> heard_;
  std::set<std::string> who_closed_;
  std::string speaker_;
  std::string pending_;
  bool speaks_ = false;
  size_t messages_ = 0;
  std::string out_;
};

std::vector<std::filesystem::path> transcripts() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry :
       std::filesystem::directory_iterator(GEMEL_SOURCE_DIR "/tests/transcripts/imap"))
    if (entry.path().extension() == ".txt") out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

std::string without_notes_of_closing(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);)
    if (!line.ends_with("connection is closed")) out += line + "\n";
  return out;
}

class Transcript : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Transcript, IsWhatTheServerSays) {
  std::ifstream file(GetParam());
  std::ostringstream text;
  text << file.rdbuf();
  const std::string played = Conversation().play(without_notes_of_closing(text.str()));
  if (std::getenv("GEMEL_REWRITE") != nullptr) {
    std::ofstream(GetParam()) << played;
    return;
  }
  EXPECT_EQ(played, text.str());
}

std::string name_of_file(const testing::TestParamInfo<std::filesystem::path>& info) {
  return info.param.stem().string();
}

INSTANTIATE_TEST_SUITE_P(Imap, Transcript, testing::ValuesIn(transcripts()), name_of_file);

}  // namespace
}  // namespace gemel::imap
