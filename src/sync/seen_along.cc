#include "sync/seen_along.h"

#include "mail/lineage.h"

namespace gemel::sync {

// To mark a message is to write in its mailbox, so the terms of the one are those of the other.
std::set<Term> terms_of_one(const MailboxSide& one, const MailboxSide& other, ModSeq common) {
  const auto of_other = terms_behind(other.header.lineage, other.highestmodseq, common);
  std::set<Term> out;
  for (const auto& [term, end] : terms_behind(one.header.lineage, one.highestmodseq, common))
    if (!of_other.contains(term)) out.insert(term);
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
