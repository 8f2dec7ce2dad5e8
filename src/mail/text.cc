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

// What is no text by its type, but is read as one (RFC 3464 §2.1, RFC 8098 §3.1, RFC 5965 §3.1).
constexpr std::array<std::string_view, 6> kReports = {
    "delivery-status",        "disposition-notification",        "feedback-report",
    "global-delivery-status", "global-disposition-notification", "global-headers"};

bool is_text(const MimePart& part) {
  if (part.kind != MimePart::Kind::kLeaf) return false;
  return part.type == "text" ||
         (part.type == "message" && std::ranges::find(kReports, part.subtype) != kReports.end());
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

namespace {

std::string decoded(std::string_view body, const MimePart& part) {
  return to_utf8(decode_transfer(body, part.encoding),
                 parameter_of(part.parameters, "charset").value_or(""));
}

/// Where `utf8` can be cut in two that are folded one by one as both together: before a character
/// that nothing before it composes with. In its second half; where there is no such place, between
/// characters.
size_t fold_boundary(std::string_view utf8) {
  const size_t least = utf8.size() / 2;
  for (size_t at = utf8.size(); at-- > least + 1;)
    if (static_cast<uint8_t>(utf8[at]) < 0x80) return at;  // no mark, no jamo
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* folding = icu::Normalizer2::getNFKCCasefoldInstance(error);
  CHECK(U_SUCCESS(error));
  const auto end = static_cast<int32_t>(whole_characters(utf8, utf8.size() - 1).size());
  for (int32_t at = end; at > static_cast<int32_t>(least);) {
    UChar32 point = 0;
    U8_PREV(utf8.data(), 0, at, point);
    if (folding->hasBoundaryBefore(point) != 0) return static_cast<size_t>(at);
  }
  return static_cast<size_t>(end);
}

/// Folds one text after the other as it comes, and gives it to a LookAtText.
class FoldedTexts {
 public:
  explicit FoldedTexts(const LookAtText& at)
      : at_(at), piece_bytes_(std::max(kTextPieceBytes, at.overlap_bytes)) {}

  /// More of the text under way. True once there was enough.
  bool feed(std::string_view utf8) {
    waiting_ += utf8;
    while (!is_enough_ && waiting_.size() > piece_bytes_)
      put(fold_boundary(std::string_view(waiting_).substr(0, piece_bytes_)));
    return is_enough_;
  }
  /// That was all of it.
  bool end() {
    if (!is_enough_) put(waiting_.size());
    folded_.clear();
    return is_enough_;
  }
  bool take(std::string_view utf8) { return feed(utf8) || end(); }

 private:
  void put(size_t count) {
    folded_.erase(0, folded_.size() - std::min(folded_.size(), at_.overlap_bytes));
    folded_ += search_fold(std::string_view(waiting_).substr(0, count));
    waiting_.erase(0, count);
    is_enough_ = at_.look(folded_);
  }

  const LookAtText& at_;
  size_t piece_bytes_;
  std::string waiting_;  // not folded yet
  std::string folded_;   // the last piece
  bool is_enough_ = false;
};

/// Gives `found` the part with its transfer encoding undone, a piece at a time, until it says true.
bool any_decoded_piece(MessageBytes& message, const MimePart& part,
                       const std::function<bool(std::string_view bytes)>& found) {
  TransferDecoder decoder(part.encoding);
  std::string bytes;
  const bool was_found =
      any_piece(message, part.body_start, part.body_end, [&](std::string_view piece) {
        bytes.clear();
        decoder.feed(piece, bytes);
        return found(bytes);
      });
  bytes.clear();
  decoder.finish(bytes);
  return was_found || found(bytes);
}

/// As to_utf8 chooses it.
std::string charset_of(MessageBytes& message, const MimePart& part) {
  std::string charset = parameter_of(part.parameters, "charset").value_or("");
  if (!is_unlabelled(charset)) return charset;
  Utf8Check check;
  any_decoded_piece(message, part, [&](std::string_view bytes) {
    check.feed(bytes);
    return false;
  });
  return check.finish() ? "utf-8" : "windows-1252";
}

bool take_text(MessageBytes& message, const MimePart& part, FoldedTexts& texts) {
  // Most are small, and to open a converter costs more than to read one.
  if (part.body_size() <= kTextPieceBytes)
    return texts.take(decoded(copy_of(message, part.body_start, part.body_end), part));
  Utf8Decoder decoder(charset_of(message, part));
  std::string utf8;
  const bool was_enough = any_decoded_piece(message, part, [&](std::string_view bytes) {
    utf8.clear();
    decoder.feed(bytes, utf8);
    return texts.feed(utf8);
  });
  if (was_enough) return true;
  utf8.clear();
  decoder.finish(utf8);
  return texts.take(utf8);
}

/// Fields whose addresses ENVELOPE tells (RFC 3501 §7.4.2).
bool holds_addresses(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames = {"bcc",      "cc",     "from",
                                                      "reply-to", "sender", "to"};
  return std::ranges::any_of(
      kNames, [&](std::string_view field) { return equals_ignoring_case(field, name); });
}

/// A line for each name and address as ENVELOPE tells them, if comments or quotes may stand in
/// them.
std::string plain_addresses(const HeaderField& field) {
  std::string out;
  if (!holds_addresses(field.name) || field.value.find_first_of("(\"\\") == std::string_view::npos)
    return out;
  for (const Address& address : parse_addresses(unfold(field.value))) {
    if (!address.mailbox || !address.host) continue;
    out += decode_encoded_words(address.name.value_or(""));
    out += " <" + to_utf8(*address.mailbox + '@' + *address.host, {}) + ">\n";
  }
  return out;
}

// A line for each field, encoded words decoded, and RFC 2231 values, such as the names of
// attachments, which say nothing in their raw form.
bool take_header(MessageBytes& message, const MimePart& part, FoldedTexts& texts) {
  const size_t end = std::min(part.body_start, part.header_start + kHeaderBytesMax);
  const std::string header = copy_of(message, part.header_start, end);
  HeaderReader reader(header);
  while (const auto field = reader.next()) {
    if (!field->name.empty()) texts.feed(to_utf8(field->name, {}) + ": ");
    texts.feed(decode_encoded_words(unfold(field->value)) + '\n');
    if (texts.feed(plain_addresses(*field))) return true;
  }
  constexpr std::array<std::string_view, 2> kNames = {"filename", "name"};
  const auto feed = [&](const std::vector<MimeParameter>& parameters) {
    for (const std::string_view name : kNames)
      if (const auto value = parameter_of(parameters, name))
        texts.feed(decode_encoded_words(*value) + '\n');
  };
  feed(part.parameters);
  if (part.disposition) feed(part.disposition->parameters);
  return texts.end();
}

LookAtText look_for(const SearchKey& key) {
  return {.overlap_bytes = key.overlap_bytes(),
          .look = [&key](std::string_view folded) { return key.in(folded); }};
}

}  // namespace

std::string decoded_text(std::string_view message, const MimePart& part) {
  return decoded(part.body_in(message), part);
}

bool any_body_text(MessageBytes& message, const MimePart& structure, const LookAtText& at) {
  FoldedTexts texts(at);
  return any_part(structure, [&](const MimePart& part) {
    return is_text(part) && take_text(message, part, texts);
  });
}

bool any_search_text(MessageBytes& message, const MimePart& structure, const LookAtText& at) {
  FoldedTexts texts(at);
  return any_part(structure, [&](const MimePart& part) {
    return take_header(message, part, texts) || (is_text(part) && take_text(message, part, texts));
  });
}

bool any_field_text(std::string_view header, std::string_view name, const LookAtText& at) {
  FoldedTexts texts(at);
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next()) {
    if (!equals_ignoring_case(field->name, name)) continue;
    if (texts.take(decode_encoded_words(unfold(field->value)))) return true;
    const std::string plain = plain_addresses(*field);
    if (!plain.empty() && texts.take(plain)) return true;
  }
  return false;
}

bool body_contains(MessageBytes& message, const MimePart& structure, const SearchKey& key) {
  return key.folded().empty() || any_body_text(message, structure, look_for(key));
}

bool text_contains(MessageBytes& message, const MimePart& structure, const SearchKey& key) {
  return any_search_text(message, structure, look_for(key));
}

bool header_contains(std::string_view header, std::string_view name, const SearchKey& key) {
  return any_field_text(header, name, look_for(key));
}

}  // namespace gemel
