// GROUP, LISTGROUP, NEXT, LAST (RFC 3977 §6.1).
#include <fmt/format.h>

#include "base/bytes.h"
#include "nntp/ranges.h"
#include "nntp/reply.h"
#include "nntp/session.h"

namespace gemel::nntp {
namespace {

/// Chooses the group and its first article, and says the line both commands begin with.
Result<MailboxInfo> choose(Session& session, std::string_view name) {
  const Shelf shelf = session.shelf();
  TRY(const MailboxInfo mailbox, shelf.find_group(name, {Right::kLookup, Right::kRead}));
  TRY(const GroupState state, shelf.state_of(mailbox));
  session.current() =
      Session::Current{std::string(name), mailbox.id, state.count == 0 ? Uid() : Uid(state.low)};
  session.say(211, fmt::format("{} {} {} {}", state.count, state.low, state.high, name));
  return mailbox;
}

/// NEXT and LAST: to the article that `step` finds from the current one.
template <class Step>
void move(Session& session, Step step, int none_code) {
  auto& current = session.current();
  if (!current) return session.refuse(412, "GROUP comes first");
  if (!current->article) return session.refuse(420, "there is no current article");
  const auto answer = [&]() -> Result<std::string> {
    TRY(const MailboxView view, session.shelf().view(current->mailbox));
    TRY(const Uid uid, step(view, current->article));
    if (!uid) return line_of(none_code, "there is none");
    TRY(const Article article, Article::open(view, uid));
    current->article = uid;
    return line_of(223, fmt::format("{} {}", uid.value, article.message_id()));
  }();
  session.say(answer ? *answer : line_of(403, answer.error()));
}

}  // namespace

void cmd_group(Session& session, const Words& words) {
  const auto chosen = choose(session, words[1]);
  if (!chosen) session.say(line_of(chosen.error()));
}

void cmd_listgroup(Session& session, const Words& words) {
  if (words.size() == 1 && !session.current()) return session.refuse(412, "GROUP comes first");
  Range range;
  if (words.size() == 3) {
    const auto parsed = parse_range(words[2]);
    if (!parsed) return session.refuse(501, parsed.error().text);
    range = *parsed;
  }
  const std::string name(words.size() == 1 ? session.current()->group : words[1]);
  const auto chosen = choose(session, name);
  if (!chosen) return session.say(line_of(chosen.error()));
  session.answer(std::make_unique<NumbersAnswer>(
      session.shelf(),
      GroupRange{name, chosen->id, range.first, std::min(chosen->last_uid, range.last)}));
}

void cmd_next(Session& session, const Words&) {
  move(
      session,
      [](const MailboxView& view, Uid from) -> Result<Uid> {
        TRY(const UidSet found, live_uids(view, from.value + uint64_t{1}, view.info().last_uid, 1));
        return found.empty() ? Uid() : found.first();
      },
      421);
}

void cmd_last(Session& session, const Words&) { move(session, live_uid_before, 422); }

}  // namespace gemel::nntp
