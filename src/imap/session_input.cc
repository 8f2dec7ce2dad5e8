// From bytes to commands: frames, literals, and the lines that belong to a command under way.

#include <fmt/format.h>

#include "base/bytes.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

// The tag of a command of which only the start is known; "*" if that is no tag.
std::string tag_of(const wire::Frame& frame) {
  wire::Tokenizer tokens(frame);
  const Result<std::string_view> tag = tokens.tag();
  return tag && tokens.peek() == ' ' ? std::string(*tag) : "*";
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Error as_bad(Error error) { return {Code::kSyntax, std::move(error.text)}; }

}  // namespace

bool Session::next_input() {
  Result<std::optional<wire::Step>> step = framer_.next();
  if (!step) {
    on_framing_error(std::move(step.error()));
    return true;
  }
  if (!*step) return false;
  switch ((*step)->kind) {
    case wire::Step::Kind::kCommand:
      on_frame(std::move((*step)->frame));
      break;
    case wire::Step::Kind::kLiteral:
      on_literal((*step)->literal);
      break;
    case wire::Step::Kind::kBytes:
      append_->take((*step)->bytes);
      break;
  }
  return true;
}

void Session::on_frame(wire::Frame frame) {
  if (line_taker_)
    on_line(without_line_end(frame.bytes));
  else
    dispatch(frame);
}

void Session::on_line(std::string_view line) {
  std::optional<Status> status = line_taker_(line);
  if (!status) return;
  line_taker_ = nullptr;
  current_->status = std::move(*status);
}

void Session::on_framing_error(Error error) {
  if (line_taker_) {
    line_taker_ = nullptr;
    stop_watching();
    current_->status = std::unexpected(as_bad(std::move(error)));
  } else {
    append_.reset();
    reject(tag_of(framer_.frame()), as_bad(std::move(error)), ErrorPlace::kAnywhere);
    // No login needs such a line, and of a stranger's nothing is read on and on to be thrown away.
    if (userid_.empty() && framer_.is_skipping_line() && !is_closing_) {
      output_ += "* BYE too much before login\r\n";
      is_closing_ = true;
    }
  }
  close_if_broken();
}

void Session::on_literal(const wire::Literal& literal) {
  if (line_taker_) {
    framer_.refuse();
    on_framing_error({Code::kSyntax, "a line was expected, not a literal"});
    return;
  }
  wire::Tokenizer tokens(framer_.frame());
  const Result<const Command*> command = read_allowed(tokens);
  if (!command) {
    refuse_literal(command.error(), ErrorPlace::kAnywhere);
    return;
  }
  if (((*command)->traits & kTakesMessage) != 0 && take_message(**command, tokens, literal)) return;
  const std::string tag = tag_of(framer_.frame());
  if (const Result<void> kept = framer_.keep(); !kept) {
    append_.reset();
    reject(tag, as_bad(kept.error()), ErrorPlace::kAnywhere);
    return;
  }
  if (literal.synchronising) output_ += "+ go on\r\n";
}

// True if the literal is a message, or part of one, that is streamed or was refused.
bool Session::take_message(const Command& command, wire::Tokenizer& tokens,
                           const wire::Literal& literal) {
  if (!append_) {
    // What it replaces is looked up when the command is whole.
    if (command.run == cmd_replace && tokens.skip(' ')) static_cast<void>(tokens.sequence());
    Result<AppendIntake> intake = start_append(tokens);
    if (!intake) {
      // The literal may be the mailbox's name; else the command is wrong, and that shows later.
      if (intake.error().code == Code::kSyntax) return false;
      refuse_literal(intake.error(), ErrorPlace::kTarget);
      return true;
    }
    append_ = std::make_unique<AppendIntake>(*std::move(intake));
  }
  const Result<AppendIntake::Next> next = append_->read_on(wire::Tokenizer(framer_.frame()));
  if (append_->is_failed()) {
    refuse_literal(next.error(), ErrorPlace::kTarget);
    return true;
  }
  if (!next || *next != AppendIntake::Next::kMessage) return false;
  framer_.stream();
  if (literal.synchronising) output_ += "+ send the message\r\n";
  return true;
}

