// Rules: which messages a mailbox does not keep, and when it goes to another partition.
//
// A rule is a line of words. It stands in the mailbox's attribute kAttributeRule, which METADATA
// shows as /shared/vendor/gemel/expire, or in the server's configuration, by path. Each word that a
// rule leaves out is as the level above says it; what no level says is as in `Rule` below.
//
//   days=30|never  by=savedate|internaldate  keep=flagged|none  at-most=1000|none
//   archive-days=365|never  archive-bytes=1000000000|never
//   archive-message-days=365|never  archive-message-bytes=1000000|never
//
// Threads  any; values.
// Source   doc/expire.md, "Rules"; RFC 5464 §6.2.1 (names of entries), RFC 8514 (SAVEDATE).
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mail/record.h"

namespace gemel::expire {

inline constexpr std::string_view kAttributeRule = "annotation/shared/vendor/gemel/expire";
/// The same, as clients name it.
inline constexpr std::string_view kEntryRule =
    kAttributeRule.substr(kAttributeAnnotation.size() - 1);
inline constexpr size_t kRuleBytesMax = 1024;
inline constexpr int64_t kDayS = 86'400;
inline constexpr int64_t kDaysMax = 36'500;
inline constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

enum class DateBy : uint8_t { kSaveDate, kInternalDate };
enum class Spare : uint8_t { kFlagged, kNothing };

/// What is nullopt is left to the level above.
struct Rule {
  std::optional<uint64_t> days = {};  // kNever, or messages that old go
  std::optional<DateBy> by = {};
  std::optional<Spare> spare = {};
  std::optional<uint64_t> at_most = {};        // kNever, or the newest so many stay
  std::optional<uint64_t> archive_days = {};   // kNever, or so long nothing came into it
  std::optional<uint64_t> archive_bytes = {};  // kNever, or its messages are as large together
  // Single messages: that old, or as large each.
  std::optional<uint64_t> archive_message_days = {};
  std::optional<uint64_t> archive_message_bytes = {};
  bool operator==(const Rule&) const = default;

  uint64_t days_or_never() const { return days.value_or(kNever); }
  DateBy by_or_default() const { return by.value_or(DateBy::kSaveDate); }
  Spare spare_or_default() const { return spare.value_or(Spare::kFlagged); }
  uint64_t at_most_or_all() const { return at_most.value_or(kNever); }
  uint64_t archive_days_or_never() const { return archive_days.value_or(kNever); }
  uint64_t archive_bytes_or_never() const { return archive_bytes.value_or(kNever); }
  bool archives() const {
    return archive_days_or_never() != kNever || archive_bytes_or_never() != kNever;
  }
  uint64_t archive_message_days_or_never() const { return archive_message_days.value_or(kNever); }
  uint64_t archive_message_bytes_or_never() const { return archive_message_bytes.value_or(kNever); }
  bool archives_messages() const {
    return archive_message_days_or_never() != kNever || archive_message_bytes_or_never() != kNever;
  }
  bool expunges() const { return days_or_never() != kNever || at_most_or_all() != kNever; }
};

/// The days that a message stays at least while its owner leaves it alone; kNever: it does not go.
/// Nothing: that depends on what else comes.
std::optional<uint64_t> days_at_least(const Rule& rule);
/// Errors: kSyntax, a word that is none, twice, or with a value out of range; kTooBig.
Result<Rule> parse_rule(std::string_view text);
/// What parse_rule takes; "" says nothing.
std::string text_of(const Rule& rule);
/// `nearer` where it says something, else `above`.
Rule overlaid(const Rule& above, const Rule& nearer);

/// By path, "*" for all; of what users own, not of shared mailboxes nor of the server's own.
using RulesByPath = std::map<std::string, Rule>;

/// The rules in force for a user's live mailboxes. A level's own rule in the attribute is nearer
/// than the configuration's for the same path.
class RuleTree {
 public:
  RuleTree(const RulesByPath& configured, const std::vector<MailboxInfo>& mailboxes);
  /// Errors: kSyntax, the rule of this mailbox or of one above it can't be read: then none is in
  /// force, so that a mistake makes nothing go.
  Result<Rule> of(const MailboxName& name) const;

 private:
  const RulesByPath* configured_;
  std::map<MailboxName, Result<Rule>> own_;
};

}  // namespace gemel::expire
