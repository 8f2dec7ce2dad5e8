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
          .deleted_s = info.deleted_s};
}

UserState state_of(const UserInfo& info) {
  return {.userid = info.userid,
          .modseq = info.modseq,
          .data_digest = info.data_digest,
          .digest = info.digest};
}

bool operator==(const RecordRow& a, const RecordRow& b) {
  return a.uid == b.uid && a.modseq == b.modseq && a.flags == b.flags && a.expunged == b.expunged &&
         a.facts.guid == b.facts.guid && a.facts.size == b.facts.size &&
         a.facts.internaldate_s == b.facts.internaldate_s &&
         a.facts.savedate_s == b.facts.savedate_s &&
         a.facts.created_modseq == b.facts.created_modseq &&
         a.facts.crlf_growth == b.facts.crlf_growth && a.facts.uidl == b.facts.uidl;
}

MailboxHeader header_of(const MailboxInfo& info) {
  return {.name = info.name,
          .partition = info.partition,
          .uidvalidity = info.uidvalidity,
          .created_s = info.created_s,
          .deleted_s = info.deleted_s,
          .attributes = info.attributes};
}

}  // namespace gemel::sync
