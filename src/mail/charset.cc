#include "mail/charset.h"

#include <unicode/ucnv.h>
#include <unicode/ucnv_cb.h>
#include <unicode/ucnv_err.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "base/bytes.h"
#include "base/check.h"

namespace gemel {
namespace {

struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

constexpr char kEscape = '\x1b';

struct Alias {
  std::string_view name;
  std::string_view meant;
};

// What the name says is too narrow for the mail that carries it (WHATWG Encoding §4.2).
constexpr std::array kAliases = {
    Alias{"ansi_x3.4-1968", ""},
    Alias{"ascii", ""},
    Alias{"euc-kr", "windows-949"},
    Alias{"gb2312", "gb18030"},
    Alias{"gb_2312-80", "gb18030"},
    Alias{"gbk", "gb18030"},
    Alias{"iso-8859-1", "windows-1252"},
    Alias{"iso-8859-9", "windows-1254"},
    Alias{"ks_c_5601-1987", "windows-949"},
    Alias{"ks_c_5601", "windows-949"},
    Alias{"latin1", "windows-1252"},
    Alias{"shift_jis", "windows-932"},
    Alias{"tis-620", "windows-874"},
    Alias{"us-ascii", ""},
    Alias{"utf-8", "utf-8"},
    Alias{"utf8", "utf-8"},
};

/// ICU looks for unknown names in files, so only harmless bytes may reach it.
bool is_harmless(std::string_view name) {
  return name.size() <= kCharsetNameBytesMax && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == ':';
         });
}

/// Lower case, aliases resolved; "" for us-ascii, none and what is no name.
std::string canonical(std::string_view charset) {
  if (charset.size() > kCharsetNameBytesMax) return "windows-1252";
  std::string name = to_lower(charset);
  for (const Alias& alias : kAliases)
    if (alias.name == name) return std::string(alias.meant);
  return is_harmless(name) ? name : "windows-1252";
}

/// ICU's own callback gives U+001A for some charsets; here every bad sequence is one U+FFFD.
void substitute(const void*, UConverterToUnicodeArgs* args, const char*, int32_t,
                UConverterCallbackReason reason, UErrorCode* error) {
  if (reason > UCNV_IRREGULAR) return;
  constexpr std::array<UChar, 1> kReplacement = {0xfffd};
  *error = U_ZERO_ERROR;
  ucnv_cbToUWriteUChars(args, kReplacement.data(), 1, 0, error);
}

Converter open_converter(const std::string& name) {
  UErrorCode error = U_ZERO_ERROR;
  Converter converter(ucnv_open(name.c_str(), &error));
  if (U_FAILURE(error)) {
    error = U_ZERO_ERROR;
    converter.reset(ucnv_open("windows-1252", &error));
  }
  CHECK(U_SUCCESS(error) && converter);
  ucnv_setToUCallBack(converter.get(), substitute, nullptr, nullptr, nullptr, &error);
  CHECK(U_SUCCESS(error));
  return converter;
}

UConverter* converter_for(const std::string& name) {
  thread_local std::map<std::string, Converter> open;
  if (const auto found = open.find(name); found != open.end()) return found->second.get();
  if (open.size() >= kConvertersMax) open.clear();
  return open.emplace(name, open_converter(name)).first->second.get();
}

enum class Piece : uint8_t { kMoreComes, kLast };

/// One conversion to UTF-8, a piece at a time.
class Converting {
 public:
  Converting(UConverter* from, UConverter* to) : from_(from), to_(to) {}
  Converting(const Converting&) = delete;
  Converting& operator=(const Converting&) = delete;

  void feed(std::string_view bytes, Piece piece, std::string& out) {
    const char* source = bytes.data();
    std::array<char, 4096> chunk;
    for (;;) {
      char* target = chunk.data();
      UErrorCode error = U_ZERO_ERROR;
      ucnv_convertEx(to_, from_, &target, chunk.data() + chunk.size(), &source,
                     bytes.data() + bytes.size(), pivot_.data(), &pivot_source_, &pivot_target_,
                     pivot_.data() + pivot_.size(), reset_, piece == Piece::kLast ? 1 : 0, &error);
      reset_ = 0;
      out.append(chunk.data(), target);
      if (error != U_BUFFER_OVERFLOW_ERROR) return;
    }
  }

 private:
  UConverter* from_;
  UConverter* to_;
  std::array<UChar, 1024> pivot_;
  UChar* pivot_source_ = pivot_.data();
  UChar* pivot_target_ = pivot_.data();
  UBool reset_ = 1;
};

std::string convert(std::string_view bytes, UConverter* from) {
  thread_local const Converter utf8 = open_converter("utf-8");
  std::string out;
  out.reserve(bytes.size());
  Converting(from, utf8.get()).feed(bytes, Piece::kLast, out);
  return out;
}

