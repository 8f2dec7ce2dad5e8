#include "sync/values.h"

namespace gemel::sync {

MailboxState state_of(const MailboxInfo& info) {
  return {.id = info.id,
          .name = info.name,
          .partition = info.partition,
          .uidvalidity = info.uidvalidity,
          .last_uid = info.last_uid,
          .highestmodseq = info.highestmodseq,
          .purged_modseq = info.purged_modseq,
          .digest = info.digest,
          .deleted_s = info.deleted_s,
          .lineage = info.lineage};
}

UserState state_of(const UserInfo& info) {
  return {.userid = info.userid,
          .modseq = info.modseq,
          .data_digest = info.data_digest,
          .digest = info.digest,
          .created_s = info.created_s,
          .deleted_s = info.deleted_s,
          .lineage = info.lineage};
}

bool operator==(const RecordRow& a, const RecordRow& b) {
  return a.uid == b.uid && a.modseq == b.modseq && a.flags == b.flags && a.expunged == b.expunged &&
         order_of(a.facts) == order_of(b.facts);
}

bool operator==(const ChangedRecord& a, const ChangedRecord& b) {
  return a.row == b.row && a.flipped == b.flipped;
}

AppendItem append_of(const RecordRow& row) {
  return {.uid = row.uid,
          .modseq = row.modseq,
          .created_modseq = row.facts.created_modseq,
          .flags = row.flags,
          .expunged = row.expunged,
          .internaldate_s = row.facts.internaldate_s,
          .savedate_s = row.facts.savedate_s,
          .guid = row.facts.guid,
          .size = row.facts.size,
          .crlf_growth = row.facts.crlf_growth,
          .uidl = row.facts.uidl};
}

HeaderState header_state_of(const MailboxInfo& info) {
  HeaderState state{.recent_uid = info.recent_uid,
                    .created_s = info.created_s,
                    .header_modseq = info.header_modseq,
                    .attributes = {}};
  for (const auto& [name, modseq] : info.attribute_modseqs) state.attributes[name].modseq = modseq;
  for (const auto& [name, value] : info.attributes) state.attributes[name].value = value;
  return state;
}

MailboxHeader header_of(const MailboxInfo& info) {
  return {.name = info.name,
          .partition = info.partition,
          .uidvalidity = info.uidvalidity,
          .created_s = info.created_s,
          .deleted_s = info.deleted_s,
          .attributes = info.attributes,
          .lineage = info.lineage};
}

}  // namespace gemel::sync
