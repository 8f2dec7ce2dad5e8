#include "mail/mime_section.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/mime_header.h"

namespace gemel {
namespace {

/// Where a path has led so far. Where `part` is a message, 1 may name its own body.
struct Place {
  const MimePart* part;
  enum class Role { kMessage, kPart } role;
};

/// One step down; part is null if there is no part of that number.
Place step(Place place, uint32_t number) {
  if (place.role == Place::Role::kPart && place.part->kind == MimePart::Kind::kMessage)
    place = {.part = &place.part->children.front(), .role = Place::Role::kMessage};
  if (place.part->kind == MimePart::Kind::kMultipart) {
    const bool there = number >= 1 && number <= place.part->children.size();
    return {.part = there ? &place.part->children[number - 1] : nullptr,
            .role = Place::Role::kPart};
  }
  const bool own_body = place.role == Place::Role::kMessage && number == 1;
  return {.part = own_body ? place.part : nullptr, .role = Place::Role::kPart};
}

/// Whose HEADER and TEXT a path names: the message itself, or the message inside the part.
const MimePart* message_at(const MimePart& structure, const std::vector<uint32_t>& path) {
  if (path.empty()) return &structure;
  const MimePart* part = find_part(structure, path);
  if (part == nullptr || part->kind != MimePart::Kind::kMessage) return nullptr;
  return &part->children.front();
}

ByteRange header_of(const MimePart& part) { return {part.header_start, part.body_start}; }
ByteRange body_of(const MimePart& part) { return {part.body_start, part.body_end}; }
std::string header_text(MessageBytes& message, const MimePart& part) {
  const size_t size = std::min(part.body_start - part.header_start, kHeaderBytesMax);
  return copy_of(message, part.header_start, part.header_start + size);
}

}  // namespace

const MimePart* find_part(const MimePart& structure, const std::vector<uint32_t>& path) {
  Place place{.part = &structure, .role = Place::Role::kMessage};
  for (const uint32_t number : path) {
    place = step(place, number);
    if (place.part == nullptr) return nullptr;
  }
  return place.part;
}

std::string select_fields(std::string_view header, const std::vector<std::string>& names,
                          FieldChoice choice) {
  std::vector<std::string> wanted;
  wanted.reserve(names.size());
  for (const std::string& name : names) wanted.push_back(to_lower(name));
  std::ranges::sort(wanted);
  std::string out;
  HeaderReader reader(header);
  while (const auto field = reader.next()) {
    const bool named = std::ranges::binary_search(wanted, to_lower(field->name));
    if (named == (choice == FieldChoice::kOnly))
      out += header.substr(field->start, field->end - field->start);
  }
  // RFC 3501 §6.4.5: subsetting does not exclude the empty line.
  out += header.substr(reader.position());
  return out;
}

std::optional<SectionBytes> resolve_section(MessageBytes& message, const MimePart& structure,
                                            const Section& section) {
  const bool of_part =
      section.kind == Section::Kind::kWhole || section.kind == Section::Kind::kMime;
  const MimePart* part =
      of_part ? find_part(structure, section.path) : message_at(structure, section.path);
  if (part == nullptr) return std::nullopt;
  switch (section.kind) {
    case Section::Kind::kWhole:
      if (section.path.empty()) return ByteRange{0, message.size()};
      return body_of(*part);
    case Section::Kind::kMime:
      if (section.path.empty()) return std::nullopt;
      return header_of(*part);
    case Section::Kind::kHeader:
      return header_of(*part);
    case Section::Kind::kText:
      return body_of(*part);
    case Section::Kind::kHeaderFields:
      return select_fields(header_text(message, *part), section.fields, FieldChoice::kOnly);
    case Section::Kind::kHeaderFieldsNot:
      return select_fields(header_text(message, *part), section.fields, FieldChoice::kAllBut);
  }
  return std::nullopt;
}

std::string_view view_of(const SectionBytes& bytes, std::string_view message) {
  if (const auto* text = std::get_if<std::string>(&bytes)) return *text;
  const auto& range = std::get<ByteRange>(bytes);
  return message.substr(range.start, range.end - range.start);
}

std::string_view partial_of(std::string_view bytes, uint64_t start, uint64_t count) {
  if (start >= bytes.size()) return {};
  return bytes.substr(static_cast<size_t>(start),
                      static_cast<size_t>(std::min<uint64_t>(count, bytes.size())));
}

}  // namespace gemel
