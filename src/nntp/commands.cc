#include "nntp/commands.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace gemel::nntp {
namespace {

constexpr std::array kCommands = {
    Command{"ARTICLE", 1, 2, Needs::kLogin, cmd_article},
    Command{"AUTHINFO", 2, kAnyWords, Needs::kNothing, cmd_authinfo},
    Command{"BODY", 1, 2, Needs::kLogin, cmd_article},
    Command{"CAPABILITIES", 1, 2, Needs::kNothing, cmd_capabilities},
    Command{"CHECK", 2, 2, Needs::kPeer, cmd_check},
    Command{"COMPRESS", 2, 2, Needs::kNothing, cmd_compress},
    Command{"DATE", 1, 1, Needs::kNothing, cmd_date},
    Command{"GROUP", 2, 2, Needs::kLogin, cmd_group},
    Command{"HDR", 2, 3, Needs::kLogin, cmd_hdr},
    Command{"HEAD", 1, 2, Needs::kLogin, cmd_article},
    Command{"HELP", 1, 1, Needs::kNothing, cmd_help},
    Command{"IHAVE", 2, 2, Needs::kPeer, cmd_ihave},
    Command{"LAST", 1, 1, Needs::kLogin, cmd_last},
    Command{"LIST", 1, 3, Needs::kLogin, cmd_list},
    Command{"LISTGROUP", 1, 3, Needs::kLogin, cmd_listgroup},
    Command{"MODE", 2, 2, Needs::kNothing, cmd_mode},
    Command{"NEWGROUPS", 3, 4, Needs::kLogin, cmd_newgroups},
    Command{"NEWNEWS", 4, 5, Needs::kLogin, cmd_newnews},
    Command{"NEXT", 1, 1, Needs::kLogin, cmd_next},
    Command{"OVER", 1, 2, Needs::kLogin, cmd_over},
    Command{"POST", 1, 1, Needs::kLogin, cmd_post},
    Command{"QUIT", 1, 1, Needs::kNothing, cmd_quit},
    Command{"STARTTLS", 1, 1, Needs::kNothing, cmd_starttls},
    Command{"STAT", 1, 2, Needs::kLogin, cmd_article},
    // A peer or not, an article follows that must be read off the wire.
    Command{"TAKETHIS", 2, 2, Needs::kNothing, cmd_takethis},
    Command{"XHDR", 2, 3, Needs::kLogin, cmd_hdr},
    Command{"XOVER", 1, 2, Needs::kLogin, cmd_over},
    Command{"XPAT", 4, kAnyWords, Needs::kLogin, cmd_xpat},
};
static_assert(std::ranges::is_sorted(kCommands, {}, &Command::name));  // found by binary search

}  // namespace

const Command* find_command(std::string_view name) {
  const std::string upper = to_upper(name);
  const auto found =
      std::ranges::lower_bound(kCommands, std::string_view(upper), {}, &Command::name);
  return found != kCommands.end() && found->name == upper ? &*found : nullptr;
}

}  // namespace gemel::nntp
