#include "nntp/reply.h"

#include <fmt/format.h>

#include <array>

namespace gemel::nntp {
namespace {

enum class Lasts : uint8_t { kNo, kYes };

struct ReplyRow {
  Code code;
  int reply;
  std::string_view text;  // empty: the error's own
  Lasts lasts;
};

constexpr std::array kReplies = {
    ReplyRow{Code::kSyntax, 501, "", Lasts::kYes},
    ReplyRow{Code::kNotFound, 411, "no such newsgroup", Lasts::kYes},
    ReplyRow{Code::kDenied, 502, "", Lasts::kYes},
    ReplyRow{Code::kExists, 403, "", Lasts::kYes},
    ReplyRow{Code::kOverQuota, 403, "the newsgroup is full", Lasts::kNo},
    ReplyRow{Code::kTooBig, 403, "", Lasts::kYes},
    ReplyRow{Code::kLimit, 403, "", Lasts::kNo},
    ReplyRow{Code::kModified, 403, "try again", Lasts::kNo},
    ReplyRow{Code::kGone, 403, "", Lasts::kYes},
    ReplyRow{Code::kReadOnly, 403, "this server is a replica and takes no articles now",
             Lasts::kNo},
    ReplyRow{Code::kNoSpace, 403, "no space left", Lasts::kNo},
    ReplyRow{Code::kIo, 403, "a disk error", Lasts::kNo},
    ReplyRow{Code::kCorrupt, 403, "a storage error", Lasts::kNo},
    ReplyRow{Code::kBusy, 403, "", Lasts::kNo},
    ReplyRow{Code::kAuthFailed, 481, "wrong user name or password", Lasts::kYes},
    ReplyRow{Code::kUnsupported, 503, "", Lasts::kYes},
    ReplyRow{Code::kUnavailable, 403, "try again", Lasts::kNo},
    ReplyRow{Code::kInvalid, 501, "", Lasts::kYes},
};

constexpr bool is_in_code_order() {
  for (size_t i = 0; i < kReplies.size(); ++i)
    if (static_cast<size_t>(kReplies[i].code) != i) return false;
  return kReplies.size() == kCodeCount;
}
static_assert(is_in_code_order());  // a new Code does not compile without its words

const ReplyRow& row_of(Code code) { return kReplies[static_cast<size_t>(code)]; }

}  // namespace

std::string line_of(int code, std::string_view text) {
  std::string out = fmt::format("{} ", code);
  for (const char c : text) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  return out + "\r\n";
}

std::string line_of(const Error& error) { return line_of(row_of(error.code).reply, error); }

std::string line_of(int code, const Error& error) {
  const ReplyRow& row = row_of(error.code);
  return line_of(code, row.text.empty() ? std::string_view(error.text) : row.text);
}

std::string no_such_article(const Error& error) {
  if (error.code == Code::kNotFound) return line_of(430, "no such article");
  return line_of(403, error);
}

bool is_passing(Code code) { return row_of(code).lasts == Lasts::kNo; }

}  // namespace gemel::nntp
