#include "store/page.h"

#include <bit>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace gemel {
namespace {

constexpr uint8_t kRawBits = 0xff;
constexpr size_t kRawBytes = kPageUids / 8;

/// The lengths of runs of clear and set bits in turn, clear first, without the last clear one.
std::vector<uint32_t> runs_of(const PageBits& bits) {
  std::vector<uint32_t> runs;
  bool set = false;
  uint32_t length = 0;
  for (uint32_t slot = 0; slot < kPageUids; ++slot) {
    if (bits.has(slot) != set) {
      runs.push_back(length);
      length = 0;
      set = !set;
    }
    ++length;
  }
  if (set) runs.push_back(length);
  return runs;
}

void put_bits(std::string& out, const PageBits& bits) {
  const std::vector<uint32_t> runs = runs_of(bits);
  if (runs.size() >= kRawBytes - 1) {
    out += static_cast<char>(kRawBits);
    for (const uint64_t word : bits.words) put_be64(out, word);
    return;
  }
  out += static_cast<char>(runs.size());
  for (const uint32_t run : runs) put_varint(out, run);
}

/// Bits that don't fit the page make `in` no longer ok().
PageBits get_bits(Decoder& in) {
  PageBits bits;
  const uint8_t count = in.byte();
  if (count == kRawBits) {
    const std::string_view raw = in.raw(kRawBytes);
    if (in.ok())
      for (size_t i = 0; i < bits.words.size(); ++i) bits.words[i] = get_be64(raw.substr(i * 8));
    return bits;
  }
  uint64_t slot = 0;
  for (uint8_t run = 0; run < count && in.ok(); ++run) {
    const uint64_t length = in.varint();
    if (length > kPageUids - slot) {
      in.raw(SIZE_MAX);
      return {};
    }
    if (run % 2 == 1)
      bits.set_range(static_cast<uint32_t>(slot), static_cast<uint32_t>(slot + length));
    slot += length;
  }
  return bits;
}

Error corrupt() { return {Code::kCorrupt, "a stored page does not decode"}; }

/// One bitmap for each flag that any message has.
void put_flags(std::string& out, const Page& page) {
  Flags used;
  for (uint32_t slot = 0; slot < kPageUids; ++slot)
    if (page.present.has(slot)) used = used | page.flags[slot];
  out += static_cast<char>(std::popcount(used.words[0]) + std::popcount(used.words[1]));
  for (size_t bit = 0; bit < Flags::kBits; ++bit) {
    if (!used.has(bit)) continue;
    PageBits column;
    for (uint32_t slot = 0; slot < kPageUids; ++slot)
      if (page.present.has(slot) && page.flags[slot].has(bit)) column.set(slot);
    out += static_cast<char>(bit);
    put_bits(out, column);
  }
}

bool get_flags(Decoder& in, Page& page) {
  int last = -1;
  for (uint8_t left = in.byte(); left > 0 && in.ok(); --left) {
    const uint8_t bit = in.byte();
    const PageBits column = get_bits(in);
    if (bit >= Flags::kBits || bit <= last || column.empty() || !column.is_within(page.present))
      return false;
    last = bit;
    for (uint32_t slot = 0; slot < kPageUids; ++slot)
      if (column.has(slot)) page.flags[slot].set(bit);
  }
  return in.ok();
}

/// Runs of messages with one modseq: how many, and how far below the page's highest.
void put_modseqs(std::string& out, const Page& page) {
  uint32_t run = 0;
  ModSeq current;
  const auto flush = [&] {
    if (run == 0) return;
    put_varint(out, run);
    put_varint(out, page.max_modseq.value - current.value);
  };
  for (uint32_t slot = 0; slot < kPageUids; ++slot) {
    if (!page.present.has(slot)) continue;
    if (page.modseqs[slot] != current) {
      flush();
      current = page.modseqs[slot];
      run = 0;
    }
    ++run;
  }
  flush();
}

bool get_modseqs(Decoder& in, Page& page) {
  uint64_t run = 0;
  ModSeq current;
  for (uint32_t slot = 0; slot < kPageUids; ++slot) {
    if (!page.present.has(slot)) continue;
    if (run == 0) {
      run = in.varint();
      const uint64_t below = in.varint();
      if (run == 0 || below >= page.max_modseq.value) return false;
      current = ModSeq(page.max_modseq.value - below);
    }
    page.modseqs[slot] = current;
    --run;
  }
  return run == 0 && in.ok() && in.at_end();
}

}  // namespace

