#include "sync/cycle.h"

#include <fmt/format.h>

#include <algorithm>

#include "sync/words.h"

namespace gemel::sync {
namespace {

// Mailboxes of one MAILBOXES.
constexpr size_t kAskedMax = 500;
// Fewer bodies than these are sent rather than asked for.
constexpr size_t kReserveMin = 64;
constexpr size_t kReserveMax = 100'000;

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

std::string key_of(const Entity& entity) {
  if (const auto* id = std::get_if<UniqueId>(&entity)) return "m" + id->key();
  return "u" + std::get<std::string>(entity);
}

std::optional<Entity> entity_of(std::string_view key) {
  if (key.starts_with('u')) return std::string(key.substr(1));
  if (key.starts_with('m') && key.size() == 17) return UniqueId::from_key(key.substr(1));
  return std::nullopt;
}

Cycle::Cycle(const MailStore& store, ReplicaMemory& memory, CodecContext& context, Options options)
    : store_(store),
      memory_(memory),
      context_(context),
      options_(std::move(options)),
      routes_(store, memory) {
  if (options_.trust == Trust::kSurveyFirst)
    questions_.emplace_back("USERS", Expected{.command = "USERS"});
}

void Cycle::note(std::string action) {
  if (actions_.size() < kActionsMax) actions_.push_back(std::move(action));
}

// --- asking ---

// The users of whom the replica has something else.
Result<void> Cycle::plan_survey() {
  if (options_.trust != Trust::kSurveyFirst) return {};
  TRY(const std::vector<UserInfo> users, store_.users(MailStore::Which::kDeletedToo));
  for (const UserInfo& user : users) {
    const auto there = surveyed_.find(user.userid);
    if (there != surveyed_.end() && there->second == user.digest) continue;
    options_.work.insert(user.userid);
    TRY(const auto infos, store_.mailboxes(user.userid, MailStore::Which::kDeletedToo));
    for (const MailboxInfo& info : infos) options_.work.insert(info.id);
  }
  return {};
}

// A user's mailboxes come with the user; mailboxes of other users are asked for one by one.
void Cycle::plan_ask() {
  std::map<std::string, Work> by_user;
  for (const Entity& entity : options_.work)
    if (const auto* userid = std::get_if<std::string>(&entity)) by_user[*userid].insert(entity);
  std::vector<UniqueId> others;
  for (const Entity& entity : options_.work) {
    const auto* id = std::get_if<UniqueId>(&entity);
    if (id == nullptr) continue;
    const Result<MailboxInfo> info = store_.find(*id);
    const auto user = info ? by_user.find(info->name.owner) : by_user.end();
    if (user == by_user.end())
      others.push_back(*id);
    else
      user->second.insert(entity);
  }
  for (auto& [userid, about] : by_user) {
    std::string text = "USER ";
    put_text(text, userid);
    questions_.emplace_back(std::move(text), Expected{.command = "USER", .about = about});
  }
  for (size_t i = 0; i < others.size(); i += kAskedMax) {
    std::string text = "MAILBOXES";
    Expected expected{.command = "MAILBOXES"};
    for (size_t j = i; j < std::min(i + kAskedMax, others.size()); ++j) {
      text += ' ';
      text += others[j].text();
      expected.about.insert(others[j]);
    }
    questions_.emplace_back(std::move(text), std::move(expected));
  }
}

// The bodies that many new messages need, and that a replica that has mail may have.
Result<void> Cycle::plan_reserve() {
  if (replica_has_ == ReplicaHas::kNothing || options_.trust == Trust::kRemembered ||
      options_.effect == Effect::kDryRun)
    return {};
  std::map<std::string, std::set<Guid>> wanted;
  size_t count = 0;
  for (const Entity& entity : options_.work) {
    const auto* id = std::get_if<UniqueId>(&entity);
    if (id == nullptr || count >= kReserveMax) continue;
    const Result<MailboxView> view = store_.view(*id);
    if (!view) continue;
    const std::optional<ReplicaMailbox> there = memory_.mailbox(*id);
    const Uid last_uid = there ? there->last_uid : Uid();
    if (view->info().last_uid <= last_uid) continue;
    TRY(const std::vector<RecordState> fresh,
        view->states(UidSet::of(next(last_uid), view->info().last_uid),
                     MailboxView::Include::kExpungedToo));
    UidSet uids;
    for (const RecordState& state : fresh) uids.add(state.uid);
    if (uids.empty()) continue;
    TRY(const std::vector<RecordFacts> facts, view->facts(uids));
    for (const RecordFacts& one : facts) {
      TRY(const bool is_held, routes_.is_held(*view, one.guid));
      if (is_held) continue;
      wanted[view->info().partition].insert(one.guid);
      ++count;
    }
  }
  if (count < kReserveMin) return {};
  for (const auto& [partition, guids] : wanted) {
    std::string text;
    size_t in_line = 0;
    for (const Guid& guid : guids) {
      if (in_line++ % kReserveGuidsMax == 0) {
        if (!text.empty()) questions_.emplace_back(std::move(text), Expected{.command = "RESERVE"});
        text = "RESERVE ";
        put_text(text, partition);
      }
      text += ' ';
      put_guid(text, guid);
    }
    questions_.emplace_back(std::move(text), Expected{.command = "RESERVE"});
  }
  return {};
}

// --- planning the updates ---

struct Order {
  std::vector<std::string> users;
  std::vector<UniqueId> deleted;
  std::vector<UniqueId> renamed;
  std::vector<UniqueId> changed;
  std::vector<UniqueId> with_messages;
  std::vector<std::string> users_gone;
};

Result<void> Cycle::plan_updates(const Work& work) {
  Order order;
  for (const Entity& entity : work) {
    if (const auto* userid = std::get_if<std::string>(&entity)) {
      const Result<UserInfo> info = store_.user(*userid, MailStore::Which::kDeletedToo);
      if (info) (info->is_deleted() ? order.users_gone : order.users).push_back(*userid);
      if (!info && info.error().code != Code::kNotFound) return std::unexpected(info.error());
      continue;
    }
    const Result<MailboxInfo> info = store_.find(std::get<UniqueId>(entity));
    if (info) sort_mailbox(*info, order);
    if (!info && info.error().code != Code::kNotFound) return std::unexpected(info.error());
  }
  for (std::string& userid : order.users) jobs_.emplace_back(std::move(userid));
  for (const UniqueId& id : order.deleted) jobs_.emplace_back(id);
  if (!order.renamed.empty()) jobs_.emplace_back(RenameAll{std::move(order.renamed)});
  for (const UniqueId& id : order.changed) jobs_.emplace_back(id);
  for (const UniqueId& id : order.with_messages) jobs_.emplace_back(id);
  for (std::string& userid : order.users_gone) jobs_.emplace_back(std::move(userid));
  return {};
}

void Cycle::sort_mailbox(const MailboxInfo& info, Order& order) {
  const std::optional<ReplicaMailbox> there = memory_.known_mailbox(info.id);
  if (!there) {
    (info.last_uid ? order.with_messages : order.changed).push_back(info.id);
    return;
  }
  switch (relation(info, *there)) {
    case Relation::kInStep:
      return;
    case Relation::kConflict:
      return give_up(info.id, fmt::format("the replica's mailbox is not an earlier state of ours: "
                                          "highestmodseq {} there, {} here",
                                          there->highestmodseq.value, info.highestmodseq.value));
    case Relation::kDiffers:
      return give_up(info.id, "the replica's mailbox differs at the same highestmodseq");
    case Relation::kBehind:
      break;
  }
  if (info.is_deleted() && !there->is_deleted) return order.deleted.push_back(info.id);
  const bool is_renamed = there->name != info.name || there->partition != info.partition;
  if (is_renamed && !info.is_deleted() && !there->is_deleted) order.renamed.push_back(info.id);
  (info.last_uid > there->last_uid ? order.with_messages : order.changed).push_back(info.id);
}

// --- commands ---

// Goes on to the phase after this one. False: there is none.
bool Cycle::next_phase() {
  if (phase_ == Phase::kDone) return false;
  phase_ = static_cast<Phase>(static_cast<int>(phase_) + 1);
  return phase_ != Phase::kDone;
}

Result<std::optional<std::vector<OutgoingPiece>>> Cycle::next_command() {
  while (true) {
    if (batch_bytes_ >= kBatchBodyBytesMax || batch_commands_ >= kBatchCommandsMax)
      return std::nullopt;
    if (phase_ == Phase::kDone) return std::nullopt;
    if (!questions_.empty()) {
      auto [text, expected] = std::move(questions_.front());
      questions_.pop_front();
      return send(std::move(text), std::move(expected));
    }
    if (phase_ == Phase::kUpdate) {
      TRY(std::optional<Command> command, next_job());
      if (command) return command;
    }
    // Answers may bring more to do.
    if (batch_commands_ > 0) return std::nullopt;
    if (phase_ == Phase::kUpdate && !retry_.empty()) {
      const Work again = std::exchange(retry_, {});
      TRY_OK(plan_updates(again));
      if (!jobs_.empty()) continue;
    }
    if (!next_phase()) return std::nullopt;
    if (phase_ == Phase::kAsk) {
      TRY_OK(plan_survey());
      if (options_.trust != Trust::kRemembered) plan_ask();
    }
    if (phase_ == Phase::kReserve) TRY_OK(plan_reserve());
    if (phase_ == Phase::kUpdate) TRY_OK(plan_updates(options_.work));
  }
}

std::optional<std::vector<OutgoingPiece>> Cycle::send(std::string text, Expected expected) {
  ++batch_commands_;
  expected_.push_back(std::move(expected));
  Command command;
  command.push_back({std::move(text), std::nullopt});
  return command;
}

Result<std::optional<Cycle::Command>> Cycle::next_job() {
  while (true) {
    if (comparison_) {
      TRY(std::optional<Command> command, chunk_command());
      if (command) return command;
      continue;
    }
    if (jobs_.empty()) return std::nullopt;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    std::optional<Command> command;
    if (const auto* id = std::get_if<UniqueId>(&job)) TRY_OK(start_mailbox(*id));
    if (const auto* userid = std::get_if<std::string>(&job)) {
      TRY(command, user_command(*userid));
    }
    if (const auto* renames = std::get_if<RenameAll>(&job)) {
      TRY(command, rename_command(*renames));
    }
    if (command) return command;
  }
}

Result<std::optional<Cycle::Command>> Cycle::user_command(const std::string& userid) {
  const Result<std::optional<UserUpdate>> update =
      compare_user(store_, userid, memory_.user(userid));
  if (!update) {
    give_up(userid, update.error().text);
    return std::nullopt;
  }
  if (!*update) return std::nullopt;
  note(fmt::format("{}: {} entries of the user", userid, (*update)->items.size()));
  if (options_.effect == Effect::kDryRun) return std::nullopt;
  return send(encode(**update), {.command = "USERDATA",
                                 .about = {userid},
                                 .after = {},
                                 .check = {},
                                 .user_modseq = (*update)->to});
}

// The name and partition change at once and for all, so that names may be swapped; the states stay
// until the updates behind it.
Result<std::optional<Cycle::Command>> Cycle::rename_command(const RenameAll& renames) {
  std::vector<RenameItem> items;
  Expected expected{.command = "RENAME"};
  for (const UniqueId& id : renames.ids) {
    const Result<MailboxInfo> info = store_.find(id);
    std::optional<ReplicaMailbox> there = memory_.mailbox(id);
    if (!info || !there) continue;
    items.push_back({.id = id,
                     .old_name = there->name,
                     .new_name = info->name,
                     .partition = info->partition,
                     .from = there->highestmodseq,
                     .to = there->highestmodseq});
    note(fmt::format("{}: renamed to {} in {}", there->name.text(), info->name.text(),
                     info->partition));
    there->name = info->name;
    there->partition = info->partition;
    memory_.expect(id, std::move(*there));
    expected.about.insert(id);
  }
  if (items.empty() || options_.effect == Effect::kDryRun) return std::nullopt;
  return send(encode(items, context_), std::move(expected));
}

Result<void> Cycle::start_mailbox(const UniqueId& id) {
  Result<MailboxView> view = store_.view(id);
  if (!view && view.error().code == Code::kNotFound) return {};
  if (!view) return std::unexpected(view.error());
  const MailboxInfo& info = view->info();
  const std::optional<ReplicaMailbox> there = memory_.mailbox(id);
  // Renamed since the order was made: its new name is only right together with what else changed.
  if (there && !there->is_deleted && !info.is_deleted() &&
      (there->name != info.name || there->partition != info.partition)) {
    retry(id, "it keeps being renamed");
    return {};
  }
  TRY(Comparison comparison, Comparison::start(std::move(*view), there));
  if (!comparison.done()) comparison_.emplace(std::move(comparison));
  return {};
}

Result<std::optional<Cycle::Command>> Cycle::chunk_command() {
  const UniqueId id = comparison_->view().info().id;
  Result<Chunk> chunk = comparison_->next(routes_, options_.chunks);
  if (!chunk) {
    comparison_.reset();
    give_up(id, chunk.error().text);
    return std::nullopt;
  }
  Expected expected{.command = "UPDATE", .about = {id}, .after = comparison_->after()};
  for (const ChangeItem& item : chunk->update.items)
    if (std::holds_alternative<AppendFromItem>(item)) expected.copies = Expected::Copies::kSome;
  if (comparison_->done()) {
    expected.check = check_of(expected.after->digest);
  } else {
    expected.after->digest = {};
  }
  const std::string name = comparison_->view().info().name.text();
  Result<std::optional<Command>> command = std::nullopt;
  if (options_.effect == Effect::kSend) command = send_chunk(*chunk, std::move(expected));
  if (!command) {
    give_up(id, command.error().text);
    comparison_.reset();
    return std::nullopt;
  }
  note(fmt::format("{}: {}", name, text_of(*chunk)));
  memory_.expect(id, comparison_->after());
  if (comparison_->done()) comparison_.reset();
  return command;
}

Result<std::optional<Cycle::Command>> Cycle::send_chunk(const Chunk& chunk, Expected expected) {
  // Found before a word is said: a body that is lost here must not break the command.
  std::map<Guid, Body> bodies;
  for (const ChangeItem& item : chunk.update.items) {
    const auto* append = std::get_if<AppendItem>(&item);
    if (append == nullptr || !chunk.inline_uids.contains(append->uid)) continue;
    TRY(Body body, comparison_->view().body(append->guid));
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
  ++batch_commands_;
  batch_bytes_ += chunk.inline_bytes;
  expected_.push_back(std::move(expected));
  return command;
}

}  // namespace gemel::sync
