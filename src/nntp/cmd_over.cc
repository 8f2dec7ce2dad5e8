// OVER, HDR (RFC 3977 §8.3, §8.5), and XOVER, XHDR, XPAT (RFC 2980 §2.6, §2.8, §2.9).
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "nntp/overview.h"
#include "nntp/ranges.h"
#include "nntp/reply.h"
#include "nntp/session.h"
#include "nntp/wildmat.h"

namespace gemel::nntp {
namespace {

/// The line for an article under the number that the client is told; nothing leaves it out.
using MakeLine =
    std::function<Result<std::optional<std::string>>(const Found& found, std::string_view number)>;

/// What all of them answer alike: `code` and the lines of one article or of a range.
struct Question {
  int code;
  std::string_view about;       // said behind the code
  std::string_view zero = "0";  // number of an article found by its message id
};

void answer_one(Session& session, const Question& question, Found found, std::string_view number,
                const MakeLine& make_line) {
  const auto line = make_line(found, number);
  if (!line) return session.say(line_of(403, line.error()));
  session.say(line_of(question.code, question.about) + (*line ? **line + "\r\n" : "") + ".\r\n");
}

void answer_message_id(Session& session, const Question& question, std::string_view id,
                       const MakeLine& make_line) {
  if (!is_message_id_argument(id)) return session.refuse(501, "that is no message id");
  auto found = session.shelf().find(id);
  if (!found) return session.say(no_such_article(found.error()));
  answer_one(session, question, *std::move(found), question.zero, make_line);
}

void answer_range(Session& session, const Question& question, const Range& range, int none_code,
                  MakeLine make_line) {
  const Session::Current& current = *session.current();
  const Shelf shelf = session.shelf();
  // RFC 3977 §8.3.2: an empty answer is another code, so the first article is looked for at once.
  const auto first = [&]() -> Result<UidSet> {
    TRY(const MailboxView view, shelf.view(current.mailbox));
    return live_uids(view, range.first, range.last, 1);
  }();
  if (!first && first.error().code != Code::kNotFound)
    return session.say(line_of(403, first.error()));
  if (!first || first->empty()) return session.say(none_code, "there is no such article");
  session.say(question.code, question.about);
  session.answer(std::make_unique<RangeAnswer>(
      shelf, GroupRange{current.group, current.mailbox, first->first().value, range.last},
      [make_line = std::move(make_line)](const Found& found) {
        return make_line(found, std::to_string(found.uid.value));
      }));
}

/// `named`: a range, a message id, or empty for the current article.
void answer_all(Session& session, const Question& question, std::string_view named,
                MakeLine make_line) {
  if (named.starts_with('<')) return answer_message_id(session, question, named, make_line);
  if (!session.current()) return session.refuse(412, "GROUP comes first");
  if (!named.empty()) {
    const auto range = parse_range(named);
    if (!range) return session.refuse(501, range.error().text);
    return answer_range(session, question, *range, 423, std::move(make_line));
  }
  const Uid uid = session.current()->article;
  if (!uid) return session.say(420, "there is no current article");
  answer_range(session, question, {uid.value, uid}, 420, std::move(make_line));
}

}  // namespace

void cmd_over(Session& session, const Words& words) {
  const Shelf shelf = session.shelf();
  answer_all(
      session, {.code = 224, .about = "overview follows"},
      words.size() == 2 ? words[1] : std::string_view(),
      [shelf](const Found& found, std::string_view number) -> Result<std::optional<std::string>> {
        return overview_line(shelf, found, number);
      });
}

void cmd_hdr(Session& session, const Words& words) {
  const std::string field(words[1]);
  if (!check_hdr_field(field)) return session.refuse(503, "there is no such field");
  const bool is_old = equals_ignoring_case(words[0], "XHDR");
  const std::string_view named = words.size() == 3 ? words[2] : std::string_view();
  const Shelf shelf = session.shelf();
  // RFC 2980 §2.6: XHDR repeats the message id where HDR says 0.
  answer_all(session,
             {.code = is_old ? 221 : 225,
              .about = "values follow",
              .zero = is_old ? named : std::string_view("0")},
             named,
             [shelf, field](const Found& found,
                            std::string_view number) -> Result<std::optional<std::string>> {
               TRY(const std::string value, hdr_value(shelf, found, field));
               return fmt::format("{} {}", number, value);
             });
}

void cmd_xpat(Session& session, const Words& words) {
  const std::string field(words[1]);
  if (!check_hdr_field(field)) return session.refuse(503, "there is no such field");
  // RFC 2980 §2.9: what follows is patterns, one of which must match; a space can't be in one.
  const std::vector<std::string> patterns(words.begin() + 3, words.end());
  const Shelf shelf = session.shelf();
  answer_all(
      session, {.code = 221, .about = "values follow", .zero = words[2]}, words[2],
      [shelf, field, patterns](const Found& found,
                               std::string_view number) -> Result<std::optional<std::string>> {
        TRY(const std::string value, hdr_value(shelf, found, field));
        const bool matches = std::ranges::any_of(patterns, [&](const std::string& pattern) {
          return matches_pattern(pattern, value, PatternKind::kSets);
        });
        if (!matches) return std::nullopt;
        return fmt::format("{} {}", number, value);
      });
}

}  // namespace gemel::nntp
