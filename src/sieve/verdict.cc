#include "sieve/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "sieve/mail_address.h"

namespace gemel::sieve {
namespace {

/// A name for where a delivery goes, equal for equal places; empty if it goes to no mailbox.
std::string place_of(const Action& action) {
  if (std::holds_alternative<Keep>(action)) return "mailbox INBOX";
  const auto* into = std::get_if<FileInto>(&action);
  if (into == nullptr) return {};
  if (into->mailbox_id) return "id " + *into->mailbox_id;
  if (into->special_use) return "use " + to_lower(*into->special_use) + " " + into->mailbox;
  return "mailbox " + (equals_ignoring_case(into->mailbox, "INBOX") ? "INBOX" : into->mailbox);
}

}  // namespace

Result<void> Verdict::add(Action action) {
  if (actions_.size() >= limits_.actions_max)
    return fail(Code::kLimit, fmt::format("more than {} actions", limits_.actions_max));
  actions_.push_back(std::move(action));
  return {};
}

Result<void> Verdict::deliver(Action action, ImplicitKeep implicit) {
  // RFC 5429 §2.4: it is either delivered or given back.
  if (rejects_ == Rejects::kYes)
    return fail(Code::kInvalid, "a message that was rejected can't be delivered");
  delivers_ = Delivers::kYes;
  if (implicit == ImplicitKeep::kCancel) keeps_ = ImplicitKeep::kCancel;
  const std::string place = place_of(action);
  const auto same = std::ranges::find_if(
      actions_, [&](const Action& each) { return !place.empty() && place_of(each) == place; });
  if (same == actions_.end()) return add(std::move(action));
  // RFC 5228 §2.10.3: one for each mailbox; RFC 5232 §3: the last flags win.
  *same = std::move(action);
  return {};
}

Result<void> Verdict::keep(Keep keep) { return deliver(std::move(keep), ImplicitKeep::kCancel); }

Result<void> Verdict::file_into(FileInto action, ImplicitKeep implicit) {
  return deliver(std::move(action), implicit);
}

Result<void> Verdict::redirect(Redirect action, ImplicitKeep implicit) {
  for (Action& each : actions_) {
    auto* other = std::get_if<Redirect>(&each);
    if (other == nullptr || !is_same_address(other->address, action.address)) continue;
    if (implicit == ImplicitKeep::kCancel) keeps_ = ImplicitKeep::kCancel;
    *other = std::move(action);
    return {};
  }
  if (++redirects_ > limits_.redirects_max)
    return fail(Code::kLimit, fmt::format("more than {} redirects", limits_.redirects_max));
  return deliver(std::move(action), implicit);
}

Result<void> Verdict::reject(Reject action) {
  if (rejects_ == Rejects::kYes) return fail(Code::kInvalid, "a message is rejected only once");
  if (delivers_ == Delivers::kYes)
    return fail(Code::kInvalid, "a message that is delivered can't be rejected");
  if (vacations_ > 0) return fail(Code::kInvalid, "reject can't go with vacation");
  rejects_ = Rejects::kYes;
  keeps_ = ImplicitKeep::kCancel;
  return add(std::move(action));
}

Result<void> Verdict::note_vacation() {
  if (++vacations_ > limits_.vacations_max)
    return fail(Code::kInvalid, "vacation is executed only once");
  if (rejects_ == Rejects::kYes) return fail(Code::kInvalid, "vacation can't go with reject");
  return {};
}

Result<void> Verdict::notify(Notify action) {
  if (++notifies_ > limits_.notifies_max)
    return fail(Code::kLimit, fmt::format("more than {} notifications", limits_.notifies_max));
  return add(std::move(action));
}

bool Verdict::notifies(const std::string& address) const {
  return std::ranges::any_of(actions_, [&](const Action& each) {
    const auto* notify = std::get_if<Notify>(&each);
    return notify != nullptr &&
           std::ranges::any_of(notify->mail.envelope_to,
                               [&](const std::string& to) { return is_same_address(to, address); });
  });
}

void Verdict::track(Tracked tracked) {
  // RFC 7352 §3.3: of several tests of one id, the last one counts.
  std::erase_if(tracked_, [&](const Tracked& each) { return each.key == tracked.key; });
  tracked_.push_back(std::move(tracked));
}

std::vector<Action> Verdict::finish(Keep implicit) {
  if (keeps()) {
    const bool is_there = std::ranges::any_of(
        actions_, [](const Action& each) { return place_of(each) == "mailbox INBOX"; });
    if (!is_there) actions_.push_back(std::move(implicit));
  }
  const bool is_gone = std::ranges::none_of(actions_, [](const Action& each) {
    return std::holds_alternative<Keep>(each) || std::holds_alternative<FileInto>(each) ||
           std::holds_alternative<Redirect>(each) || std::holds_alternative<Reject>(each);
  });
  if (is_gone) actions_.emplace_back(Discard{});
  return std::move(actions_);
}

}  // namespace gemel::sieve
