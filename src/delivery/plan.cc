#include "delivery/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "delivery/notice.h"
#include "delivery/reason_lines.h"
#include "mail/charset.h"
#include "store/sieve_scripts.h"

namespace gemel::delivery {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr int64_t kMistakeToldS = 86'400;

Error no_outbox() { return {Code::kUnavailable, "no mail leaves this server"}; }

}  // namespace

// One user, as one recipient's address leads there.
struct Planner::ForUser {
  const LetterRecipient& recipient;
  const LocalRecipient& user;
  Unit& unit;
  // The address without detail: who it is that sends on and answers.
  std::string address;
  bool has_sent_on_before = false;  // the message has been through this address
  size_t action = 0;                // of the script's, counted
};

struct Planner::ToSend {
  OutboxEnvelope envelope;
  std::string loop_mark;  // goes into X-Loop; empty: none
  sieve::EditedMessage message;
  std::optional<Remembrance> once;
};

Planner::Planner(const Services& services, const Options& options, const Letter& letter)
    : services_(services),
      options_(options),
      letter_(letter),
      message_(letter.body),
      now_s_(services.clock.unix_s()) {}

Result<void> Planner::start() {
  TRY(const std::string_view header, message_.header());
  facts_ = facts_of(header);
  return {};
}

size_t Planner::unit_of(const std::string& name) {
  const auto [at, is_new] = unit_by_name_.emplace(name, units.size());
  if (is_new) units.push_back({.name = name});
  return at->second;
}

void Planner::plan(size_t recipient) {
  const LetterRecipient& addressed = letter_.recipients[recipient];
  for (const LocalRecipient& user : addressed.means.users)
    plan_share(recipient, user.userid,
               [&](Unit& unit) { return plan_user(addressed, user, unit); });
  for (const std::string& address : addressed.means.forwards)
    plan_share(recipient, "to " + address, [&](Unit& unit) -> Result<Verdict> {
      TRY_OK(plan_forward(addressed, address, unit));
      return Verdict();
    });
}

// What fails leaves no half of it behind: the sender comes again with all of it.
void Planner::plan_share(size_t recipient, const std::string& name,
                         const std::function<Result<Verdict>(Unit&)>& plan) {
  const size_t index = unit_of(name);
  Unit& unit = units[index];
  const size_t filings_before = unit.filings.size();
  const auto filed_before = unit.filed;
  const Result<Verdict> verdict = plan(unit);
  if (!verdict) {
    unit.filings.resize(filings_before);
    unit.filed = filed_before;
  }
  shares.push_back(
      {recipient, index, verdict ? *verdict : Verdict{Verdict::Kind::kFailed, verdict.error()}});
}

Result<Verdict> Planner::plan_user(const LetterRecipient& recipient, const LocalRecipient& user,
                                   Unit& unit) {
  ForUser who{.recipient = recipient,
              .user = user,
              .unit = unit,
              .address = address_without_detail(options_.rules, recipient.parsed)};
  who.has_sent_on_before =
      std::ranges::find(facts_.loops, to_lower(who.address)) != facts_.loops.end();
  TRY(const std::optional<SieveScripts::Script> active,
      SieveScripts(services_.store, user.userid).active());
  if (!active) {
    TRY_OK(keep(who, {}, nullptr));
    return Verdict();
  }
  const ScriptLibrary::Compiled compiled = services_.scripts.compile(active->text);
  if (!compiled->script) {
    TRY_OK(keep(who, {}, nullptr));
    TRY_OK(tell_of_mistake(who, active->name, sieve::text_of(compiled->errors)));
    return Verdict();
  }
  return run_script(who, *compiled->script, active->name);
}

// --- an address elsewhere ---

Result<Verdict> Planner::plan_forward(const LetterRecipient& recipient, const std::string& address,
                                      Unit& unit) {
  const std::string mark = to_lower(recipient.address);
  // It was sent on from here and has come back; it must not go round for ever.
  if (std::ranges::find(facts_.loops, mark) != facts_.loops.end())
    return Verdict{.kind = Verdict::Kind::kLoops};
  TRY_OK(send_on({.envelope = {.sender = letter_.return_path,
                               .recipient = address,
                               .failure = OutboxEnvelope::Failure::kReturn},
                  .loop_mark = mark,
                  .message = nullptr,
                  .once = once_for(std::string(kOutboxUserId), "to " + address)},
                 unit));
  return Verdict();
}

Result<void> Planner::send_on(const ToSend& mail, Unit& unit) {
  if (services_.outbox == nullptr) return std::unexpected(no_outbox());
  TRY(BodyWriter writer, services_.outbox->stage(mail.envelope));
  if (!mail.loop_mark.empty()) TRY_OK(writer.append("X-Loop: " + mail.loop_mark + "\r\n"));
  TRY_OK(copy_message(writer, mail.message));
  TRY(StagedBody body, writer.finish());
  TRY(MailStore::Append entry, services_.outbox->entry(std::move(body), now_s_));
  unit.filings.push_back({.append = std::move(entry), .once = mail.once});
  return {};
}

