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

bool has_unfit_bytes(const LineScan& lines, Carrier carrier) {
  return lines.has_nul() || lines.has_bare_cr() ||
         (carrier == Carrier::kSmtp && lines.longest_line() > kSmtpLineBytesMax);
}

bool ends_lines_in_crlf(MessageBytes& message, const MimePart& part) {
  const size_t header_bytes = part.body_start - part.header_start;
  const size_t start = part.body_start - std::min<size_t>(header_bytes, 2);
  return copy_of(message, start, part.body_start) == "\r\n";
}

bool is_unfit_binary(MessageBytes& message, const MimePart& part, Carrier carrier) {
  if (part.kind != MimePart::Kind::kLeaf || part.encoding != "binary") return false;
  LineScan lines;
  any_piece(message, part.body_start, part.body_end, [&](std::string_view piece) {
    lines.add(piece);
    return false;
  });
  return has_unfit_bytes(lines, carrier) ||
         (lines.has_bare_lf() && ends_lines_in_crlf(message, part));
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
  Encoding(MessageBytes& message, Carrier carrier,
           const std::function<Result<void>(std::string_view)>& put)
      : message_(message), carrier_(carrier), put_(put) {}

  /// What is before the part, and the part. Recurses kMimeDepthMax deep at most.
  Result<void> walk(const MimePart& part) {
    for (const MimePart& child : part.children) TRY_OK(walk(child));
    if (!is_unfit_binary(message_, part, carrier_)) return {};
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
  Carrier carrier_;
  const std::function<Result<void>(std::string_view)>& put_;
  size_t at_ = 0;  // all before it was put
};

}  // namespace

bool may_be_unfit(const LineScan& lines, Carrier carrier) {
  return lines.has_bare_lf() || has_unfit_bytes(lines, carrier);
}

bool has_unfit_binary(MessageBytes& message, const MimePart& structure, Carrier carrier) {
  return is_unfit_binary(message, structure, carrier) ||
         std::ranges::any_of(structure.children, [&](const MimePart& child) {
           return has_unfit_binary(message, child, carrier);
         });
}

Result<void> put_binary_as_base64(MessageBytes& message, const MimePart& structure, Carrier carrier,
                                  const std::function<Result<void>(std::string_view)>& put) {
  Encoding encoding(message, carrier, put);
  TRY_OK(encoding.walk(structure));
  return encoding.copy_to(message.size());
}

}  // namespace gemel