Result<AppendIntake> Session::start_append(wire::Tokenizer& tokens) {
  const Limits& limits = options_->limits;
  UrlBase urls{.store = store(), .user = *access_, .hostname = options_->hostname, .selected = {}};
  if (view_) {
    TRY(MailboxInfo mailbox, store().find(view_->id()));
    urls.selected =
        Named{std::move(mailbox), view_->shows_expunged() ? Content::kExpunged : Content::kLive};
  }
  return AppendIntake::start(tokens, {.store = store(),
                                      .urls = std::move(urls),
                                      .dialect = dialect(),
                                      .takes_utf8 = features_.utf8,
                                      .message_bytes_max = limits.message_bytes_max,
                                      .messages_max = limits.append_messages_max,
                                      .held_bytes_max = limits.append_held_bytes_max});
}

Result<AppendIntake> Session::take_append(Args& args) {
  std::unique_ptr<AppendIntake> intake = std::move(append_);
  if (!intake) {
    TRY(AppendIntake started, start_append(args.tokens));
    intake = std::make_unique<AppendIntake>(std::move(started));
  }
  TRY(const AppendIntake::Next next, intake->read_on(args.tokens));
  if (next != AppendIntake::Next::kEnd) return fail(Code::kSyntax, "expected a message");
  return std::move(*intake);
}

void Session::refuse_literal(const Error& error, ErrorPlace place) {
  append_.reset();
  reject(tag_of(framer_.frame()), error, place);
  framer_.refuse();
  close_if_broken();
}

void Session::close_if_broken() {
  if (!framer_.is_broken() || is_closing_) return;
  output_ += "* BYE what you send can't be followed any more\r\n";
  is_closing_ = true;
}

Result<const Command*> Session::read_allowed(wire::Tokenizer& tokens) const {
  TRY(const Command* const command, read_command(tokens));
  TRY_OK(check_allowed(*command));
  return command;
}

Result<const Command*> Session::read_command(wire::Tokenizer& tokens) const {
  TRY_OK(tokens.tag());
  TRY_OK(tokens.space());
  TRY(const std::string_view word, tokens.atom());
  std::string name(word);
  if (equals_ignoring_case(word, "UID")) {
    TRY_OK(tokens.space());
    TRY(const std::string_view second, tokens.atom());
    (name += ' ') += second;
  }
  const Command* const command = find_command(name);
  if (command == nullptr) return fail(Code::kSyntax, "no such command");
  return command;
}

void Session::dispatch(const wire::Frame& frame) {
  if (userid_.empty() && ++commands_ > options_->limits.commands_before_login_max) {
    output_ += "* BYE too many commands before login\r\n";
    is_closing_ = true;
    return;
  }
  wire::Tokenizer tokens(frame);
  const std::string tag = tag_of(frame);
  const Result<const Command*> command = read_allowed(tokens);
  if (!command) {
    append_.reset();
    reject(tag, command.error(), ErrorPlace::kAnywhere);
    return;
  }
  current_ = Current{.tag = tag, .command = *command, .status = Completion()};
  said_ms_ = options_->clock.monotonic_ms();
  Args args{.tag = current_->tag, .command = **command, .tokens = tokens};
  if (view_) notice_role();
  // A UID command shall see what has just arrived (n:* of a client that looks for new mail).
  // But not where there may be message numbers among the search keys (RFC 7162 §3.2.10.2).
  if (view_ && args.has(kFresh)) {
    const bool has_uids = args.has(kUsesUids) && !args.has(kSearches);
    catch_up(has_uids ? Expunges::kTell : Expunges::kHoldBack);
  }
  if (bye_) {
    current_->status = fail(Code::kNotFound, "the selected mailbox was deleted");
    return;
  }
  Status status = (*command)->run(*this, args);
  if (!status) line_taker_ = nullptr;
  // A refused command says nothing but that, though news may be waiting to be said.
  current_->status = std::move(status);
}

}  // namespace gemel::imap
