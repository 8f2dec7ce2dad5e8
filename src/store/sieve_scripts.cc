#include "store/sieve_scripts.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace gemel {
namespace {

std::string key_of(std::string_view name) {
  return std::string(kUserItemSieveScript) + std::string(name);
}

std::string value_of(int64_t now_s, std::string_view text) {
  return fmt::format("{}\n{}", now_s * 1000, text);
}

struct Value {
  int64_t ms = 0;
  std::string_view text;
};

// A value that no upload wrote counts as one of long ago.
Value split(std::string_view value) {
  const size_t end = value.find('\n');
  if (end == std::string_view::npos) return {0, value};
  const Result<uint64_t> ms = parse_number(value.substr(0, end));
  return {ms ? static_cast<int64_t>(*ms) : 0, value.substr(end + 1)};
}

Error no_script(std::string_view name) {
  return {Code::kNotFound, fmt::format("there is no script \"{}\"", name)};
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > kScriptNameBytesMax)
    return fail(Code::kInvalid, "the script's name is empty or too long");
  return {};
}

}  // namespace

Result<std::string> SieveScripts::active_name() const {
  TRY(const std::optional<std::string> value, store_->user_item(userid_, kUserItemSieveActive));
  return std::string(value ? split(*value).text : "");
}

Result<std::vector<SieveScripts::Listed>> SieveScripts::list() const {
  TRY(const std::string active, active_name());
  TRY(const std::vector<UserItem> items, store_->user_items(userid_, kUserItemSieveScript));
  std::vector<Listed> out;
  for (const UserItem& item : items) {
    const Value value = split(item.value);
    std::string name = item.key.substr(kUserItemSieveScript.size());
    const bool is_active = name == active;
    out.push_back({std::move(name), value.ms, value.text.size(), is_active});
  }
  return out;
}

Result<SieveScripts::Script> SieveScripts::get(std::string_view name) const {
  TRY(const std::optional<std::string> item, store_->user_item(userid_, key_of(name)));
  if (!item) return std::unexpected(no_script(name));
  const Value value = split(*item);
  return Script{std::string(name), value.ms, std::string(value.text)};
}

Result<std::optional<SieveScripts::Script>> SieveScripts::active() const {
  TRY(const std::string name, active_name());
  if (name.empty()) return std::nullopt;
  Result<Script> found = get(name);
  if (!found && found.error().code == Code::kNotFound) return std::nullopt;
  if (!found) return std::unexpected(found.error());
  return *std::move(found);
}

Result<void> SieveScripts::check_room(std::string_view name, uint64_t bytes,
                                      const ScriptQuota& quota) const {
  TRY_OK(check_name(name));
  if (bytes > quota.script_bytes_max)
    return fail(Code::kTooBig, fmt::format("a script may have {} octets", quota.script_bytes_max));
  TRY(const std::vector<UserItem> items, store_->user_items(userid_, kUserItemSieveScript));
  const std::string key = key_of(name);
  size_t others = 0;
  for (const UserItem& item : items)
    if (item.key != key) ++others;
  if (others >= quota.scripts_max)
    return fail(Code::kLimit, fmt::format("there may be {} scripts", quota.scripts_max));
  return {};
}

Result<void> SieveScripts::put(std::string_view name, std::string_view text, int64_t now_s) {
  TRY_OK(check_name(name));
  if (text.empty()) return fail(Code::kInvalid, "a script can't be empty");  // RFC 5804 §2.6
  TRY_OK(store_->put_user_items(userid_, {{key_of(name), value_of(now_s, text)}}));
  return {};
}

Result<void> SieveScripts::activate(std::string_view name, int64_t now_s) {
  if (!name.empty()) TRY_OK(get(name));
  TRY_OK(store_->put_user_items(userid_,
                                {{std::string(kUserItemSieveActive), value_of(now_s, name)}}));
  return {};
}

Result<void> SieveScripts::remove(std::string_view name) {
  TRY_OK(get(name));
  TRY(const std::string active, active_name());
  if (name == active) return fail(Code::kDenied, "the active script can't be deleted");
  TRY_OK(store_->put_user_items(userid_, {{key_of(name), std::nullopt}}));
  return {};
}

Result<void> SieveScripts::rename(std::string_view from, std::string_view to, int64_t now_s) {
  TRY_OK(check_name(to));
  TRY(const Script script, get(from));
  if (from == to) return {};
  if (get(to)) return fail(Code::kExists, fmt::format("there is a script \"{}\" already", to));
  TRY(const std::string active, active_name());
  std::vector<MailStore::NewItem> items = {{key_of(from), std::nullopt},
                                           {key_of(to), value_of(now_s, script.text)}};
  if (from == active) items.push_back({std::string(kUserItemSieveActive), value_of(now_s, to)});
  TRY_OK(store_->put_user_items(userid_, items));
  return {};
}

}  // namespace gemel
