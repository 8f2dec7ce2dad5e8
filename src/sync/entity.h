// What replicates as one piece: a mailbox, or a user's own data.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "mail/ids.h"

namespace gemel::sync {

/// A mailbox by its id, or a user by the userid; as MailStore's journal has it.
using Entity = std::variant<UniqueId, std::string>;
using Work = std::set<Entity>;

/// For keeping: "m" and 16 bytes, or "u" and the userid.
std::string key_of(const Entity& entity);
/// Nothing where `key` is none of those.
std::optional<Entity> entity_of(std::string_view key);

}  // namespace gemel::sync
