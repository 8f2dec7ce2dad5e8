// What a merge finds out of messages that one side has folded into another mailbox.
#include <set>

#include "sync/merge.h"

namespace gemel::sync {
namespace {

using Identity = std::pair<Guid, int64_t>;

Identity identity_of(const RecordRow& row) { return {row.facts.guid, row.facts.internaldate_s}; }

// What one side has folded, seen from the other.
class Seen {
 public:
  Seen(const MailboxSide& folder, const MailboxSide& other, ModSeq common)
      : folder_(folder),
        other_(other),
        common_(common),
        folds_(Folds::of(folder.header.attributes)),
        other_folds_(Folds::of(other.header.attributes)) {
    // What a merge has moved there to another uid is no more expunged than what was folded there.
    const UidSet folded = other_folds_.uids() - other_folds_.expunged();
    for (const ChangedRecord& record : other.changed)
      if (record.row.facts.created_modseq > common_ &&
          (!record.row.expunged || folded.contains(record.row.uid)))
        stays_.insert(identity_of(record.row));
  }

  UidSet expunged() const {
    if (folds_.empty()) return {};
    const UidSet uids = folds_.uids() - other_folds_.uids();
    const bool is_deleted =
        other_.header.deleted_s != 0 && other_.header_modseq > common_ && other_folds_.empty();
    if (is_deleted && knows_all(uids)) return uids;
    UidSet out;
    uids.for_each([&](Uid uid) {
      if (is_expunged(uid)) out.add(uid);
    });
    return out;
  }

 private:
  // A deletion yields to messages that it did not know of: then it was one of none.
  bool knows_all(const UidSet& uids) const {
    bool all = true;
    uids.for_each([&](Uid uid) {
      const ChangedRecord* its = find(folder_, uid);
      const ChangedRecord* there = find(other_, uid);
      all &= its != nullptr && ((there != nullptr && is_one(*its, *there)) || is_common(*its));
    });
    return all;
  }
  bool is_expunged(Uid uid) const {
    const ChangedRecord* its = find(folder_, uid);
    const ChangedRecord* there = find(other_, uid);
    if (there != nullptr)
      return there->row.expunged && !stays_.contains(identity_of(there->row)) &&
             (its != nullptr ? is_one(*its, *there) : is_common(*there));
    return its != nullptr && is_common(*its) && !stays_.contains(identity_of(its->row)) &&
           other_.uids && !other_.is_emptied() && !other_.has(uid);
  }
  static bool is_one(const ChangedRecord& a, const ChangedRecord& b) {
    return identity_of(a.row) == identity_of(b.row);
  }
  bool is_common(const ChangedRecord& record) const {
    return record.row.facts.created_modseq <= common_;
  }

  const MailboxSide& folder_;
  const MailboxSide& other_;
  const ModSeq common_;
  const Folds folds_;
  const Folds other_folds_;
  std::set<Identity> stays_;
};

}  // namespace

Folds merged_folds(const MailboxSide& a, const MailboxSide& b, ModSeq common) {
  Folds out = Folds::of(a.header.attributes);
  out.add(Folds::of(b.header.attributes));
  out.expunge(Seen(a, b, common).expunged());
  out.expunge(Seen(b, a, common).expunged());
  return out;
}

}  // namespace gemel::sync
