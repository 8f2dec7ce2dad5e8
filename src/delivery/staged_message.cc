#include "delivery/staged_message.h"

#include "base/bytes.h"
#include "mail/mime_header.h"
#include "mail/rfc822_lexer.h"

namespace gemel::delivery {
namespace {

constexpr size_t kPieceBytes = 64 << 10;
constexpr size_t kLoopsMax = 100;

}  // namespace

Result<std::string_view> StagedMessage::header() {
  if (header_) return std::string_view(*header_);
  std::string read;
  for (;;) {
    TRY(const std::string piece, body_.read(read.size(), kPieceBytes));
    read += piece;
    const size_t size = header_size(read);
    const bool is_whole = size < read.size() || piece.size() < kPieceBytes;
    if (!is_whole && read.size() < kHeaderBytesMax) continue;
    read.resize(std::min(size, kHeaderBytesMax));
    header_ = std::move(read);
    return std::string_view(*header_);
  }
}

Result<std::string_view> StagedMessage::all() {
  if (!all_) {
    TRY(all_, body_.read(0, body_.size()));
  }
  return std::string_view(*all_);
}

HeaderFacts facts_of(std::string_view header) {
  HeaderFacts out;
  HeaderReader reader(header);
  while (const std::optional<HeaderField> field = reader.next()) {
    if (equals_ignoring_case(field->name, "Received")) ++out.received;
    if (equals_ignoring_case(field->name, "X-Loop") && out.loops.size() < kLoopsMax)
      out.loops.push_back(to_lower(unfold(field->value)));
    if (out.message_id.empty() && equals_ignoring_case(field->name, "Message-ID")) {
      std::vector<std::string> ids = message_ids_of(field->value);
      // Some senders leave the brackets out.
      out.message_id = ids.empty() ? unfold(field->value) : std::move(ids.front());
    }
  }
  return out;
}

size_t return_path_size(std::string_view header) {
  const std::optional<HeaderField> first = HeaderReader(header).next();
  if (!first || !equals_ignoring_case(first->name, "Return-Path")) return 0;
  return first->end;
}

}  // namespace gemel::delivery
