// The language: every command, where it is legal, and what it may do. Only here.
//
// Source   RFC 3501 §6 (commands by state), §7.4.1 (no EXPUNGE while message numbers are in use).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imap/reply.h"
#include "wire/sasl.h"
#include "wire/tokens.h"

namespace gemel::imap {

class Session;
struct Args;

enum State : uint8_t {
  kNotAuthenticated = 1,
  kAuthenticated = 2,
  kSelected = 4,
  kLoggedIn = kAuthenticated | kSelected,
  kAnyState = kNotAuthenticated | kLoggedIn,
};

enum Trait : uint32_t {
  kNone = 0,
  kUsesMsn = 1,          // no EXPUNGE may be sent while it runs (RFC 3501 §7.4.1)
  kUsesUids = 2,         // its numbers are UIDs
  kWrites = 4,           // refused on a replica before it does anything
  kTarget = 8,           // kNotFound means that CREATE would help (RFC 3501 §6.3.11)
  kMakes = 16,           // what it does not support is the special use asked for (RFC 6154 §3)
  kSearches = 32,        // what it does not support is the charset (RFC 3501 §6.4.4)
  kFresh = 64,           // looks at the mailbox as it is now, so the session learns the news first
  kAnnotates = 128,      // what is too big, or too many, are annotations (RFC 5464 §5)
  kCompresses = 256,     // what is busy is the stream (RFC 4978 §3)
  kDecodes = 512,        // what it does not support is an encoding (RFC 3516 §4.3)
  kTakesMessage = 1024,  // its literals are messages, streamed to the store
  kNumbers = 2048,       // takes or tells message numbers, which UIDONLY forbids (RFC 9586 §3)
  kOpens = 4096,         // says itself how the mailbox is; news are told by the next command
};

struct Command {
  std::string_view name;
  uint8_t states;
  uint32_t traits;
  Status (*run)(Session& session, Args& args);

  ErrorPlace error_place() const {
    if (states == kNotAuthenticated) return ErrorPlace::kLogin;
    if ((traits & kMakes) != 0) return ErrorPlace::kCreate;
    if ((traits & kDecodes) != 0) return ErrorPlace::kDecode;
    if ((traits & kCompresses) != 0) return ErrorPlace::kCompress;
    if ((traits & kAnnotates) != 0) return ErrorPlace::kAnnotations;
    if ((traits & kSearches) != 0) return ErrorPlace::kSearch;
    return (traits & kTarget) != 0 ? ErrorPlace::kTarget : ErrorPlace::kAnywhere;
  }
};

/// A command with its arguments still to be read.
struct Args {
  std::string_view tag;
  const Command& command;
  wire::Tokenizer& tokens;

  bool has(Trait trait) const { return (command.traits & trait) != 0; }
  /// " name": a space and a string.
  Result<std::string_view> next_astring();
};

/// `name` in any case, "UID FETCH" for the two words; nullptr if there is none.
const Command* find_command(std::string_view name);

// cmd_batches.cc
Status cmd_uidbatches(Session& session, Args& args);
// cmd_acl.cc
Status cmd_deleteacl(Session& session, Args& args);
Status cmd_getacl(Session& session, Args& args);
Status cmd_listrights(Session& session, Args& args);
Status cmd_myrights(Session& session, Args& args);
Status cmd_setacl(Session& session, Args& args);
// cmd_any.cc
Status cmd_capability(Session& session, Args& args);
Status cmd_compress(Session& session, Args& args);
Status cmd_id(Session& session, Args& args);
Status cmd_logout(Session& session, Args& args);
Status cmd_noop(Session& session, Args& args);
// cmd_login.cc
/// What a step of a login comes to; nothing while it goes on.
std::optional<Status> take_login_step(Session& session, const Result<wire::SaslStep>& step);

Status cmd_authenticate(Session& session, Args& args);
Status cmd_unauthenticate(Session& session, Args& args);
Status cmd_login(Session& session, Args& args);
Status cmd_starttls(Session& session, Args& args);
// cmd_esearch.cc
Status cmd_esearch(Session& session, Args& args);
// cmd_enable.cc
Status cmd_enable(Session& session, Args& args);
// cmd_idle.cc
Status cmd_idle(Session& session, Args& args);
// cmd_select.cc
Status cmd_close(Session& session, Args& args);
Status cmd_examine(Session& session, Args& args);
Status cmd_select(Session& session, Args& args);
Status cmd_unselect(Session& session, Args& args);
// cmd_mailbox.cc
Status cmd_create(Session& session, Args& args);
Status cmd_delete(Session& session, Args& args);
Status cmd_rename(Session& session, Args& args);
Status cmd_subscribe(Session& session, Args& args);
Status cmd_unsubscribe(Session& session, Args& args);
// cmd_list.cc
Status cmd_list(Session& session, Args& args);
Status cmd_lsub(Session& session, Args& args);
Status cmd_namespace(Session& session, Args& args);
// cmd_notify.cc
Status cmd_notify(Session& session, Args& args);
// cmd_status.cc
Status cmd_status(Session& session, Args& args);
// cmd_append.cc
Status cmd_append(Session& session, Args& args);
Status cmd_replace(Session& session, Args& args);
// cmd_fetch.cc
Status cmd_fetch(Session& session, Args& args);
// cmd_store.cc
Status cmd_store(Session& session, Args& args);
// cmd_copy.cc
Status cmd_copy(Session& session, Args& args);
Status cmd_move(Session& session, Args& args);
// cmd_expunge.cc
Status cmd_expunge(Session& session, Args& args);
Status cmd_uid_expunge(Session& session, Args& args);
// cmd_metadata.cc
Status cmd_getmetadata(Session& session, Args& args);
Status cmd_setmetadata(Session& session, Args& args);
// cmd_quota.cc
Status cmd_getquota(Session& session, Args& args);
Status cmd_getquotaroot(Session& session, Args& args);
Status cmd_setquota(Session& session, Args& args);
// cmd_search.cc
Status cmd_search(Session& session, Args& args);
Status cmd_cancelupdate(Session& session, Args& args);
// cmd_sort.cc
Status cmd_sort(Session& session, Args& args);
// cmd_thread.cc
Status cmd_thread(Session& session, Args& args);

}  // namespace gemel::imap
