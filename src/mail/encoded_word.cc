#include "mail/encoded_word.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/rfc822_lexer.h"
#include "mail/transfer_encoding.h"

namespace gemel {
namespace {

/// RFC 2047 §2: an encoded word has at most 75 bytes. "=?utf-8?B?" and "?=" take 12, so 45 bytes
/// are left for the text, which base64 makes 60.
constexpr size_t kEncodedTextBytesMax = 45;

struct EncodedWord {
  std::string charset;
  std::string bytes;
  size_t size = 0;  // of the word as it stood in the text
};

/// The encoded word at the start of `text`, which starts with "=?". Looks no further than the third
/// '?', so that a text full of "=?" is still read in linear time.
std::optional<EncodedWord> read_encoded_word(std::string_view text) {
  const size_t charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end == 2) return std::nullopt;
  if (charset_end > 2 + kCharsetNameBytesMax) return std::nullopt;
  const size_t encoded = charset_end + 3;
  if (text.size() < encoded || text[encoded - 1] != '?') return std::nullopt;
  const size_t end = text.find('?', encoded);
  if (end == std::string_view::npos || text.substr(end, 2) != "?=") return std::nullopt;
  const std::string_view charset = text.substr(2, charset_end - 2);
  const std::string_view body = text.substr(encoded, end - encoded);
  EncodedWord word{
      .charset = to_lower(charset.substr(0, charset.find('*'))), .bytes = {}, .size = end + 2};
  switch (text[charset_end + 1]) {
    case 'b':
    case 'B':
      word.bytes = decode_base64(body);
      return word;
    case 'q':
    case 'Q':
      word.bytes = decode_q(body);
      return word;
    default:
      return std::nullopt;
  }
}

/// Gathers decoded text. Bytes of neighbouring words in one charset are converted together, for
/// some senders cut a character in two (against RFC 2047 §5 rule 3).
class Decoded {
 public:
  void add_word(const EncodedWord& word) {
    if (word.charset != charset_) flush();
    charset_ = word.charset;
    bytes_ += word.bytes;
  }
  void add_plain(std::string_view text) {
    if (text.empty()) return;
    flush();
    out_ += to_utf8(text, {});
  }
  std::string finish() {
    flush();
    return std::move(out_);
  }

 private:
  void flush() {
    if (!bytes_.empty()) out_ += to_utf8(bytes_, charset_);
    bytes_.clear();
    charset_.clear();
  }

  std::string out_;
  std::string bytes_;
  std::string charset_;
};

}  // namespace

std::string decode_encoded_words(std::string_view text) {
  Decoded decoded;
  size_t plain = 0;  // start of what is not yet added
  bool after_word = false;
  // Where '?' is no more, there is no word, and looking for one at each "=?" would cost O(n²).
  const size_t last_mark = text.rfind("?=");
  size_t at = text.find("=?");
  while (at != std::string_view::npos && last_mark != std::string_view::npos && at < last_mark) {
    const std::optional<EncodedWord> word = read_encoded_word(text.substr(at));
    if (!word) {
      at = text.find("=?", at + 2);
      continue;
    }
    // White space between two encoded words is not part of the text (RFC 2047 §6.2).
    const std::string_view between = text.substr(plain, at - plain);
    if (!after_word || !trim(between).empty()) decoded.add_plain(between);
    decoded.add_word(*word);
    after_word = true;
    plain = at + word->size;
    at = text.find("=?", plain);
  }
  decoded.add_plain(text.substr(plain));
  return decoded.finish();
}

std::string encode_words(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    size_t size = std::min(kEncodedTextBytesMax, utf8.size());
    // Each word holds whole characters (RFC 2047 §5 rule 3).
    while (size > 1 && size < utf8.size() && (utf8[size] & 0xc0) == 0x80) --size;
    if (!out.empty()) out += ' ';
    out += "=?utf-8?B?" + to_base64(utf8.substr(0, size)) + "?=";
    utf8.remove_prefix(size);
  }
  return out;
}

}  // namespace gemel
