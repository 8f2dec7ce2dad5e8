// Making newsgroups: what the administrator's tool and netnews control messages both do.
//
// Threads  any.
// Source   mail/newsgroup.h, doc/decisions/0020-newsgroups.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/newsgroup.h"
#include "store/mail_store.h"

namespace gemel {

struct NewNewsgroup {
  std::string name;
  NewsgroupStatus status = NewsgroupStatus::kPosting;
  std::string description = {};
  std::string moderator = {};  // addresses; empty: none
  std::string gateway = {};
  std::string creator = {};  // for LIST ACTIVE.TIMES
};

/// Longer descriptions are for web pages.
inline constexpr size_t kNewsgroupTextBytesMax = 400;

/// Who may do what with a group unless its prefix's mailbox says otherwise: everybody who has
/// logged in reads and posts.
inline constexpr std::string_view kNewsgroupRightsDefault = "lrsp";

/// Makes the group's mailbox; the shared owner and the mailbox of the prefix too where they are
/// missing. Errors: kExists; kInvalid, the name, or a text with a line end; kTooBig; kReadOnly.
Result<MailboxInfo> create_newsgroup(MailStore& store, std::string_view prefix,
                                     const NewNewsgroup& group);

/// Errors: kNotFound, kInvalid.
Result<MailboxInfo> find_newsgroup(const MailStore& store, std::string_view prefix,
                                   std::string_view group);

/// All groups with their mailboxes, by name.
Result<std::vector<std::pair<std::string, MailboxInfo>>> newsgroups(const MailStore& store,
                                                                    std::string_view prefix);

/// Errors: kInvalid, a control character; kTooBig. For descriptions and addresses.
Result<void> check_newsgroup_text(std::string_view text);

}  // namespace gemel
