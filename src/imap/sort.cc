#include "imap/sort.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/log.h"
#include "imap/message.h"
#include "imap/subject.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"

namespace gemel::imap {
namespace {

using Kind = SortKey::Kind;

struct KindRow {
  std::string_view name;
  Kind kind;
};
constexpr std::array kKinds = {
    KindRow{"ARRIVAL", Kind::kArrival},     KindRow{"CC", Kind::kCc},
    KindRow{"DATE", Kind::kDate},           KindRow{"DISPLAYFROM", Kind::kDisplayFrom},
    KindRow{"DISPLAYTO", Kind::kDisplayTo}, KindRow{"FROM", Kind::kFrom},
    KindRow{"RELEVANCY", Kind::kRelevancy}, KindRow{"SIZE", Kind::kSize},
    KindRow{"SUBJECT", Kind::kSubject},     KindRow{"TO", Kind::kTo},
};

/// The local part of the first address (RFC 5256 §3).
std::string first_mailbox(std::string_view header, std::string_view field) {
  for (const Address& address : parse_addresses(compared_field(header, field)))
    if (address.mailbox) return compared_key(*address.mailbox);
  return {};
}

/// What a reader is shown of the first address: its name, or else a group's name, or else the
/// address itself (RFC 5957 §3).
std::string first_display(std::string_view header, std::string_view field) {
  const std::vector<Address> addresses = parse_addresses(compared_field(header, field));
  if (addresses.empty()) return {};
  const Address& first = addresses.front();
  if (first.name && !first.name->empty()) return compared_key(decode_encoded_words(*first.name));
  const std::string mailbox = first.mailbox.value_or("");
  if (!first.host) return compared_key(decode_encoded_words(mailbox));
  return compared_key(to_utf8(mailbox + '@' + *first.host, {}));
}

}  // namespace

Result<std::vector<SortKey>> read_sort_keys(wire::Tokenizer& tokens) {
  std::vector<SortKey> out;
  size_t count = 0;
  TRY_OK(tokens.open());
  do {
    if (++count > kSortKeysMax) return fail(Code::kLimit, "too many sort keys");
    const bool is_reversed = tokens.skip_word("REVERSE");
    if (is_reversed) TRY_OK(tokens.space());
    TRY(const std::string_view word, tokens.atom());
    const auto row = std::ranges::find_if(
        kKinds, [&](const KindRow& kind) { return equals_ignoring_case(kind.name, word); });
    if (row == kKinds.end()) return fail(Code::kSyntax, "no such sort key");
    // What is equal by a key is so by the same key again, and each costs memory.
    if (!sorts_by(out, row->kind)) out.push_back({.kind = row->kind, .is_reversed = is_reversed});
  } while (tokens.skip(' '));
  TRY_OK(tokens.close());
  return out;
}

bool sorts_by(const std::vector<SortKey>& keys, SortKey::Kind kind) {
  return std::ranges::find(keys, kind, &SortKey::kind) != keys.end();
}

bool Sorter::needs_header() const {
  return std::ranges::any_of(keys_, [](const SortKey& key) {
    return key.kind != Kind::kArrival && key.kind != Kind::kSize && key.kind != Kind::kRelevancy;
  });
}

void Sorter::expect(size_t messages) {
  rows_.reserve(messages);
  values_.reserve(messages * keys_.size());
}

Sorter::Value Sorter::kept(std::string_view text) {
  if (text.empty()) return {};
  const auto copy = static_cast<char*>(texts_.allocate(text.size(), 1));
  std::ranges::copy(text, copy);
  return {.text = {copy, text.size()}};
}

Sorter::Value Sorter::value_of(Kind kind, std::string_view header, const RecordFacts& facts) {
  switch (kind) {
    case Kind::kArrival:
      return {.number = facts.internaldate_s};
    case Kind::kRelevancy:
      break;  // row_of knows the uid
    case Kind::kSize:
      return {.number = static_cast<int64_t>(facts.size)};
    case Kind::kDate:
      return {.number = sent_s(header, facts)};
    case Kind::kCc:
      return kept(first_mailbox(header, "Cc"));
    case Kind::kDisplayFrom:
      return kept(first_display(header, "From"));
    case Kind::kDisplayTo:
      return kept(first_display(header, "To"));
    case Kind::kFrom:
      return kept(first_mailbox(header, "From"));
    case Kind::kTo:
      return kept(first_mailbox(header, "To"));
    case Kind::kSubject:
      return kept(subject_of(header).text);
  }
  return {};
}

/// Appends a value for each key.
Result<void> Sorter::add_values(const MailboxView& mailbox, Uid uid, const RecordFacts& facts) {
  std::optional<Message> message;
  std::string_view header;
  if (needs_header()) {
    message.emplace(mailbox, facts.guid);
    TRY(header, message->known_header());
  }
  for (const SortKey& key : keys_) {
    Value value = value_of(key.kind, header, facts);
    if (key.kind == Kind::kRelevancy) value.number = -int64_t{relevance_(uid)};  // best first
    values_.push_back(value);
  }
  return {};
}

Result<void> Sorter::add(const MailboxView& mailbox, const UidSet& uids) {
  TRY(const std::vector<RecordFacts> facts, mailbox.facts(uids));
  auto one = facts.begin();
  for (const UidSet::Range& range : uids.ranges()) {
    for (uint64_t uid = range.first; uid <= range.last; ++uid, ++one) {
      const auto at = static_cast<uint32_t>(values_.size());
      const Uid its(static_cast<uint32_t>(uid));
      if (const Result<void> added = add_values(mailbox, its, *one); !added) {
        if (added.error().code == Code::kIo) return added;
        // One message that can't be read must not hide the others: it sorts as if it were empty.
        log::error("imap sort mailbox={} uid={}: {}", mailbox.info().id.text(), uid,
                   added.error().text);
        values_.resize(at);
        values_.resize(at + keys_.size());
      }
      rows_.push_back({.lead = values_[at].number, .uid = its, .at = at});
    }
  }
  return {};
}

bool Sorter::is_before(const Row& a, const Row& b) const {
  if (a.lead != b.lead) return keys_.front().is_reversed ? a.lead > b.lead : a.lead < b.lead;
  for (size_t i = 0; i < keys_.size(); ++i) {
    const auto order = values_[a.at + i] <=> values_[b.at + i];
    if (order != 0) return keys_[i].is_reversed ? order > 0 : order < 0;
  }
  return a.uid < b.uid;
}

std::pmr::vector<Uid> Sorter::sorted() && {
  std::ranges::sort(rows_, [&](const Row& a, const Row& b) { return is_before(a, b); });
  std::pmr::vector<Uid> out(rows_.get_allocator());
  out.reserve(rows_.size());
  for (const Row& row : rows_) out.push_back(row.uid);
  return out;
}

}  // namespace gemel::imap
