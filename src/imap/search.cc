#include "imap/search.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "imap/date_time.h"
#include "mail/fuzzy.h"
#include "mail/header_date.h"
#include "mail/mime_header.h"

namespace gemel::imap {
namespace {

using Kind = SearchNode::Kind;

/// Which messages of a set match, and which may; they don't overlap.
struct Verdict {
  Bitmap yes;
  Bitmap maybe;
};

Verdict judge(const SearchNode& node, const Bitmap& in);

Verdict judge_and(const SearchNode& node, const Bitmap& in) {
  Bitmap yes = in;
  Bitmap possible = in;
  for (const SearchNode& child : node.children) {
    const Verdict part = judge(child, possible);
    yes &= part.yes;
    possible = part.yes | part.maybe;
  }
  return {yes & possible, possible - yes};
}

Verdict judge_or(const SearchNode& node, const Bitmap& in) {
  Bitmap yes;
  Bitmap maybe;
  for (const SearchNode& child : node.children) {
    const Verdict part = judge(child, in - yes);
    yes |= part.yes;
    maybe |= part.maybe;
  }
  return {yes, maybe - yes};
}

Verdict judge(const SearchNode& node, const Bitmap& in) {
  if (node.kind == Kind::kAnd) return judge_and(node, in);
  if (node.kind == Kind::kOr) return judge_or(node, in);
  if (node.kind == Kind::kNot) {
    Verdict inner = judge(node.children.front(), in);
    return {in - inner.yes - inner.maybe, std::move(inner.maybe)};
  }
  if (node.is_decided_by_sets()) return {in & node.set, Bitmap()};
  if (node.is_narrowed) return {Bitmap(), in & node.set};
  return {Bitmap(), in};
}

/// Keys that look into messages.
size_t body_keys_of(const SearchNode& node) {
  size_t out = node.needs_body() ? 1 : 0;
  for (const SearchNode& child : node.children) out += body_keys_of(child);
  return out;
}

/// Whether it has a key for which a summary does not do.
bool reads_bodies(const SearchNode& node) {
  if (node.kind == Kind::kHeader) return !Summary::holds(node.text);
  return node.kind >= Kind::kBody || std::ranges::any_of(node.children, reads_bodies);
}

int64_t days_of(const std::chrono::year_month_day& date) {
  return std::chrono::sys_days(date).time_since_epoch().count();
}

}  // namespace

/// A message while it is looked at.
struct Search::Candidate {
  Uid uid;
  const RecordFacts* facts = nullptr;
  std::optional<Message> message = {};
};

void bind_numbers(SearchNode& node, const View& view, const Bitmap& saved) {
  for (SearchNode& child : node.children) bind_numbers(child, view, saved);
  if (node.kind != Kind::kSet) return;
  if (node.numbers == SearchNode::Numbers::kSaved) node.set = saved;
  if (node.numbers == SearchNode::Numbers::kMsn)
    node.set = view.by_msn(node.sequence, View::Beyond::kNothing).value_or(Bitmap());
  if (node.numbers != SearchNode::Numbers::kUid) node.numbers = SearchNode::Numbers::kBound;
}

Result<Search> Search::start(SearchNode root, const View& view, MailboxView mailbox,
                             const Terms& terms) {
  Search out(std::move(root), std::move(mailbox), terms.now_s);
  TRY_OK(out.resolve(out.root_, view));
  // Of expunged messages the index does not know all.
  if (terms.text_index != nullptr && !out.mailbox_.shows_expunged())
    out.narrow(out.root_, *terms.text_index);
  Bitmap candidates = view.known() - view.gone();
  if (terms.among) candidates &= *terms.among;
  Verdict verdict = judge(out.root_, candidates);
  out.found_ = std::move(verdict.yes);
  out.open_ = BitmapWalk(std::move(verdict.maybe));
  out.keeps_verdicts_ = body_keys_of(out.root_) == 1;
  out.reads_bodies_ = reads_bodies(out.root_);
  return out;
}

Result<Bitmap> Search::modified_since(uint64_t modseq) const {
  Bitmap out;
  const ModSeq since(modseq == 0 ? 0 : modseq - 1);
  Result<std::vector<RecordState>> changes = mailbox_.changes_since(since);
  if (!changes && changes.error().code == Code::kGone) {
    TRY(const UidSet uids, mailbox_.uids());
    changes = mailbox_.states(uids);
  }
  TRY_OK(changes);
  for (const RecordState& state : *changes)
    if (!state.expunged && state.modseq > since) out.add(state.uid.value);
  return out;
}

Result<void> Search::resolve(SearchNode& node, const View& view) const {
  for (SearchNode& child : node.children) TRY_OK(resolve(child, view));
  if (node.kind == Kind::kSet && node.numbers == SearchNode::Numbers::kUid)
    node.set = view.uids_in(node.sequence);
  std::optional<size_t> bit;
  if (node.kind == Kind::kFlag) bit = node.number;
  if (node.kind == Kind::kKeyword) {
    const std::vector<std::string>& keywords = mailbox_.info().keywords;
    const auto at = std::ranges::find_if(
        keywords, [&](const std::string& name) { return equals_ignoring_case(name, node.text); });
    if (at != keywords.end()) bit = kSystemFlagCount + static_cast<size_t>(at - keywords.begin());
  }
  if (bit) {
    TRY(const UidSet uids, mailbox_.uids_with(*bit));
    node.set = bitmap_of(uids);
  } else if (node.kind == Kind::kKeyword) {
    node.set = Bitmap();
  }
  if (node.kind == Kind::kRecent) node.set = view.recent();
  if (node.kind == Kind::kModSeq) {
    TRY(node.set, modified_since(node.number));
  }
  return {};
}

void Search::limit_to(Bitmap uids) {
  if (uids.cardinality() == open_.size()) return;
  found_ = members_between(found_, uids.minimum(), UINT32_MAX);
  open_ = BitmapWalk(std::move(uids));
}

void Search::narrow(SearchNode& node, const TextIndex& index) const {
  for (SearchNode& child : node.children) narrow(child, index);
  if (node.kind != Kind::kBody && node.kind != Kind::kText) return;
  const auto found = look_up(node, index);
  if (!found) {  // without it the answer is the same
    log::warn("imap search mailbox={} text index: {}", mailbox_.info().id.text(),
              found.error().text);
    return;
  }
  const Uid last = mailbox_.info().last_uid;
  if (!*found || (*found)->covered > last) return;
  node.is_narrowed = true;
  node.set = bitmap_of((*found)->may_hold);
  add_range(node.set, next((*found)->covered).value, last.value);
}

/// Nothing where the index does not help.
Result<std::optional<TextIndex::Found>> Search::look_up(const SearchNode& node,
                                                        const TextIndex& index) const {
  const UniqueId& id = mailbox_.info().id;
  if (!node.fuzzy) return index.look(id, node.key->folded());
  std::optional<TextIndex::Found> out;
  for (const FuzzyKey::Word& word : node.fuzzy->words()) {
    std::optional<TextIndex::Found> any;
    for (const std::string_view part : FuzzyKey::parts_of(word)) {
      TRY(std::optional<TextIndex::Found> found, index.look(id, part));
      if (!found) {  // too short: this word narrows nothing
        any.reset();
        break;
      }
      if (any) found->may_hold.add(any->may_hold);
      found->covered = any ? std::min(any->covered, found->covered) : found->covered;
      any = std::move(found);
    }
    if (!any) continue;
    // Each word must be there; what is not covered by one is not narrowed by it.
    out = out ? TextIndex::Found{.covered = std::min(out->covered, any->covered),
                                 .may_hold = out->may_hold & any->may_hold}
              : std::move(any);
  }
  return out;
}

Result<bool> Search::go_on() {
  const UidSet uids = open_.next(reads_bodies_ ? kSliceBodies : kSliceMessages);
  decided_ += uids.size();
  // What other sessions expunged since is not found.
  TRY(const std::vector<RecordState> states, mailbox_.states(uids));
  UidSet live;
  for (const RecordState& state : states) live.add(state.uid);
  TRY(const std::vector<RecordFacts> facts, mailbox_.facts(live));
  for (size_t i = 0; i < states.size(); ++i) {
    Candidate candidate{.uid = states[i].uid, .facts = &facts[i]};
    const Result<uint32_t> matched = match(root_, candidate);
    if (matched) {
      const uint32_t uid = states[i].uid.value;
      if (*matched > 0) found_.add(uid);
      if (*matched > 0 && *matched < kRelevanceMax) by_relevance_[*matched].add(uid);
      continue;
    }
    // One message that can't be read must not hide the others.
    if (matched.error().code == Code::kIo) return std::unexpected(matched.error());
    log::error("imap search mailbox={} uid={}: {}", mailbox_.info().id.text(), states[i].uid.value,
               matched.error().text);
  }
  return open_.at_end();
}

/// States held at once where those of many messages are asked for.
constexpr size_t kStatesAtOnce = 4096;

Result<ModSeq> Search::highest_modseq(const Bitmap& uids) const {
  ModSeq highest;
  for (BitmapWalk walk(uids); !walk.at_end();) {
    TRY(const std::vector<RecordState> states, mailbox_.states(walk.next(kStatesAtOnce)));
    for (const RecordState& state : states) highest = std::max(highest, state.modseq);
  }
  return highest;
}

Message& Search::message_of(Candidate& candidate) const {
  if (!candidate.message) candidate.message.emplace(mailbox_, candidate.facts->guid);
  return *candidate.message;
}

/// What has a field of that name, if the message has.
Result<std::string_view> Search::header_for(std::string_view field, Candidate& candidate) const {
  Message& message = message_of(candidate);
  return Summary::holds(field) ? message.known_header() : message.header();
}

uint32_t Search::relevance_of(Uid uid) const {
  for (const auto& [relevance, uids] : by_relevance_)
    if (uids.contains(uid.value)) return relevance;
  return kRelevanceMax;
}

Result<uint32_t> Search::match(const SearchNode& node, Candidate& candidate) {
  if (node.kind == Kind::kAnd) return match_all(node, candidate);
  if (node.kind == Kind::kOr) return match_any(node, candidate);
  if (node.kind == Kind::kNot) {
    TRY(const uint32_t inner, match(node.children.front(), candidate));
    return inner == 0 ? kRelevanceMax : 0;
  }
  if (node.is_decided_by_sets()) return node.set.contains(candidate.uid.value) ? kRelevanceMax : 0;
  if (!node.needs_body()) return matches_facts(node, *candidate.facts) ? kRelevanceMax : 0;
  if (node.is_narrowed && !node.set.contains(candidate.uid.value)) return 0;
  if (!keeps_verdicts_) return match_body(node, candidate);
  const Guid& guid = candidate.facts->guid;
  if (const auto known = verdicts_.find(guid); known != verdicts_.end()) return known->second;
  TRY(const uint32_t verdict, match_body(node, candidate));
  if (verdicts_.size() == kVerdictsMax) verdicts_.clear();
  verdicts_.emplace(guid, verdict);
  return verdict;
}

Result<uint32_t> Search::match_body(const SearchNode& node, Candidate& candidate) {
  if (node.fuzzy) return match_fuzzily(node, candidate);
  TRY(const bool matched,
      node.kind < Kind::kHeader ? matches_date(node, candidate) : matches_text(node, candidate));
  return matched ? kRelevanceMax : 0;
}

/// As relevant as the least of them.
Result<uint32_t> Search::match_all(const SearchNode& node, Candidate& candidate) {
  uint32_t out = kRelevanceMax;
  for (const SearchNode& child : node.children) {
    TRY(const uint32_t one, match(child, candidate));
    out = std::min(out, one);
    if (out == 0) break;
  }
  return out;
}

/// As relevant as the best of them.
Result<uint32_t> Search::match_any(const SearchNode& node, Candidate& candidate) {
  uint32_t out = 0;
  for (const SearchNode& child : node.children) {
    TRY(const uint32_t one, match(child, candidate));
    out = std::max(out, one);
    if (out == kRelevanceMax) break;
  }
  return out;
}

Result<uint32_t> Search::match_fuzzily(const SearchNode& node, Candidate& candidate) const {
  FuzzyMatch fuzzy(*node.fuzzy);
  const LookAtText at{.overlap_bytes = node.fuzzy->overlap_bytes(),
                      .look = [&](std::string_view folded) {
                        fuzzy.look(folded);
                        return fuzzy.relevance() == kRelevanceMax;
                      }};
  if (node.kind == Kind::kHeader) {
    TRY(const std::string_view header, header_for(node.text, candidate));
    any_field_text(header, node.text, at);
    return fuzzy.relevance();
  }
  Message& message = message_of(candidate);
  TRY(const MimePart* const structure, message.structure());
  // As exactly: an empty text is in every message, also in one without a text part.
  if (node.fuzzy->phrase().empty()) return kRelevanceMax;
  if (node.kind == Kind::kBody)
    any_body_text(message, *structure, at);
  else
    any_search_text(message, *structure, at);
  TRY_OK(message.failure());
  return fuzzy.relevance();
}

bool Search::matches_facts(const SearchNode& node, const RecordFacts& facts) const {
  const int64_t day = day_of(facts.internaldate_s);
  const int64_t saved_day = day_of(facts.savedate_s);
  const int64_t age_s = now_s_ - facts.internaldate_s;
  switch (node.kind) {
    case Kind::kLarger:
      return facts.size > node.number;
    case Kind::kSmaller:
      return facts.size < node.number;
    case Kind::kBefore:
      return day < node.date;
    case Kind::kOn:
      return day == node.date;
    case Kind::kSince:
      return day >= node.date;
    case Kind::kOlder:
      return age_s >= static_cast<int64_t>(node.number);
    case Kind::kYounger:
      return age_s <= static_cast<int64_t>(node.number);
    case Kind::kSavedBefore:
      return saved_day < node.date;
    case Kind::kSavedOn:
      return saved_day == node.date;
    case Kind::kSavedSince:
      return saved_day >= node.date;
    default:  // kEmailId
      return facts.guid.text() == node.text;
  }
}

Result<bool> Search::matches_date(const SearchNode& node, Candidate& candidate) const {
  TRY(const std::string_view header, header_for("Date", candidate));
  // RFC 3501 §6.4.4: the day as written, whatever the time and the zone.
  const std::optional<HeaderDate> date = parse_header_date(field_text(header, "Date"));
  if (!date) return false;
  const int64_t day = days_of(date->day);
  if (node.kind == Kind::kSentBefore) return day < node.date;
  if (node.kind == Kind::kSentOn) return day == node.date;
  return day >= node.date;
}

Result<bool> Search::matches_text(const SearchNode& node, Candidate& candidate) const {
  if (node.kind == Kind::kHeader) {
    TRY(const std::string_view header, header_for(node.text, candidate));
    return header_contains(header, node.text, *node.key);
  }
  Message& message = message_of(candidate);
  TRY(const MimePart* const structure, message.structure());
  const bool contains = node.kind == Kind::kBody ? body_contains(message, *structure, *node.key)
                                                 : text_contains(message, *structure, *node.key);
  TRY_OK(message.failure());
  return contains;
}

}  // namespace gemel::imap
