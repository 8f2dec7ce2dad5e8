// The tests date and currentdate. RFC 5260.
#include <fmt/format.h>

#include "mail/mime_header.h"
#include "sieve/commands.h"
#include "sieve/date_parts.h"
#include "sieve/fields.h"
#include "sieve/matching.h"

namespace gemel::sieve {
namespace {

int32_t local_zone(Machine& machine, int64_t unix_s) {
  const auto& zone = machine.delivery().local_zone_minutes;
  return zone ? zone(unix_s) : 0;
}

/// `time` in the zone that the test wants.
Result<ZonedTime> shifted(Machine& machine, const Node& node, ZonedTime time) {
  if (node.has(Tag::kOriginalzone)) return time;
  TRY(const auto zone, machine.string(node, Tag::kZone));
  if (!zone) {
    time.zone_minutes = local_zone(machine, time.unix_s);
    return time;
  }
  const auto minutes = parse_zone(*zone);
  if (!minutes) return fail(Code::kInvalid, fmt::format("\"{}\" is no zone", *zone));
  time.zone_minutes = *minutes;
  return time;
}

Result<bool> match_time(Machine& machine, const Node& node, const std::optional<ZonedTime>& time,
                        const Argument& part_name) {
  TRY(const std::string name, machine.string(part_name));
  const auto part = find_date_part(name);
  if (!part) return fail(Code::kInvalid, fmt::format("a date has no part \"{}\"", name));
  TRY(Matching matching, Matching::start(machine, node));
  if (time) {
    TRY(const ZonedTime wanted, shifted(machine, node, *time));
    TRY(const bool fits, matching.see(part_of(wanted, *part)));
    if (fits) return true;
  }
  return matching.finish();
}

}  // namespace

Result<bool> test_date(Machine& machine, const Node& node) {
  TRY(const std::vector<std::string> names, machine.texts(node.at(0)));
  TRY(const std::vector<std::string_view> fields, fields_of(machine, node, names));
  std::optional<ZonedTime> time;
  // §4: only the first field of that name, or the one that :index names.
  if (!fields.empty()) {
    TRY_OK(machine.budget().take_for(fields.front()));
    time = date_in(unfold(fields.front()));
  }
  return match_time(machine, node, time, node.at(1));
}

Result<bool> test_currentdate(Machine& machine, const Node& node) {
  return match_time(machine, node, ZonedTime{.unix_s = machine.delivery().now_s}, node.at(0));
}

}  // namespace gemel::sieve
