// The commands of a cycle: one for a user, one for all renames, and mailboxes update by update.
#include <fmt/format.h>

#include <algorithm>

#include "mail/lineage.h"
#include "sync/cycle.h"

namespace gemel::sync {
namespace {

std::string text_of(const Chunk& chunk) {
  size_t added = 0;
  size_t copied = 0;
  size_t changed = 0;
  size_t expunged = 0;
  for (const ChangeItem& item : chunk.update.items) {
    if (std::holds_alternative<AppendItem>(item)) ++added;
    if (const auto* copy = std::get_if<AppendFromItem>(&item)) copied += copy->uids.size();
    if (const auto* store = std::get_if<StoreItem>(&item)) changed += store->uids.size();
    if (const auto* gone = std::get_if<ExpungeItem>(&item)) expunged += gone->uids.size();
  }
  std::string out;
  const auto add = [&](size_t count, std::string_view what) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, what);
  };
  add(added, "new");
  add(copied, "copied");
  add(changed, "with other flags");
  add(expunged, "expunged");
  add(chunk.inline_uids.size(), "bodies");
  add(chunk.inline_bytes, "bytes of bodies");
  return out.empty() ? "header" : out;
}

}  // namespace

// A lineage is said where a term has begun; else the last term is the same.
ReplicaUser Cycle::after(const UserUpdate& update) {
  return {update.to,
          update.lineage ? term_at(*update.lineage, update.to) : memory_.user(update.userid).term};
}

Result<std::optional<Cycle::Command>> Cycle::user_command(const std::string& userid) {
  const auto item = items_.find(userid);
  if (item == items_.end()) return std::nullopt;
  item->second.is_said = true;
  touched_.insert(userid);
  const Result<std::optional<UserUpdate>> update =
      compare_user(store_, userid, memory_.user(userid));
  if (!update) {
    give_up(userid, update.error());
    return std::nullopt;
  }
  if (!*update) return std::nullopt;
  events_.sending(userid,
                  fmt::format("{}: {} entries of the user", userid, (*update)->items.size()));
  if (options_.effect == Effect::kDryRun) return std::nullopt;
  return send(encode(**update), {.command = "USERDATA",
                                 .about = {userid},
                                 .after = {},
                                 .check = {},
                                 .user_after = after(**update)});
}

// And those that must give up a name for one of them, as far as refusals have told: of mailboxes
// that have swapped their names each may have got so far at another time.
std::vector<UniqueId> Cycle::with_holders(std::vector<UniqueId> ids) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto holder = name_holders_.find(ids[i]);
    if (holder == name_holders_.end() || std::ranges::find(ids, holder->second) != ids.end())
      continue;
    const std::optional<MailboxInfo> info = ours(holder->second);
    const std::optional<ReplicaMailbox> there = memory_.mailbox(holder->second);
    if (info && there && is_renamed(*info, *there)) ids.push_back(holder->second);
  }
  return ids;
}

// The name and partition change at once and for all, so that names may be swapped; the states stay
// until the updates behind it. Those say the header too: should the RENAME be refused, an update
// alone must not claim a modseq at which the mailbox has another name.
Result<std::optional<Cycle::Command>> Cycle::rename_command(const std::vector<UniqueId>& ids) {
  std::vector<RenameItem> items;
  Expected expected{.command = "RENAME"};
  for (const UniqueId& id : with_holders(ids)) {
    const Result<MailboxInfo> info = store_.find(id);
    std::optional<ReplicaMailbox> there = memory_.mailbox(id);
    if (!info || !there || !items_.contains(id)) continue;
    items.push_back({.id = id,
                     .old_name = there->name,
                     .new_name = info->name,
                     .partition = info->partition,
                     .from = there->highestmodseq,
                     .to = there->highestmodseq});
    events_.sending(id, fmt::format("{}: renamed to {} in {}", there->name.text(),
                                    info->name.text(), info->partition));
    there->name = info->name;
    there->partition = info->partition;
    there->header = 0;
    memory_.expect(id, std::move(*there));
    expected.about.insert(id);
  }
  if (items.empty() || options_.effect == Effect::kDryRun) return std::nullopt;
  return send(encode(items, context_), std::move(expected));
}

// One turn of it.
Result<std::optional<Cycle::Command>> Cycle::mailbox_command(const UniqueId& id) {
  if (!items_.contains(id)) return std::nullopt;
  TRY(Comparison * comparison, comparison_of(id));
  if (comparison == nullptr) return std::nullopt;
  TRY(std::optional<Command> command, chunk_command(id, *comparison));
  keep_or_drop(id);
  return command;
}

