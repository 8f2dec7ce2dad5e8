#include "sync/entity.h"

namespace gemel::sync {

std::string key_of(const Entity& entity) {
  if (const auto* id = std::get_if<UniqueId>(&entity)) return "m" + id->key();
  return "u" + std::get<std::string>(entity);
}

std::optional<Entity> entity_of(std::string_view key) {
  if (key.starts_with('u')) return std::string(key.substr(1));
  if (key.starts_with('m') && key.size() == 17) return UniqueId::from_key(key.substr(1));
  return std::nullopt;
}

}  // namespace gemel::sync
