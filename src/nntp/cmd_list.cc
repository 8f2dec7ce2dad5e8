// LIST (RFC 3977 §7.6, §8.4, §8.6; RFC 6048 §2.2 for COUNTS) and NEWGROUPS (RFC 3977 §7.3).
#include <fmt/format.h>

#include <array>

#include "base/bytes.h"
#include "nntp/moments.h"
#include "nntp/overview.h"
#include "nntp/reply.h"
#include "nntp/session.h"

namespace gemel::nntp {
namespace {

/// Appends the line of one group; nothing leaves it out.
using PutGroup = Result<void> (*)(const Shelf& shelf, const std::string& name,
                                  const MailboxInfo& mailbox, std::string& out);

Result<void> put_active(const Shelf& shelf, const std::string& name, const MailboxInfo& mailbox,
                        std::string& out) {
  TRY(const GroupState state, shelf.state_of(mailbox));
  out += fmt::format("{} {} {} {}\r\n", name, state.high, state.low, shelf.status_of(mailbox));
  return {};
}

Result<void> put_counts(const Shelf& shelf, const std::string& name, const MailboxInfo& mailbox,
                        std::string& out) {
  TRY(const GroupState state, shelf.state_of(mailbox));
  out += fmt::format("{} {} {} {} {}\r\n", name, state.high, state.low, state.count,
                     shelf.status_of(mailbox));
  return {};
}

Result<void> put_times(const Shelf&, const std::string& name, const MailboxInfo& mailbox,
                       std::string& out) {
  const std::string_view creator = newsgroup_attribute(mailbox, kAttributeNewsgroupCreator);
  out += fmt::format("{} {} {}\r\n", name, mailbox.created_s,
                     creator.empty() ? std::string_view("-") : creator);
  return {};
}

Result<void> put_description(const Shelf&, const std::string& name, const MailboxInfo& mailbox,
                             std::string& out) {
  const std::string_view text = newsgroup_attribute(mailbox, kAttributeNewsgroupDescription);
  if (!text.empty()) out += fmt::format("{}\t{}\r\n", name, text);
  return {};
}

/// A line for each group that fits and is there when its turn comes. Only names are kept meanwhile.
using Fits = std::function<bool(const std::string& name, const MailboxInfo& mailbox)>;
void answer_groups(Session& session, int code, const Fits& fits, PutGroup put) {
  const Shelf shelf = session.shelf();
  const auto groups = shelf.groups();
  if (!groups) return session.say(line_of(403, groups.error()));
  std::vector<std::string> names;
  for (const auto& [name, mailbox] : *groups)
    if (fits(name, mailbox)) names.push_back(name);
  session.say(code, "newsgroups follow");
  session.answer(std::make_unique<NamesAnswer>(
      std::move(names), [shelf, put](const std::string& name, std::string& out) -> Result<void> {
        const auto mailbox = shelf.find_group(name, {Right::kLookup});
        if (!mailbox && mailbox.error().code == Code::kNotFound) return {};
        TRY_OK(mailbox);
        return put(shelf, name, *mailbox, out);
      }));
}

void list_groups(Session& session, const Words& words, PutGroup put) {
  Wildmat wildmat = Wildmat::all();
  if (words.size() == 3) {
    auto parsed = Wildmat::parse(words[2]);
    if (!parsed) return session.refuse(501, parsed.error().text);
    wildmat = *std::move(parsed);
  }
  answer_groups(
      session, 215,
      [&](const std::string& name, const MailboxInfo&) { return wildmat.matches(name); }, put);
}

void list_overview_format(Session& session) {
  session.say(line_of(215, "fields in order") + std::string(kOverviewFormat) + ".\r\n");
}

// RFC 3977 §8.6: ":" stands for every field of the header.
void list_headers(Session& session, const Words& words) {
  if (words.size() == 3 && !equals_ignoring_case(words[2], "MSGID") &&
      !equals_ignoring_case(words[2], "RANGE"))
    return session.refuse(501, "LIST HEADERS takes MSGID or RANGE");
  session.say(line_of(215, "fields for HDR") + ":\r\n:bytes\r\n:lines\r\n.\r\n");
}

void list_distrib_pats(Session& session) {
  const auto& patterns = session.options().distrib_pats;
  if (patterns.empty()) return session.say(503, "there are none");
  std::string out = line_of(215, "distribution patterns");
  for (const std::string& pattern : patterns) out += pattern + "\r\n";
  session.say(out + ".\r\n");
}

struct GroupList {
  std::string_view keyword;
  PutGroup put;
};
constexpr std::array kGroupLists = {
    GroupList{"ACTIVE", put_active},
    GroupList{"ACTIVE.TIMES", put_times},
    GroupList{"COUNTS", put_counts},
    GroupList{"NEWSGROUPS", put_description},
};

}  // namespace

void cmd_list(Session& session, const Words& words) {
  const std::string keyword = words.size() == 1 ? "ACTIVE" : to_upper(words[1]);
  for (const GroupList& list : kGroupLists)
    if (list.keyword == keyword) return list_groups(session, words, list.put);
  if (keyword == "HEADERS") return list_headers(session, words);
  if (words.size() == 3) return session.refuse(501, "this list takes no argument");
  if (keyword == "OVERVIEW.FMT") return list_overview_format(session);
  if (keyword == "DISTRIB.PATS") return list_distrib_pats(session);
  session.refuse(501, "there is no such list");
}

void cmd_newgroups(Session& session, const Words& words) {
  const auto since = parse_moment(words[1], words[2], session.options().clock.unix_s());
  if (!since || (words.size() == 4 && !equals_ignoring_case(words[3], "GMT")))
    return session.refuse(501, "NEWGROUPS takes yyyymmdd hhmmss GMT");
  answer_groups(
      session, 231,
      [&](const std::string&, const MailboxInfo& mailbox) { return mailbox.created_s >= *since; },
      put_active);
}

}  // namespace gemel::nntp
