// APPEND while its messages stream in: what stands before a literal is read, the target looked up
// and what CATENATE names is copied, before a byte of the literal is asked for.
//
// Owns     the staged bodies. Memory: at most kBodyChunkBytes for the one that comes in, and
//          Terms::held_bytes_max for those before it.
// Threads  one at a time.
// Source   RFC 3501 §6.3.11, RFC 3502 (MULTIAPPEND), RFC 4469 (CATENATE), RFC 3516 §4.4 (binary).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imap/url.h"
#include "store/access.h"
#include "store/mail_store.h"
#include "wire/tokens.h"

namespace gemel::imap {

class AppendIntake {
 public:
  struct Terms {
    MailStore& store;
    UrlBase urls;
    ImapDialect dialect;
    bool takes_utf8;  // UTF8=ACCEPT was enabled
    uint64_t message_bytes_max;
    size_t messages_max;
    uint64_t held_bytes_max;  // of messages so small that they are kept in memory until the end
  };
  /// Reads " mailbox" and looks it up. Errors: kSyntax, also where the literal that is announced is
  /// the name; kNotFound, no such mailbox; kDenied, without the right to insert; kInvalid, its
  /// name.
  static Result<AppendIntake> start(wire::Tokenizer& tokens, const Terms& terms);

  /// What the command comes to next.
  enum class Next : uint8_t {
    kMessage,  // a literal to be streamed into take()
    kEnd,      // all of it was read
  };
  /// Goes on from where it stopped, in the same frame, which has grown. Errors: kSyntax; kInvalid,
  /// a flag or an empty message; kTooBig, kLimit; of a URL, with BADURL. After kSyntax it may be
  /// called again, for what is missing may be in a literal that is not there yet; is_failed() says
  /// whether it is over.
  Result<Next> read_on(wire::Tokenizer tokens);
  bool is_failed() const { return !state_; }
  size_t messages() const { return messages_.size(); }

  /// After an error the rest is thrown away, and finish() gives it.
  void take(std::string_view bytes);

  struct Taken {
    UniqueId mailbox;
    UidValidity uidvalidity;
    UidSet uids;
  };
  /// After kEnd. Makes the messages durable, all or none, dated `now_s` if the client gave no date,
  /// and expunges what the only one replaces in the same transaction. Errors: of the store.
  Result<Taken> finish(int64_t now_s, std::optional<BodyHolder> replaces = std::nullopt) &&;

 private:
  struct Message {
    FlagNames flags;  // those that the user may set
    std::optional<int64_t> internaldate_s;
    std::optional<StagedBody> body;  // once it is whole
  };

  AppendIntake(const Terms& terms, const MailboxInfo& mailbox)
      : terms_(terms),
        mailbox_(mailbox.id),
        partition_(mailbox.partition),
        scope_(scope_of(terms.urls.user.rights(mailbox))),
        seen_by_(terms.urls.user.seen_by(mailbox)) {}

  Result<Next> read_elements(wire::Tokenizer& tokens);
  Result<Message> read_start(wire::Tokenizer& tokens);
  Result<Next> read_literal(wire::Tokenizer& tokens, std::optional<Message> begins);
  Result<bool> read_part(wire::Tokenizer& tokens);
  Result<void> copy(std::string_view url);
  Result<void> write(std::string_view bytes);
  Result<void> begin_message(Message message);
  Result<void> end_message();

  Terms terms_;
  UniqueId mailbox_;
  std::string partition_;
  FlagScope scope_;
  std::string seen_by_;
  wire::Tokenizer::Mark mark_;  // all before it was read
  std::vector<Message> messages_;
  std::optional<BodyWriter> writer_;  // of the last message
  uint64_t size_ = 0;                 // of the last message, so far
  uint64_t held_bytes_ = 0;
  bool is_catenating_ = false;
  bool has_part_ = false;  // of the CATENATE under way
  bool is_utf8_ = false;   // "UTF8 (" stands before it (RFC 6855 §4)
  bool is_streaming_ = false;
  Result<void> state_;
};

}  // namespace gemel::imap
