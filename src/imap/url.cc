#include "imap/url.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "imap/fetch_items.h"
#include "imap/message.h"
#include "mail/charset.h"

namespace gemel::imap {
namespace {

std::unexpected<Error> wrong() { return fail(Code::kSyntax, "not the URL of a message"); }

std::unexpected<Error> nothing_there() { return fail(Code::kNotFound, "no such message"); }

// RFC 3986 §2.1. What is decoded is text without control characters.
Result<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const Result<std::string> byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->empty()) return wrong();
    out += *byte;
    i += 2;
  }
  if (!is_utf8(out) ||
      std::ranges::any_of(out, [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }))
    return wrong();
  return out;
}

template <class Number>
Result<Number> number_of(std::string_view text) {
  Number out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return wrong();
  return out;
}

bool skip(std::string_view& text, std::string_view word) {
  if (!equals_ignoring_case(text.substr(0, word.size()), word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// Up to the next `word` in any case, which stays; all of it if there is none.
std::string_view take_until(std::string_view& text, std::string_view word) {
  size_t at = 0;
  while (at < text.size() && !equals_ignoring_case(text.substr(at, word.size()), word)) ++at;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at);
  return taken;
}

// `user;AUTH=*@host:143`
Result<void> parse_authority(std::string_view text, Url& out) {
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
    std::string_view user = text.substr(0, at);
    text.remove_prefix(at + 1);
    user = take_until(user, ";AUTH=");
    TRY(out.user, decoded(user));
  }
  if (const size_t colon = text.rfind(':'); colon != std::string_view::npos && text.back() != ']') {
    TRY_OK(number_of<uint16_t>(text.substr(colon + 1)));
    text = text.substr(0, colon);
  }
  if (text.empty()) return wrong();
  TRY(out.host, decoded(text));
  return {};
}

// `Sent;UIDVALIDITY=3`
Result<void> parse_mailbox(std::string_view text, Url& out) {
  const std::string_view name = take_until(text, ";UIDVALIDITY=");
  TRY(out.mailbox, decoded(name));
  if (out.mailbox->empty()) return wrong();
  if (!skip(text, ";UIDVALIDITY=")) return {};
  TRY(const uint32_t uidvalidity, number_of<uint32_t>(text));
  if (uidvalidity == 0) return wrong();
  out.uidvalidity = UidValidity(uidvalidity);
  return {};
}

// `100.50`
Result<Url::Partial> parse_partial(std::string_view text) {
  Url::Partial out;
  const size_t dot = text.find('.');
  TRY(out.start, number_of<uint32_t>(text.substr(0, dot)));
  if (dot == std::string_view::npos) return out;
  TRY(out.count, number_of<uint32_t>(text.substr(dot + 1)));
  if (out.count == 0) return wrong();
  return out;
}

// `;UID=20/;SECTION=1.2/;PARTIAL=0.100`
Result<void> parse_message(std::string_view text, Url& out) {
  if (!skip(text, ";UID=")) return wrong();
  TRY(const uint32_t uid, number_of<uint32_t>(take_until(text, "/;")));
  if (uid == 0) return wrong();
  out.uid = Uid(uid);
  if (skip(text, "/;SECTION=")) {
    TRY(const std::string section, decoded(take_until(text, "/;")));
    TRY(out.section, parse_section_spec(section));
  }
  if (skip(text, "/;PARTIAL=")) {
    TRY(out.partial, parse_partial(take_until(text, "/;")));
  }
  return text.empty() ? Result<void>() : wrong();
}

/// What of `whole` bytes is asked for.
ByteRange part_of(const Url& url, ByteRange whole) {
  if (!url.partial) return whole;
  ByteRange out = whole;
  out.start += std::min<uint64_t>(url.partial->start, whole.end - whole.start);
  if (url.partial->count)
    out.end = out.start + std::min<uint64_t>(*url.partial->count, whole.end - out.start);
  return out;
}

Result<Named> find_mailbox(const UrlBase& base, const Url& url) {
  if (url.host && !equals_ignoring_case(*url.host, base.hostname)) return nothing_there();
  if (url.user && *url.user != base.user.userid()) return nothing_there();
  if (!url.mailbox) {
    if (!base.selected) return nothing_there();
    return *base.selected;
  }
  return find_named(base.user, *url.mailbox, ImapDialect::kUtf8);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url out;
  if (skip(text, "imap://") || skip(text, "//"))
    TRY_OK(parse_authority(text.substr(0, text.find('/')), out));
  if (out.host) text.remove_prefix(std::min(text.find('/'), text.size()));
  if (skip(text, "/")) {
    TRY_OK(parse_mailbox(take_until(text, "/;UID="), out));
    if (!skip(text, "/")) return wrong();
  } else if (out.host) {
    return wrong();
  }
  TRY_OK(parse_message(text, out));
  return out;
}

Result<UrlSource> find_source(const UrlBase& base, const Url& url) {
  TRY(const Named named, find_mailbox(base, url));
  const MailboxInfo& mailbox = named.mailbox;
  TRY(const MailboxView view, view_of(base.store, mailbox.id, named.content));
  if (url.uidvalidity && *url.uidvalidity != view.info().uidvalidity) return nothing_there();
  const UidSet uids = UidSet::of(url.uid, url.uid);
  TRY(const std::vector<RecordState> states, view.states(uids));
  if (states.empty()) return nothing_there();
  TRY(const std::vector<RecordFacts> facts, view.facts(uids));
  TRY(const Body body, view.body(facts.front().guid));
  Message message(body);
  TRY(const std::optional<SectionBytes> bytes, message.resolve(url.section));
  if (!bytes) return nothing_there();
  if (const auto* const range = std::get_if<ByteRange>(&*bytes))
    return UrlSource{.body = body, .bytes = part_of(url, *range)};
  const auto& text = std::get<std::string>(*bytes);
  const ByteRange part = part_of(url, {0, text.size()});
  return UrlSource{.body = body, .bytes = text.substr(part.start, part.end - part.start)};
}

}  // namespace gemel::imap
