#include "imap/append.h"

#include <algorithm>

#include "imap/date_time.h"
#include "imap/flag_words.h"
#include "imap/message.h"
#include "imap/names.h"
#include "imap/reply.h"
#include "store/line_body.h"

namespace gemel::imap {
namespace {

constexpr uint64_t kCopyPieceBytes = kMessagePieceBytesMin;

std::unexpected<Error> too_big() {
  return fail(Code::kTooBig, "the message is larger than this server takes");
}

}  // namespace

Result<AppendIntake> AppendIntake::start(wire::Tokenizer& tokens, const Terms& terms) {
  TRY_OK(tokens.space());
  TRY(const std::string_view wire_name, tokens.astring());
  const UserAccess& user = terms.urls.user;
  TRY(const MailboxName name, mailbox_of(user, wire_name, terms.dialect));
  TRY(const MailboxInfo mailbox, user.find(name, {Right::kInsert}));
  AppendIntake out(terms, mailbox);
  out.mark_ = tokens.mark();
  return out;
}

Result<AppendIntake::Next> AppendIntake::read_on(wire::Tokenizer tokens) {
  TRY_OK(state_);
  tokens.resume(mark_);
  if (std::exchange(is_utf8_, false)) {
    if (const Result<void> closed = tokens.expect(')'); !closed) state_ = closed;
    mark_ = tokens.mark();
  }
  TRY_OK(state_);
  if (std::exchange(is_streaming_, false) && !is_catenating_) state_ = end_message();
  TRY_OK(state_);
  Result<Next> next = read_elements(tokens);
  // What is wrong about a word may be that it has not come yet.
  if (!next && next.error().code != Code::kSyntax) state_ = std::unexpected(next.error());
  return next;
}

Result<AppendIntake::Next> AppendIntake::read_elements(wire::Tokenizer& tokens) {
  while (true) {
    if (!is_catenating_) {
      if (tokens.at_end() && !messages_.empty()) return Next::kEnd;
      TRY(Message message, read_start(tokens));
      if (!is_catenating_) return read_literal(tokens, std::move(message));
      TRY_OK(begin_message(std::move(message)));
    } else if (has_part_ && tokens.peek() == ')') {
      TRY_OK(tokens.close());
      TRY_OK(end_message());
      is_catenating_ = false;
    } else {
      TRY(const bool is_text, read_part(tokens));
      if (is_text) return read_literal(tokens, std::nullopt);
    }
    mark_ = tokens.mark();
  }
}

// ` (\Seen) "14-Nov-2023 08:00:00 +0000" CATENATE (`, where all but the first space may be missing.
Result<AppendIntake::Message> AppendIntake::read_start(wire::Tokenizer& tokens) {
  Message message;
  TRY_OK(tokens.space());
  if (tokens.peek() == '(') {
    TRY(FlagNames flags, read_append_flags(tokens));
    // RFC 4314 §4: flags that the user may not set are left out.
    message.flags = scope_.of(std::move(flags));
    TRY_OK(tokens.space());
  }
  if (tokens.peek() == '"') {
    TRY(const std::string_view date, tokens.string());
    TRY(message.internaldate_s, parse_date_time(date));
    TRY_OK(tokens.space());
  }
  if (tokens.skip_word("CATENATE")) {
    TRY_OK(tokens.space());
    TRY_OK(tokens.open());
    is_catenating_ = true;
    has_part_ = false;
  }
  return message;
}

// ` URL "/Sent/;UID=20"` is copied; of ` TEXT {5}` the literal is left: true.
Result<bool> AppendIntake::read_part(wire::Tokenizer& tokens) {
  if (has_part_) TRY_OK(tokens.space());
  if (tokens.next_is("UTF8 (")) return true;  // RFC 6855 §4: a text too
  const bool is_text = tokens.skip_word("TEXT");
  if (!is_text && !tokens.skip_word("URL")) return tokens.wrong("TEXT or URL");
  TRY_OK(tokens.space());
  if (!is_text) {
    TRY(const std::string_view url, tokens.astring());
    TRY_OK(copy(url));
    has_part_ = true;
  }
  return is_text;
}

Result<AppendIntake::Next> AppendIntake::read_literal(wire::Tokenizer& tokens,
                                                      std::optional<Message> begins) {
  // RFC 6855 §4: `UTF8 (~{5}`.
  const bool is_utf8 = tokens.skip_text("UTF8 (");
  if (is_utf8 && !terms_.takes_utf8) return fail(Code::kSyntax, "ENABLE UTF8=ACCEPT comes first");
  TRY(const wire::LiteralArgument literal, tokens.literal());
  if (is_utf8 && !literal.binary) return tokens.wrong("a literal8");
  // One that was kept came where nothing could be streamed.
  if (literal.kept) return tokens.wrong("a message");
  if (begins) TRY_OK(begin_message(*std::move(begins)));
  has_part_ = true;
  mark_ = tokens.mark();
  if (literal.size > terms_.message_bytes_max - size_) return too_big();
  // RFC 3502 §3: with an empty message a client takes all of the command back.
  if (literal.size == 0 && !is_catenating_) return fail(Code::kInvalid, "the message is empty");
  is_utf8_ = is_utf8;
  is_streaming_ = true;
  return Next::kMessage;
}

Result<void> AppendIntake::begin_message(Message message) {
  if (messages_.size() == terms_.messages_max)
    return fail(Code::kLimit, "too many messages in one command");
  TRY(writer_, terms_.store.stage(partition_));
  size_ = 0;
  messages_.push_back(std::move(message));
  return {};
}

Result<void> AppendIntake::end_message() {
  if (size_ == 0) return fail(Code::kInvalid, "the message is empty");
  TRY(StagedBody body, writer_->finish());
  writer_.reset();
  TRY(body, made_of_lines(terms_.store, partition_, std::move(body)));
  if (body.size() <= kBodyChunkBytes) held_bytes_ += body.size();
  if (held_bytes_ > terms_.held_bytes_max)
    return fail(Code::kLimit, "the messages of one command are too large together");
  messages_.back().body = std::move(body);
  return {};
}

void AppendIntake::take(std::string_view bytes) {
  if (!state_) return;
  state_ = write(bytes);
}

Result<void> AppendIntake::write(std::string_view bytes) {
  size_ += bytes.size();
  return writer_->append(bytes);
}

Result<void> AppendIntake::copy(std::string_view text) {
  const Result<Url> url = parse_url(text);
  if (!url) return bad_url(text, url.error().text);
  const Result<UrlSource> found = find_source(terms_.urls, *url);
  if (!found) return bad_url(text, found.error().text);
  if (const auto* const piece = std::get_if<std::string>(&found->bytes)) {
    if (piece->size() > terms_.message_bytes_max - size_) return too_big();
    return write(*piece);
  }
  const ByteRange range = std::get<ByteRange>(found->bytes);
  if (range.end - range.start > terms_.message_bytes_max - size_) return too_big();
  imap::Message source(found->body);
  for (size_t at = range.start; at < range.end;) {
    const size_t count = std::min<size_t>(kCopyPieceBytes, range.end - at);
    TRY(const std::string_view piece, source.read(at, count));
    TRY_OK(write(piece));
    at += count;
  }
  return {};
}

Result<AppendIntake::Taken> AppendIntake::finish(int64_t now_s,
                                                 std::optional<BodyHolder> replaces) && {
  TRY_OK(state_);
  std::vector<MailStore::Append> appends;
  appends.reserve(messages_.size());
  for (Message& message : messages_)
    appends.push_back({.mailbox = mailbox_,
                       .body = std::move(*message.body),
                       .flags = std::move(message.flags),
                       .internaldate_s = message.internaldate_s.value_or(now_s),
                       .seen_by = seen_by_,
                       .replaces = replaces});
  TRY(const std::vector<MailStore::Appended> appended, terms_.store.append(std::move(appends)));
  Taken out{.mailbox = mailbox_, .uidvalidity = appended.front().uidvalidity, .uids = {}};
  for (const MailStore::Appended& one : appended) out.uids.add(one.uid);
  return out;
}

}  // namespace gemel::imap
