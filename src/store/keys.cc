#include "store/keys.h"

#include <algorithm>

#include "base/bytes.h"

namespace gemel::key {
namespace {

std::string with_id(char kind, const UniqueId& id) { return kind + id.key(); }

/// A kind, then text that ends with NUL.
std::string with_text(char kind, std::string_view text) {
  std::string out(1, kind);
  out += text;
  out += '\0';
  return out;
}

}  // namespace

std::string end_of(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

std::string mailbox(const UniqueId& id) { return with_id('m', id); }
std::string names(std::string_view owner) { return with_text('n', owner); }
std::string name(const MailboxName& name) { return names(name.owner) + name.path; }
std::string owned(std::string_view owner) { return with_text('o', owner); }
std::string owned(std::string_view owner, const UniqueId& id) { return owned(owner) + id.key(); }

std::string granted(std::string_view identifier) { return with_text('a', identifier); }
std::string granted(std::string_view identifier, const UniqueId& id) {
  return granted(identifier) + id.key();
}

std::string facts(const UniqueId& id) { return with_id('r', id); }
std::string facts(const UniqueId& id, Uid uid) {
  std::string out = facts(id);
  put_be32(out, uid.value);
  return out;
}

std::string pages(const UniqueId& id) { return with_id('p', id); }
std::string page(const UniqueId& id, uint32_t number) {
  std::string out = pages(id);
  put_be32(out, number);
  return out;
}

std::string changes(const UniqueId& id) { return with_id('s', id); }
std::string changes(const UniqueId& id, ModSeq from) {
  std::string out = changes(id);
  put_be64(out, from.value);
  return out;
}
std::string change(const UniqueId& id, ModSeq modseq, uint32_t page) {
  std::string out = changes(id, modseq);
  put_be32(out, page);
  return out;
}

std::string history(const UniqueId& id) { return with_id('f', id); }
std::string history(const UniqueId& id, ModSeq modseq) {
  std::string out = history(id);
  put_be64(out, modseq.value);
  return out;
}

std::string links(const Guid& guid) { return std::string(1, 'l') += guid.view(); }
std::string links(const Guid& guid, std::string_view partition) {
  std::string out = links(guid);
  out += partition;
  out += '\0';
  return out;
}
std::string link(const Guid& guid, std::string_view partition, const Holder& holder) {
  std::string out = links(guid, partition) + holder.mailbox.key();
  put_be32(out, holder.uid.value);
  return out;
}

Result<Link> decode_link(std::string_view row_key) {
  constexpr size_t kGuidEnd = 1 + sizeof(Guid::bytes);
  constexpr size_t kHolderBytes = 16 + sizeof(uint32_t);
  const size_t nul = row_key.find('\0', std::min(row_key.size(), kGuidEnd));
  if (nul == std::string_view::npos || row_key.size() != nul + 1 + kHolderBytes)
    return fail(Code::kCorrupt, "a link row's key is cut");
  const std::string_view holder = row_key.substr(nul + 1);
  return Link{
      .guid = Guid::from_view(row_key.substr(1, sizeof(Guid::bytes))),
      .partition = row_key.substr(kGuidEnd, nul - kGuidEnd),
      .holder = {UniqueId::from_key(holder.substr(0, 16)), Uid(get_be32(holder.substr(16)))},
      .prefix = row_key.substr(0, nul + 1)};
}

std::string user(std::string_view userid) { return std::string(kUsers) += userid; }
std::string items(std::string_view userid) { return with_text('i', userid); }
std::string item(std::string_view userid, std::string_view item_key) {
  return items(userid) += item_key;
}
std::string item_changes(std::string_view userid) { return with_text('k', userid); }
std::string item_changes(std::string_view userid, ModSeq from) {
  std::string out = item_changes(userid);
  put_be64(out, from.value);
  return out;
}
std::string item_change(std::string_view userid, ModSeq modseq, std::string_view item_key) {
  return item_changes(userid, modseq) += item_key;
}

std::string journal(JournalSeq seq) {
  std::string out(kJournal);
  put_be64(out, seq.value);
  return out;
}
std::string entity(const Entity& entity) { return "e" + encode(entity); }
std::string encode(const Entity& entity) {
  if (const auto* id = std::get_if<UniqueId>(&entity)) return "m" + id->key();
  return "u" + std::get<std::string>(entity);
}
Result<Entity> decode_entity(std::string_view bytes) {
  if (bytes.starts_with('u')) return Entity(std::string(bytes.substr(1)));
  if (bytes.starts_with('m') && bytes.size() == 17)
    return Entity(UniqueId::from_key(bytes.substr(1)));
  return fail(Code::kCorrupt, "a journal row names no mailbox and no user");
}

std::string channel(std::string_view channel) { return with_text('c', channel); }
std::string channel(std::string_view channel, std::string_view item_key) {
  return key::channel(channel) += item_key;
}

std::string stage(std::string_view stage_id) { return std::string(kStages) += stage_id; }
std::string unlinked(const Guid& guid) { return std::string(kUnlinked) += guid.view(); }
std::string lost(const Guid& guid) { return std::string(kLost) += guid.view(); }
std::string archived(const Guid& guid) { return std::string(kArchived) += guid.view(); }
std::string summary(const Guid& guid) { return std::string(kSummaries) += guid.view(); }

std::string chunk(std::string_view stage_id, uint32_t number) {
  std::string out(stage_id);
  put_be32(out, number);
  return out;
}

}  // namespace gemel::key
