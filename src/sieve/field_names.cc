#include "sieve/field_names.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "mail/charset.h"

namespace gemel::sieve {
namespace {

constexpr size_t kFieldNameBytesMax = 998;

// RFC 5228 §5.1: at least From, To, Cc, Bcc, Sender, Resent-From, Resent-To; the others are in use
// with an address or a list of them.
constexpr std::array<std::string_view, 29> kAddressFields = {
    "apparently-to",
    "bcc",
    "cc",
    "delivered-to",
    "disposition-notification-to",
    "envelope-from",
    "envelope-to",
    "errors-to",
    "from",
    "mail-followup-to",
    "mail-reply-to",
    "original-from",
    "original-sender",
    "reply-to",
    "resent-bcc",
    "resent-cc",
    "resent-from",
    "resent-reply-to",
    "resent-sender",
    "resent-to",
    "return-path",
    "return-receipt-to",
    "sender",
    "to",
    "x-envelope-from",
    "x-envelope-to",
    "x-original-from",
    "x-original-to",
    "x-sender",
};

}  // namespace

bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= kFieldNameBytesMax &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

bool holds_addresses(std::string_view field_name) {
  return std::ranges::binary_search(kAddressFields, to_lower(field_name));
}

bool may_be_added(std::string_view field_name) {
  return !equals_ignoring_case(field_name, "received");
}

bool may_be_deleted(std::string_view field_name) {
  // RFC 5293 §6: these MUST NOT be deleted.
  return !equals_ignoring_case(field_name, "received") &&
         !equals_ignoring_case(field_name, "auto-submitted");
}

bool is_special_use(std::string_view attribute) {
  return attribute.size() > 1 && attribute.front() == '\\' &&
         std::ranges::all_of(attribute.substr(1), [](char c) {
           return c > ' ' && c < 0x7f &&
                  std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
         });
}

bool is_mailbox_name(std::string_view name) {
  return !name.empty() && is_utf8(name) && std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
  });
}

}  // namespace gemel::sieve
