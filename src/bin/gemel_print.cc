#include "bin/gemel_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace gemel::tool {
namespace {

using admin::Json;

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return "-";
  return value.dump();
}

std::string field_text(const Json& row, const char* field) {
  const auto at = row.find(field);
  return at == row.end() ? "" : text_of(*at);
}

// Width in characters, not bytes: names may be in any script.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

void print_cell(const std::string& text, size_t width, bool right, bool last) {
  const std::string padding(width - std::min(width, width_of(text)), ' ');
  if (right)
    fmt::print("{}{}", padding, text);
  else
    fmt::print("{}{}", text, last ? "" : padding);
  fmt::print("{}", last ? "\n" : "  ");
}

std::string channel_state(const Json& row) {
  if (row.value("apart", false)) return "stands by";
  if (row.value("paused", false)) return "paused";
  if (!row.value("connected", false)) return "NOT CONNECTED";
  return row.value("changes_behind", uint64_t{0}) == 0 ? "in step" : "catching up";
}

// What answers to clients wait for, where they wait for anything.
void print_acknowledge(const Json& row) {
  const std::string level = row.value("acknowledge", "local");
  if (level == "local") return;
  std::string state = "answers wait until it is " + level + " there";
  if (row.value("acknowledge_away", false))
    state = row.value("when_away", "") == "refuse" ? "AWAY: no changes are taken"
                                                   : "DEGRADED: answers don't wait for it";
  fmt::print("  answers  {}; {} changes went without\n", state,
             row.value("unacknowledged", uint64_t{0}));
}

void print_channel(const Json& row) {
  fmt::print("channel {} to {}: {}\n", field_text(row, "channel"), field_text(row, "address"),
             channel_state(row));
  fmt::print("  behind   {} changes, {:.1f} s\n", row.value("changes_behind", uint64_t{0}),
             row.value("lag_seconds", 0.0));
  fmt::print("  sent     {} in {} batches, {} round trips; received {}\n",
             human_bytes(row.value("bytes_up", uint64_t{0})), row.value("batches", uint64_t{0}),
             row.value("round_trips", uint64_t{0}),
             human_bytes(row.value("bytes_down", uint64_t{0})));
  print_acknowledge(row);
  if (const std::string error = row.value("last_error", ""); !error.empty()) {
    const int64_t retry = row.value("retry_in_seconds", int64_t{0});
    fmt::print("  error    {}{}\n", error,
               retry > 0 ? fmt::format("; next try in {} s", retry) : "");
  }
  for (const Json& item : row.value("set_aside", Json::array()))
    fmt::print("  set aside {}: {}; next try in {} s\n", field_text(item, "entity"),
               field_text(item, "reason"), item.value("retry_in_seconds", int64_t{0}));
}

// `sources`: how many send to it.
void print_server(const Json& row, size_t sources) {
  fmt::print("gemel {} on {}, {} in term {}\n{} users, {} mailboxes, journal at {}, digest {}\n",
             field_text(row, "version"), field_text(row, "hostname"), field_text(row, "role"),
             field_text(row, "term"), field_text(row, "users"), field_text(row, "mailboxes"),
             field_text(row, "journal_head"), field_text(row, "digest"));
  if (row.value("lost_bodies", uint64_t{0}) > 0)
    fmt::print("BODIES LOST: {}; see gemel scrub --known\n", field_text(row, "lost_bodies"));
  if (field_text(row, "role") == "replica" && sources == 0)
    fmt::print("NOBODY SENDS TO THIS REPLICA; if no server is a primary, see gemel promote\n");
}

void print_scrub(const Json& row) {
  if (row.value("began", int64_t{0}) == 0) return;
  fmt::print("scrub {}: {} bodies, {} read, {} lost\n",
             row.value("under_way", false)
                 ? fmt::format("{:.0f}% done", row.value("done", 0.0) * 100)
                 : "done",
             field_text(row, "bodies"), human_bytes(row.value("bytes", uint64_t{0})),
             field_text(row, "lost"));
}

void print_text_index(const Json& row) {
  fmt::print("text index: {} of {} messages\n", field_text(row, "covered"),
             field_text(row, "messages"));
}

void print_upstream(const Json& row) {
  fmt::print(
      "sent to by channel {} from {}, {} in term {}: heard {:.1f} s ago, {} changes unsent\n",
      field_text(row, "channel"), field_text(row, "address"), field_text(row, "role"),
      field_text(row, "term"), row.value("heard_seconds_ago", 0.0),
      row.value("unsent", uint64_t{0}));
}

void print_feed(const Json& row) {
  fmt::print("feed {} to {}: {}\n", field_text(row, "feed"), field_text(row, "address"),
             row.value("connected", false) ? "connected" : "not connected");
  fmt::print("  articles {} offered, {} accepted, {} refused, {} put off\n",
             row.value("offered", uint64_t{0}), row.value("accepted", uint64_t{0}),
             row.value("refused", uint64_t{0}), row.value("deferred", uint64_t{0}));
  if (const std::string error = row.value("last_error", ""); !error.empty())
    fmt::print("  error    {}\n", error);
}

void print_user_lag(const Json& row) {
  const uint64_t changes = row.value("changes_behind", uint64_t{0});
  const uint64_t set_aside = row.value("set_aside", uint64_t{0});
  const std::string by_channel =
      fmt::format("{} on {}", field_text(row, "user"), field_text(row, "channel"));
  if (changes == 0)
    fmt::print("user {}: in step\n", by_channel);
  else
    fmt::print("user {}: behind by {} changes, {:.1f} s{}\n", by_channel, changes,
               row.value("lag_seconds", 0.0),
               set_aside > 0 ? fmt::format("; {} set aside", set_aside) : "");
}

}  // namespace

void print_table(const std::vector<Json>& rows, const std::vector<Column>& columns) {
  if (rows.empty()) return;
  std::vector<size_t> widths;
  std::vector<bool> numeric;
  for (const Column& column : columns) {
    size_t width = width_of(column.heading);
    for (const Json& row : rows) width = std::max(width, width_of(field_text(row, column.field)));
    widths.push_back(width);
    const auto at = rows.front().find(column.field);
    numeric.push_back(at != rows.front().end() && at->is_number());
  }
  for (size_t i = 0; i < columns.size(); ++i)
    print_cell(columns[i].heading, widths[i], numeric[i], i + 1 == columns.size());
  for (const Json& row : rows)
    for (size_t i = 0; i < columns.size(); ++i)
      print_cell(field_text(row, columns[i].field), widths[i], numeric[i], i + 1 == columns.size());
}

std::string dump_line(const Json& row) {
  std::string out = row.value("type", "");
  for (const auto& [name, value] : row.items()) {
    if (name == "type") continue;
    out += fmt::format(" {}={}", name, value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return out;
}

void print_status(const std::vector<Json>& rows) {
  const auto sources = static_cast<size_t>(std::ranges::count_if(
      rows, [](const Json& row) { return row.value("type", "") == "upstream"; }));
  for (const Json& row : rows) {
    const std::string type = row.value("type", "");
    if (type == "server")
      print_server(row, sources);
    else if (type == "listener")
      fmt::print("listens for {} on {}\n", field_text(row, "service"), field_text(row, "address"));
    else if (type == "text_index")
      print_text_index(row);
    else if (type == "scrub")
      print_scrub(row);
    else if (type == "upstream")
      print_upstream(row);
    else if (type == "feed")
      print_feed(row);
    else if (type == "channel")
      print_channel(row);
    else if (type == "user_lag")
      print_user_lag(row);
  }
}

std::string human_bytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace gemel::tool
