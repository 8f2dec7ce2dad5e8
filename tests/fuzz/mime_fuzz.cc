// Any bytes as a message: its structure, what IMAP says of it, each of its sections, and a search.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/header_date.h"
#include "mail/imap_envelope.h"
#include "mail/mime_header.h"
#include "mail/mime_section.h"
#include "mail/mime_soundness.h"
#include "mail/mime_structure.h"
#include "mail/modified_utf7.h"
#include "mail/text.h"

namespace gemel {
namespace {

using Kind = Section::Kind;
constexpr Kind kKinds[] = {Kind::kWhole,           Kind::kHeader, Kind::kHeaderFields,
                           Kind::kHeaderFieldsNot, Kind::kMime,   Kind::kText};

void check_imap(std::string_view message, const MimePart& structure, ImapDialect dialect) {
  WholeMessage whole(message);
  for (const std::string& value :
       {imap_envelope(structure.header_in(message), dialect), imap_body(whole, structure, dialect),
        imap_bodystructure(whole, structure, dialect)}) {
    CHECK(fault_in_imap_value(value).empty());
    CHECK(dialect == ImapDialect::kUtf8 || is_ascii(value));
  }
}

/// All sections of the part at `path` and below; `path` names `part`.
void check_sections(std::string_view message, const MimePart& root, std::vector<uint32_t>& path) {
  const MimePart* part = find_part(root, path);
  CHECK(part != nullptr);
  WholeMessage whole(message);
  for (const Kind kind : kKinds) {
    const auto bytes = resolve_section(whole, root, {.path = path, .kind = kind, .fields = {"to"}});
    if (bytes) CHECK(view_of(*bytes, message).size() <= message.size());
  }
  const MimePart& parent =
      part->kind == MimePart::Kind::kMessage && !path.empty() ? part->children.front() : *part;
  const size_t below = parent.kind == MimePart::Kind::kMultipart ? parent.children.size() : 0;
  for (size_t i = 0; i <= below; ++i) {
    path.push_back(static_cast<uint32_t>(i + 1));
    const bool there = find_part(root, path) != nullptr;
    CHECK(there || i == below);
    if (there && path.size() < 20) check_sections(message, root, path);
    path.pop_back();
  }
}

void check_header(std::string_view message) {
  const size_t size = header_size(message);
  CHECK(size <= message.size());
  HeaderReader reader(message);
  size_t end = 0;
  while (const auto field = reader.next()) {
    CHECK(field->start == end && field->end > end);
    end = field->end;
    const std::string value = unfold(field->value);
    CHECK(is_utf8(decode_encoded_words(value)));
    parse_header_date(value);
    message_ids_of(value);
    CHECK(parse_addresses(value).size() <= kAddressesMax + 1);
  }
  CHECK(end <= size);
}

void check_search(std::string_view message, const MimePart& structure) {
  const SearchKey key(message.substr(0, 3));
  WholeMessage whole(message);
  const bool in_body = body_contains(whole, structure, key);
  CHECK(!in_body || text_contains(whole, structure, key));
  header_contains(structure.header_in(message), "subject", key);
  const LookAtText at{.overlap_bytes = 0, .look = [](std::string_view folded) {
                        CHECK(is_utf8(folded));
                        return false;
                      }};
  any_search_text(whole, structure, at);
}

void check_utf7(std::string_view name) {
  if (const auto utf8 = from_modified_utf7(name)) CHECK(*to_modified_utf7(*utf8) == name);
  if (const auto wire = to_modified_utf7(name)) CHECK(*from_modified_utf7(*wire) == name);
}

}  // namespace
}  // namespace gemel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  using namespace gemel;
  const std::string_view message(reinterpret_cast<const char*>(bytes), count);
  for (const MimeLimits& limits : {MimeLimits(), MimeLimits{.depth_max = 2, .parts_max = 3}}) {
    const MimePart structure = parse_structure(message, limits);
    CHECK(fault_in_structure(message, structure).empty());
    check_imap(message, structure, ImapDialect::kAscii);
    check_imap(message, structure, ImapDialect::kUtf8);
    std::vector<uint32_t> path;
    check_sections(message, structure, path);
    check_search(message, structure);
  }
  check_header(message);
  check_utf7(message.substr(0, 200));
  return 0;
}
