#include "imap/subject.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/header_date.h"
#include "mail/mime_header.h"
#include "mail/rfc822_lexer.h"
#include "mail/text.h"

namespace gemel::imap {
namespace {

bool starts_ignoring_case(std::string_view text, std::string_view start) {
  return equals_ignoring_case(text.substr(0, start.size()), start);
}

/// subj-blob: "[" text "]" and white space; how much of `text` it is, 0 if there is none.
size_t blob_size(std::string_view text) {
  if (!text.starts_with('[')) return 0;
  const size_t end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] != ']') return 0;
  const size_t rest = text.find_first_not_of(" \t", end + 1);
  return rest == std::string_view::npos ? text.size() : rest;
}

/// subj-refwd: "re", "fw" or "fwd", perhaps a blob, and ":".
size_t reply_mark_size(std::string_view text) {
  size_t size = 0;
  for (const std::string_view mark : {"re", "fwd", "fw"}) {
    if (!starts_ignoring_case(text, mark)) continue;
    size = mark.size();
    break;
  }
  if (size == 0) return 0;
  size = std::min(text.find_first_not_of(" \t", size), text.size());
  size += blob_size(text.substr(size));
  return text.substr(size).starts_with(':') ? size + 1 : 0;
}

/// subj-leader: blobs and a reply mark.
size_t leader_size(std::string_view text) {
  size_t size = 0;
  while (const size_t blob = blob_size(text.substr(size))) size += blob;
  const size_t mark = reply_mark_size(text.substr(size));
  return mark == 0 ? 0 : size + mark;
}

// What they take away of a reply they note in `base`.
std::string_view without_trailers(std::string_view text, BaseSubject& base) {
  constexpr std::string_view kTrailer = "(fwd)";
  for (;;) {
    text = trim(text);
    if (text.size() < kTrailer.size() ||
        !equals_ignoring_case(text.substr(text.size() - kTrailer.size()), kTrailer))
      return text;
    text.remove_suffix(kTrailer.size());
    base.is_reply = true;
  }
}

std::string_view without_leaders(std::string_view text, BaseSubject& base) {
  for (;;) {
    text = trim(text);
    if (const size_t leader = leader_size(text)) {
      text.remove_prefix(leader);
      base.is_reply = true;
      continue;
    }
    // A blob goes unless nothing would be left.
    const size_t blob = blob_size(text);
    if (blob == 0 || blob == text.size()) return text;
    text.remove_prefix(blob);
  }
}

}  // namespace

BaseSubject base_subject(std::string_view utf8) {
  constexpr std::string_view kForwarded = "[fwd:";
  BaseSubject out;
  std::string_view text = utf8;
  for (;;) {
    text = without_leaders(without_trailers(text, out), out);
    if (!starts_ignoring_case(text, kForwarded) || !text.ends_with(']')) break;
    text = text.substr(kForwarded.size(), text.size() - kForwarded.size() - 1);
    out.is_reply = true;
  }
  for (const char c : text)  // runs of white space count as one space
    if (!is_white_space(c))
      out.text += c;
    else if (!out.text.ends_with(' '))
      out.text += ' ';
  return out;
}

std::string compared_field(std::string_view header, std::string_view field) {
  const std::string text = field_text(header, field);
  return std::string(whole_characters(text, kComparedFieldBytesMax));
}

std::string compared_key(std::string_view utf8) {
  const std::string key = collation_key(whole_characters(utf8, kComparedTextBytesMax));
  return key.substr(0, kComparedKeyBytesMax);
}

BaseSubject subject_of(std::string_view header) {
  BaseSubject out = base_subject(decode_encoded_words(compared_field(header, "Subject")));
  out.text = compared_key(out.text);
  return out;
}

int64_t sent_s(std::string_view header, const RecordFacts& facts) {
  const std::optional<HeaderDate> date = parse_header_date(field_text(header, "Date"));
  return date ? date->utc.time_since_epoch().count() : facts.internaldate_s;
}

}  // namespace gemel::imap
