// The admin protocol's rows: how users, mailboxes and records look as JSON. The tool prints its
// tables and `gemel dump` its lines from these.
//
// Heavy: includes nlohmann/json.hpp; only .cc files of admin and the tool include it.
#pragma once

#include <nlohmann/json.hpp>

#include "admin/services.h"
#include "mail/record.h"

namespace gemel::admin {

using Json = nlohmann::ordered_json;

/// One line, without the line end. Bytes that are no UTF-8 become U+FFFD.
std::string to_line(const Json& json);

Json row_of(const UserInfo& user);
Json row_of(const MailboxInfo& mailbox);
Json row_of(const ChannelStatus& channel);
Json row_of(const UpstreamStatus& upstream);
Json row_of(const NewsFeedStatus& feed);
Json row_of(std::string_view channel, const UserLag& lag);
Json row_of(const ScrubStatus& scrub);
Json row_of(const TextIndexStatus& index);
/// Values of credentials are shown as their SHA-256.
Json row_of(std::string_view userid, const UserItem& item);
Json row_of(const MailboxInfo& mailbox, const Record& record);
Json row_of(const MailStore::Problem& problem);

}  // namespace gemel::admin
