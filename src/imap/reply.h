// The only place where an error becomes IMAP's words.
//
// Threads  any; pure functions.
// Source   RFC 3501 §7.1, RFC 5530 (response codes).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::imap {

/// RFC 7162 §3.2.7: after an expunge a client is told how far it is in step.
enum class TellModSeq : uint8_t { kNo, kYes };

/// How a command ended well: `code` is the response code with its brackets, or empty.
struct Completion {
  std::string code = {};
  std::string text = {};                     // empty: "NAME completed"
  TellModSeq tell_modseq = TellModSeq::kNo;  // the code is HIGHESTMODSEQ, as it is at the end
};
using Status = Result<Completion>;

/// Where an error arose decides on some words: a missing target of COPY could be made first, and
/// what is denied to a login is to send its password in the clear.
enum class ErrorPlace : uint8_t {
  kAnywhere,
  kTarget,
  kLogin,
  kCreate,
  kSearch,
  kAnnotations,
  kCompress,
  kDecode
};

/// The URL leads to nothing that can be taken (RFC 4469 §4).
std::unexpected<Error> bad_url(std::string_view url, std::string_view reason);

/// A message number where only UIDs are taken (RFC 9586 §3).
std::unexpected<Error> uid_required();

/// Appends the tagged NO or BAD for `error`, with CRLF. A text that begins with "[" has the
/// response code in it.
void put_error(std::string& out, std::string_view tag, const Error& error, ErrorPlace place);
/// True if the reply is BAD: the client spoke wrongly.
bool is_bad(Code code);

/// Appends `tag OK [code] text`, with CRLF.
void put_ok(std::string& out, std::string_view tag, std::string_view code, std::string_view text);

}  // namespace gemel::imap
