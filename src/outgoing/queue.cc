#include "outgoing/queue.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "mail/mime_header.h"
#include "outgoing/status_notice.h"

namespace gemel::outgoing {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr size_t kReasonBytesMax = 200;
// What a server said may be anything; it goes into a header and a log.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kReasonBytesMax)) out += c >= ' ' && c <= '~' ? c : '?';
  return out;
}

// Longer than anything waits, so that what was done is known when its entry still stands.
constexpr int64_t kRememberedS = 90 * 86'400;

}  // namespace

int64_t Queue::back_off_ms(int attempts) {
  return std::min(kRetryMsMin << std::min(attempts - 1, 10), kRetryMsMax);
}

std::vector<Outbox::Entry> Queue::waiting() {
  if (store_.role() != Role::kPrimary) return {};
  Result<std::vector<Outbox::Entry>> entries = outbox_.entries();
  if (entries) return *std::move(entries);
  log::warn("outbox can't be read: {}", entries.error().text);
  return {};
}

std::optional<int64_t> Queue::due_in_ms() {
  const std::vector<Outbox::Entry> entries = waiting();
  const int64_t now_ms = clock_.monotonic_ms();
  const std::scoped_lock lock(mutex_);
  std::optional<int64_t> first;
  for (const Outbox::Entry& entry : entries) {
    const auto known = attempts_.find(entry.uid);
    if (known != attempts_.end() && known->second.is_under_way) continue;
    const int64_t at = known == attempts_.end() ? now_ms : known->second.next_ms;
    first = std::min(first.value_or(at), at);
  }
  if (!first) return std::nullopt;
  return std::max<int64_t>(0, std::max(*first, unreachable_until_ms_) - now_ms);
}

bool Queue::is_due(Uid uid, int64_t now_ms) {
  const auto known = attempts_.find(uid);
  if (known == attempts_.end()) return true;
  return !known->second.is_under_way && known->second.next_ms <= now_ms;
}

// One look gives many: to look anew for each would cost the square of what waits.
std::optional<Feed::Item> Queue::next() {
  const int64_t now_ms = clock_.monotonic_ms();
  const std::scoped_lock lock(mutex_);
  unreachable_count_ = 0;  // who asks for mail can be reached
  if (looked_at_.empty()) {
    const std::vector<Outbox::Entry> entries = waiting();
    looked_at_.assign(entries.begin(), entries.end());
  }
  while (!looked_at_.empty()) {
    const Outbox::Entry entry = looked_at_.front();
    looked_at_.pop_front();
    if (store_.role() != Role::kPrimary || !is_due(entry.uid, now_ms)) continue;
    Result<Outbox::Mail> mail = outbox_.open(entry.uid);
    if (mail) {
      attempts_[entry.uid].is_under_way = true;
      return Item{entry.uid, entry.queued_s, *std::move(mail)};
    }
    if (mail.error().code == Code::kNotFound) continue;  // it has left meanwhile
    log::error("outbox entry uid={} can't be read: {}", entry.uid.value, mail.error().text);
    attempts_[entry.uid].next_ms = now_ms + kRetryMsMax;
  }
  return std::nullopt;
}

void Queue::done(const Item& item, const Outcome& outcome) {
  const std::string text = one_line(outcome.text);
  const OutboxEnvelope& envelope = item.mail.envelope;
  if (outcome.kind == Outcome::Kind::kSent) {
    log::info("outgoing sent uid={} from=<{}> to=<{}> reply=\"{}\"", item.uid.value,
              envelope.sender, envelope.recipient, text);
    return finish(item);
  }
  const int64_t age_s = clock_.unix_s() - item.queued_s;
  if (outcome.kind == Outcome::Kind::kLater && age_s < options_.give_up_s)
    return try_later(item, text);
  log::warn("outgoing given up uid={} from=<{}> to=<{}> reply=\"{}\"", item.uid.value,
            envelope.sender, envelope.recipient, text);
  if (const Result<void> given_up = give_up(item, {outcome.kind, text}); !given_up)
    return try_later(item, given_up.error().text);
  finish(item);
}

void Queue::finish(const Item& item) {
  if (const Result<void> removed = outbox_.remove(item.uid); !removed) {
    log::error("outbox entry uid={} stays: {}", item.uid.value, removed.error().text);
    return try_later(item, removed.error().text);
  }
  const std::scoped_lock lock(mutex_);
  attempts_.erase(item.uid);
}

