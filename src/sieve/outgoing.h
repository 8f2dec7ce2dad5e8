// Messages of our own making: their fields, their encoding, and those that actions send.
//
// Threads  one; a run.
// Source   RFC 5322 §3.6, RFC 2045 §6.7, RFC 2047; RFC 5230 §5 (vacation), RFC 5429 §2.2.1 (MDN),
// RFC
//          5436 §2.7 (notify), RFC 3834 (automatic answers).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sieve/machine.h"
#include "sieve/mailto.h"

namespace gemel::sieve {

/// A header being written. CRLF at each line's end.
class HeaderWriter {
 public:
  /// `value` is structured and ASCII, or an address list in UTF-8; folded at spaces.
  void add(std::string_view name, std::string_view value);
  /// `value` is unstructured UTF-8: encoded words if it is not ASCII (RFC 5230 §4.3).
  void add_text(std::string_view name, std::string_view value);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// A text and how it is sent: 7bit where it can be, else quoted-printable.
struct EncodedText {
  std::string_view encoding;
  std::string bytes;  // ends with CRLF
};
/// Line ends become CRLF. A line that begins with "--" is quoted too, for it could be taken for a
/// boundary.
EncodedText encode_text(std::string_view utf8);
/// The Content- fields and MIME-Version of a text/plain, and its bytes behind an empty line.
std::string text_entity(std::string_view utf8);
/// LF and CR become CRLF.
std::string with_crlf(std::string_view text);

/// The address that speaks for the user.
std::string user_address(const Delivery& delivery);
/// "<unique.N@host>": of the N-th message that this run makes.
std::string new_message_id(Machine& machine);
std::string date_now(Machine& machine);
/// Phrases with other than ASCII become encoded words.
std::string address_list_field(std::string_view list);

/// What RFC 5429 §2.2.1 sends back; nothing if there is nobody to send to.
/// Only this much of the header goes back.
inline constexpr size_t kReturnedHeaderBytesMax = 32 * 1024;
Result<std::optional<OutgoingMail>> rejection_notice(Machine& machine, std::string_view reason);

}  // namespace gemel::sieve
