// A message for those who take lines, not any bytes: base64 in place of what is binary and not made
// of lines.
//
// A part says `binary` of itself and has NUL, or a CR or LF that is not part of a CRLF: then IMAP
// has no literal for it, and POP3, NNTP and SMTP have no line. Only such a part is encoded. Decoded
// again it is what it was, bit for bit (RFC 3030 §3). Text is never touched, whatever it has, nor
// is a part that says `binary` and is made of lines.
//
// Threads  any; functions of the bytes.
// Source   RFC 3516 §4.4, §6 (modified only where it must be, without a loss),
//          RFC 3030 §3 (the same for mail that leaves),
//          RFC 2045 §2.8, §6.2, §6.8.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "mail/line_scan.h"
#include "mail/mime_structure.h"

namespace gemel {

/// What carries the message.
enum class Carrier : uint8_t {
  kReader,  // IMAP, POP3, NNTP: lines of any length
  kSmtp,    // lines of at most kSmtpLineBytesMax
};
/// RFC 2045 §2.8, RFC 5321 §4.5.3.1.6; without the CRLF.
inline constexpr uint64_t kSmtpLineBytesMax = 998;

/// Whether a message with these lines can have a part that `carrier` can't take; most can't.
bool may_be_unfit(const LineScan& lines, Carrier carrier);

/// Whether a part that holds no others says `binary` of itself and is unfit. Where its header ends
/// lines by LF alone, so does the part, and LF is no reason. Cost: O(bytes of such parts).
bool has_unfit_binary(MessageBytes& message, const MimePart& structure, Carrier carrier);

/// Gives `put` the message a piece at a time, with each such part in base64, its
/// Content-Transfer-Encoding too; all else is as it was.
/// Memory: a few pieces, and a header. Errors: of `put`. What can't be read is missing, which the
/// owner of `message` knows of.
Result<void> put_binary_as_base64(MessageBytes& message, const MimePart& structure, Carrier carrier,
                                  const std::function<Result<void>(std::string_view)>& put);

}  // namespace gemel
