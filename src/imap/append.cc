#include "imap/append.h"

#include "base/bytes.h"
#include "imap/date_time.h"
#include "imap/flag_words.h"
#include "imap/names.h"

namespace gemel::imap {

Result<AppendArguments> read_append(wire::Tokenizer& tokens) {
  AppendArguments out;
  TRY_OK(tokens.space());
  TRY(out.mailbox, tokens.astring());
  TRY_OK(tokens.space());
  if (tokens.peek() == '(') {
    TRY(out.flags, read_flags(tokens));
    TRY_OK(tokens.space());
  }
  if (tokens.peek() == '"') {
    TRY(const std::string_view date, tokens.string());
    TRY(out.internaldate_s, parse_date_time(date));
    TRY_OK(tokens.space());
  }
  TRY(out.message, tokens.literal());
  return out;
}

Result<AppendIntake> AppendIntake::start(const AppendArguments& arguments, const Target& target) {
  if (arguments.message.size > target.message_bytes_max)
    return fail(Code::kTooBig, "the message is larger than this server takes");
  if (arguments.message.size == 0) return fail(Code::kInvalid, "the message is empty");
  TRY(const MailboxName name, mailbox_of(target.user, arguments.mailbox));
  TRY(const MailboxInfo mailbox, target.user.find(name, {Right::kInsert}));
  TRY(BodyWriter writer, target.store.stage(mailbox.partition));
  AppendIntake out(arguments, mailbox.id, std::move(writer));
  // RFC 4314 §4: flags that the user may not set are left out.
  out.flags_ = scope_of(target.user.rights(mailbox)).of(std::move(out.flags_));
  out.seen_by_ = target.user.seen_by(mailbox);
  return out;
}

void AppendIntake::take(std::string_view bytes) {
  // RFC 3516 §4.3: a mailbox need not keep NULs, which no literal of FETCH can hold.
  if (is_binary_ && bytes.contains('\0') && state_)
    state_ = fail(Code::kUnsupported, "a message with NUL octets is not taken");
  if (state_) state_ = writer_.append(bytes);
}

Result<AppendIntake::Taken> AppendIntake::finish(MailStore& store, int64_t now_s,
                                                 std::optional<BodyHolder> replaces) && {
  TRY_OK(state_);
  TRY(StagedBody body, writer_.finish());
  std::vector<MailStore::Append> messages;
  messages.push_back({.mailbox = mailbox_,
                      .body = std::move(body),
                      .flags = std::move(flags_),
                      .internaldate_s = internaldate_s_.value_or(now_s),
                      .seen_by = std::move(seen_by_),
                      .replaces = replaces});
  TRY(const std::vector<MailStore::Appended> appended, store.append(std::move(messages)));
  return Taken{.appended = appended.front(), .mailbox = mailbox_};
}

}  // namespace gemel::imap
