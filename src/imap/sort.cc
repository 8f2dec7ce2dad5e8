#include "imap/sort.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/log.h"
#include "imap/message.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/header_date.h"
#include "mail/mime_header.h"
#include "mail/rfc822_lexer.h"
#include "mail/text.h"

namespace gemel::imap {
namespace {

using Kind = SortKey::Kind;

struct KindRow {
  std::string_view name;
  Kind kind;
};
constexpr std::array kKinds = {
    KindRow{"ARRIVAL", Kind::kArrival},
    KindRow{"CC", Kind::kCc},
    KindRow{"DATE", Kind::kDate},
    KindRow{"DISPLAYFROM", Kind::kDisplayFrom},
    KindRow{"DISPLAYTO", Kind::kDisplayTo},
    KindRow{"FROM", Kind::kFrom},
    KindRow{"SIZE", Kind::kSize},
    KindRow{"SUBJECT", Kind::kSubject},
    KindRow{"TO", Kind::kTo},
};

bool starts_ignoring_case(std::string_view text, std::string_view start) {
  return equals_ignoring_case(text.substr(0, start.size()), start);
}

/// subj-blob: "[" text "]" and white space; how much of `text` it is, 0 if there is none.
size_t blob_size(std::string_view text) {
  if (!text.starts_with('[')) return 0;
  const size_t end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] != ']') return 0;
  const size_t rest = text.find_first_not_of(" \t", end + 1);
  return rest == std::string_view::npos ? text.size() : rest;
}

/// subj-refwd: "re", "fw" or "fwd", perhaps a blob, and ":".
size_t reply_mark_size(std::string_view text) {
  size_t size = 0;
  for (const std::string_view mark : {"re", "fwd", "fw"}) {
    if (!starts_ignoring_case(text, mark)) continue;
    size = mark.size();
    break;
  }
  if (size == 0) return 0;
  size = std::min(text.find_first_not_of(" \t", size), text.size());
  size += blob_size(text.substr(size));
  return text.substr(size).starts_with(':') ? size + 1 : 0;
}

/// subj-leader: blobs and a reply mark.
size_t leader_size(std::string_view text) {
  size_t size = 0;
  while (const size_t blob = blob_size(text.substr(size))) size += blob;
  const size_t mark = reply_mark_size(text.substr(size));
  return mark == 0 ? 0 : size + mark;
}

std::string_view without_trailers(std::string_view text) {
  constexpr std::string_view kTrailer = "(fwd)";
  for (;;) {
    text = trim(text);
    if (text.size() < kTrailer.size() ||
        !equals_ignoring_case(text.substr(text.size() - kTrailer.size()), kTrailer))
      return text;
    text.remove_suffix(kTrailer.size());
  }
}

std::string_view without_leaders(std::string_view text) {
  for (;;) {
    text = trim(text);
    if (const size_t leader = leader_size(text)) {
      text.remove_prefix(leader);
      continue;
    }
    // A blob goes unless nothing would be left.
    const size_t blob = blob_size(text);
    if (blob == 0 || blob == text.size()) return text;
    text.remove_prefix(blob);
  }
}

std::string text_of(std::string_view header, std::string_view field) {
  const std::optional<HeaderField> found = find_field(header, field);
  return found ? unfold(found->value) : std::string();
}

/// The local part of the first address (RFC 5256 §3).
std::string first_mailbox(std::string_view header, std::string_view field) {
  for (const Address& address : parse_addresses(text_of(header, field)))
    if (address.mailbox) return collation_key(*address.mailbox);
  return {};
}

/// What a reader is shown of the first address: its name, or else a group's name, or else the
/// address itself (RFC 5957 §3).
std::string first_display(std::string_view header, std::string_view field) {
  const std::vector<Address> addresses = parse_addresses(text_of(header, field));
  if (addresses.empty()) return {};
  const Address& first = addresses.front();
  if (first.name && !first.name->empty()) return collation_key(decode_encoded_words(*first.name));
  const std::string mailbox = first.mailbox.value_or("");
  if (!first.host) return collation_key(decode_encoded_words(mailbox));
  return collation_key(to_utf8(mailbox + '@' + *first.host, {}));
}

/// RFC 5256 §2.2: the Date field in UTC, or when the message came.
int64_t sent_s(std::string_view header, const RecordFacts& facts) {
  const std::optional<HeaderDate> date = parse_header_date(text_of(header, "Date"));
  return date ? date->utc.time_since_epoch().count() : facts.internaldate_s;
}

}  // namespace

