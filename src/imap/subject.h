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

/// The base subject of a header as its collation_key.
BaseSubject subject_of(std::string_view header);

/// The Date field in UTC, or when the message came.
int64_t sent_s(std::string_view header, const RecordFacts& facts);

}  // namespace gemel::imap
