// The keys of every row, so that their order is the order in which they are asked for.
//
// Source   doc/storage-format.md, "Keys". Numbers are big-endian; a user or path ends with NUL,
// which
//          neither can hold.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "mail/ids.h"
#include "mail/mailbox_name.h"

namespace gemel::key {

/// The first key after all that start with `prefix`.
std::string end_of(std::string prefix);

inline constexpr std::string_view kMeta = "v";

std::string mailbox(const UniqueId& id);
std::string names(std::string_view owner);
std::string name(const MailboxName& name);
std::string owned(std::string_view owner);
std::string owned(std::string_view owner, const UniqueId& id);

/// Live mailboxes whose ACL has an entry for an identifier.
std::string granted(std::string_view identifier);
std::string granted(std::string_view identifier, const UniqueId& id);

std::string facts(const UniqueId& id);
std::string facts(const UniqueId& id, Uid uid);
std::string pages(const UniqueId& id);
std::string page(const UniqueId& id, uint32_t number);
/// The changes index of a mailbox: a row for each page, at the page's highest modseq.
std::string changes(const UniqueId& id);
std::string changes(const UniqueId& id, ModSeq from);
std::string change(const UniqueId& id, ModSeq modseq, uint32_t page);

/// The flag history of a mailbox: a row for each transaction that changed flags.
std::string history(const UniqueId& id);
std::string history(const UniqueId& id, ModSeq modseq);

struct Holder {
  UniqueId mailbox;
  Uid uid;
};
std::string links(const Guid& guid);
std::string links(const Guid& guid, std::string_view partition);
std::string link(const Guid& guid, std::string_view partition, const Holder& holder);
/// What a link row's key says; `prefix` is that of all links of its body in its partition.
struct Link {
  Guid guid;
  std::string_view partition;
  Holder holder;
  std::string_view prefix;
};
Result<Link> decode_link(std::string_view row_key);

inline constexpr std::string_view kUsers = "u";
std::string user(std::string_view userid);
std::string items(std::string_view userid);
std::string item(std::string_view userid, std::string_view item_key);
std::string item_changes(std::string_view userid);
std::string item_changes(std::string_view userid, ModSeq from);
std::string item_change(std::string_view userid, ModSeq modseq, std::string_view item_key);

/// What a journal entry is about: a mailbox, or a user's data.
using Entity = std::variant<UniqueId, std::string>;
inline constexpr std::string_view kJournal = "j";
std::string journal(JournalSeq seq);
/// Where its entry is, in a store of format 5: see read_journal().
std::string entity(const Entity& entity);
/// The bytes that name an entity in a journal row's value.
std::string encode(const Entity& entity);
Result<Entity> decode_entity(std::string_view bytes);

std::string channel(std::string_view channel);
std::string channel(std::string_view channel, std::string_view item_key);

// In the index table of the engine that holds the bodies.
inline constexpr std::string_view kStages = "h";
std::string stage(std::string_view stage_id);
inline constexpr std::string_view kUnlinked = "g";
std::string unlinked(const Guid& guid);
inline constexpr std::string_view kLost = "x";
std::string lost(const Guid& guid);
inline constexpr std::string_view kArchived = "y";
std::string archived(const Guid& guid);
inline constexpr std::string_view kSummaries = "z";
std::string summary(const Guid& guid);

// In the body table.
std::string chunk(std::string_view stage_id, uint32_t number);

}  // namespace gemel::key
