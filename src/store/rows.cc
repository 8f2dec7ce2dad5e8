#include "store/rows.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/pack.h"
#include "store/mail_store.h"

namespace gemel {
namespace {

Error corrupt(std::string_view what) {
  return {Code::kCorrupt, fmt::format("a stored {} row does not decode", what)};
}

void put_digest(std::string& out, const Digest& digest) {
  put_be64(out, digest.high);
  put_be64(out, digest.low);
}

Digest get_digest(Decoder& in) {
  const std::string_view raw = in.raw(16);
  if (raw.empty()) return {};
  return {.low = get_be64(raw.substr(8)), .high = get_be64(raw)};
}

void put_time(std::string& out, int64_t time_s) { put_varint(out, zigzag(time_s)); }
int64_t get_time(Decoder& in) { return unzigzag(in.varint()); }

template <class T>
T get_id(Decoder& in) {
  return T(static_cast<decltype(T::value)>(in.varint()));
}

void put_counters(std::string& out, const MailboxInfo& info) {
  for (const uint64_t counter :
       {uint64_t{info.exists}, uint64_t{info.unseen}, uint64_t{info.deleted}, info.bytes,
        uint64_t{info.expunged}, info.expunged_bytes})
    put_varint(out, counter);
}

void get_counters(Decoder& in, MailboxInfo& info) {
  info.exists = static_cast<uint32_t>(in.varint());
  info.unseen = static_cast<uint32_t>(in.varint());
  info.deleted = static_cast<uint32_t>(in.varint());
  info.bytes = in.varint();
  info.expunged = static_cast<uint32_t>(in.varint());
  info.expunged_bytes = in.varint();
}

void put_term(std::string& out, const Term& term) {
  put_varint(out, term.epoch);
  put_be64(out, term.origin);
}
Term get_term(Decoder& in) {
  Term term;
  term.epoch = in.varint();
  if (const std::string_view origin = in.raw(8); in.ok()) term.origin = get_be64(origin);
  return term;
}

void put_lineage(std::string& out, const Lineage& lineage) {
  put_varint(out, lineage.size());
  for (const TermStart& start : lineage) {
    put_term(out, start.term);
    put_varint(out, start.from.value);
  }
}
Lineage get_lineage(Decoder& in) {
  Lineage lineage;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const Term term = get_term(in);
    lineage.push_back({term, get_id<ModSeq>(in)});
  }
  return lineage;
}

void get_lists(Decoder& in, MailboxRow& row) {
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(in.string());
    row.info.attributes[std::move(name)] = in.string();
  }
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left)
    row.info.keywords.emplace_back(in.string());
  row.info.lineage = get_lineage(in);
  row.info.header_modseq = get_id<ModSeq>(in);
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(in.string());
    row.info.attribute_modseqs[std::move(name)] = get_id<ModSeq>(in);
  }
}

}  // namespace

std::string MetaRow::encode() const {
  std::string out;
  put_varint(out, kFormatVersion);
  put_be64(out, origin);
  put_varint(out, last_mailbox);
  put_varint(out, journal_head.value);
  put_varint(out, last_uidvalidity.value);
  put_digest(out, digest);
  out += static_cast<char>(role);
  put_term(out, term);
  put_term(out, heard);
  return out;
}

Result<MetaRow> MetaRow::decode(std::string_view bytes) {
  Decoder in(bytes);
  const uint64_t version = in.varint();
  if (in.ok() && (version < kFormatVersionMin || version > kFormatVersion))
    return fail(Code::kUnsupported, fmt::format("the store has format {}, this program needs {}",
                                                version, kFormatVersion));
  MetaRow row;
  row.version = version;
  const std::string_view origin = in.raw(8);
  if (in.ok()) row.origin = get_be64(origin);
  row.last_mailbox = in.varint();
  row.journal_head = get_id<JournalSeq>(in);
  row.last_uidvalidity = get_id<UidValidity>(in);
  row.digest = get_digest(in);
  row.role = static_cast<StoredRole>(in.byte());
  row.term = get_term(in);
  row.heard = get_term(in);
  if (!in.ok() || !in.at_end() || row.role > StoredRole::kSeed)
    return std::unexpected(corrupt("meta"));
  return row;
}