// As it leaves: without the Return-Path that was put before it here (RFC 5321 §4.4).
Result<void> Planner::copy_message(BodyWriter& writer, const sieve::EditedMessage& message) {
  if (message) return writer.append(std::string_view(*message).substr(return_path_size(*message)));
  TRY(const std::string_view header, message_.header());
  for (uint64_t at = return_path_size(header); at < message_.size(); at += kPieceBytes) {
    TRY(const std::string piece, message_.body().read(at, kPieceBytes));
    TRY_OK(writer.append(piece));
  }
  return {};
}

// A message without an id can't be told from another (RFC 5322 §3.6.4: it should have one).
std::optional<Remembrance> Planner::once_for(const std::string& userid,
                                             const std::string& what) const {
  if (options_.duplicates_s == 0 || facts_.message_id.empty()) return std::nullopt;
  return Remembrance{
      .userid = userid,
      .kind = MemoryKind::kDuplicate,
      .token = fmt::format("{}\n{}\n{}", facts_.message_id, letter_.return_path, what),
      .until_s = now_s_ + options_.duplicates_s};
}

// --- a user ---

Result<StagedBody> Planner::staged(const sieve::EditedMessage& message,
                                   const std::string& partition) {
  if (!message) return message_.body();
  TRY(BodyWriter writer, services_.store.stage(partition));
  TRY_OK(writer.append(*message));
  return writer.finish();
}

void Planner::file(const ForUser& user, const MailboxInfo& mailbox, StagedBody body,
                   const FlagNames& flags) {
  if (!user.unit.filed.emplace(mailbox.id, body.guid()).second) return;
  user.unit.filings.push_back({.append = MailStore::Append{.mailbox = mailbox.id,
                                                           .body = std::move(body),
                                                           .flags = flags,
                                                           .internaldate_s = now_s_},
                               .once = once_for(user.user.userid, mailbox.id.text()),
                               .quota = user.recipient.quota});
}

Result<void> Planner::keep(const ForUser& user, const FlagNames& flags,
                           const sieve::EditedMessage& message) {
  TRY(StagedBody body, staged(message, user.user.partition));
  MailboxInfo mailbox;
  mailbox.id = user.user.mailbox;
  file(user, mailbox, std::move(body), flags);
  return {};
}

Result<void> Planner::file_into(const ForUser& user, SieveEnvironment& environment,
                                const sieve::FileInto& fileinto) {
  TRY(const std::optional<MailboxInfo> mailbox, environment.target_of(fileinto));
  if (!mailbox) return keep(user, fileinto.flags, fileinto.message);
  TRY(StagedBody body, staged(fileinto.message, mailbox->partition));
  file(user, *mailbox, std::move(body), fileinto.flags);
  return {};
}

Result<void> Planner::redirect(const ForUser& user, const sieve::Redirect& action) {
  if (services_.outbox == nullptr || user.has_sent_on_before) {
    log::warn("sieve id={} user={} redirect became keep reason={}", letter_.id, user.user.userid,
              user.has_sent_on_before ? "loop" : "no-outgoing");
    return keep(user, {}, action.message);
  }
  return send_on({.envelope = {.sender = letter_.return_path,
                               .recipient = action.address,
                               .failure = OutboxEnvelope::Failure::kFile,
                               .owner = user.user.userid},
                  .loop_mark = to_lower(user.address),
                  .message = action.message,
                  .once = once_for(user.user.userid, "to " + action.address)},
                 user.unit);
}

// RFC 5429 §2.1: refused where the sender's server can still be told. A reason that the reply can't
// carry goes by mail (§2.2), but never for ereject (§2.1.1).
Result<Verdict> Planner::reject(const ForUser& user, const sieve::Reject& action) {
  const bool fits = is_ascii(action.reason) || letter_.charset == AddressCharset::kUtf8;
  const bool is_whole = fits && reason_lines(action.reason).size() <= kReasonLinesMax;
  if (!is_whole && action.kind == sieve::Reject::Kind::kReject && action.notice &&
      services_.outbox != nullptr) {
    TRY_OK(send(user, *action.notice, once_for(user.user.userid, "reject")));
    return Verdict();
  }
  return Verdict{Verdict::Kind::kRefused,
                 {Code::kDenied, fits ? action.reason : "the recipient refuses this message"}};
}

Result<void> Planner::send(const ForUser& user, const sieve::OutgoingMail& mail,
                           std::optional<Remembrance> once) {
  if (services_.outbox == nullptr) {
    log::warn("sieve id={} user={} mail not sent reason=no-outgoing", letter_.id, user.user.userid);
    return {};
  }
  for (const std::string& recipient : mail.envelope_to) {
    TRY(BodyWriter writer,
        services_.outbox->stage({.sender = mail.envelope_from, .recipient = recipient}));
    TRY_OK(writer.append(mail.bytes));
    TRY(StagedBody body, writer.finish());
    TRY(MailStore::Append entry, services_.outbox->entry(std::move(body), now_s_));
    user.unit.filings.push_back({.append = std::move(entry), .once = once});
    if (once) once->token += "\nnext";  // the same mark would leave out all but the first
  }
  return {};
}

