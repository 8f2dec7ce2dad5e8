// IMAP URLs, as far as CATENATE needs them: a message of this server, or a piece of one.
//
// Threads  any; pure functions but for find_source.
// Source   RFC 5092 §3, §7 (relative URLs), §11 (ABNF); RFC 4469 §3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imap/names.h"
#include "mail/ids.h"
#include "mail/mime_section.h"

namespace gemel::imap {

struct Url {
  struct Partial {
    uint64_t start = 0;
    std::optional<uint64_t> count;  // nothing: to the end
    bool operator==(const Partial&) const = default;
  };

  std::optional<std::string> host;
  std::optional<std::string> user;
  std::optional<std::string> mailbox;  // UTF-8; nothing: the selected one
  std::optional<UidValidity> uidvalidity;
  Uid uid;
  Section section = {};
  std::optional<Partial> partial = {};
  bool operator==(const Url&) const = default;
};

/// `imap://user@host/Sent;UIDVALIDITY=3/;UID=20/;SECTION=1.2/;PARTIAL=0.100`, an absolute path
/// `/Sent/;UID=20`, or `;UID=20` in the selected mailbox. Errors: kSyntax, also for what names no
/// message (RFC 4469 §3) and for URLAUTH.
Result<Url> parse_url(std::string_view text);

/// Whose URLs they are.
struct UrlBase {
  const MailStore& store;
  const UserAccess& user;
  std::string_view hostname;
  std::optional<Named> selected = {};
};

/// The bytes of a message that a URL names; read them from `body` if they are a range.
struct UrlSource {
  Body body;
  SectionBytes bytes;
};
/// Errors: kNotFound, there is nothing there for this user; of the store.
Result<UrlSource> find_source(const UrlBase& base, const Url& url);

}  // namespace gemel::imap
