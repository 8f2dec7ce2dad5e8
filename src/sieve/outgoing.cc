#include "sieve/outgoing.h"

#include <fmt/format.h>

#include <algorithm>

#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/mime_header.h"
#include "sieve/date_parts.h"
#include "sieve/fields.h"
#include "sieve/mail_address.h"

namespace gemel::sieve {
namespace {

// RFC 5322 §2.1.1: 78 is for people, 998 must not be passed.
constexpr size_t kLineBytes = 76;
constexpr size_t kLineBytesMax = 998;

/// A value on lines of at most kLineBytes where its spaces allow.
std::string folded(std::string_view name, std::string_view value) {
  std::string out = fmt::format("{}:", name);
  size_t column = out.size();
  while (!value.empty()) {
    const size_t space = std::min(value.find(' '), value.size());
    std::string_view word = value.substr(0, space);
    value.remove_prefix(std::min(space + 1, value.size()));
    // A word longer than a line may be is cut; nothing that is read by machines is that long.
    while (word.size() > kLineBytesMax / 2) {
      out += "\r\n " + std::string(word.substr(0, kLineBytesMax / 2));
      word.remove_prefix(kLineBytesMax / 2);
      column = kLineBytesMax / 2;
    }
    const bool breaks = column + 1 + word.size() > kLineBytes && column > name.size() + 1;
    out += breaks ? "\r\n " : " ";
    out += word;
    column = (breaks ? 1 : column + 1) + word.size();
  }
  return out + "\r\n";
}

bool is_printable(char c) { return c >= ' ' && c < 0x7f; }

/// One line of quoted-printable, without its end (RFC 2045 §6.7).
void put_quoted_line(std::string& out, std::string_view line) {
  size_t column = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool is_last = i + 1 == line.size();
    const bool is_blank = c == ' ' || c == '\t';
    const bool opens_delimiter = i == 1 && line.starts_with("--");
    const bool plain = is_blank ? !is_last : is_printable(c) && c != '=' && !opens_delimiter;
    const std::string piece =
        plain ? std::string(1, c) : fmt::format("={:02X}", static_cast<unsigned char>(c));
    if (column + piece.size() > kLineBytes - 1) {
      out += "=\r\n";
      column = 0;
    }
    out += piece;
    column += piece.size();
  }
}

bool needs_quoting(std::string_view line) {
  return line.size() > kLineBytesMax || line.starts_with("--") ||
         !std::ranges::all_of(line, [](char c) { return is_printable(c) || c == '\t'; });
}

/// Calls `take` for each line of `text`, without its CRLF.
template <class Take>
void each_line(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const size_t end = std::min(text.find("\r\n"), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
}

}  // namespace

void HeaderWriter::add(std::string_view name, std::string_view value) {
  out_ += folded(name, unfold(value));
}

void HeaderWriter::add_text(std::string_view name, std::string_view value) {
  const std::string line = to_utf8(unfold(value), "utf-8");
  const bool plain = std::ranges::all_of(line, is_printable);
  out_ += folded(name, plain ? line : encode_words(line));
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (is_pair) ++i;
    if (text[i] == '\r' || text[i] == '\n')
      out += "\r\n";
    else
      out += text[i];
  }
  return out;
}

EncodedText encode_text(std::string_view utf8) {
  std::string text = with_crlf(utf8);
  if (!text.ends_with("\r\n")) text += "\r\n";
  bool plain = true;
  each_line(text, [&](std::string_view line) { plain = plain && !needs_quoting(line); });
  if (plain) return {.encoding = "7bit", .bytes = std::move(text)};
  std::string quoted;
  each_line(text, [&](std::string_view line) {
    put_quoted_line(quoted, line);
    quoted += "\r\n";
  });
  return {.encoding = "quoted-printable", .bytes = std::move(quoted)};
}

std::string text_entity(std::string_view utf8) {
  const EncodedText text = encode_text(to_utf8(utf8, "utf-8"));
  return fmt::format(
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: {}\r\n\r\n{}",
      text.encoding, text.bytes);
}

std::string user_address(const Delivery& delivery) {
  const std::string& address =
      delivery.user_addresses.empty() ? delivery.envelope.to : delivery.user_addresses.front();
  return parse_path(address).addr_spec();
}

std::string date_now(Machine& machine) {
  const Delivery& delivery = machine.delivery();
  const int32_t zone =
      delivery.local_zone_minutes ? delivery.local_zone_minutes(delivery.now_s) : 0;
  return date_field({.unix_s = delivery.now_s, .zone_minutes = zone});
}

std::string new_message_id(Machine& machine) {
  const Delivery& delivery = machine.delivery();
  return fmt::format("<{}.{}@{}>", delivery.unique, machine.next_message(),
                     delivery.hostname.empty() ? "localhost" : delivery.hostname);
}

std::string address_list_field(std::string_view list) {
  const auto addresses = parse_mailbox_list(list);
  if (!addresses) return std::string(list);
  std::string out;
  for (const MailAddress& each : *addresses) {
    if (!out.empty()) out += ", ";
    if (each.name.empty()) {
      out += each.addr_spec();
      continue;
    }
    const bool plain = std::ranges::all_of(each.name, is_printable);
    out += fmt::format("{} <{}>", plain ? each.name : encode_words(each.name), each.addr_spec());
  }
  return out;
}

}  // namespace gemel::sieve
