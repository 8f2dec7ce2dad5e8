#include "nntp/shelf.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/newsgroups.h"

namespace gemel::nntp {
namespace {

constexpr uint64_t kUidsAtOnce = 256 * 16;  // pages of 256

std::unexpected<Error> no_group() { return fail(Code::kNotFound, "no such newsgroup"); }

}  // namespace

Result<MailboxInfo> Shelf::find_group(std::string_view name, Rights needed) const {
  const auto mailbox = mailbox_of_newsgroup(kSharedOwner, options_->prefix, name);
  if (!mailbox) return no_group();
  auto found = access_.find(*mailbox, needed);
  // Who may look a group up and not read it is told no more than who may do neither.
  if (!found && (found.error().code == Code::kNotFound || found.error().code == Code::kDenied))
    return no_group();
  return found;
}

Result<std::vector<std::pair<std::string, MailboxInfo>>> Shelf::groups() const {
  TRY(auto all, newsgroups(options_->store, options_->prefix));
  std::erase_if(
      all, [&](const auto& group) { return !access_.rights(group.second).has(Right::kLookup); });
  return all;
}

char Shelf::status_of(const MailboxInfo& mailbox) const {
  const NewsgroupStatus status = newsgroup_status(mailbox);
  const bool may_post = access_.rights(mailbox).has_any({Right::kPost, Right::kInsert});
  return static_cast<char>(may_post ? status : NewsgroupStatus::kNoPosting);
}

Result<GroupState> Shelf::state_of(const MailboxInfo& mailbox) const {
  TRY(const MailboxView view, options_->store.view(mailbox.id));
  TRY(const Uid first, view.first_uid());
  const uint32_t high = view.info().last_uid.value;
  return GroupState{view.info().exists, first ? first.value : high + 1, high};
}

Result<MailboxView> Shelf::view(const UniqueId& mailbox) const {
  auto found = access_.find(mailbox, {Right::kRead});
  if (!found && found.error().code == Code::kDenied) return no_group();
  TRY_OK(found);
  return options_->store.view(mailbox);
}

Result<Found> Shelf::find(std::string_view message_id) const {
  TRY(const auto places, options_->history.places(message_id));
  for (const History::Place& place : places) {
    const auto view = this->view(place.mailbox);
    if (!view && view.error().code == Code::kNotFound) continue;
    TRY_OK(view);
    const MailboxName& name = view->info().name;
    const auto group = newsgroup_of_path(options_->prefix, name.path);
    if (name.owner != kSharedOwner || !group) continue;
    auto article = Article::open(*view, place.uid);
    if (!article && article.error().code == Code::kNotFound) continue;
    TRY_OK(article);
    if (article->message_id() == message_id) return Found{*group, place.uid, *std::move(article)};
  }
  return fail(Code::kNotFound, "no such article");
}

Result<std::vector<std::pair<std::string, Uid>>> Shelf::elsewhere(const Found& found,
                                                                  Rights needed) const {
  std::vector<std::pair<std::string, Uid>> out;
  // Only what names several groups can be in another one as the same article.
  if (found.article.newsgroups().size() < 2) return out;
  const auto places = options_->history.places(found.article.message_id());
  if (!places && places.error().code == Code::kBusy) return out;
  TRY_OK(places);
  for (const History::Place& place : *places) {
    const auto mailbox = access_.find(place.mailbox, needed);
    if (!mailbox || mailbox->name.owner != kSharedOwner) continue;
    auto group = newsgroup_of_path(options_->prefix, mailbox->name.path);
    if (group && *group != found.group) out.emplace_back(*std::move(group), place.uid);
  }
  std::ranges::sort(out);
  return out;
}

Result<std::string> Shelf::xref(const Found& found) const {
  TRY(auto places, elsewhere(found, {Right::kLookup}));
  places.emplace_back(found.group, found.uid);
  std::ranges::sort(places);  // the same in each group
  std::string out = options_->path_identity;
  for (const auto& [group, uid] : places) out += fmt::format(" {}:{}", group, uid.value);
  return out;
}

Result<std::string> Shelf::header(const Found& found) const {
  TRY(const std::string reference, xref(found));
  return found.article.header(
      {.group = found.group, .path_identity = options_->path_identity, .xref = reference});
}

Result<UidSet> live_uids(const MailboxView& view, uint64_t from, Uid last, size_t count_max) {
  UidSet out;
  const uint64_t end = std::min(last, view.info().last_uid).value;
  size_t count = 0;
  for (uint64_t at = std::max<uint64_t>(from, 1); at <= end && count < count_max;) {
    const uint64_t upto = std::min(at + kUidsAtOnce - 1, end);
    TRY(const auto states,
        view.states(UidSet::of(Uid(static_cast<uint32_t>(at)), Uid(static_cast<uint32_t>(upto)))));
    for (const RecordState& state : states) {
      if (count++ == count_max) break;
      out.add(state.uid);
    }
    at = upto + 1;
  }
  return out;
}

Result<Uid> live_uid_before(const MailboxView& view, Uid before) {
  for (uint64_t end = before.value; end > 1;) {
    const uint64_t from = end > kUidsAtOnce ? end - kUidsAtOnce : 1;
    TRY(const auto states, view.states(UidSet::of(Uid(static_cast<uint32_t>(from)),
                                                  Uid(static_cast<uint32_t>(end - 1)))));
    if (!states.empty()) return states.back().uid;
    end = from;
  }
  return Uid();
}

Result<uint64_t> first_uid_since(const MailboxView& view, int64_t since_s) {
  uint64_t low = 1;
  uint64_t high = view.info().last_uid.value + uint64_t{1};
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    TRY(const UidSet found, live_uids(view, middle, view.info().last_uid, 1));
    if (found.empty()) {
      high = middle;
      continue;
    }
    TRY(const auto facts, view.facts(found));
    if (facts.front().savedate_s >= since_s)
      high = middle;
    else
      low = found.first().value + uint64_t{1};
  }
  return low;
}

}  // namespace gemel::nntp
