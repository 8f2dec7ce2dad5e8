// The language: every command, how many words it takes, and what it needs. Only here.
//
// Source   RFC 3977 §3.1 (commands), §5 to §8; RFC 4642, 4643, 4644, 6048, 8054; RFC 2980 for what
//          readers still send (XHDR, XOVER, XPAT).
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "wire/sasl.h"

namespace gemel::nntp {

class Session;

/// The words of a command line, the command's own first.
using Words = std::vector<std::string_view>;

enum class Needs : uint8_t {
  kNothing,
  kLogin,  // or a server that is open to everybody: else 480
  kPeer,   // to be a configured peer: else 480 or 502
};

struct Command {
  std::string_view name;
  size_t words_min;  // with its own name
  size_t words_max;
  Needs needs;
  void (*run)(Session& session, const Words& words);
};
inline constexpr size_t kAnyWords = std::numeric_limits<size_t>::max();

/// In any case; nullptr if there is none.
const Command* find_command(std::string_view name);

// cmd_any.cc
void cmd_capabilities(Session& session, const Words& words);
void cmd_date(Session& session, const Words& words);
void cmd_help(Session& session, const Words& words);
void cmd_mode(Session& session, const Words& words);
void cmd_quit(Session& session, const Words& words);
// cmd_login.cc
/// Says what a step of a login comes to, and awaits the next line where it goes on.
void take_login_step(Session& session, Result<wire::SaslStep> step);

void cmd_authinfo(Session& session, const Words& words);
void cmd_compress(Session& session, const Words& words);
void cmd_starttls(Session& session, const Words& words);
// cmd_group.cc
void cmd_group(Session& session, const Words& words);
void cmd_last(Session& session, const Words& words);
void cmd_listgroup(Session& session, const Words& words);
void cmd_next(Session& session, const Words& words);
// cmd_article.cc: ARTICLE, BODY, HEAD, STAT
void cmd_article(Session& session, const Words& words);
// cmd_over.cc: OVER, XOVER; HDR, XHDR; XPAT
void cmd_hdr(Session& session, const Words& words);
void cmd_over(Session& session, const Words& words);
void cmd_xpat(Session& session, const Words& words);
// cmd_list.cc
void cmd_list(Session& session, const Words& words);
void cmd_newgroups(Session& session, const Words& words);
// cmd_newnews.cc
void cmd_newnews(Session& session, const Words& words);
// cmd_transfer.cc
void cmd_check(Session& session, const Words& words);
void cmd_ihave(Session& session, const Words& words);
void cmd_post(Session& session, const Words& words);
void cmd_takethis(Session& session, const Words& words);

}  // namespace gemel::nntp
