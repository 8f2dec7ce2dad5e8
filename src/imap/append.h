// APPEND while its message streams in: the arguments before the literal are read, and the target
// looked up, before a byte of the message is asked for.
//
// Owns     the staged body. Memory: at most kBodyChunkBytes.
// Threads  one at a time.
// Source   RFC 3501 §6.3.11.
#pragma once

#include <optional>
#include <string>

#include "store/access.h"
#include "store/mail_store.h"
#include "wire/tokens.h"

namespace gemel::imap {

/// The arguments of APPEND up to the message. Views are of the frame.
struct AppendArguments {
  std::string_view mailbox;
  FlagNames flags;
  std::optional<int64_t> internaldate_s;
  wire::LiteralArgument message;
};
/// Reads from behind the command's name to behind the announcement of the message, which may be
/// undecided. Errors: kSyntax, kInvalid (a flag).
Result<AppendArguments> read_append(wire::Tokenizer& tokens);

class AppendIntake {
 public:
  struct Target {
    MailStore& store;
    const UserAccess& user;
    uint64_t message_bytes_max;
  };
  /// Errors: kTooBig; kNotFound, no such mailbox; kDenied, without the right to insert; kInvalid,
  /// its name or an empty message.
  static Result<AppendIntake> start(const AppendArguments& arguments, const Target& target);

  /// After an error the rest is thrown away, and finish() gives it.
  void take(std::string_view bytes);

  struct Taken {
    MailStore::Appended appended;
    UniqueId mailbox;
  };
  /// Makes the message durable, dated `now_s` if the client gave no date, and expunges what it
  /// replaces in the same transaction. Errors: of the store.
  Result<Taken> finish(MailStore& store, int64_t now_s,
                       std::optional<BodyHolder> replaces = std::nullopt) &&;

 private:
  AppendIntake(const AppendArguments& arguments, UniqueId mailbox, BodyWriter writer)
      : flags_(arguments.flags),
        internaldate_s_(arguments.internaldate_s),
        is_binary_(arguments.message.binary),
        mailbox_(mailbox),
        writer_(std::move(writer)) {}

  FlagNames flags_;  // those that the user may set
  std::string seen_by_;
  std::optional<int64_t> internaldate_s_;
  bool is_binary_;  // it came as a literal8
  UniqueId mailbox_;
  BodyWriter writer_;
  Result<void> state_;
};

}  // namespace gemel::imap
