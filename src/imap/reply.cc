#include "imap/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "mail/annotation.h"

namespace gemel::imap {
namespace {

struct ReplyRow {
  Code code;
  std::string_view word;
  std::string_view response_code;  // RFC 5530 §3, RFC 4469 (TOOBIG), RFC 9051 §7.1
  std::string_view prefix = {};    // before the error's own text
};

static_assert(kAnnotationValueBytesMax == 16384);  // as kPlaces says

// In the order of Code.
constexpr std::array kReplies = {
    ReplyRow{Code::kSyntax, "BAD", ""},
    ReplyRow{Code::kNotFound, "NO", "[NONEXISTENT] "},
    ReplyRow{Code::kDenied, "NO", "[NOPERM] "},
    ReplyRow{Code::kExists, "NO", "[ALREADYEXISTS] "},
    ReplyRow{Code::kOverQuota, "NO", "[OVERQUOTA] "},
    ReplyRow{Code::kTooBig, "NO", "[TOOBIG] "},
    ReplyRow{Code::kLimit, "NO", "[LIMIT] "},
    ReplyRow{Code::kModified, "NO", "[INUSE] "},
    ReplyRow{Code::kGone, "NO", "[EXPUNGEISSUED] "},
    ReplyRow{Code::kReadOnly, "NO", "[CANNOT] "},
    ReplyRow{Code::kNoSpace, "NO", "[UNAVAILABLE] ", "no room on the server's disk: "},
    ReplyRow{Code::kIo, "NO", "[SERVERBUG] ", "the server's disk failed: "},
    ReplyRow{Code::kCorrupt, "NO", "[CORRUPTION] "},
    ReplyRow{Code::kBusy, "NO", "[INUSE] "},
    ReplyRow{Code::kAuthFailed, "NO", "[AUTHENTICATIONFAILED] "},
    ReplyRow{Code::kUnsupported, "NO", "[CANNOT] "},
    ReplyRow{Code::kUnavailable, "NO", "[UNAVAILABLE] "},
    ReplyRow{Code::kInvalid, "NO", "[CANNOT] "},
};
static_assert(kReplies.size() == kCodeCount);
static_assert(std::ranges::is_sorted(kReplies, {}, &ReplyRow::code));

struct PlaceRow {
  Code code;
  ErrorPlace place;
  std::string_view response_code;
};
constexpr std::array kPlaces = {
    PlaceRow{Code::kNotFound, ErrorPlace::kTarget, "[TRYCREATE] "},  // RFC 3501 §6.3.11
    PlaceRow{Code::kDenied, ErrorPlace::kLogin, "[PRIVACYREQUIRED] "},
    PlaceRow{Code::kUnsupported, ErrorPlace::kCreate, "[USEATTR] "},  // RFC 6154 §3
    // RFC 3516 §4.3.
    PlaceRow{Code::kUnsupported, ErrorPlace::kDecode, "[UNKNOWN-CTE] "},
    PlaceRow{Code::kBusy, ErrorPlace::kCompress, "[COMPRESSIONACTIVE] "},  // RFC 4978 §3
    // RFC 5464 §4.3 and §5.
    PlaceRow{Code::kTooBig, ErrorPlace::kAnnotations, "[METADATA MAXSIZE 16384] "},
    PlaceRow{Code::kLimit, ErrorPlace::kAnnotations, "[METADATA TOOMANY] "},
    // RFC 3501 §6.4.4: with the charsets that are taken.
    PlaceRow{Code::kUnsupported, ErrorPlace::kSearch, "[BADCHARSET (US-ASCII UTF-8 ISO-8859-1)] "},
};

const ReplyRow& row_of(Code code) { return kReplies[static_cast<size_t>(code)]; }

// resp-text holds no line end (RFC 3501 §9), and an error may quote what a client sent.
std::string one_line(std::string_view text) {
  std::string out(text.empty() ? "failed" : text);
  for (char& c : out)
    if (static_cast<uint8_t>(c) < 0x20 || static_cast<uint8_t>(c) > 0x7e) c = '?';
  return out;
}

}  // namespace

std::unexpected<Error> bad_url(std::string_view url, std::string_view reason) {
  std::string text = "[BADURL ";
  for (const char c : url) {
    if (c == ']') {
      text += "%5D";  // which would end the code
    } else {
      text += c;
    }
  }
  return fail(Code::kInvalid, fmt::format("{}] {}", text, reason));
}

std::unexpected<Error> uid_required() {
  return fail(Code::kSyntax, "[UIDREQUIRED] message numbers are not taken after ENABLE UIDONLY");
}

void put_error(std::string& out, std::string_view tag, const Error& error, ErrorPlace place) {
  const ReplyRow& row = row_of(error.code);
  std::string_view response_code = row.response_code;
  for (const PlaceRow& special : kPlaces)
    if (special.code == error.code && special.place == place) response_code = special.response_code;
  if (error.text.starts_with('[')) response_code = {};
  fmt::format_to(std::back_inserter(out), "{} {} {}{}{}\r\n", tag, row.word, response_code,
                 row.prefix, one_line(error.text));
}

bool is_bad(Code code) { return row_of(code).word == "BAD"; }

void put_ok(std::string& out, std::string_view tag, std::string_view code, std::string_view text) {
  fmt::format_to(std::back_inserter(out), "{} OK {}{}{}\r\n", tag, code, code.empty() ? "" : " ",
                 text);
}

}  // namespace gemel::imap
