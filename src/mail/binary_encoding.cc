#include "mail/binary_encoding.h"

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "mail/mime_header.h"

namespace gemel {
namespace {

constexpr std::string_view kField = "Content-Transfer-Encoding";
// RFC 2045 §6.8: a line has at most 76 characters.
constexpr size_t kLineSourceBytes = 57;

bool is_binary_with_nul(MessageBytes& message, const MimePart& part) {
  return part.kind == MimePart::Kind::kLeaf && part.encoding == "binary" &&
         any_piece(message, part.body_start, part.body_end,
                   [](std::string_view piece) { return piece.contains('\0'); });
}

/// The header with `base64` for what it said.
std::string encoded_header(std::string_view header) {
  std::string out;
  HeaderReader reader(header);
  while (const auto field = reader.next()) {
    const std::string_view text = header.substr(field->start, field->end - field->start);
    if (!equals_ignoring_case(field->name, kField)) {
      out += text;
      continue;
    }
    out += kField;
    out += text.ends_with("\r\n") ? ": base64\r\n" : ": base64\n";
  }
  out += header.substr(reader.position());
  return out;
}

class Encoding {
 public:
  Encoding(MessageBytes& message, const std::function<Result<void>(std::string_view)>& put)
      : message_(message), put_(put) {}

  /// What is before the part, and the part. Recurses kMimeDepthMax deep at most.
  Result<void> walk(const MimePart& part) {
    for (const MimePart& child : part.children) TRY_OK(walk(child));
    if (!is_binary_with_nul(message_, part)) return {};
    TRY_OK(copy_to(part.header_start));
    const size_t header_end = std::min(part.body_start, part.header_start + kHeaderBytesMax);
    TRY_OK(put_(encoded_header(copy_of(message_, part.header_start, header_end))));
    at_ = header_end;
    TRY_OK(copy_to(part.body_start));
    return encode_to(part.body_end);
  }

  Result<void> copy_to(size_t end) {
    Result<void> done;
    any_piece(message_, at_, end, [&](std::string_view piece) {
      done = put_(piece);
      return !done;
    });
    at_ = end;
    return done;
  }

 private:
  Result<void> encode_to(size_t end) {
    Result<void> done;
    std::string waiting;
    any_piece(message_, at_, end, [&](std::string_view piece) {
      waiting += piece;
      const size_t whole = waiting.size() / kLineSourceBytes * kLineSourceBytes;
      done = put_lines(std::string_view(waiting).substr(0, whole));
      waiting.erase(0, whole);
      return !done;
    });
    TRY_OK(done);
    at_ = end;
    return put_lines(waiting);
  }

  Result<void> put_lines(std::string_view bytes) {
    std::string out;
    for (size_t at = 0; at < bytes.size(); at += kLineSourceBytes) {
      out += to_base64(bytes.substr(at, kLineSourceBytes));
      out += "\r\n";
    }
    return put_(out);
  }

  MessageBytes& message_;
  const std::function<Result<void>(std::string_view)>& put_;
  size_t at_ = 0;  // all before it was put
};

}  // namespace

bool has_binary_nul(MessageBytes& message, const MimePart& structure) {
  return is_binary_with_nul(message, structure) ||
         std::ranges::any_of(structure.children,
                             [&](const MimePart& child) { return has_binary_nul(message, child); });
}

Result<void> put_binary_as_base64(MessageBytes& message, const MimePart& structure,
                                  const std::function<Result<void>(std::string_view)>& put) {
  Encoding encoding(message, put);
  TRY_OK(encoding.walk(structure));
  return encoding.copy_to(message.size());
}

}  // namespace gemel
