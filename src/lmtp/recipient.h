// Which mailbox a recipient's address means.
//
// Threads  any; reads the store.
// Source   RFC 5233 §1 (detailed addressing, `user+detail`), doc/operations.md "Addresses".
#pragma once

#include <string>

#include "base/result.h"
#include "lmtp/address.h"
#include "store/mail_store.h"

namespace gemel::lmtp {

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
};

struct Recipient {
  std::string userid;
  UniqueId mailbox;
  std::string partition;
};

/// The mailbox `detail` of the user if there is one, else INBOX. Cost: a few point reads.
/// Errors: kNotFound, no user has this address; kIo and the like.
Result<Recipient> find_recipient(const MailStore& store, const RecipientRules& rules,
                                 const Address& address);

}  // namespace gemel::lmtp
