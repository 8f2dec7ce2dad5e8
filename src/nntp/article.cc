#include "nntp/article.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "mail/header_date.h"
#include "mail/mime_header.h"
#include "mail/newsgroup.h"

namespace gemel::nntp {
namespace {

// Most headers are within this.
constexpr uint64_t kFirstReadBytes = 16 << 10;

/// Appends `lines` with CRLF at each line's end.
void put_with_crlf(std::string& out, std::string_view lines) {
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    std::string_view line = lines.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out += line;
    out += "\r\n";
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
}

std::string message_id_in(std::string_view header, const Guid& guid) {
  if (const auto field = find_field(header, "Message-ID")) {
    std::string id = unfold(field->value);
    if (is_netnews_message_id(id)) return id;
  }
  return made_message_id(guid);
}

}  // namespace

std::string made_message_id(const Guid& guid) {
  return fmt::format("<{}@gemel.invalid>", guid.text());
}

Result<Article> Article::open(const MailboxView& view, Uid uid) {
  TRY(const Record record, view.record(uid));
  if (record.state.expunged) return fail(Code::kNotFound, "the article is gone");
  TRY(Body body, view.body(record.facts.guid));
  return open(std::move(body), record.facts);
}

Result<Article> Article::open(Body body, const RecordFacts& facts) {
  Article out(std::move(body), facts);
  TRY_OK(out.read_header());
  out.message_id_ = message_id_in(out.header_, facts.guid);
  return out;
}

Result<void> Article::read_header() {
  std::string start;
  for (;;) {
    // Twice as much each time: linear in the header's size together.
    TRY(const std::string more,
        body_.read(start.size(), std::max<uint64_t>(kFirstReadBytes, start.size())));
    start += more;
    const size_t size = header_size(start);
    // A header that ends where reading did may go on behind.
    const bool is_all = start.size() >= body_.size() || more.empty();
    if (size == start.size() && !is_all && start.size() < kHeaderBytesMax) continue;
    // Of an endless header the rest is body: it is served, but not understood.
    text_start_ = size;
    HeaderReader reader(std::string_view(start).substr(0, size));
    while (reader.next()) {
    }
    header_ = start.substr(0, reader.position());
    return {};
  }
}

std::optional<std::string> Article::field(std::string_view name) const {
  const auto found = find_field(header_, name);
  return found ? std::optional(unfold(found->value)) : std::nullopt;
}

std::vector<std::string> Article::newsgroups() const {
  const std::optional<std::string> value = field("Newsgroups");
  return value ? parse_newsgroups(*value).value_or(std::vector<std::string>())
               : std::vector<std::string>();
}

std::string Article::header(const Setting& setting) const {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    out += fmt::format("{}: {}\r\n", name, value);
  };
  if (!find_field(header_, "Path"))
    add("Path", fmt::format("{}!not-for-mail", setting.path_identity));
  HeaderReader reader(header_);
  while (const auto field = reader.next()) {
    // An id that netnews can't use makes way for the one by which the article is known.
    const bool is_bad_id =
        equals_ignoring_case(field->name, "Message-ID") && unfold(field->value) != message_id_;
    if (is_bad_id || equals_ignoring_case(field->name, "Xref")) continue;
    put_with_crlf(out, std::string_view(header_).substr(field->start, field->end - field->start));
  }
  if (!find_field(out, "Message-ID")) add("Message-ID", message_id_);
  if (!find_field(header_, "Newsgroups")) add("Newsgroups", setting.group);
  if (!find_field(header_, "Date")) add("Date", header_date_text(facts_.internaldate_s));
  if (!setting.xref.empty()) add("Xref", setting.xref);
  return out;
}

Result<Article::Size> Article::size(std::string_view header_sent) const {
  Size out{.bytes = header_sent.size() + 2};
  char last = '\n';
  for (uint64_t at = text_start_; at < body_.size();) {
    TRY(const std::string piece, body_.read(at, kBodyChunkBytes));
    if (piece.empty()) return fail(Code::kCorrupt, "a stored body is shorter than it says");
    for (size_t i = piece.find('\n'); i != std::string::npos; i = piece.find('\n', i + 1)) {
      ++out.lines;
      const char before = i == 0 ? last : piece[i - 1];
      out.bytes += before == '\r' ? 0 : 1;
    }
    out.bytes += piece.size();
    last = piece.back();
    at += piece.size();
  }
  if (last == '\n') return out;
  return Size{out.bytes + 2, out.lines + 1};
}

}  // namespace gemel::nntp