void Queue::try_later(const Item& item, const std::string& text) {
  const std::scoped_lock lock(mutex_);
  Attempts& attempts = attempts_[item.uid];
  attempts.is_under_way = false;
  const int64_t wait_ms = back_off_ms(++attempts.count);
  attempts.next_ms = clock_.monotonic_ms() + wait_ms;
  log::warn("outgoing later uid={} to=<{}> attempt={} retry_s={} reply=\"{}\"", item.uid.value,
            item.mail.envelope.recipient, attempts.count, wait_ms / 1000, text);
}

void Queue::unreachable(std::string_view why) {
  const std::scoped_lock lock(mutex_);
  const int64_t wait_ms = back_off_ms(++unreachable_count_) / 4;
  unreachable_until_ms_ = clock_.monotonic_ms() + wait_ms;
  log::warn("outgoing unreachable retry_s={} reason=\"{}\"", wait_ms / 1000, one_line(why));
}

void Queue::tidy() {
  if (store_.role() != Role::kPrimary) return;
  if (const Result<void> done = outbox_.tidy(); !done)
    log::warn("outbox not tidied: {}", done.error().text);
}

// --- what can't be sent ---

Result<void> Queue::give_up(const Item& item, const Outcome& outcome) {
  using Failure = OutboxEnvelope::Failure;
  const OutboxEnvelope& envelope = item.mail.envelope;
  // Nobody is told of what was told to nobody (RFC 5321 §6.1).
  if (envelope.failure == Failure::kReturn && !envelope.sender.empty())
    return return_to_sender(item, outcome);
  if (envelope.failure != Failure::kFile) return {};
  const Result<void> filed = file_for_owner(item, outcome.text);
  if (filed || filed.error().code != Code::kNotFound) return filed;
  log::warn("outgoing dropped uid={} user={} reason=no-such-user", item.uid.value, envelope.owner);
  return {};
}

Result<void> Queue::return_to_sender(const Item& item, const Outcome& outcome) {
  using Ending = StatusNotice::Ending;
  const OutboxEnvelope& envelope = item.mail.envelope;
  TRY(const std::string start, item.mail.body.read(item.mail.message_at, kReturnedHeaderBytesMax));
  const std::string notice = status_notice(
      {.hostname = options_.hostname,
       .sender = envelope.sender,
       .recipient = envelope.recipient,
       .ending = outcome.kind == Outcome::Kind::kRefused ? Ending::kRefused : Ending::kTimeIsOver,
       .reason = outcome.text,
       .header = start.substr(0, header_size(start)),
       .id = item.mail.guid.text().substr(0, 16),
       .now_s = clock_.unix_s()});
  TRY(BodyWriter writer, outbox_.stage({.sender = "", .recipient = envelope.sender}));
  TRY_OK(writer.append(notice));
  TRY(StagedBody staged, writer.finish());
  TRY(MailStore::Append entry, outbox_.entry(std::move(staged), clock_.unix_s()));
  std::vector<MailStore::Filing> filings;
  filings.push_back({.append = std::move(entry),
                     .once = Remembrance{.userid = std::string(kOutboxUserId),
                                         .token = fmt::format("returned {}", item.uid.value),
                                         .until_s = clock_.unix_s() + kRememberedS}});
  TRY_OK(store_.deliver(std::move(filings)));
  return {};
}

Result<void> Queue::file_for_owner(const Item& item, const std::string& text) {
  const OutboxEnvelope& envelope = item.mail.envelope;
  TRY(const MailboxInfo inbox, store_.find(MailboxName{.owner = envelope.owner, .path = "INBOX"}));
  TRY(BodyWriter writer, store_.stage(inbox.partition));
  TRY_OK(writer.append(fmt::format("X-Redirect-Failed: <{}> {}\r\n", envelope.recipient, text)));
  for (uint64_t at = item.mail.message_at; at < item.mail.body.size(); at += kPieceBytes) {
    TRY(const std::string piece, item.mail.body.read(at, kPieceBytes));
    TRY_OK(writer.append(piece));
  }
  TRY(StagedBody staged, writer.finish());
  std::vector<MailStore::Filing> filings;
  // The user has waited long enough: the quota does not keep it out.
  filings.push_back({.append = MailStore::Append{.mailbox = inbox.id,
                                                 .body = std::move(staged),
                                                 .flags = {},
                                                 .internaldate_s = clock_.unix_s()},
                     .once = Remembrance{.userid = envelope.owner,
                                         .token = fmt::format("came back {}", item.uid.value),
                                         .until_s = clock_.unix_s() + kRememberedS},
                     .quota = MailStore::Filing::Quota::kIgnored});
  TRY_OK(store_.deliver(std::move(filings)));
  return {};
}

}  // namespace gemel::outgoing