std::string MailboxRow::encode() const {
  std::string out;
  put_string(out, info.name.owner);
  put_string(out, info.name.path);
  put_string(out, info.partition);
  for (const uint64_t number :
       {uint64_t{info.uidvalidity.value}, uint64_t{info.last_uid.value}, info.highestmodseq.value,
        uint64_t{info.recent_uid.value}, info.purged_modseq.value})
    put_varint(out, number);
  put_time(out, info.created_s);
  put_time(out, info.deleted_s);
  put_counters(out, info);
  put_digest(out, info.digest);
  put_digest(out, records);
  put_varint(out, info.attributes.size());
  for (const auto& [name, value] : info.attributes) {
    put_string(out, name);
    put_string(out, value);
  }
  put_varint(out, info.keywords.size());
  for (const std::string& keyword : info.keywords) put_string(out, keyword);
  put_lineage(out, info.lineage);
  put_varint(out, info.header_modseq.value);
  put_varint(out, info.attribute_modseqs.size());
  for (const auto& [name, modseq] : info.attribute_modseqs) {
    put_string(out, name);
    put_varint(out, modseq.value);
  }
  put_varint(out, journal.value);
  return out;
}

Result<MailboxRow> MailboxRow::decode(const UniqueId& id, std::string_view bytes) {
  Decoder in(bytes);
  MailboxRow row;
  row.info.id = id;
  row.info.name.owner = in.string();
  row.info.name.path = in.string();
  row.info.partition = in.string();
  row.info.uidvalidity = get_id<UidValidity>(in);
  row.info.last_uid = get_id<Uid>(in);
  row.info.highestmodseq = get_id<ModSeq>(in);
  row.info.recent_uid = get_id<Uid>(in);
  row.info.purged_modseq = get_id<ModSeq>(in);
  row.info.created_s = get_time(in);
  row.info.deleted_s = get_time(in);
  get_counters(in, row.info);
  row.info.digest = get_digest(in);
  row.records = get_digest(in);
  get_lists(in, row);
  row.is_last_page_indexed = in.at_end();
  if (!in.at_end()) row.journal = get_id<JournalSeq>(in);
  if (!in.ok() || !in.at_end()) return std::unexpected(corrupt("mailbox"));
  return row;
}

std::string UserRow::encode() const {
  std::string out;
  put_varint(out, info.modseq.value);
  put_time(out, info.created_s);
  put_time(out, info.deleted_s);
  put_varint(out, info.mailboxes);
  for (const uint64_t number : {bytes, messages, annotation_bytes}) put_varint(out, number);
  put_digest(out, info.data_digest);
  put_digest(out, info.digest);
  put_lineage(out, info.lineage);
  put_varint(out, journal.value);
  return out;
}

Result<UserRow> UserRow::decode(std::string_view userid, std::string_view bytes) {
  Decoder in(bytes);
  UserRow row;
  row.info.userid = userid;
  row.info.modseq = get_id<ModSeq>(in);
  row.info.created_s = get_time(in);
  row.info.deleted_s = get_time(in);
  row.info.mailboxes = static_cast<uint32_t>(in.varint());
  row.bytes = in.varint();
  row.messages = in.varint();
  row.annotation_bytes = in.varint();
  row.info.data_digest = get_digest(in);
  row.info.digest = get_digest(in);
  row.info.lineage = get_lineage(in);
  if (!in.at_end()) row.journal = get_id<JournalSeq>(in);
  if (!in.ok() || !in.at_end()) return std::unexpected(corrupt("user"));
  return row;
}

uint64_t annotation_bytes_of(const MailboxInfo& mailbox) {
  uint64_t bytes = 0;
  if (mailbox.is_deleted()) return bytes;
  for (const auto& [name, value] : mailbox.attributes)
    if (name.starts_with(kAttributeAnnotation)) bytes += value.size();
  return bytes;
}

uint64_t annotation_bytes_of(const UserItem& item) {
  return !item.deleted && item.key.starts_with(kUserItemAnnotation) ? item.value.size() : 0;
}

std::string encode(const RecordFacts& facts) {
  std::string out(facts.guid.view());
  put_varint(out, facts.size);
  put_time(out, facts.internaldate_s);
  put_time(out, facts.savedate_s);
  put_varint(out, facts.created_modseq.value);
  if (facts.crlf_growth == 0 && facts.uidl.empty()) return out;  // nearly all
  put_varint(out, facts.crlf_growth);
  put_string(out, facts.uidl);
  return out;
}

