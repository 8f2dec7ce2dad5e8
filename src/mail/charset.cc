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

std::string convert(std::string_view bytes, UConverter* from) {
  thread_local const Converter utf8 = open_converter("utf-8");
  std::array<UChar, 1024> pivot;
  UChar* pivot_source = pivot.data();
  UChar* pivot_target = pivot.data();
  std::array<char, 4096> chunk;
  const char* source = bytes.data();
  std::string out;
  out.reserve(bytes.size());
  UBool reset = 1;
  for (;;) {
    char* target = chunk.data();
    UErrorCode error = U_ZERO_ERROR;
    ucnv_convertEx(utf8.get(), from, &target, chunk.data() + chunk.size(), &source,
                   bytes.data() + bytes.size(), pivot.data(), &pivot_source, &pivot_target,
                   pivot.data() + pivot.size(), reset, /*flush=*/1, &error);
    reset = 0;
    out.append(chunk.data(), target);
    if (error != U_BUFFER_OVERFLOW_ERROR) return out;
  }
}

/// Without escapes that another follows at once. Words and lines of ISO-2022-JP end in ASCII and
/// the next begins with an escape (RFC 1468); ICU takes the empty ASCII between them for an attack.
std::string without_empty_segments(std::string_view bytes) {
  constexpr char kEscape = '\x1b';
  std::string out;
  out.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    const bool long_escape = bytes.substr(i + 1, 2) == "$(";
    const size_t size = bytes[i] != kEscape ? 1 : long_escape ? 4 : 3;
    const std::string_view piece = bytes.substr(i, size);
    i += piece.size();
    const bool empty = piece.front() == kEscape && i < bytes.size() && bytes[i] == kEscape;
    if (!empty) out += piece;
  }
  return out;
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
  if (name.starts_with("iso-2022-jp"))
    return convert(without_empty_segments(bytes), converter_for(name));
  return convert(bytes, converter_for(name));
}

}  // namespace gemel
