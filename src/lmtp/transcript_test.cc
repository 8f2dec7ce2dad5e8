// Whole LMTP conversations, from tests/transcripts/lmtp/*.txt, as base/test_transcript.h has them.
//
//   O: permanent-quota | login | login-required | allow NETWORK | no-duplicates   the login is mta
//      with the password secret
//   E: timeout | end-of-input | shutdown | replica | primary | disk-full | disk-ok | forget NAME |
//      tls | quota USER BYTES | alias NAME: TARGET | script USER TEXT (with escapes)
//   X: number of messages in the outbox, and below it their envelopes
//   M: NAME          the number of messages in a mailbox, and below it the newest one's text
//   | line
#include <fmt/format.h>

#include <sstream>

#include "base/test_transcript.h"
#include "delivery/test_world.h"
#include "lmtp/session.h"
#include "store/sieve_scripts.h"
#include "wire/test_line.h"

namespace gemel::lmtp {
namespace {

// mta, whose password is secret.
class OneLogin final : public wire::CredentialSource {
 public:
  Result<void> check_user(std::string_view userid) override {
    if (userid != "mta") return fail(Code::kAuthFailed, "");
    return {};
  }
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
  Conversation(size_t piece_bytes, const std::vector<std::string>& settings) : line_(piece_bytes) {
    for (const std::string& setting : settings) set(setting);
    line_.connect(std::make_unique<Session>(
        Services{*world_.store, world_.clock, world_.random, *world_.deliverer}, options_,
        wire::SessionEnv{.peer_address = "192.0.2.7", .can_tls = true}));
  }

  std::string other(const std::string& text) {
    const std::string words = text.substr(std::min<size_t>(text.size(), 3));
    if (text.starts_with('|')) return "";  // comes with what is above it
    if (text.starts_with("X:")) return outbox();
    if (text.starts_with("M: ")) return mailbox(words.substr(0, words.find(' ')));
    std::string out = text + "\n";
    if (text.starts_with("E: ")) out += transcript_lines("S:", event(words));
    return out;
  }

  wire::TestLine& line() { return line_; }

 private:
  std::string event(std::string_view event) {
    line_.happen(event);
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
    if (event.starts_with("quota ")) {
      const size_t space = event.find(' ', 6);
      EXPECT_TRUE(world_.store->put_user_items(
          event.substr(6, space - 6), {{"quota/storage", std::string(event.substr(space + 1))}}));
    }
    if (event.starts_with("alias ")) world_.aliases.set(*delivery::Aliases::parse(event.substr(6)));
    if (event.starts_with("script ")) {
      const size_t space = event.find(' ', 7);
      SieveScripts scripts(*world_.store, std::string(event.substr(7, space - 7)));
      EXPECT_TRUE(
          scripts.put("main", unescape_transcript(event.substr(space + 1)), world_.clock.unix_s()));
      EXPECT_TRUE(scripts.activate("main", world_.clock.unix_s()));
    }
    return line_.settle();
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
    return out + transcript_lines("|", body);
  }

  void set(std::string_view setting) {
    if (setting == "permanent-quota") options_.over_quota = Options::OverQuota::kPermanent;
    if (setting.starts_with("login")) options_.credentials = &credentials_;
    if (setting == "login-required") options_.auth = Options::Auth::kRequired;
    if (setting.starts_with("allow "))
      options_.allow.push_back(NetworkRange::parse(setting.substr(6)).value());
    if (setting == "no-duplicates")
      world_.make_deliverer({.hostname = "mx.example.org", .duplicates_s = 0});
  }

  delivery::TestWorld world_;
  OneLogin credentials_;
  Options options_{.hostname = "mx.example.org",
                   .message_bytes_max = 1000,
                   .recipients_max = 3,
                   .line_bytes_max = 100,
                   .bad_commands_max = 3};
  wire::TestLine line_;  // last: its session uses the others
};

std::vector<std::string> settings_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("O: ")) out.push_back(line.substr(3));
  return out;
}

std::string replay(const std::string& text, size_t piece_bytes) {
  Conversation conversation(piece_bytes, settings_of(text));
  return replay_transcript(
      text, {.start = [&] { return conversation.line().settle(); },
             .send = [&](std::string_view bytes) { return conversation.line().send(bytes); },
             .other = [&](const std::string& line) { return conversation.other(line); }});
}

TEST(Lmtp, SaysWhatItsTranscriptsSayWhereverTheBytesAreCut) {
  expect_transcripts(GEMEL_SOURCE_DIR "/tests/transcripts/lmtp", replay);
}

}  // namespace
}  // namespace gemel::lmtp
