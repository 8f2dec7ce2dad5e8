#include "pop3/reply.h"

#include <fmt/format.h>

#include <array>

namespace gemel::pop3 {
namespace {

struct ReplyRow {
  Code code;
  std::string_view response_code;  // empty: none
  std::string_view text;           // empty: the error's own
};

// SYS/TEMP may go by itself, SYS/PERM needs an administrator (RFC 3206 §4).
constexpr std::array kReplies = {
    ReplyRow{Code::kSyntax, "", ""},
    ReplyRow{Code::kNotFound, "", ""},
    ReplyRow{Code::kDenied, "", ""},
    ReplyRow{Code::kExists, "IN-USE", "another session has this mailbox open"},
    ReplyRow{Code::kOverQuota, "SYS/PERM", "over quota"},
    ReplyRow{Code::kTooBig, "", ""},
    ReplyRow{Code::kLimit, "SYS/PERM", "a limit of the mailbox is reached"},
    ReplyRow{Code::kModified, "SYS/TEMP", "the mailbox has changed meanwhile; try again"},
    ReplyRow{Code::kGone, "SYS/PERM", ""},
    ReplyRow{Code::kReadOnly, "SYS/TEMP", "this server is a replica and takes no changes"},
    ReplyRow{Code::kNoSpace, "SYS/TEMP", "no space left on the server"},
    ReplyRow{Code::kIo, "SYS/TEMP", "a disk error on the server"},
    ReplyRow{Code::kCorrupt, "SYS/PERM", "a storage error on the server"},
    ReplyRow{Code::kBusy, "SYS/TEMP", ""},
    ReplyRow{Code::kAuthFailed, "AUTH", "wrong user name or password"},
    ReplyRow{Code::kUnsupported, "UTF8", "the header has UTF-8: say UTF8 before the login"},
    ReplyRow{Code::kUnavailable, "LOGIN-DELAY", "logged in a short while ago; wait and try again"},
    ReplyRow{Code::kInvalid, "", ""},
};

constexpr bool is_in_code_order() {
  for (size_t i = 0; i < kReplies.size(); ++i)
    if (static_cast<size_t>(kReplies[i].code) != i) return false;
  return kReplies.size() == kCodeCount;
}
static_assert(is_in_code_order());  // a new Code does not compile without its words

}  // namespace

std::string ok_line(std::string_view text) { return fmt::format("+OK {}\r\n", text); }

std::string error_line(const Error& error) {
  const ReplyRow& row = kReplies[static_cast<size_t>(error.code)];
  const std::string_view text = row.text.empty() ? std::string_view(error.text) : row.text;
  if (row.response_code.empty()) return fmt::format("-ERR {}\r\n", text);
  return fmt::format("-ERR [{}] {}\r\n", row.response_code, text);
}

bool is_bad(Code code) {
  return code == Code::kSyntax || code == Code::kTooBig || code == Code::kDenied;
}

}  // namespace gemel::pop3
