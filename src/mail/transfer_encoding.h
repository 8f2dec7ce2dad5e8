// Content-Transfer-Encoding, undone; and named.
//
// Threads  any; pure functions.
// Source   RFC 2045 §6.7 (quoted-printable), §6.8 (base64); uuencode as POSIX describes it.
// Tolerant:
//          what is wrong is skipped or stays as it is, nothing fails, cost is O(bytes).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gemel {

/// Bytes outside the alphabet are skipped; padding ends a group and decoding goes on behind it, for
/// some mail is several base64 texts one after the other.
std::string decode_base64(std::string_view text);

/// A '=' that starts no escape stays; white space before a line's end goes (§6.7 rule 3), the last
/// 4096 bytes of it: a line should have 76.
std::string decode_quoted_printable(std::string_view text);

/// RFC 2047 §4.2: quoted-printable in a header, where '_' is a space.
std::string decode_q(std::string_view text);

/// RFC 2231 §4: %XX.
std::string decode_percent(std::string_view text);

/// From the line "begin MODE NAME" to "end"; nothing if there is no such line.
std::string decode_uuencode(std::string_view text);

/// By the name of the encoding, in any case; 7bit, 8bit, binary and unknown ones give the bytes as
/// they are.
std::string decode_transfer(std::string_view bytes, std::string_view encoding);
/// The same a piece at a time, wherever the bytes are cut. Memory: of quoted-printable and uuencode
/// the line that is not over, or about 8 KiB of a longer one.
class TransferDecoder {
 public:
  explicit TransferDecoder(std::string_view encoding);
  /// Appends what `bytes` add.
  void feed(std::string_view bytes, std::string& out);
  /// Appends what was waiting for the end.
  void finish(std::string& out);

 private:
  enum class Kind : uint8_t { kAsIs, kBase64, kQuotedPrintable, kUuencode };
  enum class Uuencode : uint8_t { kBefore, kWithin, kBehind };

  void feed_lines(std::string_view bytes, std::string& out);
  void take_uu_line(std::string& out);
  void shorten_line(size_t added, std::string& out);

  Kind kind_;
  uint32_t group_ = 0;  // of base64
  int bits_ = 0;
  std::string line_;
  Uuencode uuencode_ = Uuencode::kBefore;
};

/// "7bit" or "8bit": the name of the encoding that leaves the text as it is.
std::string_view identity_encoding(std::string_view text);

/// Whether decode_transfer knows what those bytes are, in any case.
bool is_known_encoding(std::string_view encoding);

}  // namespace gemel
