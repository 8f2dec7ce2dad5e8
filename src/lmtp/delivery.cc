// The body's way into the store, and to delivery.
#include <algorithm>

#include "base/log.h"
#include "lmtp/session.h"
#include "lmtp/trace.h"
#include "store/line_body.h"

namespace gemel::lmtp {
namespace {

// That of most recipients' mail; what goes elsewhere is copied.
std::string partition_for(const std::vector<delivery::LetterRecipient>& recipients) {
  const std::vector<delivery::LocalRecipient>& users = recipients.front().means.users;
  return users.empty() ? "default" : users.front().partition;
}

}  // namespace

void Session::start_body() {
  Message& message = message_;
  Result<BodyWriter> writer = services_.store.stage(partition_for(message.recipients));
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
                    .protocol = protocol_of({.is_tls = env_.is_tls,
                                             .is_authenticated = !userid_.empty(),
                                             .is_utf8 = message.charset == AddressCharset::kUtf8}),
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

void Session::take_chunk(std::string& out) {
  const std::string_view unread = std::string_view(input_).substr(head_);
  const std::string_view piece = unread.substr(0, chunk_.left);
  head_ += piece.size();
  chunk_.left -= piece.size();
  if (!chunk_.refusal) take_body_piece(piece);
  if (chunk_.left == 0) finish_chunk(out);
}

void Session::finish_chunk(std::string& out) {
  state_ = chunk_.back;
  // Not counted as a bad command: who pipelines can't know (RFC 3030 §2).
  if (chunk_.refusal) return say(out, *chunk_.refusal);
  if (chunk_.place == Chunk::Place::kLast) return finish_body();
  state_ = kChunks;
  // After a failure the transaction waits for RSET (RFC 3030 §2); each chunk gets the same answer.
  if (message_.error) return say(out, reply_for(*message_.error));
  say(out, {250, "2.0.0", "OK"});
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

Reply Session::reply_to(const delivery::Verdict& verdict) const {
  using Kind = delivery::Verdict::Kind;
  if (verdict.kind == Kind::kAccepted) return {250, "2.1.5", "delivered, id " + message_.id};
  // RFC 5429 §2.1.2: the recipient's own words.
  if (verdict.kind == Kind::kRefused) return {550, "5.7.1", verdict.error.text};
  if (verdict.kind == Kind::kLoops)
    return {554, "5.4.6", "the message has been handed on too often"};
  if (verdict.error.code == Code::kOverQuota &&
      options_.over_quota == Options::OverQuota::kPermanent)
    return {552, "5.2.2", "the mailbox is full"};
  return reply_for(verdict.error);
}

void Session::finish_body() {
  message_.verdicts = deliver();
  state_ = kReplying;
}

// False: the replicas are still to say that they have the message.
bool Session::say_replies(std::string& out) {
  const std::optional<Result<void>> replicated = gate_.verdict();
  if (!replicated) return false;
  for (size_t i = 0; i < message_.recipients.size(); ++i) {
    const delivery::LetterRecipient& recipient = message_.recipients[i];
    delivery::Verdict verdict = std::move(message_.verdicts[i]);
    if (verdict.kind == delivery::Verdict::Kind::kAccepted && !*replicated)
      verdict = {delivery::Verdict::Kind::kFailed, replicated->error()};
    Reply reply = reply_to(verdict);
    const std::string& user =
        recipient.means.users.empty() ? recipient.address : recipient.means.users.front().userid;
    if (verdict.kind == delivery::Verdict::Kind::kAccepted)
      log::info("lmtp delivered id={} user={} bytes={}", message_.id, user, message_.bytes);
    else
      log::warn("lmtp refused id={} user={} reply={} text=\"{}\"", message_.id, user, reply.code,
                verdict.error.text);
    reply.text = "<" + recipient.address + "> " + reply.text;
    say(out, reply);
  }
  bad_commands_ = 0;  // a connection that brings mail may go on for long
  reset();
  if (is_stopping_) shut_down();
  return true;
}

// One verdict for each recipient.
std::vector<delivery::Verdict> Session::deliver() {
  Message& message = message_;
  const auto for_all = [&](const Error& error) {
    return std::vector<delivery::Verdict>(message.recipients.size(),
                                          {delivery::Verdict::Kind::kFailed, error});
  };
  if (message.error) return for_all(*message.error);
  Result<StagedBody> body = message.writer->finish();
  message.writer.reset();
  // RFC 3030 §3: who reads it by IMAP, POP3 or a relay gets every bit too.
  if (body) body = made_of_lines(services_.store, partition_for(message.recipients), *body);
  if (!body) return for_all(body.error());
  return services_.deliverer.deliver({.id = message.id,
                                      .return_path = message.return_path,
                                      .recipients = message.recipients,
                                      .body = *std::move(body),
                                      .client_name = client_name_,
                                      .peer_address = env_.peer_address,
                                      .charset = message.charset});
}

}  // namespace gemel::lmtp
