// Quotas in IMAP's words: each owner is a quota root, named by the userid.
//
// Source   RFC 9208.
#pragma once

#include <string>
#include <string_view>

#include "imap/session.h"

namespace gemel::imap {

/// Appends `* QUOTA root (STORAGE 3 1024 ...)` with the resources that have a limit, and CRLF.
void put_quota(std::string& out, std::string_view root, const std::vector<Quota>& quotas);

/// After messages were added for `owner`: says so where a limit of messages or their bytes is
/// nearly reached, if that is the user's business (RFC 9208 §4.3.1).
void warn_of_quota(Session& session, const std::string& owner);

}  // namespace gemel::imap
