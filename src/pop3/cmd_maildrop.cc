// The TRANSACTION and UPDATE states (RFC 1939 §5 to §7), CAPA (RFC 2449) and LANG (RFC 6856 §3).
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "mail/charset.h"
#include "mail/mime_header.h"
#include "pop3/reply.h"
#include "pop3/session.h"

namespace gemel::pop3 {
namespace {

constexpr uint64_t kHeaderPieceBytes = 16 << 10;

Result<void> check_no_argument(std::string_view argument) {
  if (argument.empty()) return {};
  return fail(Code::kSyntax, "this command takes no argument");
}

// RFC 4647 §3.4: what is asked for, then the same with its last parts left out.
bool is_english(std::string_view range) {
  const std::string lower = to_lower(range);
  return lower == "en" || lower.starts_with("en-") || lower == "i-default";
}

}  // namespace

Result<void> Session::cmd_capa(std::string_view argument) {
  TRY_OK(check_no_argument(argument));
  say("what this server can do");
  output_ += "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUTF8 USER\r\nLANG\r\n";
  // What is announced before the login is announced after it too (RFC 2449 §5), but for STLS.
  if (may_send_password()) output_ += "USER\r\n";
  output_ += fmt::format("SASL {}\r\n", login_.mechanisms(secrets()));
  if (env_.can_tls && !env_.is_tls && state_ == kAuthorization) output_ += "STLS\r\n";
  if (options_->login_delay_s > 0)
    output_ += fmt::format("LOGIN-DELAY {}\r\n", options_->login_delay_s);
  output_ += expire_line() + "IMPLEMENTATION Gemel\r\n.\r\n";
  return {};
}

// RFC 2449 §6.7. Before the login it is the least for all, and may be more or less for some.
std::string Session::expire_line() const {
  const std::string words = options_->expire_words(maildrop_ ? &maildrop_->name() : nullptr);
  if (words.empty()) return "";
  return fmt::format("EXPIRE {}{}\r\n", words, maildrop_ || words == "NEVER" ? "" : " USER");
}

Result<void> Session::cmd_lang(std::string_view argument) {
  if (argument.empty()) {
    say("the languages are");
    output_ += "en English\r\n.\r\n";
    return {};
  }
  if (argument != "*" && !is_english(argument)) return fail(Code::kNotFound, "only English (en)");
  say("en English it is");
  return {};
}

Result<void> Session::cmd_noop(std::string_view argument) {
  TRY_OK(check_no_argument(argument));
  say("nothing done");
  return {};
}

Result<void> Session::cmd_stat(std::string_view argument) {
  TRY_OK(check_no_argument(argument));
  say(fmt::format("{} {}", maildrop_->count(), maildrop_->octets()));
  return {};
}

Result<void> Session::cmd_list(std::string_view argument) {
  if (!argument.empty()) {
    TRY(const size_t number, maildrop_->number_of(argument));
    say(fmt::format("{} {}", number, maildrop_->message(number).octets));
    return {};
  }
  say(fmt::format("{} messages, {} octets", maildrop_->count(), maildrop_->octets()));
  const auto lines = [this](size_t first, size_t last) -> Result<std::string> {
    std::string out;
    for (size_t number = first; number <= last; ++number) {
      const Maildrop::Message& message = maildrop_->message(number);
      if (!message.is_deleted) out += fmt::format("{} {}\r\n", number, message.octets);
    }
    return out;
  };
  work_ = std::make_unique<ListingWork>(maildrop_->size(), lines);
  return {};
}

Result<void> Session::cmd_uidl(std::string_view argument) {
  if (!argument.empty()) {
    TRY(const size_t number, maildrop_->number_of(argument));
    TRY(const auto uidls, maildrop_->uidls(options_->store, number, number));
    say(fmt::format("{} {}", number, uidls.front().second));
    return {};
  }
  say("the unique ids are");
  const auto lines = [this](size_t first, size_t last) -> Result<std::string> {
    TRY(const auto uidls, maildrop_->uidls(options_->store, first, last));
    std::string out;
    for (const auto& [number, uidl] : uidls) out += fmt::format("{} {}\r\n", number, uidl);
    return out;
  };
  work_ = std::make_unique<ListingWork>(maildrop_->size(), lines);
  return {};
}

Result<void> Session::cmd_retr(std::string_view argument) {
  TRY(const size_t number, maildrop_->number_of(argument));
  TRY_OK(send_message(number, TopLines(TopLines::kAll),
                      fmt::format("{} octets", maildrop_->message(number).octets)));
  ++retrieved_;
  seen_.add(Uid(maildrop_->message(number).uid));
  if (seen_.size() >= options_->limits.seen_pending_max) flush_seen();
  return {};
}

Result<void> Session::cmd_top(std::string_view argument) {
  const size_t space = argument.find(' ');
  if (space == std::string_view::npos)
    return fail(Code::kSyntax, "TOP needs a message number and a number of lines");
  TRY(const size_t number, maildrop_->number_of(argument.substr(0, space)));
  const Result<uint64_t> lines = parse_number(argument.substr(space + 1));
  if (!lines) return fail(Code::kSyntax, "TOP needs a number of lines");
  return send_message(number, TopLines(std::min(*lines, TopLines::kAll - 1)), "the top is");
}

Result<void> Session::send_message(size_t number, TopLines top, std::string_view what) {
  TRY(Body body, maildrop_->body(options_->store, number));
  if (options_->utf8_headers == Utf8Headers::kRefuse && !is_utf8_) TRY_OK(check_utf8(body));
  say(what);
  work_ = std::make_unique<MessageWork>(std::move(body), top, options_->limits.output_piece_bytes);
  return {};
}

// Eight-bit text that is no UTF-8 is older than RFC 6532 and never was legal; it goes out as ever.
Result<void> Session::check_utf8(const Body& body) const {
  std::string read;
  size_t header = 0;
  do {
    // Twice as much each time, for what is there is looked at anew.
    TRY(const std::string more,
        body.read(read.size(), std::max<uint64_t>(kHeaderPieceBytes, read.size())));
    if (more.empty()) break;
    read += more;
    header = header_size(read);
  } while (header == read.size() && read.size() < kHeaderBytesMax);
  const std::string_view text = std::string_view(read).substr(0, header);
  const bool is_ascii = std::ranges::all_of(text, [](char c) { return (c & 0x80) == 0; });
  if (is_ascii || !is_utf8(text)) return {};
  return fail(Code::kUnsupported, "the header has UTF-8");
}

Result<void> Session::cmd_dele(std::string_view argument) {
  TRY(const size_t number, maildrop_->number_of(argument));
  // Said at once, while the client can still do something about it.
  if (options_->store.role() == Role::kReplica) return fail(Code::kReadOnly, "a replica");
  maildrop_->mark_deleted(number);
  say("marked; it goes at QUIT");
  return {};
}

Result<void> Session::cmd_rset(std::string_view argument) {
  TRY_OK(check_no_argument(argument));
  maildrop_->unmark_all();
  say(fmt::format("{} messages, {} octets", maildrop_->count(), maildrop_->octets()));
  return {};
}

Result<void> Session::cmd_quit(std::string_view argument) {
  TRY_OK(check_no_argument(argument));
  farewell_ = maildrop_ ? update() : Result<void>();
  return {};
}

Result<void> Session::update() {
  const UidSet deleted = maildrop_->deleted();
  const bool is_expunging = options_->on_delete == OnDelete::kExpunge;
  if (is_expunging) seen_ = seen_ - deleted;
  flush_seen();
  if (!deleted.empty() && is_expunging) TRY_OK(options_->store.expunge(maildrop_->id(), deleted));
  if (!deleted.empty() && !is_expunging) {
    FlagNames hidden;
    TRY_OK(hidden.add(kHiddenKeyword));
    TRY_OK(options_->store.store_flags(maildrop_->id(), deleted, FlagOp::kAdd, hidden));
  }
  log::info("pop3 done user={} retrieved={} deleted={}", maildrop_->owner(), retrieved_,
            deleted.size());
  return {};
}

// That a message was retrieved is not worth an error: the client has it.
void Session::flush_seen() {
  const UidSet uids = std::exchange(seen_, UidSet());
  if (uids.empty() || options_->store.role() == Role::kReplica) return;
  FlagNames seen;
  seen.add(SystemFlag::kSeen);
  const auto stored = options_->store.store_flags(maildrop_->id(), uids, FlagOp::kAdd, seen);
  if (!stored)
    log::warn("pop3 user={} not marked \\Seen: {}", maildrop_->owner(), stored.error().text);
}

}  // namespace gemel::pop3
