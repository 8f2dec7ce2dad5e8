#include "mail/transfer_encoding.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "mail/charset.h"

namespace gemel {
namespace {

constexpr std::array<int8_t, 256> base64_table() {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  return table;
}
constexpr std::array<int8_t, 256> kBase64 = base64_table();

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// The byte that two hex digits at `at` say, or -1.
int hex_byte(std::string_view text, size_t at) {
  if (at + 1 >= text.size()) return -1;
  const int high = hex_digit(text[at]);
  const int low = hex_digit(text[at + 1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// No line should be so long, nor end in so many blanks; whoever sends one must not have all of it
// kept.
constexpr size_t kLineBytesMax = 4096;
constexpr std::string_view kBlanks = " \t\r";

enum class LineBreak { kHard, kSoft };

/// Appends one line of quoted-printable, given without its LF, and says how it ended: a soft break
/// joins it to the next.
LineBreak decode_quoted_line(std::string_view line, std::string& out) {
  const std::string_view tail = line.substr(line.size() - std::min(line.size(), kLineBytesMax));
  line.remove_suffix(tail.size() - (tail.find_last_not_of(kBlanks) + 1));
  const LineBreak end = line.ends_with('=') ? LineBreak::kSoft : LineBreak::kHard;
  if (end == LineBreak::kSoft) line.remove_suffix(1);
  for (size_t i = 0; i < line.size(); ++i) {
    const int byte = line[i] == '=' ? hex_byte(line, i + 1) : -1;
    out += byte < 0 ? line[i] : static_cast<char>(byte);
    if (byte >= 0) i += 2;
  }
  return end;
}

/// The line at the start of `text`, without its LF, and `text` moved behind it.
std::string_view take_line(std::string_view& text) {
  const size_t newline = text.find('\n');
  const std::string_view line = text.substr(0, newline);
  text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  return line;
}

void decode_uu_line(std::string_view line, std::string& out) {
  const auto value = [&](size_t at) {
    return at < line.size() ? static_cast<unsigned>(line[at] - ' ') & 63U : 0U;
  };
  size_t left = value(0);
  for (size_t i = 1; left > 0 && i < line.size(); i += 4) {
    const unsigned group = value(i) << 18 | value(i + 1) << 12 | value(i + 2) << 6 | value(i + 3);
    for (int shift = 16; shift >= 0 && left > 0; shift -= 8, --left)
      out += static_cast<char>(group >> shift);
  }
}

std::string decode_escapes(std::string_view text, char mark) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == mark ? hex_byte(text, i + 1) : -1;
    out += byte < 0 ? text[i] : static_cast<char>(byte);
    if (byte >= 0) i += 2;
  }
  return out;
}

}  // namespace

std::string decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  TransferDecoder("base64").feed(text, out);
  return out;
}

std::string decode_quoted_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    const std::string_view line = take_line(text);
    const LineBreak line_break = decode_quoted_line(line, out);
    if (line_break == LineBreak::kHard && newline != std::string_view::npos)
      out += line.ends_with('\r') ? "\r\n" : "\n";
  }
  return out;
}

std::string decode_q(std::string_view text) {
  std::string spaced(text);
  for (char& c : spaced)
    if (c == '_') c = ' ';
  return decode_escapes(spaced, '=');
}

std::string decode_percent(std::string_view text) { return decode_escapes(text, '%'); }

std::string decode_uuencode(std::string_view text) {
  while (!text.empty() && !take_line(text).starts_with("begin ")) {
  }
  std::string out;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with("end")) break;
    decode_uu_line(line, out);
  }
  return out;
}

namespace {

struct Encoding {
  std::string_view name;
  std::string (*decode)(std::string_view bytes);
};
std::string as_it_is(std::string_view bytes) { return std::string(bytes); }

// RFC 2045 §6.1, and what else is met.
constexpr std::array kEncodings = {Encoding{"7bit", as_it_is},
                                   Encoding{"8bit", as_it_is},
                                   Encoding{"base64", decode_base64},
                                   Encoding{"binary", as_it_is},
                                   Encoding{"quoted-printable", decode_quoted_printable},
                                   Encoding{"uuencode", decode_uuencode},
                                   Encoding{"x-uue", decode_uuencode},
                                   Encoding{"x-uuencode", decode_uuencode}};

const Encoding* find_encoding(std::string_view name) {
  const auto found = std::ranges::find_if(
      kEncodings, [&](const Encoding& one) { return equals_ignoring_case(one.name, name); });
  return found == kEncodings.end() ? nullptr : &*found;
}

}  // namespace

