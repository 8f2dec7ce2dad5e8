#include "sync/words.h"

#include <fmt/format.h>

#include <charconv>

#include "base/bytes.h"
#include "sync/grammar.h"

namespace gemel::sync {
namespace {

using wire::Tokenizer;

constexpr size_t kOriginDigits = 16;

void put_base64(std::string& out, std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  out += text;
}

// Base64 of exactly `count` bytes, without padding.
Result<std::string> read_base64(Tokenizer& in, size_t count) {
  TRY(const std::string_view word, in.atom());
  if (word.size() != (count * 8 + 5) / 6) return in.wrong("base64 of another length");
  std::string padded(word);
  padded.append((4 - padded.size() % 4) % 4, '=');
  const Result<std::string> bytes = from_base64(padded);
  if (!bytes || bytes->size() != count) return in.wrong("base64");
  return *bytes;
}

Result<uint64_t> parse_hex(std::string_view text, const Tokenizer& in) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return in.wrong("an id before here");
  return value;
}

}  // namespace

void put_id(std::string& out, const UniqueId& id, uint64_t context_origin) {
  if (id.origin == context_origin)
    fmt::format_to(std::back_inserter(out), "-{:x}", id.number);
  else
    out += id.text();
}

Result<UniqueId> read_id(Tokenizer& in, uint64_t& context_origin) {
  TRY(const std::string_view word, in.atom());
  const size_t dash = word.find('-');
  if (dash != 0 && dash != kOriginDigits) return in.wrong("an id before here");
  UniqueId id{.origin = context_origin, .number = 0};
  if (dash != 0) {
    TRY(id.origin, parse_hex(word.substr(0, dash), in));
  }
  TRY(id.number, parse_hex(word.substr(dash + 1), in));
  if (id.origin == 0) return in.wrong("an id with an origin before here");
  context_origin = id.origin;
  return id;
}

void put_guid(std::string& out, const Guid& guid) { put_base64(out, guid.view()); }

Result<Guid> read_guid(Tokenizer& in) {
  TRY(const std::string bytes, read_base64(in, sizeof(Sha256)));
  return Guid::from_view(bytes);
}

void put_digest(std::string& out, const Digest& digest) {
  std::string bytes;
  put_be64(bytes, digest.high);
  put_be64(bytes, digest.low);
  put_base64(out, bytes);
}

Result<Digest> read_digest(Tokenizer& in) {
  TRY(const std::string bytes, read_base64(in, sizeof(Digest)));
  return Digest{.low = get_be64(std::string_view(bytes).substr(8)), .high = get_be64(bytes)};
}

void put_check(std::string& out, uint64_t check) {
  std::string bytes;
  put_be64(bytes, check);
  put_base64(out, bytes);
}

Result<uint64_t> read_check(Tokenizer& in) {
  TRY(const std::string bytes, read_base64(in, sizeof(uint64_t)));
  return get_be64(bytes);
}

void put_number(std::string& out, uint64_t number) {
  fmt::format_to(std::back_inserter(out), "{}", number);
}

void put_signed(std::string& out, int64_t number) {
  fmt::format_to(std::back_inserter(out), "{}{}", number > 0 ? "+" : "", number);
}

Result<int64_t> read_signed(Tokenizer& in) {
  const bool negative = in.skip('-');
  if (!negative) in.skip('+');
  TRY(const uint64_t magnitude, in.number64());
  const auto value = static_cast<int64_t>(magnitude);
  return negative ? -value : value;
}

Result<Uid> read_uid(Tokenizer& in) {
  TRY(const uint32_t value, in.number());
  return Uid(value);
}

Result<ModSeq> read_modseq(Tokenizer& in) {
  TRY(const uint64_t value, in.number64());
  return ModSeq(value);
}

Result<UidValidity> read_uidvalidity(Tokenizer& in) {
  TRY(const uint32_t value, in.nz_number());
  return UidValidity(value);
}

Result<UidSet> read_uid_set(Tokenizer& in) {
  TRY(const std::string_view text, in.sequence());
  TRY(UidSet set, UidSet::parse(text, kRangesMax));
  if (set.empty()) return in.wrong("a set of UIDs before here");
  if (set.size() > kUidsMax) return fail(Code::kLimit, "too many UIDs in one set");
  return set;
}

void put_lineage(std::string& out, const Lineage& lineage) {
  out += '(';
  for (const TermStart& start : lineage) {
    if (!out.ends_with('(')) out += ' ';
    fmt::format_to(std::back_inserter(out), "{}.{:016x}@{}", start.term.epoch, start.term.origin,
                   start.from.value);
  }
  out += ')';
}

Result<Lineage> read_lineage(Tokenizer& in) {
  Lineage lineage;
  TRY_OK(in.open());
  while (in.peek() != ')') {
    if (!lineage.empty()) TRY_OK(in.space());
    if (lineage.size() == kLineageTermsMax) return fail(Code::kLimit, "too many terms");
    TermStart& start = lineage.emplace_back();
    TRY(start.term.epoch, in.number64());
    TRY_OK(in.expect('.'));
    TRY(const std::string_view origin, in.atom("@"));
    if (origin.size() != kOriginDigits) return in.wrong("an origin before here");
    TRY(start.term.origin, parse_hex(origin, in));
    TRY_OK(in.expect('@'));
    TRY(start.from, read_modseq(in));
  }
  TRY_OK(in.close());
  return lineage;
}

void put_flags(std::string& out, const FlagNames& flags) {
  out += '(';
  out += flags.text();
  out += ')';
}

Result<FlagNames> read_flags(Tokenizer& in) {
  TRY(const std::vector<std::string_view> names, in.flag_list());
  if (names.size() > kFlagsMax) return fail(Code::kLimit, "too many flags");
  FlagNames flags;
  for (const std::string_view name : names) TRY_OK(flags.add(name));
  return flags;
}

void put_pop3_facts(std::string& out, uint64_t crlf_growth, std::string_view uidl) {
  if (crlf_growth != 0) {
    out += " GROWS ";
    put_number(out, crlf_growth);
  }
  if (uidl.empty()) return;
  out += " UIDL ";
  put_text(out, uidl);
}

void put_item(std::string& out, const UserItem& item) {
  out += item.deleted ? "DEL " : "PUT ";
  put_number(out, item.modseq.value);
  out += ' ';
  put_text(out, item.key);
  if (item.deleted) return;
  out += ' ';
  put_text(out, item.value);
}

Result<UserItem> read_item(Tokenizer& in) {
  UserItem item;
  item.deleted = in.skip_word("DEL");
  if (!item.deleted && !in.skip_word("PUT")) return in.wrong("PUT or DEL");
  TRY_OK(in.space());
  TRY(item.modseq, read_modseq(in));
  TRY_OK(in.space());
  TRY(const std::string_view key, in.astring());
  item.key = key;
  if (item.deleted) return item;
  TRY_OK(in.space());
  TRY(const std::string_view value, in.astring());
  item.value = value;
  return item;
}

void put_text(std::string& out, std::string_view text) {
  wire::put_astring(out, text, wire::LiteralStyle::kNonSynchronising);
}

void put_name(std::string& out, const MailboxName& name) { put_text(out, name.text()); }

Result<MailboxName> read_name(Tokenizer& in) {
  TRY(const std::string_view text, in.astring());
  return MailboxName::parse(text);
}

}  // namespace gemel::sync
