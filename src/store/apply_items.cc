#include "store/apply_items.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/operations.h"

namespace gemel {
namespace {

/// Missing bodies are named all at once, so that one more round trip brings them; no more than
/// these, for the text is a line.
constexpr size_t kMissingNamedMax = 1000;

Error invalid(std::string text) { return {Code::kInvalid, std::move(text)}; }

class ItemApplier {
 public:
  ItemApplier(Commit& commit, MailboxEdit& mailbox, const ItemsToApply& items)
      : commit_(&commit), mailbox_(&mailbox), items_(&items) {}

  Result<void> operator()(const StoreItem& item);
  Result<void> operator()(const ExpungeItem& item);
  Result<void> operator()(const AppendItem& item);
  Result<void> operator()(const AppendFromItem& item);
  Result<void> operator()(const DropItem& item);
  Result<void> all_bodies_there() const;
  LateKeywords late() && { return std::move(late_); }

 private:
  bool mends() const { return items_->update.mends.has_value(); }
  Result<void> check_modseq(ModSeq modseq) const;
  Result<void> check_new(Uid uid) const;
  Result<void> check_range(const UidSet& uids) const;
  Result<void> check_created(const UidSet& uids, ModSeq modseq) const;
  Result<std::vector<RecordState>> existing(const UidSet& uids);
  Result<std::optional<RecordFacts>> facts_at(Uid uid);
  Result<void> add(const RecordState& state, const RecordFacts& facts);
  Flags flags_of(const FlagNames& names, FlagOp op, const UidSet& uids);
  std::vector<Flags> copied_flags(const AppendFromItem& item, const MailboxEdit& source,
                                  const std::vector<RecordState>& states);