// In the transaction that files the message, once a day for each script.
Result<void> Planner::tell_of_mistake(const ForUser& user, const std::string& script,
                                      const std::string& what) {
  log::warn("sieve failed id={} user={} script=\"{}\" text=\"{}\"", letter_.id, user.user.userid,
            script, first_of_line(what.substr(0, what.find('\r'))));
  TRY(const MailboxInfo inbox,
      services_.store.find(MailboxName{.owner = user.user.userid, .path = "INBOX"}));
  const std::string bytes = script_notice({.hostname = options_.hostname,
                                           .to = user.address,
                                           .script = script,
                                           .mistakes = what,
                                           .id = letter_.id,
                                           .now_s = now_s_});
  TRY(BodyWriter writer, services_.store.stage(inbox.partition));
  TRY_OK(writer.append(bytes));
  TRY(StagedBody body, writer.finish());
  user.unit.filings.push_back(
      {.append =
           MailStore::Append{
               .mailbox = inbox.id, .body = std::move(body), .flags = {}, .internaldate_s = now_s_},
       .once = Remembrance{.userid = user.user.userid,
                           .kind = MemoryKind::kDuplicate,
                           .token = "script failed\n" + script,
                           .until_s = now_s_ + kMistakeToldS},
       .quota = user.recipient.quota});
  return {};
}

// --- a script ---

sieve::Delivery Planner::delivery_of(const ForUser& user, const std::string& script) {
  sieve::Delivery out;
  out.script_name = script;
  out.envelope = {.from = letter_.return_path, .to = user.recipient.address};
  out.user_addresses = {user.address};
  if (user.user.userid.contains('@') && user.user.userid != user.address)
    out.user_addresses.push_back(user.user.userid);
  out.now_s = now_s_;
  out.local_zone_minutes = options_.local_zone_minutes;
  out.hostname = options_.hostname;
  const size_t dot = options_.hostname.find('.');
  out.domain = user.recipient.parsed.domain.empty()
                   ? options_.hostname.substr(dot == std::string::npos ? 0 : dot + 1)
                   : user.recipient.parsed.domain;
  out.remote_host = letter_.client_name;
  out.remote_ip = letter_.peer_address;
  out.unique = fmt::format("{}.{}", letter_.id, ++runs_);
  out.detail_separator = options_.rules.detail_separator;
  out.spamtest = options_.spamtest;
  out.virustest = options_.virustest;
  out.limits = options_.limits;
  return out;
}

Result<Verdict> Planner::run_script(ForUser& user, const sieve::Script& script,
                                    const std::string& name) {
  SieveEnvironment environment({.store = services_.store,
                                .access = services_.access,
                                .scripts = services_.scripts,
                                .now_s = now_s_},
                               user.user.userid);
  const sieve::Outcome outcome =
      sieve::execute(script, message_, delivery_of(user, name), environment);
  Verdict verdict;
  for (const sieve::Action& action : outcome.actions) {
    ++user.action;
    TRY(const Verdict given, act(user, environment, action));
    if (given.kind != Verdict::Kind::kAccepted) verdict = given;
    log::info("sieve id={} user={} action=\"{}\"", letter_.id, user.user.userid,
              sieve::text_of(action));
  }
  for (const sieve::Tracked& tracked : outcome.tracked)
    user.unit.filings.push_back({.once = remembrance_of(user.user.userid, tracked)});
  if (outcome.error) {
    const sieve::RuntimeError& error = *outcome.error;
    TRY_OK(tell_of_mistake(user, error.script.empty() ? name : error.script,
                           sieve::text_of(std::vector{sieve::Remark{error.position, error.text}})));
  }
  return verdict;
}

Result<Verdict> Planner::act(const ForUser& user, SieveEnvironment& environment,
                             const sieve::Action& action) {
  if (const auto* kept = std::get_if<sieve::Keep>(&action)) {
    TRY_OK(keep(user, kept->flags, kept->message));
  } else if (const auto* filed = std::get_if<sieve::FileInto>(&action)) {
    TRY_OK(file_into(user, environment, *filed));
  } else if (const auto* redirected = std::get_if<sieve::Redirect>(&action)) {
    TRY_OK(redirect(user, *redirected));
  } else if (const auto* rejected = std::get_if<sieve::Reject>(&action)) {
    return reject(user, *rejected);
  } else if (const auto* vacation = std::get_if<sieve::Vacation>(&action)) {
    std::optional<Remembrance> once;
    if (vacation->sent) once = remembrance_of(user.user.userid, *vacation->sent);
    TRY_OK(send(user, vacation->reply, std::move(once)));
    if (vacation->fcc) TRY_OK(file_into(user, environment, *vacation->fcc));
  } else if (const auto* notify = std::get_if<sieve::Notify>(&action)) {
    TRY_OK(send(user, notify->mail,
                once_for(user.user.userid, fmt::format("notify {}", user.action))));
    if (notify->fcc) TRY_OK(file_into(user, environment, *notify->fcc));
  }
  return Verdict();
}

}  // namespace gemel::delivery
