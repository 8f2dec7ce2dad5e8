// The body's way into the store, and into the mailboxes.
#include <algorithm>

#include "base/log.h"
#include "lmtp/session.h"
#include "lmtp/trace.h"

namespace gemel::lmtp {
namespace {

// Errors that belong to one recipient; any other would meet each of them alike.
bool is_one_mailboxs(Code code) {
  return code == Code::kNotFound || code == Code::kOverQuota || code == Code::kLimit ||
         code == Code::kDenied;
}

// A mailbox that was there at RCPT and is not now: the next try finds INBOX or no user at all.
Error seen_from_delivery(Error error) {
  if (error.code == Code::kNotFound) error.code = Code::kGone;
  return error;
}

}  // namespace

void Session::start_body() {
  Message& message = message_;
  Result<BodyWriter> writer = services_.store.stage(message.recipients.front().recipient.partition);
  if (!writer) {
    message.error = std::move(writer).error();
    return;
  }
  message.writer.emplace(std::move(*writer));
  const bool is_alone = message.recipients.size() == 1;
  const std::string fields =
      trace_fields({.return_path = message.return_path,
                    .client_name = client_name_,
                    .peer_address = env_.peer_address,
                    .hostname = options_.hostname,
                    .id = message.id,
                    .for_recipient = is_alone ? message.recipients.front().address : "",
                    .unix_s = services_.clock.unix_s()});
  if (Result<void> appended = message.writer->append(fields); !appended)
    message.error = std::move(appended).error();
}

void Session::take_body() {
  std::string piece;
  head_ += message_.unstuffer.take(std::string_view(input_).substr(head_), piece);
  take_body_piece(piece);
  if (message_.unstuffer.done()) finish_body();
}

void Session::take_body_piece(std::string_view piece) {
  message_.bytes += piece.size();
  if (!message_.error && message_.bytes > options_.message_bytes_max)
    message_.error = Error{Code::kTooBig, "the message is too big"};
  if (!message_.error) {
    if (Result<void> appended = message_.writer->append(piece); !appended)
      message_.error = std::move(appended).error();
  }
  if (message_.error) message_.writer.reset();  // its room is free at once
}

void Session::finish_body() {
  message_.delivered = deliver();
  state_ = kReplying;
}

// False: the replicas are still to say that they have the message.
bool Session::say_replies(std::string& out) {
  const std::optional<Result<void>> verdict = gate_.verdict();
  if (!verdict) return false;
  const Result<std::vector<Result<void>>> delivered = *std::move(message_.delivered);
  for (size_t i = 0; i < message_.recipients.size(); ++i) {
    const AcceptedRecipient& accepted = message_.recipients[i];
    Result<void> result =
        delivered ? (*delivered)[i] : Result<void>(std::unexpected(delivered.error()));
    if (result) result = *verdict;
    if (result) {
      log::info("lmtp delivered id={} user={} bytes={}", message_.id, accepted.recipient.userid,
                message_.bytes);
      say(out, {250, "2.1.5", fmt::format("<{}> delivered, id {}", accepted.address, message_.id)});
      continue;
    }
    log::warn("lmtp refused id={} user={} code={} text=\"{}\"", message_.id,
              accepted.recipient.userid, name_of(result.error().code), result.error().text);
    Reply reply = reply_for(result.error());
    reply.text = fmt::format("<{}> {}", accepted.address, reply.text);
    say(out, reply);
  }
  bad_commands_ = 0;  // a connection that brings mail may go on for long
  reset();
  if (is_stopping_) shut_down();
  return true;
}

// One result a recipient, or the error that is everyone's.
Result<std::vector<Result<void>>> Session::deliver() {
  if (message_.error) return std::unexpected(*message_.error);
  TRY(const StagedBody body, message_.writer->finish());
  message_.writer.reset();
  const int64_t now_s = services_.clock.unix_s();
  // Two addresses of one mailbox give one message there.
  std::vector<UniqueId> mailboxes;
  for (const AcceptedRecipient& accepted : message_.recipients)
    mailboxes.push_back(accepted.recipient.mailbox);
  std::ranges::sort(mailboxes);
  mailboxes.erase(std::ranges::unique(mailboxes).begin(), mailboxes.end());

  std::vector<MailStore::Append> appends;
  for (const UniqueId& mailbox : mailboxes)
    appends.push_back({.mailbox = mailbox, .body = body, .flags = {}, .internaldate_s = now_s});
  const auto together = services_.store.append(appends);
  if (!together && !is_one_mailboxs(together.error().code))
    return std::unexpected(together.error());
  if (together) return std::vector<Result<void>>(message_.recipients.size());

  std::map<UniqueId, Result<void>> results;
  for (MailStore::Append& append : appends) {
    const UniqueId mailbox = append.mailbox;
    const auto alone = services_.store.append({std::move(append)});
    results[mailbox] = alone ? Result<void>() : std::unexpected(seen_from_delivery(alone.error()));
  }
  std::vector<Result<void>> out;
  for (const AcceptedRecipient& accepted : message_.recipients)
    out.push_back(results[accepted.recipient.mailbox]);
  return out;
}

}  // namespace gemel::lmtp
