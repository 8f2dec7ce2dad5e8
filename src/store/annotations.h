// What is annotated to mailboxes and to the server, as one user sees it. Rights are the caller's.
//
// Owns     nothing. Threads any.
// Source   RFC 5464; mail/annotation.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/annotation.h"
#include "store/mail_store.h"

namespace gemel {

/// By entry. Shared ones, and the private ones of `userid`.
using AnnotationMap = std::map<std::string, std::string>;
/// Entries as parse_annotation_name gives them; nullopt removes.
using AnnotationChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// Of a mailbox, or of the server where there is none; the special use of one's own mailbox is one
/// (RFC 6154 §5.4). Cost: O(annotations).
Result<AnnotationMap> annotations_of(const MailStore& store, std::string_view userid,
                                     const MailboxInfo* mailbox);

/// Checks all, then sets the shared ones in one transaction and the private ones in another. What
/// changes of a mailbox, private or shared, raises its modseq (RFC 7162 §3.2).
/// Errors: kTooBig, a value is longer than kAnnotationValueBytesMax; kLimit, there would be more
/// than kAnnotationsMax or kAnnotationsBytesMax; kInvalid, no such special use; kUnsupported,
/// another mailbox has it; kOverQuota; of the store.
Result<void> annotate(MailStore& store, std::string_view userid, const MailboxInfo* mailbox,
                      const AnnotationChanges& changes);

}  // namespace gemel
