#include "sieve/mailto.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/transfer_encoding.h"
#include "sieve/field_names.h"
#include "sieve/mail_address.h"

namespace gemel::sieve {
namespace {

constexpr std::string_view kScheme = "mailto:";

// RFC 5436 §2.7: the message has its own of these, or they would deceive; RFC 6068 §4 warns of all
// that is not known to be safe.
constexpr std::array<std::string_view, 11> kIgnored = {
    "auto-submitted", "bcc",        "date",        "from",   "in-reply-to", "message-id",
    "received",       "references", "return-path", "sender", "to"};

bool is_ignored(std::string_view name) {
  return std::ranges::find(kIgnored, name) != kIgnored.end() || name.starts_with("content-") ||
         name.starts_with("mime-") || name.starts_with("resent-");
}

/// Only what RFC 3986 §2 lets stand in a URI, each "%" with two digits behind it.
bool is_uri(std::string_view text) {
  constexpr std::string_view kMarks = "-._~:/?#[]@!$&'()*+,;=%";
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && kMarks.find(c) == std::string_view::npos) return false;
    if (c == '%' && (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])))
      return false;
  }
  return true;
}

/// Addresses parted by commas, each percent-encoded; nothing if one is none.
std::optional<std::vector<std::string>> addresses_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const auto address = parse_sieve_address(decode_percent(text.substr(0, comma)));
    if (!address) return std::nullopt;
    out.push_back(address->addr_spec());
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

/// One "name=value" behind the "?".
enum class Taken : uint8_t { kYes, kBad };
Taken take_header(Mailto& out, std::string_view header) {
  const size_t equals = header.find('=');
  if (equals == std::string_view::npos) return Taken::kBad;
  const std::string written = decode_percent(header.substr(0, equals));
  const std::string name = to_lower(written);
  const std::string_view raw = header.substr(equals + 1);
  if (!is_field_name(name)) return Taken::kBad;
  if (name == "to" || name == "cc") {
    const auto addresses = addresses_of(raw);
    if (!addresses) return Taken::kBad;
    std::vector<std::string>& list = name == "to" ? out.to : out.cc;
    list.insert(list.end(), addresses->begin(), addresses->end());
    return Taken::kYes;
  }
  std::string value = decode_percent(raw);
  const bool has_control = std::ranges::any_of(
      value, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; });
  if (!is_utf8(value) || value.find('\0') != std::string::npos) return Taken::kBad;
  if (name == "body")
    out.body = std::move(value);
  else if (has_control)
    return Taken::kBad;
  else if (name == "subject")
    out.subject = std::move(value);
  else if (!is_ignored(name))
    out.headers.emplace_back(written, std::move(value));
  return Taken::kYes;
}

}  // namespace

std::optional<Mailto> parse_mailto(std::string_view uri) {
  const bool fits = uri.size() <= kMailtoBytesMax && is_uri(uri) &&
                    equals_ignoring_case(uri.substr(0, kScheme.size()), kScheme) &&
                    uri.find('#') == std::string_view::npos;
  if (!fits) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  const size_t question = std::min(uri.find('?'), uri.size());
  auto addresses = addresses_of(uri.substr(0, question));
  if (!addresses) return std::nullopt;
  Mailto out;
  out.to = std::move(*addresses);
  uri.remove_prefix(std::min(question + 1, uri.size()));
  while (!uri.empty()) {
    const size_t end = std::min(uri.find('&'), uri.size());
    if (take_header(out, uri.substr(0, end)) == Taken::kBad) return std::nullopt;
    uri.remove_prefix(std::min(end + 1, uri.size()));
  }
  if (out.to.size() + out.cc.size() > kMailtoRecipientsMax) return std::nullopt;
  return out;
}

}  // namespace gemel::sieve
