// The tagged arguments of all commands and tests, and what may follow each.
//
// Source   RFC 5228 §2.6.2 and the extensions' usage lines. Which command takes which is in
//          keyword.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gemel::sieve {

/// In the order of their names, so that the value is the row.
enum class Tag : uint8_t {
  kAddresses,
  kAll,
  kAnychild,
  kComparator,
  kContains,
  kContent,
  kContenttype,
  kCopy,
  kCount,
  kCreate,
  kDays,
  kDetail,
  kDomain,
  kEncodeurl,
  kFcc,
  kFirst,
  kFlags,
  kFrom,
  kGlobal,
  kHandle,
  kHeader,
  kHeaders,
  kImportance,
  kIndex,
  kIs,
  kLast,
  kLength,
  kLocalpart,
  kLower,
  kLowerfirst,
  kMailboxid,
  kMatches,
  kMessage,
  kMime,
  kName,
  kOnce,
  kOptional,
  kOptions,
  kOriginalzone,
  kOver,
  kParam,
  kPercent,
  kPersonal,
  kQuoteregex,
  kQuotewildcard,
  kRaw,
  kRegex,
  kSeconds,
  kSpecialuse,
  kSubject,
  kSubtype,
  kText,
  kType,
  kUnder,
  kUniqueid,
  kUpper,
  kUpperfirst,
  kUser,
  kValue,
  kZone,
};

enum class TagValue : uint8_t { kNothing, kNumber, kString, kStringList };

struct TagRow {
  std::string_view name;
  TagValue value;
};

inline constexpr std::array kTags = {
    TagRow{"addresses", TagValue::kStringList},
    TagRow{"all", TagValue::kNothing},
    TagRow{"anychild", TagValue::kNothing},
    TagRow{"comparator", TagValue::kString},
    TagRow{"contains", TagValue::kNothing},
    TagRow{"content", TagValue::kStringList},
    TagRow{"contenttype", TagValue::kNothing},
    TagRow{"copy", TagValue::kNothing},
    TagRow{"count", TagValue::kString},
    TagRow{"create", TagValue::kNothing},
    TagRow{"days", TagValue::kNumber},
    TagRow{"detail", TagValue::kNothing},
    TagRow{"domain", TagValue::kNothing},
    TagRow{"encodeurl", TagValue::kNothing},
    TagRow{"fcc", TagValue::kString},
    TagRow{"first", TagValue::kNumber},
    TagRow{"flags", TagValue::kStringList},
    TagRow{"from", TagValue::kString},
    TagRow{"global", TagValue::kNothing},
    TagRow{"handle", TagValue::kString},
    TagRow{"header", TagValue::kString},
    TagRow{"headers", TagValue::kStringList},
    TagRow{"importance", TagValue::kString},
    TagRow{"index", TagValue::kNumber},
    TagRow{"is", TagValue::kNothing},
    TagRow{"last", TagValue::kNothing},
    TagRow{"length", TagValue::kNothing},
    TagRow{"localpart", TagValue::kNothing},
    TagRow{"lower", TagValue::kNothing},
    TagRow{"lowerfirst", TagValue::kNothing},
    TagRow{"mailboxid", TagValue::kString},
    TagRow{"matches", TagValue::kNothing},
    TagRow{"message", TagValue::kString},
    TagRow{"mime", TagValue::kNothing},
    TagRow{"name", TagValue::kString},
    TagRow{"once", TagValue::kNothing},
    TagRow{"optional", TagValue::kNothing},
    TagRow{"options", TagValue::kStringList},
    TagRow{"originalzone", TagValue::kNothing},
    TagRow{"over", TagValue::kNothing},
    TagRow{"param", TagValue::kStringList},
    TagRow{"percent", TagValue::kNothing},
    TagRow{"personal", TagValue::kNothing},
    TagRow{"quoteregex", TagValue::kNothing},
    TagRow{"quotewildcard", TagValue::kNothing},
    TagRow{"raw", TagValue::kNothing},
    TagRow{"regex", TagValue::kNothing},
    TagRow{"seconds", TagValue::kNumber},
    TagRow{"specialuse", TagValue::kString},
    TagRow{"subject", TagValue::kString},
    TagRow{"subtype", TagValue::kNothing},
    TagRow{"text", TagValue::kNothing},
    TagRow{"type", TagValue::kNothing},
    TagRow{"under", TagValue::kNothing},
    TagRow{"uniqueid", TagValue::kString},
    TagRow{"upper", TagValue::kNothing},
    TagRow{"upperfirst", TagValue::kNothing},
    TagRow{"user", TagValue::kNothing},
    TagRow{"value", TagValue::kString},
    TagRow{"zone", TagValue::kString},
};
static_assert(static_cast<size_t>(Tag::kZone) + 1 == kTags.size());

constexpr const TagRow& row_of(Tag tag) { return kTags[static_cast<size_t>(tag)]; }
/// `name` in lower case, without the colon.
std::optional<Tag> find_tag(std::string_view name);

}  // namespace gemel::sieve
