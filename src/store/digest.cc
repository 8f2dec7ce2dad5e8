#include "store/digest.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"

namespace gemel {
namespace {

/// The first byte of what is hashed, so that different things never hash the same bytes.
enum class Kind : char {
  kState = 1,
  kFacts = 2,
  kHeader = 3,
  kUser = 4,
  kItem = 5,
  kInServer = 6,
};

std::string start(Kind kind) { return std::string(1, static_cast<char>(kind)); }

Digest hash(std::string_view bytes) {
  const Hash128 sum = xxh128(bytes);
  return {.low = sum.low, .high = sum.high};
}

}  // namespace

uint64_t flags_digest(const Flags& flags, const std::vector<std::string>& keywords) {
  FlagNames names = names_of(flags, keywords);
  for (std::string& keyword : names.keywords) keyword = to_lower(keyword);
  std::ranges::sort(names.keywords);
  std::string bytes(1, static_cast<char>(names.system));
  for (const std::string& keyword : names.keywords) put_string(bytes, keyword);
  return xxh64(bytes);
}

uint64_t FlagsDigests::of(const Flags& flags, const std::vector<std::string>& keywords) {
  auto found = known_.find(flags);
  if (found == known_.end()) found = known_.emplace(flags, flags_digest(flags, keywords)).first;
  return found->second;
}

Digest state_digest(const RecordState& state, uint64_t flags) {
  std::string bytes = start(Kind::kState);
  put_be32(bytes, state.uid.value);
  put_be64(bytes, state.modseq.value);
  put_be64(bytes, flags);
  bytes += state.expunged ? '\1' : '\0';
  return hash(bytes);
}

Digest facts_digest(Uid uid, const RecordFacts& facts) {
  std::string bytes = start(Kind::kFacts);
  put_be32(bytes, uid.value);
  bytes += facts.guid.view();
  put_be64(bytes, facts.size);
  put_be64(bytes, static_cast<uint64_t>(facts.internaldate_s));
  put_be64(bytes, static_cast<uint64_t>(facts.savedate_s));
  put_be64(bytes, facts.created_modseq.value);
  if (facts.crlf_growth != 0 || !facts.uidl.empty()) {
    put_be64(bytes, facts.crlf_growth);
    put_string(bytes, facts.uidl);
  }
  return hash(bytes);
}

Digest header_digest(const MailboxInfo& info) {
  std::string bytes = start(Kind::kHeader);
  bytes += info.id.key();
  put_string(bytes, info.name.owner);
  put_string(bytes, info.name.path);
  put_string(bytes, info.partition);
  put_be32(bytes, info.uidvalidity.value);
  put_be32(bytes, info.last_uid.value);
  put_be64(bytes, info.highestmodseq.value);
  put_be32(bytes, info.recent_uid.value);
  put_be64(bytes, info.purged_modseq.value);
  put_be64(bytes, static_cast<uint64_t>(info.created_s));
  put_be64(bytes, static_cast<uint64_t>(info.deleted_s));
  for (const auto& [name, value] : info.attributes) {
    put_string(bytes, name);
    put_string(bytes, value);
  }
  return hash(bytes);
}

Digest user_digest(const UserInfo& info) {
  std::string bytes = start(Kind::kUser);
  put_string(bytes, info.userid);
  put_be64(bytes, info.modseq.value);
  put_be64(bytes, static_cast<uint64_t>(info.created_s));
  put_be64(bytes, static_cast<uint64_t>(info.deleted_s));
  return hash(bytes);
}

Digest item_digest(const UserItem& item) {
  std::string bytes = start(Kind::kItem);
  put_string(bytes, item.key);
  put_be64(bytes, item.modseq.value);
  bytes += item.deleted ? '\1' : '\0';
  bytes += item.value;
  return hash(bytes);
}

Digest in_server_digest(const UserInfo& info) {
  std::string bytes = start(Kind::kInServer);
  put_string(bytes, info.userid);
  put_be64(bytes, info.digest.high);
  put_be64(bytes, info.digest.low);
  return hash(bytes);
}

}  // namespace gemel