Result<RecordFacts> decode_facts(std::string_view bytes) {
  Decoder in(bytes);
  RecordFacts facts;
  if (const std::string_view guid = in.raw(sizeof(Sha256)); in.ok())
    facts.guid = Guid::from_view(guid);
  facts.size = in.varint();
  facts.internaldate_s = get_time(in);
  facts.savedate_s = get_time(in);
  facts.created_modseq = get_id<ModSeq>(in);
  if (in.ok() && !in.at_end()) {
    facts.crlf_growth = in.varint();
    facts.uidl = in.string();
  }
  if (!in.ok() || !in.at_end()) return std::unexpected(corrupt("facts"));
  return facts;
}

std::string encode(const UserItem& item) {
  std::string out;
  put_varint(out, item.modseq.value);
  out += item.deleted ? '\1' : '\0';
  out += item.value;
  return out;
}

Result<UserItem> decode_item(std::string_view key, std::string_view bytes) {
  Decoder in(bytes);
  UserItem item;
  item.key = key;
  item.modseq = get_id<ModSeq>(in);
  item.deleted = in.byte() != 0;
  item.value = in.rest();
  if (!in.ok()) return std::unexpected(corrupt("item"));
  return item;
}

std::string ChunkedBody::encode() const {
  std::string out(1, kBodyChunked);
  out += stage_id;
  put_varint(out, size);
  put_varint(out, chunks);
  return out;
}

uint64_t size_of(const BodyRow& row) {
  return row.chunked.stage_id.empty() ? row.inline_bytes.size() : row.chunked.size;
}

Result<BodyRow> BodyRow::decode(std::string bytes) {
  BodyRow row;
  if (bytes.starts_with(kBodyInline)) {
    bytes.erase(0, 1);
    row.inline_bytes = std::move(bytes);
    return row;
  }
  if (bytes.starts_with(kBodyPacked)) {
    TRY(row.inline_bytes, unpacked(std::string_view(bytes).substr(1), kBodyChunkBytes));
    return row;
  }
  if (bytes.starts_with(kBodyPackedLightly)) {
    TRY(row.inline_bytes, unpacked_lightly(std::string_view(bytes).substr(1), kBodyChunkBytes));
    return row;
  }
  Decoder in(bytes);
  const uint8_t kind = in.byte();
  row.chunked.stage_id = in.raw(kStageIdBytes);
  row.chunked.size = in.varint();
  row.chunked.chunks = static_cast<uint32_t>(in.varint());
  if (kind != kBodyChunked || !in.ok() || !in.at_end()) return std::unexpected(corrupt("body"));
  return row;
}

std::string BodyRow::encode_inline(std::string_view bytes) {
  const bool is_small = bytes.size() < kBodySmallBytes;
  const std::string frame = is_small ? packed_lightly(bytes) : packed(bytes);
  const char kind = is_small ? kBodyPackedLightly : kBodyPacked;
  std::string out;
  out.reserve(1 + (frame.empty() ? bytes.size() : frame.size()));
  out += frame.empty() ? kBodyInline : kind;
  out += frame.empty() ? bytes : frame;
  return out;
}

std::string BodyRow::encode_archived() const {
  std::string out = chunked.stage_id;
  put_varint(out, chunked.size);
  put_varint(out, chunked.chunks);
  put_string(out, archive);
  return out;
}

Result<BodyRow> BodyRow::decode_archived(std::string_view bytes) {
  BodyRow row;
  Decoder in(bytes);
  row.chunked.stage_id = in.raw(kStageIdBytes);
  row.chunked.size = in.varint();
  row.chunked.chunks = static_cast<uint32_t>(in.varint());
  row.archive = in.string();
  if (!in.ok() || !in.at_end() || row.archive.empty())
    return std::unexpected(corrupt("archived body"));
  return row;
}

std::string StageRow::encode() const {
  std::string out;
  put_varint(out, chunks);
  if (partition.empty()) return out;
  put_string(out, partition);
  out += guid.view();
  return out;
}

Result<StageRow> StageRow::decode(std::string_view bytes) {
  StageRow row;
  Decoder in(bytes);
  row.chunks = static_cast<uint32_t>(in.varint());
  if (in.ok() && in.at_end()) return row;
  row.partition = in.string();
  const std::string guid(in.raw(sizeof(Guid::bytes)));
  if (!in.ok() || !in.at_end()) return std::unexpected(corrupt("stage"));
  row.guid = Guid::from_view(guid);
  return row;
}

}  // namespace gemel
