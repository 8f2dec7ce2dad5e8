// Annotations of mailboxes and of the server: their names and limits, and where they are kept.
//
// An entry's name is "/shared/..." or "/private/...", and here always in lower case. A mailbox's
// shared ones are attributes of it; private ones, and those of the server, are items of a user.
//
// Threads  any; pure functions.
// Source   RFC 5464 §3.2 (names), §3.1 (scopes); doc/access.md, "Annotations".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mail/ids.h"

namespace gemel {

inline constexpr size_t kAnnotationNameBytesMax = 256;
inline constexpr size_t kAnnotationValueBytesMax = 16 << 10;
/// Of one mailbox and one scope, and of the server likewise. A mailbox's shared ones are written
/// anew with each of its transactions, so all of them together stay small.
inline constexpr size_t kAnnotationsMax = 100;
inline constexpr size_t kAnnotationsBytesMax = 64 << 10;

inline constexpr std::string_view kSharedEntry = "/shared/";
inline constexpr std::string_view kPrivateEntry = "/private/";
/// What is for the server itself to obey: only administrators of a mailbox set it.
inline constexpr std::string_view kServerEntry = "/shared/vendor/gemel/";

/// The name in lower case. Errors: kSyntax, it is none.
Result<std::string> parse_annotation_name(std::string_view text);
inline bool is_shared_annotation(std::string_view entry) { return entry.starts_with(kSharedEntry); }

/// The mailbox's attribute, or the user's item, that holds an entry: "annotation" + entry.
std::string annotation_attribute(std::string_view entry);
/// The item of a user that holds a private entry of a mailbox: "annotation/ID" + entry.
std::string annotation_item(const UniqueId& mailbox, std::string_view entry);
/// The item that holds an entry of the server: "annotation/server" + entry.
std::string server_annotation_item(std::string_view entry);

}  // namespace gemel
