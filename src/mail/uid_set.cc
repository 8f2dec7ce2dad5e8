#include "mail/uid_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace gemel {
namespace {

Result<uint32_t> parse_uid(std::string_view text) {
  TRY(const uint64_t number, parse_number(text));
  if (number == 0 || number > UINT32_MAX) return fail(Code::kSyntax, "not a uid");
  return static_cast<uint32_t>(number);
}

}  // namespace

UidSet UidSet::of(Uid first, Uid last) {
  UidSet out;
  out.add(first, last);
  return out;
}

void UidSet::add(Uid first, Uid last) {
  if (last < first) return;
  Range added{first.value, last.value};
  if (ranges_.empty() || added.first > uint64_t{ranges_.back().last} + 1) {
    ranges_.push_back(added);
    return;
  }
  // The ranges that touch or overlap the new one become one with it.
  const auto begin = std::ranges::lower_bound(ranges_, added.first, {},
                                              [](const Range& r) { return uint64_t{r.last} + 1; });
  auto end = begin;
  for (; end != ranges_.end() && end->first <= uint64_t{added.last} + 1; ++end) {
    added.first = std::min(added.first, end->first);
    added.last = std::max(added.last, end->last);
  }
  ranges_.insert(ranges_.erase(begin, end), added);
}

void UidSet::add(const UidSet& other) {
  const bool is_behind = empty() || other.empty() || other.first() > last();
  if (is_behind || other.ranges_.size() == 1) {
    for (const Range& range : other.ranges_) add(Uid(range.first), Uid(range.last));
    return;
  }
  // Both from their start, so that each range is appended.
  const std::vector<Range> own = std::exchange(ranges_, {});
  auto a = own.begin();
  auto b = other.ranges_.begin();
  while (a != own.end() || b != other.ranges_.end()) {
    const bool takes_own = b == other.ranges_.end() || (a != own.end() && a->first <= b->first);
    const Range& range = takes_own ? *a++ : *b++;
    add(Uid(range.first), Uid(range.last));
  }
}

bool UidSet::contains(Uid uid) const {
  const auto at = std::ranges::lower_bound(ranges_, uid.value, {}, &Range::last);
  return at != ranges_.end() && at->first <= uid.value;
}

uint64_t UidSet::size() const {
  uint64_t count = 0;
  for (const Range& range : ranges_) count += uint64_t{range.last} - range.first + 1;
  return count;
}

Uid UidSet::first() const {
  CHECK(!ranges_.empty());
  return Uid(ranges_.front().first);
}

Uid UidSet::last() const {
  CHECK(!ranges_.empty());
  return Uid(ranges_.back().last);
}

UidSet UidSet::lowest(uint64_t count) const {
  UidSet out;
  for (const Range& range : ranges_) {
    if (count == 0) break;
    const uint64_t taken = std::min<uint64_t>(count, uint64_t{range.last} - range.first + 1);
    out.ranges_.push_back({range.first, static_cast<uint32_t>(range.first + taken - 1)});
    count -= taken;
  }
  return out;
}

UidSet UidSet::operator&(const UidSet& other) const {
  UidSet out;
  auto a = ranges_.begin();
  auto b = other.ranges_.begin();
  while (a != ranges_.end() && b != other.ranges_.end()) {
    out.add(Uid(std::max(a->first, b->first)), Uid(std::min(a->last, b->last)));
    if (a->last < b->last)
      ++a;
    else
      ++b;
  }
  return out;
}

UidSet UidSet::operator-(const UidSet& other) const {
  UidSet out;
  auto b = other.ranges_.begin();
  for (const Range& range : ranges_) {
    uint64_t from = range.first;
    while (b != other.ranges_.end() && b->last < from) ++b;
    for (auto c = b; c != other.ranges_.end() && c->first <= range.last; ++c) {
      if (c->first > from) out.ranges_.push_back({static_cast<uint32_t>(from), c->first - 1});
      from = uint64_t{c->last} + 1;
    }
    if (from <= range.last) out.ranges_.push_back({static_cast<uint32_t>(from), range.last});
  }
  return out;
}

std::string UidSet::text() const {
  fmt::memory_buffer out;
  for (const Range& range : ranges_) {
    if (out.size() > 0) out.push_back(',');
    if (range.first == range.last)
      fmt::format_to(std::back_inserter(out), "{}", range.first);
    else
      fmt::format_to(std::back_inserter(out), "{}:{}", range.first, range.last);
  }
  return fmt::to_string(out);
}

Result<UidSet> UidSet::parse(std::string_view text, size_t ranges_max) {
  UidSet out;
  for (size_t count = 0; !text.empty() || count == 0; ++count) {
    if (count == ranges_max) return fail(Code::kLimit, "too many ranges in a set");
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const size_t colon = item.find(':');
    TRY(const uint32_t first, parse_uid(item.substr(0, colon)));
    uint32_t last = first;
    if (colon != std::string_view::npos) {
      TRY(last, parse_uid(item.substr(colon + 1)));
    }
    out.add(Uid(std::min(first, last)), Uid(std::max(first, last)));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) return fail(Code::kSyntax, "a set ends with a comma");
  }
  return out;
}

void UidSet::encode(std::string& out) const {
  put_varint(out, ranges_.size());
  uint32_t at = 0;
  for (const Range& range : ranges_) {
    put_varint(out, range.first - at);
    put_varint(out, range.last - range.first);
    at = range.last;
  }
}

Result<UidSet> UidSet::decode(std::string_view bytes) {
  Decoder in(bytes);
  UidSet out;
  uint64_t at = 0;
  for (uint64_t left = in.varint(); in.ok() && left > 0; --left) {
    const uint64_t first = at + in.varint();
    const uint64_t last = first + in.varint();
    if (first == 0 || last > UINT32_MAX)
      return fail(Code::kCorrupt, "a stored uid set is out of range");
    out.add(Uid(static_cast<uint32_t>(first)), Uid(static_cast<uint32_t>(last)));
    at = last;
  }
  if (!in.ok() || !in.at_end()) return fail(Code::kCorrupt, "a stored uid set is cut");
  return out;
}

}  // namespace gemel