std::string decode_transfer(std::string_view bytes, std::string_view encoding) {
  const Encoding* const known = find_encoding(encoding);
  return known == nullptr ? as_it_is(bytes) : known->decode(bytes);
}

std::string_view identity_encoding(std::string_view text) {
  return is_ascii(text) ? "7bit" : "8bit";
}

bool is_known_encoding(std::string_view encoding) { return find_encoding(encoding) != nullptr; }

TransferDecoder::TransferDecoder(std::string_view encoding) : kind_(Kind::kAsIs) {
  const Encoding* const known = find_encoding(encoding);
  if (known == nullptr) return;
  if (known->decode == decode_base64) kind_ = Kind::kBase64;
  if (known->decode == decode_quoted_printable) kind_ = Kind::kQuotedPrintable;
  if (known->decode == decode_uuencode) kind_ = Kind::kUuencode;
}

void TransferDecoder::feed(std::string_view bytes, std::string& out) {
  if (kind_ == Kind::kAsIs) {
    out += bytes;
    return;
  }
  if (kind_ != Kind::kBase64) return feed_lines(bytes, out);
  for (const char c : bytes) {
    const int8_t digit = kBase64[static_cast<unsigned char>(c)];
    if (c == '=') bits_ = 0;  // what is left of the group is padding
    if (digit < 0) continue;
    group_ = group_ << 6 | static_cast<uint32_t>(digit);
    bits_ += 6;
    if (bits_ < 8) continue;
    bits_ -= 8;
    out += static_cast<char>(group_ >> bits_);
  }
}

void TransferDecoder::feed_lines(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const std::string_view added = bytes.substr(0, newline);
    line_ += added;
    if (newline == std::string_view::npos) return shorten_line(added.size(), out);
    bytes.remove_prefix(newline + 1);
    if (kind_ == Kind::kUuencode) {
      take_uu_line(out);
    } else if (decode_quoted_line(line_, out) == LineBreak::kHard) {
      out += line_.ends_with('\r') ? "\r\n" : "\n";
    }
    line_.clear();
  }
}

void TransferDecoder::take_uu_line(std::string& out) {
  if (uuencode_ == Uuencode::kBefore) {
    if (line_.starts_with("begin ")) uuencode_ = Uuencode::kWithin;
  } else if (line_.starts_with("end")) {
    uuencode_ = Uuencode::kBehind;
  } else if (uuencode_ == Uuencode::kWithin) {
    decode_uu_line(line_, out);
  }
}

void TransferDecoder::shorten_line(size_t added, std::string& out) {
  if (line_.size() <= kLineBytesMax) return;
  if (kind_ == Kind::kUuencode) {
    line_.resize(kLineBytesMax);  // it says at most 63 bytes, at its start
    return;
  }
  // Blanks count only when more comes behind them, or so many, and an escape may be cut. Looking at
  // what is new alone keeps this linear.
  const size_t last =
      std::string_view(line_).substr(line_.size() - added).find_last_not_of(kBlanks);
  size_t end = line_.size() - added + last;
  if (last == std::string_view::npos) {
    end = line_.size() - kLineBytesMax;
    if (end < kLineBytesMax || std::string_view(line_).substr(end - 2, 2).contains('=')) return;
  } else if (line_[end] != '=') {
    end = end > 0 && line_[end - 1] == '=' ? end - 1 : end + 1;
  }
  out += decode_escapes(std::string_view(line_).substr(0, end), '=');
  line_.erase(0, end);
}

void TransferDecoder::finish(std::string& out) {
  if (kind_ == Kind::kUuencode && !line_.empty()) take_uu_line(out);
  if (kind_ == Kind::kQuotedPrintable) decode_quoted_line(line_, out);
  line_.clear();
}

}  // namespace gemel
