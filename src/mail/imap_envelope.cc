#include "mail/imap_envelope.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "mail/mime_header.h"

namespace gemel {
namespace {

struct TextField {
  std::string_view name;
  std::optional<std::string> Envelope::* value;
};
constexpr std::array kTextFields = {
    TextField{"date", &Envelope::date},
    TextField{"subject", &Envelope::subject},
    TextField{"in-reply-to", &Envelope::in_reply_to},
    TextField{"message-id", &Envelope::message_id},
};

enum class Repeated { kFirst, kJoined };
struct ListField {
  std::string_view name;
  std::vector<Address> Envelope::* value;
  Repeated repeated;
};
constexpr std::array kListFields = {
    ListField{"from", &Envelope::from, Repeated::kFirst},
    ListField{"sender", &Envelope::sender, Repeated::kFirst},
    ListField{"reply-to", &Envelope::reply_to, Repeated::kFirst},
    ListField{"to", &Envelope::to, Repeated::kJoined},
    ListField{"cc", &Envelope::cc, Repeated::kJoined},
    ListField{"bcc", &Envelope::bcc, Repeated::kJoined},
};

bool is_full(const Envelope& envelope, const ListField& field) {
  return field.repeated == Repeated::kJoined &&
         envelope.to.size() + envelope.cc.size() + envelope.bcc.size() >= kAddressesMax;
}

void read_field(Envelope& envelope, const HeaderField& field) {
  for (const TextField& known : kTextFields) {
    auto& value = envelope.*known.value;
    if (!value && equals_ignoring_case(field.name, known.name)) value = unfold(field.value);
  }
  for (const ListField& known : kListFields) {
    auto& list = envelope.*known.value;
    const bool taken = known.repeated == Repeated::kFirst && !list.empty();
    if (taken || !equals_ignoring_case(field.name, known.name)) continue;
    if (is_full(envelope, known)) continue;
    std::ranges::move(parse_addresses(unfold(field.value)), std::back_inserter(list));
    if (known.repeated == Repeated::kFirst) list.resize(std::min(list.size(), kAuthorsMax));
  }
}

void put_address(std::string& out, const Address& address, ImapDialect dialect) {
  out += '(';
  put_imap_nstring(out, address.name, dialect);
  out += ' ';
  put_imap_nstring(out, address.route, dialect);
  out += ' ';
  put_imap_nstring(out, address.mailbox, dialect);
  out += ' ';
  put_imap_nstring(out, address.host, dialect);
  out += ')';
}

void put_addresses(std::string& out, const std::vector<Address>& list, ImapDialect dialect) {
  if (list.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  for (const Address& address : list) put_address(out, address, dialect);
  out += ')';
}

void put_parameters(std::string& out, const std::vector<MimeParameter>& parameters,
                    ImapDialect dialect) {
  if (parameters.empty()) {
    out += "NIL";
    return;
  }
  char before = '(';
  // RFC 9051 §7.5.2; a client of 7 bits gets them as they are written.
  for (const MimeParameter& parameter :
       dialect == ImapDialect::kUtf8 ? joined_parameters(parameters) : parameters) {
    out += std::exchange(before, ' ');
    put_imap_string(out, parameter.name, dialect);
    out += ' ';
    put_imap_string(out, parameter.value, dialect);
  }
  out += ')';
}

/// Appends the body of `part` and all below. Recurses kMimeDepthMax deep at most.
class BodyWriter {
 public:
  enum class Extensions { kNone, kAll };  // BODY, BODYSTRUCTURE

  BodyWriter(MessageBytes& message, ImapDialect dialect, Extensions extensions)
      : message_(message), dialect_(dialect), extensions_(extensions) {}
  void put(const MimePart& part);
  std::string take() { return std::move(out_); }

 private:
  void put_multipart(const MimePart& part);
  void put_single(const MimePart& part);
  std::string header_text(const MimePart& inside);
  void put_extensions(const MimePart& part);
  void put_disposition(const MimePart& part);
  void put_languages(const MimePart& part);
  void put_string(std::string_view text) { put_imap_string(out_, text, dialect_); }
  void put_nstring(const std::optional<std::string>& text) {
    put_imap_nstring(out_, text, dialect_);
  }

  MessageBytes& message_;
  size_t header_bytes_left_ = kHeaderBytesMax;
  ImapDialect dialect_;
  Extensions extensions_;
  std::string out_;
};

void BodyWriter::put(const MimePart& part) {
  out_ += '(';
  if (part.kind == MimePart::Kind::kMultipart)
    put_multipart(part);
  else
    put_single(part);
  if (extensions_ == Extensions::kAll) put_extensions(part);
  out_ += ')';
}

void BodyWriter::put_multipart(const MimePart& part) {
  for (const MimePart& child : part.children) put(child);
  out_ += ' ';
  put_string(part.subtype);
  if (extensions_ == Extensions::kNone) return;
  out_ += ' ';
  put_parameters(out_, part.parameters, dialect_);
}

void BodyWriter::put_single(const MimePart& part) {
  put_string(part.type);
  out_ += ' ';
  put_string(part.subtype);
  out_ += ' ';
  put_parameters(out_, part.parameters, dialect_);
  out_ += ' ';
  put_nstring(part.content_id);
  out_ += ' ';
  put_nstring(part.description);
  out_ += ' ';
  put_string(part.encoding);
  out_ += ' ' + std::to_string(part.body_size());
  // IMAP4rev1 knows message/rfc822 only (RFC 3501 §9, media-message); RFC 9051 has global as well.
  const bool message = part.kind == MimePart::Kind::kMessage &&
                       (part.subtype == "rfc822" || dialect_ == ImapDialect::kUtf8);
  if (message) {
    const MimePart& inside = part.children.front();
    out_ += ' ' + imap_envelope(header_text(inside), dialect_) + ' ';
    put(inside);
  }
  if (message || part.type == "text") out_ += ' ' + std::to_string(part.lines);
}

std::string BodyWriter::header_text(const MimePart& inside) {
  const size_t count = std::min(inside.body_start - inside.header_start, header_bytes_left_);
  header_bytes_left_ -= count;
  return copy_of(message_, inside.header_start, inside.header_start + count);
}

void BodyWriter::put_extensions(const MimePart& part) {
  if (part.kind != MimePart::Kind::kMultipart) {
    out_ += ' ';
    put_nstring(part.md5);
  }
  out_ += ' ';
  put_disposition(part);
  out_ += ' ';
  put_languages(part);
  out_ += ' ';
  put_nstring(part.location);
}

void BodyWriter::put_disposition(const MimePart& part) {
  if (!part.disposition) {
    out_ += "NIL";
    return;
  }
  out_ += '(';
  put_string(part.disposition->type);
  out_ += ' ';
  put_parameters(out_, part.disposition->parameters, dialect_);
  out_ += ')';
}

void BodyWriter::put_languages(const MimePart& part) {
  if (part.languages.empty()) {
    out_ += "NIL";
    return;
  }
  char before = '(';
  for (const std::string& language : part.languages) {
    out_ += std::exchange(before, ' ');
    put_string(language);
  }
  out_ += ')';
}

}  // namespace

Envelope parse_envelope(std::string_view header) {
  Envelope envelope;
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next()) read_field(envelope, *field);
  // RFC 3501 §7.4.2: absent or empty Sender and Reply-To are as From.
  if (envelope.sender.empty()) envelope.sender = envelope.from;
  if (envelope.reply_to.empty()) envelope.reply_to = envelope.from;
  return envelope;
}

std::string imap_envelope(std::string_view header, ImapDialect dialect) {
  const Envelope envelope = parse_envelope(header);
  std::string out = "(";
  put_imap_nstring(out, envelope.date, dialect);
  out += ' ';
  put_imap_nstring(out, envelope.subject, dialect);
  for (const ListField& list : kListFields) {
    out += ' ';
    put_addresses(out, envelope.*list.value, dialect);
  }
  out += ' ';
  put_imap_nstring(out, envelope.in_reply_to, dialect);
  out += ' ';
  put_imap_nstring(out, envelope.message_id, dialect);
  out += ')';
  return out;
}

std::string imap_body(MessageBytes& message, const MimePart& structure, ImapDialect dialect) {
  BodyWriter writer(message, dialect, BodyWriter::Extensions::kNone);
  writer.put(structure);
  return writer.take();
}

std::string imap_bodystructure(MessageBytes& message, const MimePart& structure,
                               ImapDialect dialect) {
  BodyWriter writer(message, dialect, BodyWriter::Extensions::kAll);
  writer.put(structure);
  return writer.take();
}

}  // namespace gemel
