// What a cycle does for bodies that one of the two has lost: the other sends them again.
#include "base/log.h"
#include "sync/cycle.h"
#include "sync/grammar.h"
#include "sync/words.h"
#include "wire/tokens.h"

namespace gemel::sync {
namespace {

// Of ours, in one batch.
constexpr size_t kWantedBackMax = 1000;
// A replica says that bodies are lost as long as they are; it is asked which no more often.
constexpr int64_t kLostPauseMs = 60'000;

}  // namespace

void Cycle::note_lost() {
  const int64_t now_ms = options_.clock->monotonic_ms();
  if (next_lost_ms_ != 0 && now_ms < next_lost_ms_) return;
  next_lost_ms_ = now_ms + kLostPauseMs;
  wants_lost_ = true;
}

Result<void> Cycle::ask_for_lost() {
  if (std::exchange(wants_lost_, false))
    questions_.emplace_back("LOST", Expected{.command = "LOST"});
  wanted_back_.clear();
  TRY(const bool has_lost, store_.has_lost_bodies());  // before each batch: it must not wait
  if (!has_lost) return {};
  TRY(const std::vector<MailStore::LostBody> lost, store_.lost_bodies({}, kWantedBackMax));
  for (const MailStore::LostBody& body : lost) {
    if (!not_there_.insert(body.guid).second) continue;
    TRY(const std::vector<BodyHolder> holders, store_.holders(body, 1));
    if (holders.empty()) continue;
    wanted_back_.emplace(body.guid, body.partition);
    std::string text = "BODIES " + holders[0].mailbox.text() + ' ';
    put_guid(text, body.guid);
    questions_.emplace_back(std::move(text), Expected{.command = "BODIES"});
  }
  return {};
}

// Of LOST, or of BODIES for what is lost here.
Result<void> Cycle::on_restore_row(const Answer& answer) {
  if (const auto* lost = std::get_if<LostRow>(&answer)) {
    if (expected_.front().command == "LOST") to_restore_.push_back(*lost);
    return {};
  }
  const auto* row = std::get_if<BodyRow>(&answer);
  std::optional<StagedBody> body = std::exchange(staged_, std::nullopt);
  const auto wanted = row == nullptr ? wanted_back_.end() : wanted_back_.find(row->guid);
  if (wanted == wanted_back_.end() || !body || body->guid() != row->guid)
    return fail(Code::kSyntax, "no answer to LOST or BODIES");
  if (const Result<void> done = store_.restore_body(*body, wanted->second); !done)
    log::error("body {} can't be kept: {}", row->guid.text(), done.error().text);
  else
    log::info("body {} was lost and came back from the replica", row->guid.text());
  return {};
}

// Mailboxes are in the same partition on both sides.
Result<Body> Cycle::body_of(const LostRow& row) const {
  TRY(const std::vector<BodyHolder> holders, store_.holders({row.guid, row.partition}, 1));
  if (holders.empty()) return fail(Code::kNotFound, "no message holds it");
  TRY(const MailboxView view, store_.view(holders[0].mailbox));
  return view.body(row.guid);
}

Result<std::optional<Cycle::Command>> Cycle::restore_command() {
  while (!to_restore_.empty() && has_room()) {
    const LostRow row = std::move(to_restore_.front());
    to_restore_.pop_front();
    Result<Body> body = body_of(row);
    if (!body) {
      log::error("the replica has lost body {}, and it is not here: {}", row.guid.text(),
                 body.error().text);
      continue;
    }
    std::string text = "BODY ";
    put_text(text, row.partition);
    text += ' ';
    put_guid(text, row.guid);
    text += " ~";
    wire::put_literal_start(text, body->size(), wire::LiteralStyle::kNonSynchronising);
    log::info("the replica has lost body {}: sending it again", row.guid.text());
    batch_bytes_ += body->size();
    count_command();
    expected_.push_back({.command = "BODY"});
    Command command;
    command.push_back({std::move(text), *std::move(body)});
    command.push_back({});
    return command;
  }
  return std::nullopt;
}

}  // namespace gemel::sync
