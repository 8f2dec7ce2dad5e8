#include "mail/text.h"

#include <string.h>  // memmem, which <cstring> need not have
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/mime_header.h"
#include "mail/transfer_encoding.h"

namespace gemel {
namespace {

/// ICU takes sizes of 31 bits; longer texts are folded in pieces.
constexpr size_t kFoldBytesMax = 256 * 1024 * 1024;

/// Where to cut at most kFoldBytesMax off `utf8`, between characters.
size_t fold_cut(std::string_view utf8) {
  if (utf8.size() <= kFoldBytesMax) return utf8.size();
  size_t cut = kFoldBytesMax;
  while (cut > 1 && (utf8[cut] & 0xc0) == 0x80) --cut;
  return cut;
}

std::string normalized(const icu::Normalizer2& form, std::string_view utf8) {
  UErrorCode error = U_ZERO_ERROR;
  std::string out;
  out.reserve(utf8.size());
  icu::StringByteSink<std::string> sink(&out);
  while (!utf8.empty()) {
    const size_t cut = fold_cut(utf8);
    const icu::StringPiece piece(utf8.data(), static_cast<int32_t>(cut));
    form.normalizeUTF8(0, piece, sink, nullptr, error);
    CHECK(U_SUCCESS(error));
    utf8.remove_prefix(cut);
  }
  return out;
}

/// Calls `look` for `part` and all below until one says true. Recurses kMimeDepthMax deep at most.
template <class Look>
bool any_part(const MimePart& part, const Look& look) {
  return look(part) || std::ranges::any_of(part.children, [&](const MimePart& child) {
           return any_part(child, look);
         });
}

bool is_text(const MimePart& part) {
  return part.kind == MimePart::Kind::kLeaf && part.type == "text";
}

std::string with_decoded_values(std::string_view header, const MimePart& part) {
  std::string out = decoded_header(header);
  // RFC 2231 values, such as the names of attachments, say nothing in their raw form.
  constexpr std::array<std::string_view, 2> kNames = {"filename", "name"};
  const auto add = [&](const std::vector<MimeParameter>& parameters) {
    for (const std::string_view name : kNames)
      if (const auto value = parameter_of(parameters, name))
        out += decode_encoded_words(*value) + '\n';
  };
  add(part.parameters);
  if (part.disposition) add(part.disposition->parameters);
  return out;
}

}  // namespace

std::string search_fold(std::string_view utf8) {
  if (is_ascii(utf8)) return to_upper(utf8);  // the same; most texts are, and all are folded
  return collation_key(name_fold(utf8));
}

std::string name_fold(std::string_view utf8) {
  if (is_ascii(utf8)) return to_lower(utf8);  // the same, many times faster
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* folding = icu::Normalizer2::getNFKCCasefoldInstance(error);
  CHECK(U_SUCCESS(error));
  return normalized(*folding, utf8);
}

std::string collation_key(std::string_view utf8) {
  if (is_ascii(utf8)) return to_upper(utf8);  // the same, many times faster
  std::string titled;
  titled.reserve(utf8.size());
  const auto size = static_cast<int64_t>(utf8.size());
  for (int64_t i = 0; i < size;) {
    UChar32 point = 0;
    U8_NEXT_OR_FFFD(utf8.data(), i, size, point);
    std::array<char, U8_MAX_LENGTH> bytes;
    size_t length = 0;
    U8_APPEND_UNSAFE(bytes.data(), length, u_totitle(point));
    titled.append(bytes.data(), length);
  }
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* decomposing = icu::Normalizer2::getNFKDInstance(error);
  CHECK(U_SUCCESS(error));
  return normalized(*decomposing, titled);
}

SearchKey::SearchKey(std::string_view utf8) : folded_(search_fold(to_utf8(utf8, "utf-8"))) {}

bool contains_folded(std::string_view text, std::string_view key) {
  if (key.empty()) return true;
  // memmem is linear for any key (two-way string matching), std::string::find is not.
  return ::memmem(text.data(), text.size(), key.data(), key.size()) != nullptr;
}

bool SearchKey::in(std::string_view utf8) const {
  return folded_.empty() || contains_folded(search_fold(utf8), folded_);
}

std::string decoded_text(std::string_view message, const MimePart& part) {
  const std::string bytes = decode_transfer(part.body_in(message), part.encoding);
  return to_utf8(bytes, parameter_of(part.parameters, "charset").value_or(""));
}

std::string decoded_header(std::string_view header) {
  std::string out;
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next()) {
    if (!field->name.empty()) out += to_utf8(field->name, {}) + ": ";
    out += decode_encoded_words(unfold(field->value)) + '\n';
  }
  return out;
}

bool body_contains(std::string_view message, const MimePart& structure, const SearchKey& key) {
  if (key.folded().empty()) return true;
  return any_body_text(message, structure, [&](std::string_view text) { return key.in(text); });
}

bool any_body_text(std::string_view message, const MimePart& structure,
                   const std::function<bool(std::string_view text)>& look) {
  return any_part(structure, [&](const MimePart& part) {
    return is_text(part) && look(decoded_text(message, part));
  });
}

bool any_search_text(std::string_view message, const MimePart& structure,
                     const std::function<bool(std::string_view text)>& look) {
  return any_part(structure, [&](const MimePart& part) {
    return look(with_decoded_values(part.header_in(message), part)) ||
           (is_text(part) && look(decoded_text(message, part)));
  });
}

bool text_contains(std::string_view message, const MimePart& structure, const SearchKey& key) {
  return any_search_text(message, structure, [&](std::string_view text) { return key.in(text); });
}

namespace {

/// Fields whose addresses ENVELOPE tells (RFC 3501 §7.4.2).
bool holds_addresses(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames = {"bcc",      "cc",     "from",
                                                      "reply-to", "sender", "to"};
  return std::ranges::any_of(
      kNames, [&](std::string_view field) { return equals_ignoring_case(field, name); });
}

/// The addresses without the comments and quotes that may stand in them.
bool any_address(std::string_view value, const std::function<bool(std::string_view text)>& look) {
  if (value.find_first_of("(\"\\") == std::string_view::npos) return false;
  return std::ranges::any_of(parse_addresses(value), [&](const Address& address) {
    return address.mailbox && address.host &&
           look(to_utf8(*address.mailbox + '@' + *address.host, {}));
  });
}

}  // namespace

bool any_field_text(std::string_view header, std::string_view name,
                    const std::function<bool(std::string_view text)>& look) {
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next()) {
    if (!equals_ignoring_case(field->name, name)) continue;
    const std::string value = unfold(field->value);
    if (look(decode_encoded_words(value))) return true;
    if (holds_addresses(name) && any_address(value, look)) return true;
  }
  return false;
}

bool header_contains(std::string_view header, std::string_view name, const SearchKey& key) {
  return any_field_text(header, name, [&](std::string_view text) { return key.in(text); });
}

}  // namespace gemel
