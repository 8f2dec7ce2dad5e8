// NEWNEWS (RFC 3977 §7.4).
#include <algorithm>

#include "base/bytes.h"
#include "nntp/moments.h"
#include "nntp/reply.h"
#include "nntp/session.h"
#include "nntp/wildmat.h"

namespace gemel::nntp {
namespace {

constexpr size_t kPieceUids = 256;

/// Message ids of what came into the groups since a moment, group after group.
class NewArticles final : public Answer {
 public:
  NewArticles(Shelf shelf, std::vector<std::string> groups, int64_t since_s)
      : shelf_(std::move(shelf)), groups_(std::move(groups)), since_s_(since_s) {}

  Result<Progress> step(std::string& out) override {
    if (at_ == groups_.size()) {
      out += ".\r\n";
      return Progress::kDone;
    }
    TRY(const Progress group, step_group(out));
    if (group == Progress::kDone) {
      ++at_;
      mailbox_ = UniqueId();
    }
    return Progress::kMore;
  }

 private:
  Result<Progress> step_group(std::string& out) {
    const std::string& name = groups_[at_];
    const auto group = shelf_.find_group(name, {Right::kLookup, Right::kRead});
    if (!group && group.error().code == Code::kNotFound) return Progress::kDone;
    TRY_OK(group);
    TRY(const MailboxView view, shelf_.view(group->id));
    if (mailbox_ != group->id) {
      mailbox_ = group->id;
      TRY(next_, first_uid_since(view, since_s_));
    }
    TRY(const UidSet uids, live_uids(view, next_, view.info().last_uid, kPieceUids));
    TRY(const auto facts, view.facts(uids));
    size_t at = 0;
    for (const UidSet::Range& range : uids.ranges())
      for (uint64_t uid = range.first; uid <= range.last; ++uid)
        TRY_OK(put_one(out, view, Uid(static_cast<uint32_t>(uid)), facts[at++]));
    if (uids.size() < kPieceUids) return Progress::kDone;
    next_ = uids.last().value + uint64_t{1};
    return Progress::kMore;
  }

  Result<void> put_one(std::string& out, const MailboxView& view, Uid uid,
                       const RecordFacts& facts) const {
    if (facts.savedate_s < since_s_) return {};
    TRY(Body body, view.body(facts.guid));
    TRY(Article article, Article::open(std::move(body), facts));
    const Found found{groups_[at_], uid, std::move(article)};
    // RFC 3977 §7.4.2: a cross-post is named once, where its first group has its turn.
    TRY(const auto others, shelf_.elsewhere(found, {Right::kLookup, Right::kRead}));
    const bool was_named = std::ranges::any_of(others, [&](const auto& other) {
      return other.first < found.group && std::ranges::binary_search(groups_, other.first);
    });
    if (!was_named) out += found.article.message_id() + "\r\n";
    return {};
  }

  Shelf shelf_;
  std::vector<std::string> groups_;  // by name
  int64_t since_s_;
  size_t at_ = 0;
  UniqueId mailbox_;  // whose start was looked for
  uint64_t next_ = 0;
};

}  // namespace

void cmd_newnews(Session& session, const Words& words) {
  const auto wildmat = Wildmat::parse(words[1]);
  const auto since = parse_moment(words[2], words[3], session.options().clock.unix_s());
  if (!wildmat || !since || (words.size() == 5 && !equals_ignoring_case(words[4], "GMT")))
    return session.refuse(501, "NEWNEWS takes a wildmat, yyyymmdd hhmmss GMT");
  const Shelf shelf = session.shelf();
  const auto groups = shelf.groups();
  if (!groups) return session.say(line_of(403, groups.error()));
  std::vector<std::string> names;
  for (const auto& [name, mailbox] : *groups)
    if (wildmat->matches(name)) names.push_back(name);
  session.say(230, "message ids follow");
  session.answer(std::make_unique<NewArticles>(shelf, std::move(names), *since));
}

}  // namespace gemel::nntp
