// Any bytes as valid UTF-8.
//
// Threads  any; each thread keeps its own few ICU converters (kConvertersMax), for opening one
// costs
//          more than a header line.
// Source   RFC 2045 §5.1 (charset), WHATWG Encoding §4.2 for labels that in mail mean their Windows
//          superset. Nothing fails: unknown charsets are read as windows-1252, bad bytes give
//          U+FFFD.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace gemel {

/// Converters open in one thread; a further charset closes them all and starts again.
inline constexpr size_t kConvertersMax = 16;
/// Longer names are no charset.
inline constexpr size_t kCharsetNameBytesMax = 64;

bool is_ascii(std::string_view bytes);
bool is_utf8(std::string_view bytes);
/// The longest beginning of valid UTF-8 of at most `bytes_max` that cuts no character. Cost: O(1).
std::string_view whole_characters(std::string_view utf8, size_t bytes_max);
/// Whether to_utf8 reads that charset as what it is.
bool knows_charset(std::string_view charset);

/// `bytes` in `charset` as valid UTF-8. With no charset, or us-ascii: bytes that are valid UTF-8
/// stay, others are read as windows-1252. Cost: O(bytes).
std::string to_utf8(std::string_view bytes, std::string_view charset);

/// Whether to_utf8 looks at all the bytes before it knows how to read them: none, or us-ascii.
bool is_unlabelled(std::string_view charset);

/// is_utf8 of bytes that come in pieces, wherever they are cut.
class Utf8Check {
 public:
  void feed(std::string_view bytes);
  /// After the last piece.
  bool finish();

 private:
  std::string held_;  // the start of a character
  bool is_valid_ = true;
};

/// to_utf8 of bytes that come in pieces, wherever they are cut. Memory: that of an ICU converter.
class Utf8Decoder {
 public:
  /// `charset` is no unlabelled one: Utf8Check tells which of "utf-8" and "windows-1252" those are.
  explicit Utf8Decoder(std::string_view charset);
  ~Utf8Decoder();
  Utf8Decoder(const Utf8Decoder&) = delete;
  Utf8Decoder& operator=(const Utf8Decoder&) = delete;
  /// Appends what `bytes` add.
  void feed(std::string_view bytes, std::string& out);
  /// Appends what was waiting for the end.
  void finish(std::string& out);

 private:
  struct Conversion;

  std::string held_;                        // what may not be read without what follows
  std::unique_ptr<Conversion> conversion_;  // none for UTF-8
};

}  // namespace gemel
