// UIDBATCHES (RFC 10022): ranges of UIDs that each hold so many
// messages.

#include <fmt/format.h>

#include <algorithm>

#include "imap/session.h"

namespace gemel::imap {
namespace {

// RFC 10022 §3.1.3 and §3.1.7: smaller batches need not be served, nor more messages than these at
// once where the client says which batches it wants.
constexpr uint32_t kBatchMessagesMin = 500;
constexpr uint64_t kAskedMessagesMax = 100'000;

/// Batches are counted from the newest messages on, from 1.
struct BatchRequest {
  uint32_t size = 0;
  uint32_t first = 1;
  uint32_t last = UINT32_MAX;
};

// ` 2000 10:20`
Result<BatchRequest> read_request(wire::Tokenizer& tokens) {
  BatchRequest out;
  TRY_OK(tokens.space());
  TRY(out.size, tokens.number());
  const bool has_range = tokens.skip(' ');
  if (has_range) {
    TRY(out.first, tokens.number());
    TRY_OK(tokens.expect(':'));
    TRY(out.last, tokens.number());
  }
  TRY_OK(tokens.end());
  // RFC 10022 §4, §3.1.5.
  if (out.size == 0 || out.first == 0 || out.last == 0)
    return fail(Code::kSyntax, "[CLIENTBUG] batches and their sizes are counted from 1");
  if (out.first > out.last)
    return fail(Code::kSyntax, "[CLIENTBUG] the last batch comes before the first");
  if (out.size < kBatchMessagesMin)
    return fail(Code::kLimit, fmt::format("[TOOFEW] a batch has at least {}", kBatchMessagesMin));
  const uint64_t batches = uint64_t{out.last} - out.first + 1;
  if (has_range && batches * out.size > kAskedMessagesMax)
    return fail(Code::kLimit, fmt::format("[TOOMANY] at most {} messages", kAskedMessagesMax));
  return out;
}

/// ` 900:501,500:1`. A batch ends above the next one's messages, and the last one at 1, so that
/// together they are all UIDs.
std::string batches_text(const Bitmap& uids, const BatchRequest& request) {
  const uint64_t count = uids.cardinality();
  const auto uid_at = [&](uint64_t from_newest) {
    uint32_t uid = 0;
    uids.select(static_cast<uint32_t>(count - 1 - from_newest), &uid);
    return uid;
  };
  std::string out;
  for (uint64_t batch = request.first; batch <= request.last; ++batch) {
    const uint64_t first = (batch - 1) * request.size;
    if (first >= count) break;
    const uint64_t end = first + request.size;
    fmt::format_to(std::back_inserter(out), "{}{}:{}", out.empty() ? ' ' : ',', uid_at(first),
                   end < count ? uid_at(end) + 1 : 1);
  }
  return out;
}

}  // namespace

Status cmd_uidbatches(Session& session, Args& args) {
  TRY(const BatchRequest request, read_request(args.tokens));
  std::string text = "* UIDBATCHES (TAG ";
  wire::put_string(text, args.tag);
  session.say(text + ')' + batches_text(session.view().known(), request) + "\r\n");
  return Completion();
}

}  // namespace gemel::imap
