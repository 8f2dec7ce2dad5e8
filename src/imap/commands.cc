#include "imap/commands.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace gemel::imap {
namespace {

constexpr uint32_t kUid = kUsesUids | kFresh;
constexpr uint32_t kMsn = kUsesMsn | kNumbers | kFresh;

constexpr std::array kCommands = {
    Command{"APPEND", kLoggedIn, kWrites | kTarget | kTakesMessage, cmd_append},
    Command{"AUTHENTICATE", kNotAuthenticated, kNone, cmd_authenticate},
    Command{"CANCELUPDATE", kSelected, kNone, cmd_cancelupdate},
    Command{"CAPABILITY", kAnyState, kNone, cmd_capability},
    Command{"CHECK", kSelected, kNone, cmd_noop},  // nothing is ever left unwritten
    Command{"CLOSE", kSelected, kNone, cmd_close},
    Command{"COMPRESS", kLoggedIn, kCompresses, cmd_compress},
    Command{"COPY", kSelected, kNumbers | kFresh | kWrites | kTarget, cmd_copy},
    Command{"CREATE", kLoggedIn, kWrites | kMakes, cmd_create},
    Command{"DELETE", kLoggedIn, kWrites, cmd_delete},
    Command{"DELETEACL", kLoggedIn, kWrites, cmd_deleteacl},
    Command{"ENABLE", kLoggedIn, kNone, cmd_enable},
    Command{"ESEARCH", kLoggedIn, kFresh | kUsesUids | kSearches, cmd_esearch},
    Command{"EXAMINE", kLoggedIn, kOpens, cmd_examine},
    Command{"EXPUNGE", kSelected, kWrites, cmd_expunge},
    Command{"FETCH", kSelected, kMsn | kDecodes, cmd_fetch},
    Command{"GETACL", kLoggedIn, kNone, cmd_getacl},
    Command{"GETMETADATA", kLoggedIn, kAnnotates, cmd_getmetadata},
    Command{"GETQUOTA", kLoggedIn, kNone, cmd_getquota},
    Command{"GETQUOTAROOT", kLoggedIn, kNone, cmd_getquotaroot},
    Command{"ID", kAnyState, kNone, cmd_id},
    Command{"IDLE", kLoggedIn, kNone, cmd_idle},
    Command{"LIST", kLoggedIn, kNone, cmd_list},
    Command{"LISTRIGHTS", kLoggedIn, kNone, cmd_listrights},
    Command{"LOGIN", kNotAuthenticated, kNone, cmd_login},
    Command{"LOGOUT", kAnyState, kNone, cmd_logout},
    Command{"LSUB", kLoggedIn, kNone, cmd_lsub},
    Command{"MOVE", kSelected, kNumbers | kFresh | kWrites | kTarget, cmd_move},
    Command{"MYRIGHTS", kLoggedIn, kNone, cmd_myrights},
    Command{"NAMESPACE", kLoggedIn, kNone, cmd_namespace},
    Command{"NOOP", kAnyState, kNone, cmd_noop},
    Command{"NOTIFY", kLoggedIn, kNone, cmd_notify},
    Command{"RENAME", kLoggedIn, kWrites, cmd_rename},
    Command{"REPLACE", kSelected, kNumbers | kFresh | kWrites | kTarget | kTakesMessage,
            cmd_replace},
    Command{"SEARCH", kSelected, kMsn | kSearches, cmd_search},
    Command{"SELECT", kLoggedIn, kOpens, cmd_select},
    Command{"SETACL", kLoggedIn, kWrites, cmd_setacl},
    Command{"SETMETADATA", kLoggedIn, kWrites | kAnnotates, cmd_setmetadata},
    Command{"SETQUOTA", kLoggedIn, kWrites, cmd_setquota},
    Command{"SORT", kSelected, kMsn | kSearches, cmd_sort},
    Command{"STARTTLS", kNotAuthenticated, kNone, cmd_starttls},
    Command{"STATUS", kLoggedIn, kNone, cmd_status},
    Command{"STORE", kSelected, kMsn | kWrites, cmd_store},
    Command{"SUBSCRIBE", kLoggedIn, kWrites, cmd_subscribe},
    Command{"THREAD", kSelected, kMsn | kSearches, cmd_thread},
    Command{"UID COPY", kSelected, kUid | kWrites | kTarget, cmd_copy},
    Command{"UID EXPUNGE", kSelected, kUid | kWrites, cmd_uid_expunge},
    Command{"UID FETCH", kSelected, kUid | kDecodes, cmd_fetch},
    Command{"UID MOVE", kSelected, kUid | kWrites | kTarget, cmd_move},
    Command{"UID REPLACE", kSelected, kUid | kWrites | kTarget | kTakesMessage, cmd_replace},
    Command{"UID SEARCH", kSelected, kUid | kSearches, cmd_search},
    Command{"UID SORT", kSelected, kUid | kSearches, cmd_sort},
    Command{"UID STORE", kSelected, kUid | kWrites, cmd_store},
    Command{"UID THREAD", kSelected, kUid | kSearches, cmd_thread},
    Command{"UIDBATCHES", kSelected, kUid, cmd_uidbatches},
    Command{"UNAUTHENTICATE", kLoggedIn, kNone, cmd_unauthenticate},
    Command{"UNSELECT", kSelected, kNone, cmd_unselect},
    Command{"UNSUBSCRIBE", kLoggedIn, kWrites, cmd_unsubscribe},
};
static_assert(std::ranges::is_sorted(kCommands, {}, &Command::name));  // found by binary search

}  // namespace

Result<std::string_view> Args::next_astring() {
  TRY_OK(tokens.space());
  return tokens.astring();
}

const Command* find_command(std::string_view name) {
  const std::string upper = to_upper(name);
  const auto at = std::ranges::lower_bound(kCommands, std::string_view(upper), {}, &Command::name);
  return at != kCommands.end() && at->name == upper ? &*at : nullptr;
}

}  // namespace gemel::imap