void PageBits::set_range(uint32_t first, uint32_t end) {
  constexpr uint32_t kWordBits = 64;
  for (uint32_t i = first / kWordBits; i < words.size() && i * kWordBits < end; ++i) {
    const uint32_t start = i * kWordBits;
    uint64_t mask = ~uint64_t{0};
    if (first > start) mask <<= first - start;
    if (end < start + kWordBits) mask &= (uint64_t{1} << (end - start)) - 1;
    words[i] |= mask;
  }
}

uint32_t PageBits::next_set(uint32_t from) const {
  constexpr uint32_t kWordBits = 64;
  for (uint32_t i = from / kWordBits; i < words.size(); ++i) {
    uint64_t word = words[i];
    if (i == from / kWordBits) word &= ~uint64_t{0} << (from % kWordBits);
    if (word != 0) return i * kWordBits + static_cast<uint32_t>(std::countr_zero(word));
  }
  return kPageUids;
}

uint32_t PageBits::next_clear(uint32_t from) const {
  PageBits inverted;
  for (size_t i = 0; i < words.size(); ++i) inverted.words[i] = ~words[i];
  return inverted.next_set(from);
}

PageBits PageBits::operator&(const PageBits& other) const {
  PageBits out;
  for (size_t i = 0; i < words.size(); ++i) out.words[i] = words[i] & other.words[i];
  return out;
}

PageBits PageBits::operator-(const PageBits& other) const {
  PageBits out;
  for (size_t i = 0; i < words.size(); ++i) out.words[i] = words[i] & ~other.words[i];
  return out;
}

bool PageBits::is_within(const PageBits& other) const {
  for (size_t i = 0; i < words.size(); ++i)
    if ((words[i] & ~other.words[i]) != 0) return false;
  return true;
}

void Page::put(const RecordState& state) {
  CHECK(number_of(state.uid) == number);
  const uint32_t slot = slot_of(state.uid);
  present.set(slot);
  if (state.expunged)
    expunged.set(slot);
  else
    expunged.clear(slot);
  flags[slot] = state.flags;
  modseqs[slot] = state.modseq;
  max_modseq = std::max(max_modseq, state.modseq);
}

void Page::remove(uint32_t slot) {
  present.clear(slot);
  expunged.clear(slot);
  flags[slot] = {};
  modseqs[slot] = {};
}

std::string Page::encode() const {
  std::string out;
  put_varint(out, max_modseq.value);
  put_bits(out, present);
  put_bits(out, expunged);
  put_flags(out, *this);
  put_modseqs(out, *this);
  return out;
}

Result<Page> Page::decode(uint32_t number, std::string_view bytes) {
  Decoder in(bytes);
  Page page;
  page.number = number;
  page.max_modseq = ModSeq(in.varint());
  page.present = get_bits(in);
  page.expunged = get_bits(in);
  if (!in.ok() || !page.expunged.is_within(page.present) || !get_flags(in, page) ||
      !get_modseqs(in, page))
    return std::unexpected(corrupt());
  return page;
}

void PageColumn::add_to(UidSet& uids, const PageBits& bits) const {
  const uint32_t base = number * kPageUids;
  uint32_t slot = bits.next_set(0);
  while (slot < kPageUids) {
    const uint32_t end = bits.next_clear(slot);
    uids.add(Uid(base + slot), Uid(base + end - 1));
    slot = bits.next_set(end);
  }
}

Result<PageColumn> PageColumn::decode(uint32_t number, std::string_view bytes, size_t flag_bit) {
  Decoder in(bytes);
  PageColumn column;
  column.number = number;
  in.varint();  // the highest modseq
  column.present = get_bits(in);
  column.expunged = get_bits(in);
  for (uint8_t left = in.byte(); left > 0 && in.ok(); --left) {
    const uint8_t bit = in.byte();
    const PageBits flagged = get_bits(in);
    if (bit == flag_bit) column.flagged = flagged;
    if (bit >= flag_bit) break;  // they rise
  }
  if (!in.ok() || !column.expunged.is_within(column.present) ||
      !column.flagged.is_within(column.present))
    return std::unexpected(corrupt());
  return column;
}

}  // namespace gemel
