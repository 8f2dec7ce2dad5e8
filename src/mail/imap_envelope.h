// ENVELOPE, BODY and BODYSTRUCTURE as IMAP text.
//
// Threads  any; pure functions.
// Source   RFC 3501 §7.4.2 and §9 (envelope, body, body-extension); RFC 9051 §7.5.2 where it says
// more.
//          What comes out is one value of the grammar, whatever the message is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/address.h"
#include "mail/imap_text.h"
#include "mail/mime_structure.h"

namespace gemel {

/// Addresses of From, and of Sender and Reply-To; more are not told.
inline constexpr size_t kAuthorsMax = 1000;

/// What ENVELOPE says, as raw one-line text: encoded words stay encoded.
struct Envelope {
  std::optional<std::string> date;
  std::optional<std::string> subject;
  std::vector<Address> from;
  std::vector<Address> sender;    // as `from` if the mail has none
  std::vector<Address> reply_to;  // as `from` if the mail has none
  std::vector<Address> to;
  std::vector<Address> cc;
  std::vector<Address> bcc;
  std::optional<std::string> in_reply_to;
  std::optional<std::string> message_id;
};

/// Of a field that is there more than once, the first counts; the lists of To, Cc and Bcc are
/// joined (RFC 5322 §4.5.3) until they hold kAddressesMax together; of the others the first
/// kAuthorsMax count. Looks at kHeaderBytesMax of the header.
Envelope parse_envelope(std::string_view header);

/// The value of the ENVELOPE item, parentheses included.
std::string imap_envelope(std::string_view header, ImapDialect dialect);

/// The values of BODY and BODYSTRUCTURE; `structure` must be that of `message`. Of the headers of
/// messages inside, kHeaderBytesMax together are looked at for their envelopes.
std::string imap_body(MessageBytes& message, const MimePart& structure, ImapDialect dialect);
std::string imap_bodystructure(MessageBytes& message, const MimePart& structure,
                               ImapDialect dialect);

}  // namespace gemel
