// Annotations in IMAP's words.
//
// Source   RFC 5464; RFC 9590 (LIST-METADATA); RFC 6154 §5.4 (special uses as annotations).
#pragma once

#include <string>
#include <vector>

#include "imap/session.h"
#include "store/annotations.h"

namespace gemel::imap {

/// With `l` and one of these, annotations of a mailbox may be read and one's own set (RFC 5464
/// §3.3).
inline constexpr Rights kMetadataReaders = {Right::kRead, Right::kSeen, Right::kWrite,
                                            Right::kInsert, Right::kPost};

/// `/shared/comment` or `(/shared/comment /private/comment)`, at most kAnnotationsMax. Errors:
/// kSyntax, kLimit.
Result<std::vector<std::string>> read_entries(wire::Tokenizer& tokens);

/// Appends `* METADATA path (entry value ...)` with CRLF: NIL for those of `entries` that are not
/// there (RFC 9590 §3).
void put_metadata(std::string& out, std::string_view path, const std::vector<std::string>& entries,
                  const AnnotationMap& annotations, ImapDialect dialect);

}  // namespace gemel::imap
