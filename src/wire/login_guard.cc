#include "wire/login_guard.h"

#include <algorithm>

#include "base/network_range.h"

namespace gemel::wire {
namespace {

// A name that no user can have would only take room.
constexpr size_t kNameBytesMax = 256;

std::string name_key(std::string_view userid) {
  return std::string(userid.substr(0, kNameBytesMax));
}

std::string key_of_both(const LoginOrigin& origin) {
  return name_key(origin.userid) + '\0' + network_of(origin.address);
}

}  // namespace

bool LoginGuard::counts_address(const LoginOrigin& origin) const {
  return origin.place == LoginOrigin::Place::kRemote ||
         options_.local == LoginGuardOptions::Local::kCounted;
}

size_t LoginGuard::count_of(Table& table, const std::string& key, int64_t now_ms) {
  const auto found = table.find(key);
  if (found == table.end()) return 0;
  if (found->second.until_ms > now_ms) return found->second.count;
  table.erase(found);
  return 0;
}

// Where all are fresh, the first goes: better a count lost than a server without memory.
template <class Entries, class IsOld>
void LoginGuard::make_room(Entries& entries, IsOld is_old) {
  if (entries.size() < options_.entries_max) return;
  std::erase_if(entries, is_old);
  if (entries.size() >= options_.entries_max) entries.erase(entries.begin());
}

size_t LoginGuard::count_up(Table& table, const std::string& key, int64_t now_ms) {
  const size_t before = count_of(table, key, now_ms);
  if (before == 0)
    make_room(table, [&](const auto& entry) { return entry.second.until_ms <= now_ms; });
  table[key] = {.count = before + 1, .until_ms = now_ms + options_.window_ms};
  return before + 1;
}

void LoginGuard::count_down(Table& table, const std::string& key, size_t count) {
  const auto found = table.find(key);
  if (found == table.end()) return;
  if (found->second.count <= count)
    table.erase(found);
  else
    found->second.count -= count;
}

Result<void> LoginGuard::admit(const LoginOrigin& origin) {
  const std::scoped_lock lock(mutex_);
  const int64_t now_ms = clock_.monotonic_ms();
  if (options_.address_failures_max > 0 && counts_address(origin) &&
      count_of(by_address_, network_of(origin.address), now_ms) >= options_.address_failures_max)
    return fail(Code::kBusy, "too many failed logins from your address, try again later");
  const auto home = homes_.find(key_of_both(origin));
  if (home != homes_.end() && home->second > now_ms) return {};
  if (options_.user_failures_max > 0 && !origin.userid.empty() &&
      count_of(by_user_, name_key(origin.userid), now_ms) >= options_.user_failures_max)
    return fail(Code::kBusy, "too many failed logins of this user, try again later");
  return {};
}

Result<SessionCount::Slot> LoginGuard::enter_token(const LoginOrigin& origin) {
  if (!counts_address(origin)) return SessionCount::Slot();
  if (auto entered = tokens_.enter(network_of(origin.address))) return *std::move(entered);
  return fail(Code::kBusy, "too many tokens of your address are being asked about");
}

int64_t LoginGuard::failed(const LoginOrigin& origin) {
  const std::scoped_lock lock(mutex_);
  const int64_t now_ms = clock_.monotonic_ms();
  if (!origin.userid.empty()) {
    count_up(by_user_, name_key(origin.userid), now_ms);
    count_up(by_both_, key_of_both(origin), now_ms);
  }
  if (!counts_address(origin)) return options_.delay_ms;
  const size_t count = count_up(by_address_, network_of(origin.address), now_ms);
  int64_t delay_ms = options_.delay_ms;
  for (size_t i = 1; i < count && delay_ms > 0 && delay_ms < options_.delay_ms_max; ++i)
    delay_ms *= 2;
  return std::min(delay_ms, options_.delay_ms_max);
}

// An address keeps its failures: who knows one password may be guessing another.
void LoginGuard::succeeded(const LoginOrigin& origin) {
  const std::scoped_lock lock(mutex_);
  const int64_t now_ms = clock_.monotonic_ms();
  const std::string home = key_of_both(origin);
  count_down(by_user_, name_key(origin.userid), count_of(by_both_, home, now_ms));
  by_both_.erase(home);
  if (!homes_.contains(home))
    make_room(homes_, [&](const auto& entry) { return entry.second <= now_ms; });
  homes_[home] = now_ms + options_.home_ms;
}

}  // namespace gemel::wire
