// What makes messages one conversation by their headers: the subject without its marks of a reply,
// and when a message was sent.
//
// Threads  any; pure functions.
// Source   RFC 5256 §2.1 (base subject), §2.2 (sent date), §3 (reply or forward).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mail/record.h"

namespace gemel::imap {

struct BaseSubject {
  std::string text;       // without "Re:", "[list]", "(fwd)" and their like
  bool is_reply = false;  // or a forward: more was removed than "[list]"
};

/// `utf8` is decoded.
BaseSubject base_subject(std::string_view utf8);

/// Of one field's value, as it is written and decoded, what is compared to order and thread
/// messages: anybody can mail more, and a decoded character may be 11 times as long in its key.
inline constexpr size_t kComparedFieldBytesMax = 8 << 10;
inline constexpr size_t kComparedTextBytesMax = 1 << 10;
/// Of the key that is made of it, what is kept of each message.
inline constexpr size_t kComparedKeyBytesMax = 256;

/// The first kComparedFieldBytesMax of a field's text.
std::string compared_field(std::string_view header, std::string_view field);

/// The collation_key of the first kComparedTextBytesMax of a text, no more than
/// kComparedKeyBytesMax of it. `utf8` is valid.
std::string compared_key(std::string_view utf8);

/// The base subject of a header as its compared_key.
BaseSubject subject_of(std::string_view header);

/// The Date field in UTC, or when the message came.
int64_t sent_s(std::string_view header, const RecordFacts& facts);

}  // namespace gemel::imap
