#include "expire/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace gemel::expire {
namespace {

/// Collects what goes, in any order.
class Collected {
 public:
  void add(const Candidate& message) {
    uids_.push_back(message.uid);
    bytes_ += message.bytes;
  }
  void give(std::vector<Going>& out, std::string why) {
    if (uids_.empty()) return;
    std::ranges::sort(uids_);
    Going going{.uids = {}, .bytes = bytes_, .why = std::move(why)};
    for (const Uid uid : uids_) going.uids.add(uid);
    out.push_back(std::move(going));
  }

 private:
  std::vector<Uid> uids_;
  uint64_t bytes_ = 0;
};

/// By which the rule tells a message's age.
int64_t date_of(const Rule& rule, const Candidate& message) {
  return rule.by_or_default() == DateBy::kInternalDate ? message.internaldate_s
                                                       : message.savedate_s;
}

std::string age_words(const Rule& rule, uint64_t days) {
  return fmt::format("{} at least {} days ago",
                     rule.by_or_default() == DateBy::kInternalDate ? "arrived" : "saved", days);
}

}  // namespace

std::vector<Going> plan_archive(const Rule& rule, const std::vector<Candidate>& messages,
                                int64_t now_s) {
  const uint64_t days = rule.archive_message_days_or_never();
  const uint64_t bytes_min = rule.archive_message_bytes_or_never();
  const int64_t newest_s = days == kNever ? INT64_MIN : now_s - static_cast<int64_t>(days) * kDayS;
  Collected old;
  Collected large;
  for (const Candidate& message : messages) {
    if (message.bytes == 0) continue;
    if (date_of(rule, message) <= newest_s)
      old.add(message);
    else if (message.bytes >= bytes_min)
      large.add(message);
  }
  std::vector<Going> out;
  old.give(out, age_words(rule, days));
  large.give(out, fmt::format("it has at least {} bytes", bytes_min));
  return out;
}

std::vector<Going> plan(const Rule& rule, std::vector<Candidate> messages, int64_t now_s) {
  const auto is_spared = [&](const Candidate& message) {
    return message.is_flagged && rule.spare_or_default() == Spare::kFlagged;
  };
  std::vector<Going> out;
  if (rule.days_or_never() != kNever) {
    Collected old;
    const int64_t newest_s = now_s - static_cast<int64_t>(rule.days_or_never()) * kDayS;
    std::erase_if(messages, [&](const Candidate& message) {
      if (date_of(rule, message) > newest_s || is_spared(message)) return false;
      old.add(message);
      return true;
    });
    old.give(out, age_words(rule, rule.days_or_never()));
  }
  if (messages.size() > rule.at_most_or_all()) {
    Collected many;
    std::ranges::sort(messages, std::greater<>(), [&](const Candidate& message) {
      return std::pair(date_of(rule, message), message.uid);
    });
    for (size_t i = rule.at_most_or_all(); i < messages.size(); ++i)
      if (!is_spared(messages[i])) many.add(messages[i]);
    many.give(out, fmt::format("beyond the newest {}", rule.at_most_or_all()));
  }
  return out;
}

}  // namespace gemel::expire