Result<std::vector<SortKey>> read_sort_keys(wire::Tokenizer& tokens) {
  std::vector<SortKey> out;
  TRY_OK(tokens.open());
  do {
    if (out.size() == kSortKeysMax) return fail(Code::kLimit, "too many sort keys");
    const bool is_reversed = tokens.skip_word("REVERSE");
    if (is_reversed) TRY_OK(tokens.space());
    TRY(const std::string_view word, tokens.atom());
    const auto row = std::ranges::find_if(
        kKinds, [&](const KindRow& kind) { return equals_ignoring_case(kind.name, word); });
    if (row == kKinds.end()) return fail(Code::kSyntax, "no such sort key");
    out.push_back({.kind = row->kind, .is_reversed = is_reversed});
  } while (tokens.skip(' '));
  TRY_OK(tokens.close());
  return out;
}

std::string base_subject(std::string_view utf8) {
  constexpr std::string_view kForwarded = "[fwd:";
  std::string_view text = utf8;
  for (;;) {
    text = without_leaders(without_trailers(text));
    if (!starts_ignoring_case(text, kForwarded) || !text.ends_with(']')) break;
    text = text.substr(kForwarded.size(), text.size() - kForwarded.size() - 1);
  }
  std::string out;
  for (const char c : text)  // runs of white space count as one space
    if (!is_white_space(c))
      out += c;
    else if (!out.ends_with(' '))
      out += ' ';
  return out;
}

bool Sorter::needs_header() const {
  return std::ranges::any_of(keys_, [](const SortKey& key) {
    return key.kind != Kind::kArrival && key.kind != Kind::kSize;
  });
}

Sorter::Value Sorter::value_of(Kind kind, std::string_view header, const RecordFacts& facts) {
  switch (kind) {
    case Kind::kArrival:
      return {.number = facts.internaldate_s};
    case Kind::kSize:
      return {.number = static_cast<int64_t>(facts.size)};
    case Kind::kDate:
      return {.number = sent_s(header, facts)};
    case Kind::kCc:
      return {.text = first_mailbox(header, "Cc")};
    case Kind::kDisplayFrom:
      return {.text = first_display(header, "From")};
    case Kind::kDisplayTo:
      return {.text = first_display(header, "To")};
    case Kind::kFrom:
      return {.text = first_mailbox(header, "From")};
    case Kind::kTo:
      return {.text = first_mailbox(header, "To")};
    case Kind::kSubject:
      return {.text =
                  collation_key(base_subject(decode_encoded_words(text_of(header, "Subject"))))};
  }
  return {};
}

Result<Sorter::Row> Sorter::row_of(const MailboxView& mailbox, Uid uid,
                                   const RecordFacts& facts) const {
  Row row{.uid = uid, .values = {}};
  std::optional<Message> message;
  std::string_view header;
  if (needs_header()) {
    TRY(Body body, mailbox.body(facts.guid));
    message.emplace(std::move(body));
    TRY(header, message->header());
  }
  for (const SortKey& key : keys_) row.values.push_back(value_of(key.kind, header, facts));
  return row;
}

Result<void> Sorter::add(const MailboxView& mailbox, const UidSet& uids) {
  TRY(const std::vector<RecordFacts> facts, mailbox.facts(uids));
  size_t at = 0;
  for (const UidSet::Range& range : uids.ranges()) {
    for (uint64_t uid = range.first; uid <= range.last; ++uid, ++at) {
      const Uid one(static_cast<uint32_t>(uid));
      Result<Row> row = row_of(mailbox, one, facts[at]);
      if (!row) {
        if (row.error().code == Code::kIo) return std::unexpected(row.error());
        // One message that can't be read must not hide the others: it sorts as if it were empty.
        log::error("imap sort mailbox={} uid={}: {}", mailbox.info().id.text(), uid,
                   row.error().text);
        row = Row{.uid = one, .values = std::vector<Value>(keys_.size())};
      }
      rows_.push_back(std::move(*row));
    }
  }
  return {};
}

std::vector<Uid> Sorter::sorted() && {
  std::ranges::sort(rows_, [&](const Row& a, const Row& b) {
    for (size_t i = 0; i < keys_.size(); ++i) {
      const auto order = a.values[i] <=> b.values[i];
      if (order != 0) return keys_[i].is_reversed ? order > 0 : order < 0;
    }
    return a.uid < b.uid;
  });
  std::vector<Uid> out;
  out.reserve(rows_.size());
  for (const Row& row : rows_) out.push_back(row.uid);
  return out;
}

}  // namespace gemel::imap
