#include "sync/seen_along.h"

#include "mail/lineage.h"

namespace gemel::sync {
namespace {

std::set<Term> terms_behind(const MailboxSide& side, ModSeq common) {
  const Lineage& lineage = side.header.lineage;
  std::set<Term> out;
  for (size_t i = 0; i < lineage.size(); ++i) {
    const ModSeq end = i + 1 < lineage.size() ? lineage[i + 1].from : side.highestmodseq;
    if (end > common) out.insert(lineage[i].term);
  }
  return out;
}

}  // namespace

// To mark a message is to write in its mailbox, so the terms of the one are those of the other.
std::set<Term> terms_of_one(const MailboxSide& one, const MailboxSide& other, ModSeq common) {
  std::set<Term> out = terms_behind(one, common);
  for (const Term& term : terms_behind(other, common)) out.erase(term);
  return out;
}

Result<std::vector<AlsoSeen>> seen_along(const std::vector<Reader>& readers,
                                         const SeenMoves& moves) {
  UidSet moved;
  for (const auto& [from, to] : moves.moves) moved.add(from);
  std::vector<AlsoSeen> out;
  for (const Reader& reader : readers) {
    if (moves.not_in.contains(term_at(reader.user.lineage, reader.seen.modseq))) continue;
    TRY(const UidSet seen, UidSet::parse(reader.seen.value, SIZE_MAX));
    AlsoSeen also{.userid = reader.user.userid, .mailbox = moves.into, .uids = {}};
    (seen & moved).for_each([&](Uid uid) { also.uids.add(moves.moves.at(uid)); });
    if (!also.uids.empty()) out.push_back(std::move(also));
  }
  return out;
}

}  // namespace gemel::sync
