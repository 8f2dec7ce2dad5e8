// Tests of what the server knows: mailboxes, annotations, its environment, what was seen before.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/hash.h"
#include "sieve/commands.h"
#include "sieve/field_names.h"
#include "sieve/fields.h"
#include "sieve/mailto.h"
#include "sieve/matching.h"
#include "sieve/tracking.h"

namespace gemel::sieve {
namespace {

/// Do all of `names` pass? No further than needed.
template <class Ask>
Result<bool> all_of(const std::vector<std::string>& names, const Ask& ask) {
  for (const std::string& name : names) {
    TRY(const bool holds, ask(name));
    if (!holds) return false;
  }
  return true;
}

/// The value of an annotation against a test's keys; false if it has none.
Result<bool> match_value(Machine& machine, const Node& node,
                         const std::optional<std::string>& value) {
  TRY(Matching matching, Matching::start(machine, node));
  if (value) {
    TRY(const bool fits, matching.see(*value));
    if (fits) return true;
  }
  return matching.finish();
}

}  // namespace

// RFC 5490 §3.1.
Result<bool> test_mailboxexists(Machine& machine, const Node& node) {
  TRY(const std::vector<std::string> names, machine.texts(node.at(0)));
  return all_of(names, [&](const std::string& name) -> Result<bool> {
    if (!is_mailbox_name(name)) return false;
    return machine.environment().mailbox_exists(name);
  });
}

// RFC 9042 §4.
Result<bool> test_mailboxidexists(Machine& machine, const Node& node) {
  TRY(const std::vector<std::string> ids, machine.texts(node.at(0)));
  return all_of(ids,
                [&](const std::string& id) { return machine.environment().mailbox_id_exists(id); });
}

// RFC 8579 §3.
Result<bool> test_specialuse_exists(Machine& machine, const Node& node) {
  std::optional<std::string> mailbox;
  if (node.positional[0]) {
    TRY(mailbox, machine.string(node.at(0)));
    if (!is_mailbox_name(*mailbox)) return false;
  }
  TRY(const std::vector<std::string> uses, machine.texts(node.at(1)));
  return all_of(uses, [&](const std::string& use) -> Result<bool> {
    if (!is_special_use(use))
      return fail(Code::kInvalid, fmt::format("\"{}\" is no special use", use));
    return machine.environment().has_special_use(mailbox, use);
  });
}

// RFC 5490 §3.3.
Result<bool> test_metadata(Machine& machine, const Node& node) {
  TRY(const std::string mailbox, machine.string(node.at(0)));
  TRY(const std::string annotation, machine.string(node.at(1)));
  std::optional<std::string> value;
  if (is_mailbox_name(mailbox)) {
    TRY(value, machine.environment().metadata(mailbox, annotation));
  }
  return match_value(machine, node, value);
}

// RFC 5490 §3.4.
Result<bool> test_metadataexists(Machine& machine, const Node& node) {
  TRY(const std::string mailbox, machine.string(node.at(0)));
  TRY(const std::vector<std::string> names, machine.texts(node.at(1)));
  if (!is_mailbox_name(mailbox)) return false;
  return all_of(names, [&](const std::string& name) -> Result<bool> {
    TRY(const auto value, machine.environment().metadata(mailbox, name));
    return value.has_value();
  });
}

// RFC 5490 §4.1.
Result<bool> test_servermetadata(Machine& machine, const Node& node) {
  TRY(const std::string annotation, machine.string(node.at(0)));
  TRY(const auto value, machine.environment().metadata(std::nullopt, annotation));
  return match_value(machine, node, value);
}

// RFC 5490 §4.2.
Result<bool> test_servermetadataexists(Machine& machine, const Node& node) {
  TRY(const std::vector<std::string> names, machine.texts(node.at(0)));
  return all_of(names, [&](const std::string& name) -> Result<bool> {
    TRY(const auto value, machine.environment().metadata(std::nullopt, name));
    return value.has_value();
  });
}

// RFC 5183 §4.1.
Result<bool> test_environment(Machine& machine, const Node& node) {
  const Delivery& delivery = machine.delivery();
  struct Item {
    std::string_view name;
    std::string_view value;
    bool is_known;
  };
  const std::array items = {
      Item{"domain", delivery.domain, !delivery.domain.empty()},
      Item{"host", delivery.hostname, !delivery.hostname.empty()},
      Item{"location", "MDA", true},
      Item{"name", "Gemel", true},
      Item{"phase", "during", true},
      Item{"remote-host", delivery.remote_host, true},  // empty if it is not known
      Item{"remote-ip", delivery.remote_ip, !delivery.remote_ip.empty()},
      Item{"version", GEMEL_VERSION, true},
  };
  TRY(const std::string name, machine.string(node.at(0)));
  const auto item = std::ranges::find(items, to_lower(name), &Item::name);
  // It MUST fail for an unknown item, whatever the match type.
  if (item == items.end() || !item->is_known) return false;
  TRY(Matching matching, Matching::start(machine, node));
  // RFC 5183 §4: the empty string counts as 0.
  if (!matching.counts() || !item->value.empty()) {
    TRY(const bool fits, matching.see(item->value));
    if (fits) return true;
  }
  return matching.finish();
}

// RFC 7352 §3.
Result<bool> test_duplicate(Machine& machine, const Node& node) {
  constexpr uint64_t kDefaultSeconds = 7 * 86'400;
  TRY(std::optional<std::string> id, machine.string(node, Tag::kUniqueid));
  TRY(const auto handle, machine.string(node, Tag::kHandle));
  TRY(const auto header, machine.string(node, Tag::kHeader));
  if (!id) {
    TRY(id, first_field(machine, header.value_or("message-id")));
  }
  const Argument* period = node.find(Tag::kSeconds);
  const uint64_t seconds = std::min(period != nullptr ? period->number : kDefaultSeconds,
                                    machine.limits().duplicate_seconds_max);
  if (!id || seconds == 0) return false;
  const std::string key = tracking_key('d', {handle.value_or(""), *id});
  TRY(const bool seen, machine.environment().is_tracked(key));
  // §3.3: with :last each sight counts, else only the first.
  if (!seen || node.has(Tag::kLast))
    machine.verdict().track(
        {.key = key, .expires_s = machine.delivery().now_s + static_cast<int64_t>(seconds)});
  return seen;
}

// RFC 5435 §4.
Result<bool> test_valid_notify_method(Machine& machine, const Node& node) {
  TRY(const std::vector<std::string> methods, machine.texts(node.at(0)));
  return all_of(methods, [](const std::string& method) -> Result<bool> {
    return parse_mailto(method).has_value();
  });
}

// RFC 5435 §5.
Result<bool> test_notify_method_capability(Machine& machine, const Node& node) {
  TRY(const std::string method, machine.string(node.at(0)));
  TRY(const std::string capability, machine.string(node.at(1)));
  if (!parse_mailto(method) || !equals_ignoring_case(capability, "online")) return false;
  // RFC 5436 §2.2: nobody can know for mail.
  return match_value(machine, node, "maybe");
}

}  // namespace gemel::sieve
