// What can be limited for all that one user owns.
//
// Threads  any; values.
// Source   RFC 9208 §5; doc/access.md "Quotas".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gemel {

enum class QuotaResource : uint8_t { kStorage, kMessages, kMailboxes, kAnnotationStorage };

struct QuotaKind {
  std::string_view item;  // of the user: the limit in decimal; no item: no limit
  std::string_view wire_name;
  uint64_t wire_unit;  // in IMAP; here and in the item it is octets, or one
};
/// In the order of QuotaResource.
inline constexpr std::array kQuotaKinds = {
    QuotaKind{"quota/storage", "STORAGE", 1024},
    QuotaKind{"quota/messages", "MESSAGE", 1},
    QuotaKind{"quota/mailboxes", "MAILBOX", 1},
    QuotaKind{"quota/annotation-storage", "ANNOTATION-STORAGE", 1024},
};
constexpr const QuotaKind& kind_of(QuotaResource resource) {
  return kQuotaKinds[static_cast<size_t>(resource)];
}

/// What a user owns of each resource, in the order of QuotaResource: octets and number of live
/// messages in live mailboxes, live mailboxes, octets of the values of annotations (of the live
/// mailboxes, and the user's private ones wherever).
using QuotaUsage = std::array<uint64_t, kQuotaKinds.size()>;

struct Quota {
  QuotaResource resource;
  uint64_t used = 0;
  std::optional<uint64_t> limit;
};

}  // namespace gemel
