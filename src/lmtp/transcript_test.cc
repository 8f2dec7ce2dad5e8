// Whole LMTP conversations, from tests/transcripts/lmtp/*.txt. GEMEL_REWRITE=1 writes what was said
// into the files; then read the diff.
//
//   # words          a comment
//   C: line          sent with CRLF; lines that follow each other are sent at once (pipelined)
//   C= text          the same without CRLF; \r \n \0 and \xHH are escapes
//   S: line          what came back
//   O: permanent-quota | login | login-required | allow NETWORK | no-duplicates   before the first
//      C: what this server is told; the login is mta with the password secret
//   E: timeout | end-of-input | shutdown | replica | primary | disk-full | disk-ok | forget NAME |
//      tls | quota USER BYTES | alias NAME: TARGET | script USER TEXT (with escapes)
//   X: number of messages in the outbox, and below it their envelopes
//   M: NAME          the number of messages in a mailbox, and below it the newest one's text
//   | line
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/bytes.h"
#include "delivery/test_world.h"
#include "lmtp/session.h"
#include "store/sieve_scripts.h"

namespace gemel::lmtp {
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
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c;
    }
  }
  return out;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f)
      out += c;
    else
      out += fmt::format("\\x{:02x}", byte);
  }
  return out;
}

// mta, whose password is secret.
class OneLogin final : public wire::CredentialSource {
 public:
  Result<wire::ScramCredential> scram(std::string_view userid) override {
    if (userid != "mta") return fail(Code::kNotFound, "");
    return wire::make_scram_credential("secret", wire::kScramIterationsMin, random_);
  }
  Result<void> check_password(std::string_view userid, std::string_view password) override {
    if (userid != "mta" || password != "secret") return fail(Code::kAuthFailed, "");
    return {};
  }

 private:
  SeededRandom random_{2};
};

// A store with two users, and one connection to it.
class Conversation {
 public:
  Conversation(size_t piece_bytes, const std::vector<std::string>& settings)
      : piece_bytes_(piece_bytes) {
    for (const std::string& setting : settings) set(setting);
    session_ = std::make_unique<Session>(
        Services{*world_.store, world_.clock, world_.random, *world_.deliverer}, options_,
        wire::SessionEnv{.peer_address = "192.0.2.7", .can_tls = true});
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
    if (event == "disk-full") world_.engines.fail_writes(Code::kNoSpace);
    if (event == "disk-ok") world_.engines.fail_writes(std::nullopt);
    if (event.starts_with("forget ")) {
      const auto name = MailboxName::parse(event.substr(7));
      EXPECT_TRUE(world_.store->remove(world_.store->find(*name)->id));
    }
    if (event == "tls") {
      EXPECT_EQ(session_->want(), wire::Want::kTls);
      session_->tls_started();
    }
    if (event.starts_with("quota ")) {
      const size_t space = event.find(' ', 6);
      EXPECT_TRUE(world_.store->put_user_items(
          event.substr(6, space - 6), {{"quota/storage", std::string(event.substr(space + 1))}}));
    }
    if (event.starts_with("alias ")) world_.aliases.set(*delivery::Aliases::parse(event.substr(6)));
    if (event.starts_with("script ")) {
      const size_t space = event.find(' ', 7);
      SieveScripts scripts(*world_.store, std::string(event.substr(7, space - 7)));
      EXPECT_TRUE(scripts.put("main", unescape(event.substr(space + 1)), world_.clock.unix_s()));
      EXPECT_TRUE(scripts.activate("main", world_.clock.unix_s()));
    }
    return settle();
  }

  std::string outbox() {
    const std::vector<Outbox::Entry> entries = world_.outbox->entries().value();
    std::string out = fmt::format("X: {}\n", entries.size());
    for (const Outbox::Entry& entry : entries) {
      const OutboxEnvelope envelope = world_.outbox->open(entry.uid)->envelope;
      out += fmt::format("| <{}> to <{}>\n", envelope.sender, envelope.recipient);
    }
    return out;
  }

  std::string mailbox(std::string_view text) {
    const Result<MailboxInfo> info = world_.store->find(*MailboxName::parse(text));
    if (!info) return "M: " + std::string(text) + " is not there\n";
    std::string out = fmt::format("M: {} {}\n", text, info->exists);
    if (info->exists == 0) return out;
    const MailboxView view = *world_.store->view(info->id);
    const std::string body = *view.body(view.record(info->last_uid)->facts.guid)->read_all();
    for (size_t at = 0; at < body.size();) {
      const size_t end = std::min(body.find("\r\n", at), body.size());
      const std::string line = escape(std::string_view(body).substr(at, end - at));
      out += line.empty() ? "|\n" : "| " + line + "\n";
      at = end + 2;
    }
    return out;
  }

 private:
  void set(std::string_view setting) {
    if (setting == "permanent-quota") options_.over_quota = Options::OverQuota::kPermanent;
    if (setting.starts_with("login")) options_.credentials = &credentials_;
    if (setting == "login-required") options_.auth = Options::Auth::kRequired;
    if (setting.starts_with("allow "))
      options_.allow.push_back(NetworkRange::parse(setting.substr(6)).value());
    if (setting == "no-duplicates")
      world_.make_deliverer({.hostname = "mx.example.org", .duplicates_s = 0});
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
  delivery::TestWorld world_;
  OneLogin credentials_;
  Options options_{.hostname = "mx.example.org",
                   .message_bytes_max = 1000,
                   .recipients_max = 3,
                   .line_bytes_max = 100,
                   .bad_commands_max = 3};
  std::unique_ptr<Session> session_;
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

std::vector<std::string> settings_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("O: ")) out.push_back(line.substr(3));
  return out;
}

// The transcript as it is when its client's lines and events happen now.
std::string replay(const std::string& text, size_t piece_bytes) {
  Conversation conversation(piece_bytes, settings_of(text));
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
    if (line.starts_with("O: ")) {
      out += line + "\n";
      continue;
    }
    const bool is_said = line.starts_with("S:") || line.starts_with('|');
    if (line.starts_with("C: ") && !started) flush();
    if (line == "C:" || line.starts_with("C: "))
      unsent += line.substr(std::min<size_t>(line.size(), 3)) + "\r\n";
    else if (line.starts_with("C= "))
      unsent += unescape(line.substr(3));
    else if (!line.starts_with('#') || started)
      flush();
    if (is_said) continue;
    if (line.starts_with("M: ")) {
      const std::string name = line.substr(3);
      out += conversation.mailbox(name.substr(0, name.find(' ')));
      continue;
    }
    if (line.starts_with("X:")) {
      out += conversation.outbox();
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
       std::filesystem::directory_iterator(GEMEL_SOURCE_DIR "/tests/transcripts/lmtp"))
    out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

TEST(Lmtp, Transcripts) {
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

TEST(Lmtp, SaysTheSameWhereverTheBytesAreCut) {
  for (const auto& path : transcripts()) {
    SCOPED_TRACE(path.filename());
    const std::string written = contents(path);
    for (const size_t piece_bytes : {1, 2, 3, 7})
      EXPECT_EQ(replay(written, piece_bytes), replay(written, 1 << 16)) << piece_bytes;
  }
}

}  // namespace
}  // namespace gemel::lmtp
