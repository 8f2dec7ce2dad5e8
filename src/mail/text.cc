#include "mail/text.h"

#include <string.h>  // memmem, which <cstring> need not have
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
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

/// Calls `look` for `part` and all below until one says true. Recurses kMimeDepthMax deep at most.
template <class Look>
bool any_part(const MimePart& part, const Look& look) {
  return look(part) || std::ranges::any_of(part.children, [&](const MimePart& child) {
           return any_part(child, look);
         });
}

bool text_of_part_contains(std::string_view message, const MimePart& part, const SearchKey& key) {
  if (part.kind != MimePart::Kind::kLeaf || part.type != "text") return false;
  return key.in(decoded_text(message, part));
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
  if (is_ascii(utf8)) return to_lower(utf8);  // the same, many times faster
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* folding = icu::Normalizer2::getNFKCCasefoldInstance(error);
  CHECK(U_SUCCESS(error));
  std::string out;
  out.reserve(utf8.size());
  icu::StringByteSink<std::string> sink(&out);
  while (!utf8.empty()) {
    const size_t cut = fold_cut(utf8);
    const icu::StringPiece piece(utf8.data(), static_cast<int32_t>(cut));
    folding->normalizeUTF8(0, piece, sink, nullptr, error);
    CHECK(U_SUCCESS(error));
    utf8.remove_prefix(cut);
  }
  return out;
}

SearchKey::SearchKey(std::string_view utf8) : folded_(search_fold(to_utf8(utf8, "utf-8"))) {}

bool SearchKey::in(std::string_view utf8) const {
  if (folded_.empty()) return true;
  const std::string text = search_fold(utf8);
  // memmem is linear for any key (two-way string matching), std::string::find is not.
  return ::memmem(text.data(), text.size(), folded_.data(), folded_.size()) != nullptr;
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
  if (key.in({})) return true;
  return any_part(structure,
                  [&](const MimePart& part) { return text_of_part_contains(message, part, key); });
}

bool text_contains(std::string_view message, const MimePart& structure, const SearchKey& key) {
  return any_part(structure, [&](const MimePart& part) {
    return key.in(with_decoded_values(part.header_in(message), part)) ||
           text_of_part_contains(message, part, key);
  });
}

bool header_contains(std::string_view header, std::string_view name, const SearchKey& key) {
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next()) {
    if (!equals_ignoring_case(field->name, name)) continue;
    if (key.in(decode_encoded_words(unfold(field->value)))) return true;
  }
  return false;
}

}  // namespace gemel
