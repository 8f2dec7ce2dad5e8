// The groups and articles that one client may see.
//
// A group that the client may not look up (right `l`) is one that does not exist. To read in it
// takes `r`.
//
// Owns     nothing; asks the store anew each time, so that a right taken away is gone.
// Threads  any.
// Source   RFC 3977 §6 (selecting), §8.3 (OVER); doc/decisions/0020-newsgroups.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/newsgroup.h"
#include "nntp/article.h"
#include "nntp/options.h"

namespace gemel::nntp {

/// What is told of a group (RFC 3977 §6.1.1.2): of an empty one `low` is `high` + 1.
struct GroupState {
  uint32_t count = 0;
  uint32_t low = 0;
  uint32_t high = 0;
};

/// An article found in a group, or by its message id with number 0.
struct Found {
  std::string group;
  Uid uid;
  Article article;
};

/// What is left of a range of article numbers.
struct GroupRange {
  std::string group;
  UniqueId mailbox;
  uint64_t next;  // number to look at
  Uid last;
};

class Shelf {
 public:
  Shelf(const Options& options, std::string userid)
      : options_(&options), access_(options.store, options.access, std::move(userid)) {}

  /// Errors: kNotFound.
  Result<MailboxInfo> find_group(std::string_view name, Rights needed) const;
  /// All that the client may look up, by name.
  Result<std::vector<std::pair<std::string, MailboxInfo>>> groups() const;
  /// The letter for LIST ACTIVE as this client may post (RFC 3977 §7.6.3).
  char status_of(const MailboxInfo& mailbox) const;
  Result<GroupState> state_of(const MailboxInfo& mailbox) const;

  /// The mailbox as it is now. Errors: kNotFound, it is gone or may not be read any more.
  Result<MailboxView> view(const UniqueId& mailbox) const;
  /// Errors: kNotFound.
  Result<Found> find(std::string_view message_id) const;
  /// Where else a cross-post is, in groups over which the client has the rights, by name; empty too
  /// while the index is being made.
  Result<std::vector<std::pair<std::string, Uid>>> elsewhere(const Found& found,
                                                             Rights needed) const;
  /// The value of Xref: the article's number in this group, and in the others where it is and that
  /// the client may look up.
  Result<std::string> xref(const Found& found) const;
  /// The header as it is sent for this article.
  Result<std::string> header(const Found& found) const;

 private:
  const Options* options_;
  UserAccess access_;
};

/// The first live messages from `from` to `last`, at most `count_max`. Cost: O(pages looked at).
Result<UidSet> live_uids(const MailboxView& view, uint64_t from, Uid last, size_t count_max);
/// The last live message before `before`; none if there is none.
Result<Uid> live_uid_before(const MailboxView& view, Uid before);

/// The first UID whose message came at or after `since_s`; behind the last one if none did.
/// Messages come in the order of their UIDs, so it is found by halving. Cost: O(log UIDs) reads.
Result<uint64_t> first_uid_since(const MailboxView& view, int64_t since_s);

}  // namespace gemel::nntp
