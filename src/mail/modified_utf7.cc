#include "mail/modified_utf7.h"

#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"
#include "mail/charset.h"

namespace gemel {
namespace {

bool is_direct(UChar32 point) { return point >= 0x20 && point <= 0x7e; }

/// `utf16` is big-endian UTF-16; the shift's base64 has ',' for '/' and no padding.
std::string shifted(std::string_view utf16) {
  std::string base64 = to_base64(utf16);
  while (base64.ends_with('=')) base64.pop_back();
  std::ranges::replace(base64, '/', ',');
  return "&" + base64 + "-";
}

void put_unit(std::string& out, uint32_t unit) {
  out += static_cast<char>(unit >> 8);
  out += static_cast<char>(unit);
}

void put_utf8(std::string& out, UChar32 point) {
  char bytes[U8_MAX_LENGTH];
  int32_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, point);
  out.append(bytes, static_cast<size_t>(size));
}

Result<std::string> utf8_of_utf16(std::string_view bytes) {
  if (bytes.size() % 2 != 0) return fail(Code::kSyntax, "half a UTF-16 unit in a mailbox name");
  const auto unit = [&](size_t at) {
    return static_cast<uint32_t>(static_cast<unsigned char>(bytes[at])) << 8 |
           static_cast<unsigned char>(bytes[at + 1]);
  };
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const uint32_t first = unit(i);
    if (!U16_IS_SURROGATE(first)) {
      put_utf8(out, static_cast<UChar32>(first));
      continue;
    }
    const uint32_t second = i + 3 < bytes.size() ? unit(i + 2) : 0;
    if (!U16_IS_SURROGATE_LEAD(first) || !U16_IS_TRAIL(second))
      return fail(Code::kSyntax, "a lone surrogate in a mailbox name");
    put_utf8(out, static_cast<UChar32>(U16_GET_SUPPLEMENTARY(first, second)));
    i += 2;
  }
  return out;
}

Result<std::string> unshifted(std::string_view base64) {
  if (base64.empty()) return std::string("&");
  if (base64.find('/') != std::string_view::npos)
    return fail(Code::kSyntax, "bad base64 in a mailbox name");
  std::string padded(base64);
  std::ranges::replace(padded, ',', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  auto utf16 = from_base64(padded);
  if (!utf16) return fail(Code::kSyntax, "bad base64 in a mailbox name");
  return utf8_of_utf16(*utf16);
}

}  // namespace

Result<std::string> to_modified_utf7(std::string_view utf8) {
  if (!is_utf8(utf8)) return fail(Code::kSyntax, "a mailbox name that is not UTF-8");
  std::string out;
  std::string pending;
  const auto size = static_cast<int64_t>(utf8.size());
  for (int64_t i = 0; i < size;) {
    UChar32 point = 0;
    U8_NEXT(utf8.data(), i, size, point);
    if (!is_direct(point)) {
      if (point > 0xffff) put_unit(pending, U16_LEAD(point));
      put_unit(pending, point > 0xffff ? U16_TRAIL(point) : static_cast<uint32_t>(point));
      continue;
    }
    if (!pending.empty()) out += shifted(pending);
    pending.clear();
    out += static_cast<char>(point);
    if (point == '&') out += '-';
  }
  if (!pending.empty()) out += shifted(pending);
  return out;
}

Result<std::string> from_modified_utf7(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (!is_direct(static_cast<unsigned char>(name[i])))
      return fail(Code::kSyntax, "a byte that is not allowed in a mailbox name");
    if (name[i] != '&') {
      out += name[i];
      continue;
    }
    const size_t end = name.find('-', i);
    if (end == std::string_view::npos)
      return fail(Code::kSyntax, "an open shift in a mailbox name");
    TRY(const std::string text, unshifted(name.substr(i + 1, end - i - 1)));
    out += text;
    i = end;
  }
  TRY(const std::string canonical, to_modified_utf7(out));
  if (canonical != name) return fail(Code::kSyntax, "a mailbox name not in its canonical encoding");
  return out;
}

}  // namespace gemel
