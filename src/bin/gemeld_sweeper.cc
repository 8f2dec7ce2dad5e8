#include "bin/gemeld_sweeper.h"

#include <chrono>

#include "base/log.h"

namespace gemel::bin {
namespace {

// Not at once: a start is busy enough.
constexpr auto kFirstDelay = std::chrono::minutes(1);

}  // namespace

Sweeper::Sweeper(MailStore& store, Schedule schedule)
    : store_(store), schedule_(std::move(schedule)), periodic_(kFirstDelay, [this] {
        turn();
        return std::chrono::seconds(schedule_.interval_s);
      }) {}

void Sweeper::turn() {
  sweep();
  if (const auto done = store_.reclaim(periodic_.stopping()); !done)
    log::warn("room of freed bodies not given back error=\"{}\"", done.error().text);
}

void Sweeper::sweep() {
  expire::Options options = schedule_.options;
  // A replica follows its primary; where its own disks keep bytes is its own matter.
  if (store_.role() != Role::kPrimary) options = {.archive = options.archive};
  if (options.does_nothing()) return;
  expire::Run run(store_, system_clock(), schedule_.defaults, options);
  const auto on_action = [](const expire::Action& action) {
    log::debug("expire {} {} messages={}: {}", name_of(action.kind), action.where, action.messages,
               action.why);
  };
  for (bool more = true; more && !periodic_.stopping();) {
    const Result<bool> stepped = run.step(on_action);
    if (!stepped) log::warn("expire ended: {}", stepped.error().text);
    more = stepped && *stepped;
  }
  const expire::Report& report = run.report();
  for (const std::string& error : report.errors) log::warn("expire passed over {}", error);
  if (report.expunged > 0 || report.freed > 0 || report.mailboxes_freed > 0 ||
      report.forgotten > 0 || report.archived > 0 || report.archived_messages > 0)
    log::info(
        "expire looked_at={} expunged={} expunged_bytes={} freed={} freed_bytes={} "
        "mailboxes_freed={} forgotten={} archived={} archived_bytes={} archived_messages={} "
        "archived_message_bytes={} held={} held_messages={} held_bytes={}",
        report.mailboxes, report.expunged, report.expunged_bytes, report.freed, report.freed_bytes,
        report.mailboxes_freed, report.forgotten, report.archived, report.archived_bytes,
        report.archived_messages, report.archived_message_bytes, report.held, report.held_messages,
        report.held_bytes);
}

}  // namespace gemel::bin