/// Appends `bytes` without escapes that another follows at once; gives how many of them were read,
/// all of the last piece. Words and lines of ISO-2022-JP end in ASCII and the next begins with an
/// escape (RFC 1468); ICU takes the empty ASCII between them for an attack.
size_t drop_empty_segments(std::string_view bytes, Piece piece, std::string& out) {
  constexpr size_t kEscapeBytesMax = 4;
  size_t i = 0;
  while (i < bytes.size()) {
    const bool is_escape = bytes[i] == kEscape;
    if (is_escape && piece == Piece::kMoreComes && bytes.size() - i <= kEscapeBytesMax) break;
    const bool is_long = bytes.substr(i + 1, 2) == "$(";
    const std::string_view segment = bytes.substr(i, !is_escape ? 1
                                                     : is_long  ? kEscapeBytesMax
                                                                : 3);
    i += segment.size();
    const bool is_empty = is_escape && i < bytes.size() && bytes[i] == kEscape;
    if (!is_empty) out += segment;
  }
  return i;
}

/// Valid parts as they are, each bad sequence as one U+FFFD.
std::string mend_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  const auto size = static_cast<int64_t>(bytes.size());
  for (int64_t i = 0; i < size;) {
    const int64_t start = i;
    UChar32 point = 0;
    U8_NEXT(bytes.data(), i, size, point);
    if (point < 0)
      out += "\xef\xbf\xbd";
    else
      out += bytes.substr(static_cast<size_t>(start), static_cast<size_t>(i - start));
  }
  return out;
}

bool has_escapes(std::string_view name) { return name.starts_with("iso-2022-jp"); }

/// How many bytes at the end may be the start of a character: from its first byte on, which never
/// belongs to what is before it.
size_t open_character_size(std::string_view bytes) {
  for (size_t size = 1; size <= std::min<size_t>(bytes.size(), U8_MAX_LENGTH - 1); ++size)
    if (static_cast<uint8_t>(bytes[bytes.size() - size]) >= 0xc0) return size;
  return 0;
}

}  // namespace

bool is_ascii(std::string_view bytes) {
  unsigned char all = 0;
  for (const char c : bytes) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

bool is_utf8(std::string_view bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  for (int64_t i = 0; i < size;) {
    UChar32 point = 0;
    U8_NEXT(bytes.data(), i, size, point);
    if (point < 0) return false;
  }
  return true;
}

std::string_view whole_characters(std::string_view utf8, size_t bytes_max) {
  if (utf8.size() <= bytes_max) return utf8;
  size_t size = bytes_max;
  while (size > 0 && (utf8[size] & 0xc0) == 0x80) --size;
  return utf8.substr(0, size);
}

bool knows_charset(std::string_view charset) {
  const std::string name = to_lower(charset.substr(0, kCharsetNameBytesMax + 1));
  if (std::ranges::find(kAliases, std::string_view(name), &Alias::name) != kAliases.end())
    return true;
  if (name.empty() || !is_harmless(name)) return false;
  UErrorCode error = U_ZERO_ERROR;
  const Converter converter(ucnv_open(name.c_str(), &error));
  return U_SUCCESS(error);
}

std::string to_utf8(std::string_view bytes, std::string_view charset) {
  if (bytes.empty()) return {};
  const std::string name = canonical(charset);
  if (name.empty() || name == "utf-8") {
    if (is_utf8(bytes)) return std::string(bytes);
    if (name == "utf-8") return mend_utf8(bytes);
    return convert(bytes, converter_for("windows-1252"));
  }
  if (has_escapes(name)) {
    std::string text;
    drop_empty_segments(bytes, Piece::kLast, text);
    return convert(text, converter_for(name));
  }
  return convert(bytes, converter_for(name));
}

bool is_unlabelled(std::string_view charset) { return canonical(charset).empty(); }

void Utf8Check::feed(std::string_view bytes) {
  if (!is_valid_) return;
  held_ += bytes;
  const size_t whole = held_.size() - open_character_size(held_);
  is_valid_ = is_utf8(std::string_view(held_).substr(0, whole));
  held_.erase(0, whole);
}

bool Utf8Check::finish() { return is_valid_ && is_utf8(held_); }

struct Utf8Decoder::Conversion {
  explicit Conversion(const std::string& charset) : name(charset), from(open_converter(charset)) {}

  /// Gives how many of the bytes were read.
  size_t feed(std::string_view bytes, Piece piece, std::string& out) {
    size_t read = bytes.size();
    std::string text;
    if (has_escapes(name)) {
      read = drop_empty_segments(bytes, piece, text);
      bytes = text;
    }
    converting.feed(bytes, piece, out);
    return read;
  }

  std::string name;
  Converter from;
  Converter to = open_converter("utf-8");
  Converting converting{from.get(), to.get()};
};

Utf8Decoder::Utf8Decoder(std::string_view charset) {
  const std::string name = canonical(charset);
  CHECK(!name.empty());
  if (name != "utf-8") conversion_ = std::make_unique<Conversion>(name);
}

Utf8Decoder::~Utf8Decoder() = default;

void Utf8Decoder::feed(std::string_view bytes, std::string& out) {
  held_ += bytes;
  size_t read = held_.size();
  if (!conversion_) {
    read -= open_character_size(held_);
    out += mend_utf8(std::string_view(held_).substr(0, read));
  } else {
    read = conversion_->feed(held_, Piece::kMoreComes, out);
  }
  held_.erase(0, read);
}

void Utf8Decoder::finish(std::string& out) {
  if (conversion_)
    conversion_->feed(held_, Piece::kLast, out);
  else
    out += mend_utf8(held_);
  held_.clear();
}

}  // namespace gemel