// nullptr: there is nothing to say of it, or not now.
Result<Comparison*> Cycle::comparison_of(const UniqueId& id) {
  const auto kept = std::ranges::find(open_, id, &Open::id);
  if (kept != open_.end()) {
    open_.splice(open_.begin(), open_, kept);
    return &open_.front().comparison;
  }
  Result<MailboxView> view = store_.view(id);
  if (!view && view.error().code != Code::kNotFound) return std::unexpected(view.error());
  const std::optional<ReplicaMailbox> there = memory_.mailbox(id);
  // Renamed since the order was made: its new name is only right together with what else changed.
  if (view && there && is_renamed(view->info(), *there)) {
    queue_.drop_large(id);
    retry(id, {Code::kBusy, "it keeps being renamed"});
    return nullptr;
  }
  if (view) {
    TRY(Comparison comparison, Comparison::start(std::move(*view), there));
    if (!comparison.done()) {
      open_.push_front({id, std::move(comparison)});
      return &open_.front().comparison;
    }
  }
  queue_.drop_large(id);
  items_.at(id).is_said = true;
  touched_.insert(id);
  return nullptr;
}

// After a turn: those that have more to say wait for their next one.
void Cycle::keep_or_drop(const UniqueId& id) {
  const auto kept = std::ranges::find(open_, id, &Open::id);
  touched_.insert(id);
  if (kept == open_.end()) return;  // given up, or held
  if (kept->comparison.done()) {
    items_.at(id).is_said = true;
    open_.erase(kept);
    queue_.drop_large(id);
    return;
  }
  queue_.add_large(id, remainder(kept->comparison.view().info(), kept->comparison.after()).bytes);
  if (open_.size() > kComparisonsMax) open_.pop_back();
}

void Cycle::drop_comparison(const UniqueId& id) {
  std::erase_if(open_, [&](const Open& open) { return open.id == id; });
}

Result<std::optional<Cycle::Command>> Cycle::chunk_command(const UniqueId& id,
                                                           Comparison& comparison) {
  ChunkLimits limits = options_.chunks;
  limits.body_bytes = std::min(limits.body_bytes, budget_.update_bytes());
  const bool is_free = items_.at(id).waits_no_more || options_.effect == Effect::kDryRun;
  OpenGate open;
  order_.begin(comparison.view());
  Result<std::optional<Chunk>> next =
      comparison.next(routes_, limits, is_free ? static_cast<ExpungeGate&>(open) : order_);
  if (!next) {
    drop_comparison(id);
    give_up(id, next.error());
    return std::nullopt;
  }
  std::optional<Chunk>& chunk = *next;
  if (!chunk) {
    TRY_OK(hold(id, *order_.waits_for()));
    return std::nullopt;
  }
  chunk->update.needs = order_.needs();
  Expected expected{.command = "UPDATE", .about = {id}, .after = comparison.after()};
  for (const ChangeItem& item : chunk->update.items)
    if (std::holds_alternative<AppendFromItem>(item)) expected.copies = Expected::Copies::kSome;
  if (comparison.done()) expected.check = check_of(expected.after->digest);
  std::optional<Command> command;
  if (options_.effect == Effect::kSend) {
    Result<Command> said = send_chunk(comparison, *chunk, std::move(expected));
    if (!said) {
      drop_comparison(id);
      give_up(id, said.error());
      return std::nullopt;
    }
    command = *std::move(said);
  }
  events_.sending(id, fmt::format("{}: {}", comparison.view().info().name.text(), text_of(*chunk)));
  memory_.expect(id, comparison.after());
  return command;
}

Result<std::vector<OutgoingPiece>> Cycle::send_chunk(const Comparison& comparison,
                                                     const Chunk& chunk, Expected expected) {
  // Found before a word is said: a body that is lost here must not break the command.
  std::map<Guid, Body> bodies;
  for (const ChangeItem& item : chunk.update.items) {
    const auto* append = std::get_if<AppendItem>(&item);
    if (append == nullptr || !chunk.inline_uids.contains(append->uid)) continue;
    TRY(Body body, comparison.view().body(append->guid));
    if (body.size() != append->size) return fail(Code::kCorrupt, "a body has not its size");
    bodies.emplace(append->guid, std::move(body));
  }
  const IsInline is_inline = [&](const AppendItem& item) {
    return chunk.inline_uids.contains(item.uid);
  };
  Command command;
  for (Piece& piece : encode(chunk.update, is_inline, context_)) {
    OutgoingPiece& out = command.emplace_back(OutgoingPiece{std::move(piece.text), std::nullopt});
    if (piece.body) out.body = bodies.at(*piece.body);
  }
  ++items_.at(chunk.update.id).under_way;
  since_held_ = Progress::kSome;
  count_command();
  batch_bytes_ += chunk.inline_bytes;
  expected_.push_back(std::move(expected));
  return command;
}

}  // namespace gemel::sync
