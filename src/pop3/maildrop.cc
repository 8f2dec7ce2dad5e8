#include "pop3/maildrop.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace gemel::pop3 {
namespace {

// Rows of the store that are in memory at once while a maildrop is opened.
constexpr uint64_t kBlockUids = 4096;

// Of messages read before they are asked for.
constexpr size_t kAheadMessages = 15;
constexpr uint64_t kAheadBytes = 64 << 10;

Result<UidSet> hidden_uids(const MailboxView& view) {
  const std::vector<std::string>& keywords = view.info().keywords;
  const auto at = std::ranges::find_if(keywords, [](const std::string& keyword) {
    return equals_ignoring_case(keyword, kHiddenKeyword);
  });
  if (at == keywords.end()) return UidSet();
  return view.uids_with(kSystemFlagCount + static_cast<size_t>(at - keywords.begin()));
}

Error gone() { return {Code::kGone, "this message has been removed for good meanwhile"}; }

}  // namespace

Result<Maildrop> Maildrop::open(const MailStore& store, const UniqueId& id, Maildrops::Lock lock) {
  TRY(const MailboxView view, store.view(id));
  Maildrop maildrop(view.info(), std::move(lock));
  TRY_OK(maildrop.load(view));
  return maildrop;
}

Result<void> Maildrop::load(const MailboxView& view) {
  const MailboxInfo& info = view.info();
  TRY(const UidSet hidden, hidden_uids(view));
  messages_.reserve(info.exists);
  for (uint64_t first = 1; first <= info.last_uid.value; first += kBlockUids) {
    const uint64_t last = std::min<uint64_t>(first + kBlockUids - 1, info.last_uid.value);
    const UidSet block =
        UidSet::of(Uid(static_cast<uint32_t>(first)), Uid(static_cast<uint32_t>(last)));
    TRY(const std::vector<RecordState> states, view.states(block - hidden));
    UidSet uids;
    for (const RecordState& state : states) uids.add(state.uid);
    TRY(const std::vector<RecordFacts> facts, view.facts(uids));
    for (size_t i = 0; i < facts.size(); ++i) {
      const uint64_t octets = facts[i].size + facts[i].crlf_growth;
      messages_.push_back(
          {.uid = states[i].uid.value, .has_own_uidl = !facts[i].uidl.empty(), .octets = octets});
      octets_ += octets;
    }
  }
  count_ = static_cast<uint32_t>(messages_.size());
  return {};
}

Result<size_t> Maildrop::number_of(std::string_view text) const {
  const Result<uint64_t> number = parse_number(text);
  if (!number) return fail(Code::kSyntax, "a message number is needed");
  if (*number == 0 || *number > messages_.size())
    return fail(Code::kNotFound, fmt::format("there are {} messages", messages_.size()));
  if (message(*number).is_deleted) return fail(Code::kNotFound, "this message is marked deleted");
  return static_cast<size_t>(*number);
}

void Maildrop::mark_deleted(size_t number) {
  Message& its = messages_[number - 1];
  its.is_deleted = true;
  octets_ -= its.octets;
  --count_;
}

void Maildrop::unmark_all() {
  for (Message& message : messages_) {
    if (!std::exchange(message.is_deleted, false)) continue;
    octets_ += message.octets;
    ++count_;
  }
}

UidSet Maildrop::deleted() const {
  UidSet out;
  for (const Message& message : messages_)
    if (message.is_deleted) out.add(Uid(message.uid));
  return out;
}

Result<std::vector<std::pair<size_t, std::string>>> Maildrop::uidls(const MailStore& store,
                                                                    size_t first,
                                                                    size_t last) const {
  std::vector<std::pair<size_t, std::string>> out;
  UidSet own;
  for (size_t number = first; number <= last; ++number) {
    const Message& its = message(number);
    if (its.is_deleted) continue;
    if (its.has_own_uidl) own.add(Uid(its.uid));
    // A mailbox never has this uidvalidity again, and in it no message this uid (RFC 1939 §7).
    out.emplace_back(number, fmt::format("{}.{}", uidvalidity_.value, its.uid));
  }
  if (own.empty()) return out;
  TRY(const MailboxView view, store.view(id_));
  const Result<std::vector<RecordFacts>> facts = view.facts(own);
  if (!facts && facts.error().code == Code::kNotFound) return std::unexpected(gone());
  TRY_OK(facts);
  size_t next = 0;
  for (auto& [number, uidl] : out)
    if (message(number).has_own_uidl) uidl = (*facts)[next++].uidl;
  return out;
}

Result<Body> Maildrop::body(const MailStore& store, size_t number) {
  if (ahead_.contains(number)) return std::move(ahead_.extract(number).mapped());
  // One that is read once more leaves those ahead for when they are asked for.
  const bool in_order =
      std::exchange(last_read_, number) + 1 == number && !ahead_.contains(number + 1);
  if (in_order) ahead_.clear();
  TRY(const MailboxView view, store.view(id_));
  const std::vector<size_t> numbers = in_order ? run_from(number) : std::vector<size_t>{number};
  UidSet uids;
  for (const size_t each : numbers) uids.add(Uid(message(each).uid));
  Result<std::vector<RecordFacts>> facts = view.facts(uids);
  // One that is to be read later may be gone.
  const Uid uid(message(number).uid);
  if (!facts && facts.error().code == Code::kNotFound && numbers.size() > 1)
    facts = view.facts(UidSet::of(uid, uid));
  if (!facts && facts.error().code == Code::kNotFound) return std::unexpected(gone());
  TRY_OK(facts);
  for (size_t i = 1; i < facts->size(); ++i) {
    Result<Body> body = view.body((*facts)[i].guid);
    if (!body) break;  // the client is told when it asks for it
    // An archived one is not read yet, and may be freed until it is.
    if (!body->is_in_memory()) break;
    ahead_.emplace(numbers[i], *std::move(body));
    last_read_ = numbers[i];
  }
  return view.body(facts->front().guid);
}

/// The message, and those behind it that are small enough to be read with it.
std::vector<size_t> Maildrop::run_from(size_t number) const {
  std::vector<size_t> out = {number};
  uint64_t octets = 0;
  for (size_t next = number + 1; next <= size() && out.size() <= kAheadMessages; ++next) {
    if (message(next).is_deleted) continue;
    octets += message(next).octets;
    if (octets > kAheadBytes) break;
    out.push_back(next);
  }
  return out;
}

}  // namespace gemel::pop3
