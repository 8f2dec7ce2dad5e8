#include "store/user_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "store/mail_store.h"

namespace gemel {
namespace {

constexpr size_t kDigits = 24;

struct Entry {
  std::string_view digits;
  int64_t until_s = 0;
};

// Of its entry.
std::string_view digits_of(const MemoryName& name) {
  return std::string_view(name.hash).substr(kMemorySlotDigitsMin, kDigits);
}

// The entries of a slot that have not lapsed.
std::vector<Entry> entries_of(std::string_view value, int64_t now_s) {
  std::vector<Entry> out;
  value.remove_prefix(std::min(value.find('\n'), value.size() - 1) + 1);  // the time of the last
  while (!value.empty()) {
    const std::string_view line = value.substr(0, value.find('\n'));
    value.remove_prefix(std::min(line.size() + 1, value.size()));
    if (line.size() <= kDigits + 1) continue;
    const Result<uint64_t> until_s = parse_number(line.substr(kDigits + 1));
    if (until_s && static_cast<int64_t>(*until_s) > now_s)
      out.push_back({line.substr(0, kDigits), static_cast<int64_t>(*until_s)});
  }
  return out;
}

bool holds(const std::vector<Entry>& entries, std::string_view digits) {
  return std::ranges::find(entries, digits, &Entry::digits) != entries.end();
}

}  // namespace

MemoryName Remembrance::name() const {
  const Sha256 hash = sha256(token);
  return {.kind = kind == MemoryKind::kDuplicate ? kUserItemDuplicate : kUserItemVacation,
          .hash = to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()})};
}

std::string MemoryName::item_key(size_t digits) const {
  return std::string(kind) + hash.substr(0, digits);
}

MemorySlot look_for(const MemoryName& name, std::string_view value, int64_t now_s) {
  if (value.empty()) return MemorySlot::kHasRoom;
  const std::vector<Entry> entries = entries_of(value, now_s);
  if (holds(entries, digits_of(name))) return MemorySlot::kHolds;
  return entries.size() < kMemorySlotEntriesFull ? MemorySlot::kHasRoom : MemorySlot::kIsFull;
}

TrimmedMemory trimmed(std::string_view value, int64_t now_s, int64_t added_s) {
  const std::string_view first = value.substr(0, value.find('\n'));
  const Result<uint64_t> last_s = parse_number(first);
  const bool is_old = !last_s || static_cast<int64_t>(*last_s) <= added_s;
  const std::vector<Entry> entries =
      value.empty() || is_old ? std::vector<Entry>() : entries_of(value, now_s);
  const auto lines = static_cast<uint64_t>(std::ranges::count(value, '\n'));
  TrimmedMemory out{.value = {},
                    .forgotten = lines - std::min<uint64_t>(lines, entries.size() + 1)};
  if (!entries.empty()) out.value = fmt::format("{}\n", first);
  for (const Entry& entry : entries)
    out.value += fmt::format("{} {}\n", entry.digits, entry.until_s);
  return out;
}

std::optional<std::string> remembered(std::string_view value, const Remembrance& what,
                                      int64_t now_s) {
  std::vector<Entry> entries = value.empty() ? std::vector<Entry>() : entries_of(value, now_s);
  const MemoryName name = what.name();
  const std::string_view digits = digits_of(name);
  if (holds(entries, digits)) return std::nullopt;
  if (entries.size() >= kMemorySlotEntriesMax)
    entries.erase(std::ranges::min_element(entries, {}, &Entry::until_s));
  entries.push_back({digits, what.until_s});
  std::string out = fmt::format("{}\n", now_s);
  for (const Entry& entry : entries) out += fmt::format("{} {}\n", entry.digits, entry.until_s);
  return out;
}

std::string united_memory(std::string_view slot, std::string_view other) {
  std::map<std::string_view, int64_t> until;
  uint64_t last_s = 0;
  for (const std::string_view one : {slot, other}) {
    if (one.empty()) continue;
    last_s = std::max(last_s, parse_number(one.substr(0, one.find('\n'))).value_or(0));
    for (const Entry& entry : entries_of(one, 0)) {
      int64_t& latest = until[entry.digits];
      latest = std::max(latest, entry.until_s);
    }
  }
  const auto by_end = [](const auto& a, const auto& b) { return a.second < b.second; };
  while (until.size() > kMemorySlotEntriesMax)
    until.erase(std::min_element(until.begin(), until.end(), by_end));
  std::string out = fmt::format("{}\n", last_s);
  for (const auto& [digits, until_s] : until) out += fmt::format("{} {}\n", digits, until_s);
  return out;
}

Result<bool> remembers(const MailStore& store, const Remembrance& what, int64_t now_s) {
  const MemoryName name = what.name();
  for (size_t digits = kMemorySlotDigitsMin; digits <= kMemorySlotDigitsMax; ++digits) {
    TRY(const auto value, store.user_item(what.userid, name.item_key(digits)));
    if (value && look_for(name, *value, now_s) == MemorySlot::kHolds) return true;
  }
  return false;
}

}  // namespace gemel
