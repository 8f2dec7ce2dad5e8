// The words that commands and answers share: ids, guids, digests, sets, names.
//
// Source   doc/replication-protocol.md, "Words".
#pragma once

#include <string>
#include <string_view>

#include "mail/change_set.h"
#include "mail/uid_set.h"
#include "wire/tokens.h"

namespace gemel::sync {

/// `4be0d1a2c3f40718-1f`, or `-1f` where the origin is `context_origin`.
void put_id(std::string& out, const UniqueId& id, uint64_t context_origin);
/// Also sets `context_origin` to the id's.
Result<UniqueId> read_id(wire::Tokenizer& in, uint64_t& context_origin);

/// 43 characters of base64, without padding.
void put_guid(std::string& out, const Guid& guid);
Result<Guid> read_guid(wire::Tokenizer& in);
/// 22 characters, big-endian.
void put_digest(std::string& out, const Digest& digest);
Result<Digest> read_digest(wire::Tokenizer& in);
/// 11 characters, big-endian.
void put_check(std::string& out, uint64_t check);
Result<uint64_t> read_check(wire::Tokenizer& in);

void put_number(std::string& out, uint64_t number);
/// `+5`, `-3`, `0`.
void put_signed(std::string& out, int64_t number);
Result<int64_t> read_signed(wire::Tokenizer& in);

Result<Uid> read_uid(wire::Tokenizer& in);
Result<ModSeq> read_modseq(wire::Tokenizer& in);
Result<UidValidity> read_uidvalidity(wire::Tokenizer& in);
/// Errors: kLimit.
Result<UidSet> read_uid_set(wire::Tokenizer& in);

/// `(\Seen $Forwarded)`
void put_flags(std::string& out, const FlagNames& flags);
Result<FlagNames> read_flags(wire::Tokenizer& in);

/// ` GROWS 12`, ` UIDL text`, each only where there is something to say.
void put_pop3_facts(std::string& out, uint64_t crlf_growth, std::string_view uidl);
/// The same without the first space but with one behind, of an AppendItem or RecordFacts.
template <class Facts>
Result<void> read_pop3_facts(wire::Tokenizer& in, Facts& facts) {
  if (in.skip_word("GROWS")) {
    TRY_OK(in.space());
    TRY(facts.crlf_growth, in.number64());
    TRY_OK(in.space());
  }
  if (in.skip_word("UIDL")) {
    TRY_OK(in.space());
    TRY(const std::string_view uidl, in.astring());
    if (!is_uidl(uidl)) return in.wrong("a UIDL before here");
    facts.uidl = uidl;
    TRY_OK(in.space());
  }
  return {};
}

/// `(1.4be0d1a2c3f40718@0)`: epoch, origin, and where each term begins.
void put_lineage(std::string& out, const Lineage& lineage);
Result<Lineage> read_lineage(wire::Tokenizer& in);

/// `PUT 7 key value`, `DEL 7 key`
void put_item(std::string& out, const UserItem& item);
Result<UserItem> read_item(wire::Tokenizer& in);

void put_text(std::string& out, std::string_view text);
void put_name(std::string& out, const MailboxName& name);
Result<MailboxName> read_name(wire::Tokenizer& in);

}  // namespace gemel::sync
