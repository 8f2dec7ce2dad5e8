#include "lmtp/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace gemel::lmtp {
namespace {

struct ReplyRow {
  Code code;
  int reply;
  std::string_view enhanced;
  std::string_view text;
};

constexpr std::array kReplies = {
    ReplyRow{Code::kSyntax, 501, "5.5.4", "the argument is wrong"},
    ReplyRow{Code::kNotFound, 550, "5.1.1", "no such user here"},
    ReplyRow{Code::kDenied, 550, "5.7.1", "delivery is not allowed"},
    ReplyRow{Code::kExists, 451, "4.3.0", "try again later"},
    ReplyRow{Code::kOverQuota, 452, "4.2.2", "the mailbox is full"},
    ReplyRow{Code::kTooBig, 552, "5.3.4", "the message is too big"},
    ReplyRow{Code::kLimit, 452, "4.3.1", "a limit is reached, try again later"},
    ReplyRow{Code::kModified, 451, "4.3.0", "try again later"},
    ReplyRow{Code::kGone, 450, "4.2.1", "the mailbox is gone, try again"},
    ReplyRow{Code::kReadOnly, 451, "4.3.2", "this server is a replica and takes no mail now"},
    ReplyRow{Code::kNoSpace, 452, "4.3.1", "no space left, try again later"},
    ReplyRow{Code::kIo, 451, "4.3.0", "a disk error, try again later"},
    ReplyRow{Code::kCorrupt, 451, "4.3.0", "a storage error, try again later"},
    ReplyRow{Code::kBusy, 451, "4.3.2", "busy, try again later"},
    ReplyRow{Code::kAuthFailed, 451, "4.3.0", "try again later"},
    ReplyRow{Code::kUnsupported, 451, "4.3.0", "try again later"},
    ReplyRow{Code::kUnavailable, 451, "4.4.1", "try again later"},
    ReplyRow{Code::kInvalid, 550, "5.1.3", "the address is no valid one here"},
};

constexpr bool is_in_code_order() {
  for (size_t i = 0; i < kReplies.size(); ++i)
    if (static_cast<size_t>(kReplies[i].code) != i) return false;
  return kReplies.size() == kCodeCount;
}
static_assert(is_in_code_order());  // a new Code does not compile without its words

bool is_printable(char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; }

}  // namespace

std::string lines_of(const Reply& reply) {
  const std::vector<std::string_view> lines = delivery::reason_lines(reply.text);
  const size_t count = std::min(lines.size(), kReplyLinesMax);
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    out += fmt::format("{}{}", reply.code, i + 1 == count ? ' ' : '-');
    if (!reply.enhanced.empty()) out += fmt::format("{} ", reply.enhanced);
    std::ranges::copy_if(lines[i], std::back_inserter(out), is_printable);
    out += "\r\n";
  }
  return out;
}

Reply reply_for(const Error& error) {
  const ReplyRow& row = kReplies[static_cast<size_t>(error.code)];
  return {.code = row.reply, .enhanced = row.enhanced, .text = std::string(row.text)};
}

}  // namespace gemel::lmtp
