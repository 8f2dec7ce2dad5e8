#include "delivery/deliverer.h"

#include <future>

#include "base/log.h"
#include "delivery/plan.h"

namespace gemel::delivery {
namespace {

using Filed = Result<MailStore::Filed>;

// Errors that belong to one user; any other would meet each of them alike.
bool is_one_users(Code code) {
  return code == Code::kNotFound || code == Code::kOverQuota || code == Code::kLimit ||
         code == Code::kDenied;
}

// A mailbox that was there when the recipient was named and is not now: the next try finds INBOX or
// no user at all.
Error seen_from_delivery(Error error) {
  if (error.code == Code::kNotFound) error.code = Code::kGone;
  return error;
}

Result<void> result_of(const Filed& filed) {
  if (filed) return {};
  return std::unexpected(seen_from_delivery(filed.error()));
}

// One result for each unit.
std::vector<Result<void>> file_all(MailStore& store, std::vector<Unit>& units) {
  std::vector<MailStore::Filing> together;
  for (const Unit& unit : units)
    together.insert(together.end(), unit.filings.begin(), unit.filings.end());
  if (together.empty()) return std::vector<Result<void>>(units.size());
  const Filed done = store.deliver(std::move(together));
  if (done) return std::vector<Result<void>>(units.size());
  if (units.size() == 1 || !is_one_users(done.error().code))
    return std::vector<Result<void>>(units.size(), result_of(done));

  std::vector<std::future<Filed>> under_way;
  for (Unit& unit : units) under_way.push_back(store.begin_delivery(std::move(unit.filings)));
  std::vector<Result<void>> out;
  for (std::future<Filed>& filed : under_way) out.push_back(result_of(filed.get()));
  return out;
}

// A failure makes the sender try again, and then duplicates are left out; a refusal counts only if
// nobody took the message.
void join(std::optional<Verdict>& verdict, const Verdict& other) {
  const auto weight = [](const Verdict& v) {
    if (v.kind == Verdict::Kind::kFailed) return 2;
    return v.kind == Verdict::Kind::kAccepted ? 1 : 0;
  };
  if (!verdict || weight(other) > weight(*verdict)) verdict = other;
}

std::vector<Verdict> for_all(const Letter& letter, const Verdict& verdict) {
  return std::vector<Verdict>(letter.recipients.size(), verdict);
}

}  // namespace

Result<Recipient> Deliverer::find(const EnvelopeAddress& address) const {
  return find_recipient(services_.store, options_.rules, *services_.aliases.current(), address);
}

std::vector<Verdict> Deliverer::deliver(const Letter& letter) const {
  Planner planner(services_, options_, letter);
  if (const Result<void> started = planner.start(); !started)
    return for_all(letter, {Verdict::Kind::kFailed, started.error()});
  if (planner.facts().received > options_.received_max) {
    log::warn("delivery loops id={} received={}", letter.id, planner.facts().received);
    return for_all(letter, {Verdict::Kind::kLoops});
  }
  for (size_t i = 0; i < letter.recipients.size(); ++i) planner.plan(i);
  const std::vector<Result<void>> filed = file_all(services_.store, planner.units);
  std::vector<std::optional<Verdict>> joined(letter.recipients.size());
  for (const Share& share : planner.shares) {
    Verdict verdict = share.verdict;
    if (verdict.kind == Verdict::Kind::kAccepted && !filed[share.unit])
      verdict = {Verdict::Kind::kFailed, filed[share.unit].error()};
    join(joined[share.recipient], verdict);
  }
  std::vector<Verdict> out;
  for (const std::optional<Verdict>& verdict : joined) out.push_back(verdict.value());
  return out;
}

}  // namespace gemel::delivery