  Commit* commit_;
  MailboxEdit* mailbox_;
  const ItemsToApply* items_;
  std::vector<Guid> missing_;
  LateKeywords late_;
};

Result<void> ItemApplier::check_modseq(ModSeq modseq) const {
  const ModSeq above = mends() ? ModSeq() : items_->update.from;
  if (modseq > above && modseq <= items_->update.to) return {};
  return std::unexpected(invalid(fmt::format("modseq {} is out of range", modseq.value)));
}

Result<void> ItemApplier::check_new(Uid uid) const {
  const Uid above = mends() ? Uid() : items_->old_last_uid;
  if (uid > above && uid <= items_->update.last_uid) return {};
  return std::unexpected(invalid(fmt::format("uid {} is not a new one", uid.value)));
}

Result<void> ItemApplier::check_range(const UidSet& uids) const {
  if (!uids.empty() && uids.last() <= items_->update.last_uid) return {};
  return std::unexpected(invalid("an item has no uid, or one above last_uid"));
}

/// Only an update that mends may put a modseq below the one at which a message came.
Result<void> ItemApplier::check_created(const UidSet& uids, ModSeq modseq) const {
  if (!mends()) return {};
  return each_facts(commit_->rows(), mailbox_->info().id, uids,
                    [&](Uid, const RecordFacts& facts) -> Result<void> {
                      if (facts.created_modseq <= modseq) return {};
                      return std::unexpected(invalid("created_modseq is above modseq"));
                    });
}

Result<std::vector<RecordState>> ItemApplier::existing(const UidSet& uids) {
  TRY_OK(check_range(uids));
  TRY(std::vector<RecordState> states, mailbox_->states(uids));
  if (states.size() != uids.size())
    return std::unexpected(invalid(fmt::format("some of {} don't exist", uids.text())));
  return states;
}

/// As far as they have a place; what has none waits, and what waited before and this item takes
/// away does no more. What goes needs no place.
Flags ItemApplier::flags_of(const FlagNames& names, FlagOp op, const UidSet& uids) {
  if (op == FlagOp::kSet)
    for (auto& [keyword, waiting] : late_) waiting = waiting - uids;
  if (op == FlagOp::kRemove) {
    for (const std::string& keyword : names.keywords)
      if (const auto late = late_.find(keyword); late != late_.end())
        late->second = late->second - uids;
    return mailbox_->bits_known(names);
  }
  const Flags flags = mailbox_->bits_at_once(names);
  const FlagNames there = names_of(flags, mailbox_->info().keywords);
  if (there.keywords.size() == names.keywords.size()) return flags;
  for (const std::string& keyword : names.keywords)
    if (!std::ranges::binary_search(there.keywords, keyword, LessIgnoringCase()))
      late_[keyword].add(uids);
  return flags;
}

Result<void> ItemApplier::operator()(const StoreItem& item) {
  TRY_OK(check_modseq(item.modseq));
  TRY(std::vector<RecordState> states, existing(item.uids));
  TRY_OK(check_created(item.uids, item.modseq));
  const Flags flags = flags_of(item.flags, item.op, item.uids);
  for (RecordState& state : states) {
    if (item.op == FlagOp::kSet) state.flags = flags;
    if (item.op == FlagOp::kAdd) state.flags = state.flags | flags;
    if (item.op == FlagOp::kRemove) state.flags = state.flags - flags;
    state.modseq = item.modseq;
    TRY_OK(mailbox_->change(state));
  }
  return {};
}

// A sender whose tombstones were purged can't tell which uids there were, so it names them all.
Result<void> ItemApplier::operator()(const ExpungeItem& item) {
  TRY_OK(check_modseq(item.modseq));
  TRY_OK(check_range(item.uids));
  TRY(const std::vector<RecordState> states, mailbox_->states(item.uids));
  UidSet live;
  UidSet found;
  for (const RecordState& state : states) found.add(state.uid);
  TRY_OK(check_created(found, item.modseq));
  for (RecordState state : states) {
    if (!state.expunged) {
      live.add(state.uid);
      continue;
    }
    state.modseq = item.modseq;
    TRY_OK(mailbox_->change(state));
  }
  // A message of this very update has its facts in the overlay, which each_facts sees.
  return each_facts(commit_->rows(), mailbox_->info().id, live,
                    [&](Uid uid, const RecordFacts& facts) {
                      return mailbox_->expunge(uid, item.modseq, facts.size);
                    });
}

/// Of a record that exists.
Result<std::optional<RecordFacts>> ItemApplier::facts_at(Uid uid) {
  TRY(const auto state, mailbox_->state(uid));
  if (!state) return std::nullopt;
  std::optional<RecordFacts> found;
  TRY_OK(each_facts(commit_->rows(), mailbox_->info().id, UidSet::of(uid, uid),
                    [&](Uid, const RecordFacts& facts) -> Result<void> {
                      found = facts;
                      return {};
                    }));
  return found;
}

Result<void> ItemApplier::add(const RecordState& state, const RecordFacts& facts) {
  TRY_OK(check_new(state.uid));
  TRY_OK(check_modseq(state.modseq));
  if (facts.created_modseq > state.modseq || !facts.created_modseq)
    return std::unexpected(invalid("created_modseq is above modseq, or 0"));
  TRY(const std::optional<RecordFacts> there, facts_at(state.uid));
  if (there && !mends())
    return std::unexpected(invalid(fmt::format("uid {} exists", state.uid.value)));
  if (there == facts) return mailbox_->revise(state, facts.size);
  if (there) TRY_OK(commit_->forget_record(*mailbox_, state.uid, *there));
  return commit_->add_record(*mailbox_, state, facts);
}

Result<void> ItemApplier::operator()(const AppendItem& item) {
  TRY(const uint32_t partition, commit_->partitions().find(mailbox_->info().partition));
  if (const auto staged = items_->bodies.find(item.guid); staged != items_->bodies.end()) {
    if (staged->second.crlf_growth() != item.crlf_growth)
      return std::unexpected(invalid("a body grows otherwise than its message"));
    TRY_OK(commit_->bodies().store(partition, staged->second));
  }
  TRY(const auto size, commit_->bodies().find({partition, item.guid}));
  if (!size) {
    if (missing_.size() < kMissingNamedMax) missing_.push_back(item.guid);
    return {};
  }
  if (*size != item.size)
    return std::unexpected(invalid("a body has another size than its message"));
  if (!item.uidl.empty() && !is_uidl(item.uidl)) return std::unexpected(invalid("no UIDL"));
  const Flags flags = flags_of(item.flags, FlagOp::kSet, UidSet::of(item.uid, item.uid));
  return add({item.uid, item.modseq, flags, item.expunged}, {.guid = item.guid,
                                                             .size = item.size,
                                                             .internaldate_s = item.internaldate_s,
                                                             .savedate_s = item.savedate_s,
                                                             .created_modseq = item.created_modseq,
                                                             .crlf_growth = item.crlf_growth,
                                                             .uidl = item.uidl});
}

/// Pairwise with `states`, those of the source. The same few flags are looked up once each, and in
/// the order of the messages, in which the primary gave keywords their places.
std::vector<Flags> ItemApplier::copied_flags(const AppendFromItem& item, const MailboxEdit& source,
                                             const std::vector<RecordState>& states) {
  if (item.flags) return std::vector(states.size(), flags_of(*item.flags, FlagOp::kSet, item.uids));
  const auto each_copy = [&](auto visit) {
    auto state = states.begin();
    item.uids.for_each([&](Uid uid) { visit(*state++, uid); });
  };
  std::map<Flags, UidSet> uids;
  each_copy([&](const RecordState& from, Uid uid) { uids[from.flags].add(uid); });
  std::map<Flags, Flags> known;
  for (const RecordState& its : states)
    if (!known.contains(its.flags))
      known[its.flags] =
          flags_of(names_of(its.flags, source.info().keywords), FlagOp::kSet, uids.at(its.flags));
  if (&source == mailbox_)
    for (auto& [keyword, waiting] : late_)
      each_copy([&](const RecordState& from, Uid uid) {
        if (waiting.contains(from.uid)) waiting.add(uid);
      });
  std::vector<Flags> out;
  for (const RecordState& its : states) out.push_back(known.at(its.flags));
  return out;
}

Result<void> ItemApplier::operator()(const AppendFromItem& item) {
  if (item.uids.empty() || item.uids.size() != item.source_uids.size())
    return std::unexpected(invalid("as many uids as source uids are needed, and one at least"));
  TRY_OK(check_new(item.uids.first()));
  TRY_OK(check_new(item.uids.last()));
  TRY(MailboxEdit * source, commit_->mailbox(item.source));
  TRY(const std::vector<RecordState> states, source->states(item.source_uids));
  std::vector<RecordFacts> facts;
  TRY_OK(
      each_facts(commit_->rows(), item.source, item.source_uids, [&](Uid, const RecordFacts& one) {
        facts.push_back(one);
        return Result<void>();
      }));
  TRY(const uint32_t from, commit_->partitions().find(source->info().partition));
  TRY(const uint32_t to, commit_->partitions().find(mailbox_->info().partition));
  const std::vector<Flags> flags = copied_flags(item, *source, states);
  size_t at = 0;
  Result<void> done;
  item.uids.for_each([&](Uid uid) {
    if (!done) return;
    done = [&]() -> Result<void> {
      RecordFacts& its = facts[at];
      if (from != to) TRY_OK(commit_->bodies().copy(its.guid, its.size, from, to));
      its.savedate_s = item.savedate_s;
      its.created_modseq = item.created_modseq;
      its.uidl.clear();
      return add({uid, item.modseq, flags[at++], item.expunged}, its);
    }();
  });
  return done;
}

Result<void> ItemApplier::operator()(const DropItem& item) {
  if (!mends()) return std::unexpected(invalid("only what mends may drop records"));
  TRY_OK(check_range(item.uids));
  TRY(const std::vector<RecordState> states, mailbox_->states(item.uids));
  UidSet found;
  for (const RecordState& state : states) found.add(state.uid);
  return forget_records(*commit_, *mailbox_, found);
}

Result<void> ItemApplier::all_bodies_there() const {
  if (missing_.empty()) return {};
  std::string guids;
  for (const Guid& guid : missing_) (guids += guids.empty() ? "" : " ") += guid.text();
  return fail(Code::kNotFound, std::move(guids));
}

}  // namespace

Result<LateKeywords> apply_items(Commit& commit, MailboxEdit& mailbox, const ItemsToApply& items) {
  ItemApplier applier(commit, mailbox, items);
  for (const ChangeItem& item : items.update.items) TRY_OK(std::visit(applier, item));
  TRY_OK(applier.all_bodies_there());
  return std::move(applier).late();
}

}  // namespace gemel
