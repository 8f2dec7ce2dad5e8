#include "store/flag_history.h"

#include <algorithm>

#include "base/bytes.h"
#include "store/keys.h"

namespace gemel {
namespace {

Error corrupt() { return {Code::kCorrupt, "a stored row of flag history does not decode"}; }

ModSeq modseq_of(std::string_view row_key) { return ModSeq(get_be64(row_key.substr(17))); }

/// Adds up what flipped where: at each uid, what differs from the uid before it.
class FlipSum {
 public:
  void add(const Flipped& flipped) {
    for (const auto& [bits, uids] : flipped) {
      for (const UidSet::Range& range : uids.ranges()) {
        edges_[range.first] = edges_[range.first] ^ bits;
        if (range.last != UINT32_MAX) edges_[range.last + 1] = edges_[range.last + 1] ^ bits;
      }
    }
  }

  std::vector<FlagFlips> ranges() const {
    std::vector<FlagFlips> out;
    Flags bits;
    uint32_t first = 0;
    for (const auto& [uid, edge] : edges_) {
      if (edge == Flags()) continue;
      if (bits != Flags()) out.push_back({Uid(first), Uid(uid - 1), bits});
      bits = bits ^ edge;
      first = uid;
    }
    if (bits != Flags()) out.push_back({Uid(first), Uid(UINT32_MAX), bits});
    return out;
  }

 private:
  std::map<uint32_t, Flags> edges_;
};

}  // namespace

std::string FlagHistoryRow::encode(ModSeq modseq) const {
  std::string out;
  put_varint(out, modseq.value - from.value);
  for (const auto& [bits, uids] : flipped) {
    for (const uint64_t word : bits.words) put_varint(out, word);
    std::string set;
    uids.encode(set);
    put_string(out, set);
  }
  return out;
}

Result<FlagHistoryRow> FlagHistoryRow::decode(ModSeq modseq, std::string_view bytes) {
  Decoder in(bytes);
  FlagHistoryRow row;
  const uint64_t span = in.varint();
  if (!in.ok() || span == 0 || span > modseq.value) return std::unexpected(corrupt());
  row.from = ModSeq(modseq.value - span);
  while (in.ok() && !in.at_end()) {
    Flags bits;
    for (uint64_t& word : bits.words) word = in.varint();
    TRY(UidSet uids, UidSet::decode(in.string()));
    if (bits == Flags() || uids.empty() || !row.flipped.emplace(bits, std::move(uids)).second)
      return std::unexpected(corrupt());
  }
  if (!in.ok()) return std::unexpected(corrupt());
  return row;
}

ModSeq flag_history_start(ModSeq highest) {
  const uint64_t step = highest.value / kFlagHistoryTrim * kFlagHistoryTrim;
  return ModSeq(step - std::min(step, kFlagHistoryModSeqs));
}

namespace {

Result<void> erase_rows(Overlay& rows, const std::string& lower, const std::string& upper) {
  std::vector<std::string> old;
  TRY_OK(rows.scan(lower, upper, [&](std::string_view row_key, std::string_view) -> Result<bool> {
    old.emplace_back(row_key);
    return true;
  }));
  for (std::string& row_key : old) rows.erase(std::move(row_key));
  return {};
}

}  // namespace

Result<void> trim_flag_history(Overlay& rows, const FlagHistoryStep& step) {
  const ModSeq was = flag_history_start(step.from);
  const ModSeq now = flag_history_start(step.to);
  if (was == now) return {};
  return erase_rows(rows, key::history(step.mailbox, next(was)),
                    key::history(step.mailbox, next(now)));
}

Result<void> erase_flag_history(Overlay& rows, const UniqueId& mailbox) {
  const std::string prefix = key::history(mailbox);
  return erase_rows(rows, prefix, key::end_of(prefix));
}

Result<std::optional<std::vector<FlagFlips>>> read_flips(const RowReader& rows,
                                                         const FlipsQuestion& question) {
  if (question.since < flag_history_start(question.highest)) return std::nullopt;
  FlipSum sum;
  bool is_known = true;
  TRY_OK(rows.scan(key::history(question.mailbox, next(question.since)),
                   key::end_of(key::history(question.mailbox)),
                   [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                     TRY(const FlagHistoryRow row,
                         FlagHistoryRow::decode(modseq_of(row_key), value));
                     is_known = row.from >= question.since;
                     sum.add(row.flipped);
                     return is_known;
                   }));
  if (!is_known) return std::nullopt;
  return sum.ranges();
}

}  // namespace gemel
