#include "sync/folds.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sync/grammar.h"

namespace gemel::sync {
namespace {

constexpr std::string_view kNone = "-";

using Identity = std::pair<Guid, int64_t>;

Identity identity_of(const RecordRow& row) { return {row.facts.guid, row.facts.internaldate_s}; }

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string_view value_of(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(std::string(name));
  return found == attributes.end() ? std::string_view() : std::string_view(found->second);
}

void put_value(Attributes& attributes, std::string_view name, std::string value) {
  if (value.empty())
    attributes.erase(std::string(name));
  else
    attributes.insert_or_assign(std::string(name), std::move(value));
}

std::string text_of(const UidSet& uids) { return uids.empty() ? std::string(kNone) : uids.text(); }

// What can't be read is left out: it is as if nothing had been said.
UidSet set_of(std::string_view text) {
  if (text == kNone) return {};
  return UidSet::parse(text, kRangesMax).value_or(UidSet());
}

UidSet widened(const UidSet& uids) {
  return uids.ranges().size() > kFoldRangesMax ? UidSet::of(uids.first(), uids.last()) : uids;
}

UidSet shortened(const UidSet& uids) {
  if (uids.ranges().size() <= kFoldRangesMax) return uids;
  UidSet out;
  for (size_t i = 0; i < kFoldRangesMax; ++i)
    out.add(Uid(uids.ranges()[i].first), Uid(uids.ranges()[i].last));
  return out;
}

}  // namespace

Folds Folds::of(const Attributes& attributes) {
  Folds out;
  const std::vector<std::string_view> words = words_of(value_of(attributes, kAttributeWent));
  for (size_t i = 0; i + 4 <= words.size(); i += 4) {
    const Result<UniqueId> into = UniqueId::parse(words[i]);
    int64_t at_s = 0;
    std::from_chars(words[i + 1].data(), words[i + 1].data() + words[i + 1].size(), at_s);
    if (into) out.folds_[{*into, at_s}] = {set_of(words[i + 2]), set_of(words[i + 3])};
  }
  return out;
}

void Folds::put(Attributes& attributes) const {
  std::string text;
  for (const auto& [where, sets] : folds_)
    text += fmt::format("{}{} {} {} {}", text.empty() ? "" : " ", where.first.text(), where.second,
                        text_of(widened(sets.uids)), text_of(shortened(sets.expunged)));
  put_value(attributes, kAttributeWent, std::move(text));
}

void Folds::add(const UniqueId& into, int64_t at_s, const UidSet& uids) {
  if (!uids.empty()) folds_[{into, at_s}].uids.add(uids);
}

void Folds::add(const Folds& other) {
  for (const auto& [where, theirs] : other.folds_) {
    Sets& sets = folds_[where];
    sets.uids.add(theirs.uids);
    sets.expunged.add(theirs.expunged);
  }
}

void Folds::expunge(const UidSet& uids) {
  for (auto& [where, sets] : folds_) sets.expunged.add(sets.uids & uids);
}

std::vector<Fold> Folds::all() const {
  std::vector<Fold> out;
  for (const auto& [where, sets] : folds_)
    out.push_back({where.first, where.second, sets.uids, sets.expunged});
  return out;
}

UidSet Folds::uids() const {
  UidSet out;
  for (const auto& [where, sets] : folds_) out.add(sets.uids);
  return out;
}

UidSet Folds::expunged() const {
  UidSet out;
  for (const auto& [where, sets] : folds_) out.add(sets.expunged);
  return out;
}

std::set<UniqueId> came_from(const Attributes& attributes) {
  std::set<UniqueId> out;
  for (const std::string_view word : words_of(value_of(attributes, kAttributeCame)))
    if (const Result<UniqueId> id = UniqueId::parse(word)) out.insert(*id);
  return out;
}

void put_came_from(Attributes& attributes, std::set<UniqueId> ids) {
  while (ids.size() > kCameMax) ids.erase(ids.begin());
  std::string text;
  for (const UniqueId& id : ids) text += (text.empty() ? "" : " ") + id.text();
  put_value(attributes, kAttributeCame, std::move(text));
}

UidSet due(const Fold& fold, const std::vector<RecordRow>& from,
           const std::vector<RecordRow>& there, const Folds& onward) {
  struct Alike {
    int64_t went = 0;
    int64_t expunged = 0;
    int64_t expunged_there = 0;
    std::vector<Uid> live = {};
  };
  std::map<Identity, Alike> messages;
  for (const RecordRow& row : from) {
    if (!fold.uids.contains(row.uid)) continue;
    Alike& alike = messages[identity_of(row)];
    ++alike.went;
    alike.expunged += fold.expunged.contains(row.uid) ? 1 : 0;
  }
  const UidSet went_on = onward.uids() - onward.expunged();
  for (const RecordRow& row : there) {
    if (row.facts.savedate_s != fold.at_s) continue;
    const auto found = messages.find(identity_of(row));
    if (found == messages.end()) continue;
    if (row.expunged && !went_on.contains(row.uid))
      ++found->second.expunged_there;
    else
      found->second.live.push_back(row.uid);
  }
  UidSet out;
  for (const auto& [identity, alike] : messages) {
    const auto live = static_cast<int64_t>(alike.live.size());
    const int64_t count =
        std::min(alike.expunged - alike.expunged_there, live - (alike.went - alike.expunged));
    for (int64_t i = 0; i < count; ++i) out.add(alike.live[static_cast<size_t>(i)]);
  }
  return out;
}

std::vector<std::pair<Uid, Uid>> twins(const Fold& fold, const std::vector<RecordRow>& from,
                                       const std::vector<RecordRow>& there) {
  std::map<Identity, std::pair<std::vector<Uid>, std::vector<Uid>>> alike;
  for (const RecordRow& row : from)
    if (fold.uids.contains(row.uid)) alike[identity_of(row)].first.push_back(row.uid);
  for (const RecordRow& row : there) {
    const auto found = alike.find(identity_of(row));
    if (row.facts.savedate_s == fold.at_s && found != alike.end())
      found->second.second.push_back(row.uid);
  }
  std::vector<std::pair<Uid, Uid>> out;
  for (const auto& [identity, uids] : alike)
    for (size_t i = 0; uids.first.size() == uids.second.size() && i < uids.first.size(); ++i)
      out.emplace_back(uids.first[i], uids.second[i]);
  return out;
}

}  // namespace gemel::sync
