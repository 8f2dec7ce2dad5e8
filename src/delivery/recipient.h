// Whom an address means: users' mailboxes, and by an alias addresses elsewhere.
//
// Threads  any; reads the store.
// Source   RFC 5233 §1 (detailed addressing, `user+detail`), RFC 4314 §2.1 (`p`, who may post),
//          RFC 5321 §4.5.1 (postmaster), doc/delivery.md "Addresses".
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "delivery/aliases.h"
#include "mail/envelope_address.h"
#include "store/mail_store.h"

namespace gemel::delivery {

struct RecipientRules {
  /// What is looked up as a userid. Which domains are ours is the mail server's to know; so the
  /// local part of any address that it sends here may be a userid.
  enum class Lookup : uint8_t { kAddress, kLocalPart, kAddressThenLocalPart };
  enum class Case : uint8_t {
    kExact,
    kFolded,  // as sent, then in lower case (userids in lower case are the custom)
  };
  Lookup lookup = Lookup::kAddressThenLocalPart;
  Case letter_case = Case::kFolded;
  std::string detail_separator = "+";  // empty: no detailed addressing
  std::string postmaster = {};         // userid that gets mail for postmaster; empty: nobody
  std::string catch_all = {};          // userid that gets what is for nobody; empty: refused
};

/// A user's mailbox that an address means.
struct LocalRecipient {
  std::string userid;
  UniqueId mailbox;
  std::string partition;
  bool operator==(const LocalRecipient&) const = default;
};

/// At least one of both.
struct Recipient {
  std::vector<LocalRecipient> users;  // none twice
  std::vector<std::string> forwards;  // addresses elsewhere, to which an alias leads
};

/// Aliases come first: the whole address, then the local part, each with and without detail; what
/// an alias leads to is looked up again, except what led there. Then users: the mailbox `detail`
/// of the user if there is one and mail may be posted to it, else INBOX. Then the rules' postmaster
/// and catch-all. Cost: a few point reads for each target. Errors: kNotFound, nobody has this
/// address; kLimit, aliases lead to too many; kIo and the like.
Result<Recipient> find_recipient(const MailStore& store, const RecipientRules& rules,
                                 const Aliases& aliases, const EnvelopeAddress& address);

/// `address` without detail, as it would be written: the address of who gets the mail.
std::string address_without_detail(const RecipientRules& rules, const EnvelopeAddress& address);

}  // namespace gemel::delivery
