#include "managesieve/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "wire/tokens.h"

namespace gemel::managesieve {
namespace {

struct ReplyRow {
  Code code;
  std::string_view response_code;
};

// In the order of Code.
constexpr std::array kReplies = {
    ReplyRow{Code::kSyntax, ""},
    ReplyRow{Code::kNotFound, "NONEXISTENT"},
    ReplyRow{Code::kDenied, "ACTIVE"},
    ReplyRow{Code::kExists, "ALREADYEXISTS"},
    ReplyRow{Code::kOverQuota, "QUOTA"},
    ReplyRow{Code::kTooBig, "QUOTA/MAXSIZE"},
    ReplyRow{Code::kLimit, "QUOTA/MAXSCRIPTS"},
    ReplyRow{Code::kModified, "TRYLATER"},
    ReplyRow{Code::kGone, "TRYLATER"},
    ReplyRow{Code::kReadOnly, "TRYLATER"},
    ReplyRow{Code::kNoSpace, "TRYLATER"},
    ReplyRow{Code::kIo, "TRYLATER"},
    ReplyRow{Code::kCorrupt, "TRYLATER"},
    ReplyRow{Code::kBusy, "TRYLATER"},
    ReplyRow{Code::kAuthFailed, ""},
    ReplyRow{Code::kUnsupported, ""},
    ReplyRow{Code::kUnavailable, "ENCRYPT-NEEDED"},
    ReplyRow{Code::kInvalid, ""},
};
static_assert(kReplies.size() == kCodeCount);
static_assert(std::ranges::is_sorted(kReplies, {}, &ReplyRow::code));

std::string line(std::string_view word, std::string_view code, std::string_view text) {
  std::string out(word);
  if (!code.empty()) out += fmt::format(" ({})", code);
  if (!text.empty()) {
    out += ' ';
    wire::put_string(out, text);
  }
  return out + "\r\n";
}

}  // namespace

std::string line_of(const Reply& reply) { return line("OK", reply.code, reply.text); }

std::string line_of(const Error& error) {
  return line("NO", kReplies[static_cast<size_t>(error.code)].response_code, error.text);
}

std::string bye_line(std::string_view text) { return line("BYE", "", text); }

bool is_bad(const Error& error) { return error.code == Code::kSyntax; }

}  // namespace gemel::managesieve
