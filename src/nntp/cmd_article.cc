// ARTICLE, HEAD, BODY, STAT (RFC 3977 §6.2).
#include <fmt/format.h>

#include "base/bytes.h"
#include "nntp/ranges.h"
#include "nntp/reply.h"
#include "nntp/session.h"

namespace gemel::nntp {
namespace {

/// An article, and the number that is told with it: 0 for one found by its message id.
struct Chosen {
  Found found;
  uint32_t number;
};

/// Nothing where the answer was given.
std::optional<Chosen> by_message_id(Session& session, std::string_view id) {
  if (!is_message_id_argument(id)) {
    session.refuse(501, "that is no message id");
    return std::nullopt;
  }
  auto found = session.shelf().find(id);
  if (found) return Chosen{*std::move(found), 0};
  session.say(no_such_article(found.error()));
  return std::nullopt;
}

std::optional<Chosen> by_number(Session& session, const Words& words) {
  auto& current = session.current();
  if (!current) {
    session.refuse(412, "GROUP comes first");
    return std::nullopt;
  }
  const auto uid =
      words.size() == 1 ? Result<Uid>(current->article) : parse_article_number(words[1]);
  if (!uid) {
    session.refuse(501, uid.error().text);
    return std::nullopt;
  }
  const int missing = words.size() == 1 ? 420 : 423;
  auto article = [&]() -> Result<Article> {
    if (!*uid) return fail(Code::kNotFound, "there is no such article");
    TRY(const MailboxView view, session.shelf().view(current->mailbox));
    return Article::open(view, *uid);
  }();
  if (!article) {
    if (article.error().code == Code::kNotFound)
      session.say(missing, "there is no such article");
    else
      session.say(line_of(403, article.error()));
    return std::nullopt;
  }
  current->article = *uid;
  return Chosen{{current->group, *uid, *std::move(article)}, uid->value};
}

}  // namespace

void cmd_article(Session& session, const Words& words) {
  std::optional<Chosen> chosen = words.size() == 2 && words[1].starts_with('<')
                                     ? by_message_id(session, words[1])
                                     : by_number(session, words);
  if (!chosen) return;
  const std::string name = to_upper(words[0]);
  const int code = name == "ARTICLE" ? 220 : name == "HEAD" ? 221 : name == "BODY" ? 222 : 223;
  const std::string said = fmt::format("{} {}", chosen->number, chosen->found.article.message_id());
  if (code == 223) return session.say(code, said);
  auto header = session.shelf().header(chosen->found);
  if (!header) return session.say(line_of(403, header.error()));
  session.say(code, said);
  const Parts parts = code == 220 ? Parts::kArticle : code == 221 ? Parts::kHead : Parts::kBody;
  session.answer(
      std::make_unique<ArticleAnswer>(std::move(chosen->found.article), *std::move(header), parts));
}

}  // namespace gemel::nntp
