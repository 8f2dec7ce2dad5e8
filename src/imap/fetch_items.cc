#include "imap/fetch_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace gemel::imap {
namespace {

using Kind = FetchItem::Kind;

struct PlainItem {
  std::string_view name;
  Kind kind;
};
constexpr std::array kPlainItems = {
    PlainItem{"BODYSTRUCTURE", Kind::kBodyStructure},
    PlainItem{"EMAILID", Kind::kEmailId},
    PlainItem{"ENVELOPE", Kind::kEnvelope},
    PlainItem{"FLAGS", Kind::kFlags},
    PlainItem{"INTERNALDATE", Kind::kInternalDate},
    PlainItem{"MODSEQ", Kind::kModSeq},
    PlainItem{"PREVIEW", Kind::kPreview},
    PlainItem{"RFC822.SIZE", Kind::kSize},
    PlainItem{"SAVEDATE", Kind::kSaveDate},
    PlainItem{"THREADID", Kind::kThreadId},
    PlainItem{"UID", Kind::kUid},
};

// RFC 3501 §6.4.5: the older names of sections.
struct OldName {
  std::string_view name;
  Section::Kind kind;
  bool sets_seen;
};
constexpr std::array kOldNames = {
    OldName{"RFC822", Section::Kind::kWhole, true},
    OldName{"RFC822.HEADER", Section::Kind::kHeader, false},
    OldName{"RFC822.TEXT", Section::Kind::kText, true},
};

// RFC 3501 §6.4.5: only instead of a list, never in one.
std::vector<Kind> macro_of(std::string_view name) {
  if (equals_ignoring_case(name, "FAST")) return {Kind::kFlags, Kind::kInternalDate, Kind::kSize};
  if (equals_ignoring_case(name, "ALL"))
    return {Kind::kFlags, Kind::kInternalDate, Kind::kSize, Kind::kEnvelope};
  if (equals_ignoring_case(name, "FULL"))
    return {Kind::kFlags, Kind::kInternalDate, Kind::kSize, Kind::kEnvelope, Kind::kBody};
  return {};
}

struct TextName {
  std::string_view name;
  Section::Kind kind;
};
constexpr std::array kTextNames = {
    TextName{"HEADER", Section::Kind::kHeader},
    TextName{"HEADER.FIELDS", Section::Kind::kHeaderFields},
    TextName{"HEADER.FIELDS.NOT", Section::Kind::kHeaderFieldsNot},
    TextName{"MIME", Section::Kind::kMime},
    TextName{"TEXT", Section::Kind::kText},
};

std::unexpected<Error> wrong_section() { return fail(Code::kSyntax, "no such section of a BODY"); }

// `1.2.HEADER.FIELDS`: part numbers, then a name, either may be missing.
Result<Section> parse_section_text(std::string_view text) {
  Section out;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    const size_t dot = text.find('.');
    const Result<uint64_t> number = parse_number(text.substr(0, dot));
    if (!number || *number == 0 || *number > UINT32_MAX || out.path.size() == kMimeDepthMax)
      return wrong_section();
    out.path.push_back(static_cast<uint32_t>(*number));
    if (dot == std::string_view::npos) return out;
    text.remove_prefix(dot + 1);
  }
  const auto named = std::ranges::find_if(
      kTextNames, [&](const TextName& row) { return equals_ignoring_case(row.name, text); });
  if (named == kTextNames.end()) return wrong_section();
  if (named->kind == Section::Kind::kMime && out.path.empty()) return wrong_section();
  out.kind = named->kind;
  return out;
}

bool takes_fields(Section::Kind kind) {
  return kind == Section::Kind::kHeaderFields || kind == Section::Kind::kHeaderFieldsNot;
}

// ` (DATE FROM)`, appended to the label as well.
Result<std::vector<std::string>> parse_fields(wire::Tokenizer& tokens, std::string& label) {
  std::vector<std::string> fields;
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  label += " (";
  do {
    if (!fields.empty()) label += ' ';
    TRY(const std::string_view field, tokens.astring());
    fields.emplace_back(field);
    wire::put_astring(label, field);
  } while (tokens.skip(' '));
  TRY_OK(tokens.close());
  label += ')';
  return fields;
}

// `<0.100>`, if it is there.
Result<void> parse_partial(wire::Tokenizer& tokens, FetchItem& item) {
  if (!tokens.skip('<')) return {};
  FetchItem::Partial partial{};
  TRY(partial.start, tokens.number());
  TRY_OK(tokens.expect('.'));
  TRY(partial.count, tokens.nz_number());
  TRY_OK(tokens.expect('>'));
  item.label += fmt::format("<{}>", partial.start);
  item.partial = partial;
  return {};
}

// `[1.2]` of BINARY: part numbers, or nothing for the whole message.
Result<FetchItem> parse_binary(wire::Tokenizer& tokens, Kind kind) {
  FetchItem item{.kind = kind, .label = kind == Kind::kBinary ? "BINARY[" : "BINARY.SIZE["};
  TRY_OK(tokens.expect('['));
  if (tokens.peek() != ']') {
    TRY(const std::string_view text, tokens.atom("]"));
    TRY(item.section, parse_section_text(text));
    if (item.section.kind != Section::Kind::kWhole) return wrong_section();
    item.label += text;
  }
  TRY_OK(tokens.expect(']'));
  item.label += ']';
  if (kind == Kind::kBinary) TRY_OK(parse_partial(tokens, item));
  return item;
}

Result<FetchItem> parse_section(wire::Tokenizer& tokens) {
  FetchItem item{.kind = Kind::kSection, .label = "BODY["};
  TRY_OK(tokens.expect('['));
  if (tokens.peek() != ']') {
    TRY(const std::string_view text, tokens.atom("]"));
    TRY(item.section, parse_section_text(text));
    item.label += to_upper(text);
    if (takes_fields(item.section.kind)) {
      TRY(item.section.fields, parse_fields(tokens, item.label));
    }
  }
  TRY_OK(tokens.expect(']'));
  item.label += ']';
  TRY_OK(parse_partial(tokens, item));
  return item;
}

// ` (LAZY)`, if it is there: a preview is never so dear here that it would be left out.
Result<void> skip_preview_modifiers(wire::Tokenizer& tokens) {
  // What else may follow a space and "(" are the modifiers of FETCH.
  if (!tokens.skip_text(" (LAZY")) return {};
  while (tokens.skip_text(" LAZY")) continue;  // RFC 8970 §6: any number of them
  return tokens.expect(')');
}

Result<void> parse_binary_item(wire::Tokenizer& tokens, std::string_view name, FetchItems& out) {
  const bool is_size = equals_ignoring_case(name, "BINARY.SIZE");
  const bool peeks = is_size || equals_ignoring_case(name, "BINARY.PEEK");
  if (!peeks && !equals_ignoring_case(name, "BINARY"))
    return fail(Code::kSyntax, "no such FETCH item");
  TRY(out.items.emplace_back(), parse_binary(tokens, is_size ? Kind::kBinarySize : Kind::kBinary));
  out.sets_seen = out.sets_seen || !peeks;
  return {};
}

Result<void> parse_item(wire::Tokenizer& tokens, std::string_view name, FetchItems& out) {
  if (tokens.peek() == '[' && equals_ignoring_case(name.substr(0, 6), "BINARY"))
    return parse_binary_item(tokens, name, out);
  if (tokens.peek() == '[') {
    const bool peek = equals_ignoring_case(name, "BODY.PEEK");
    if (!peek && !equals_ignoring_case(name, "BODY"))
      return fail(Code::kSyntax, "only BODY and BODY.PEEK have sections");
    TRY(out.items.emplace_back(), parse_section(tokens));
    out.sets_seen = out.sets_seen || !peek;
    return {};
  }
  if (equals_ignoring_case(name, "BODY")) {
    out.items.push_back({.kind = Kind::kBody});
    return {};
  }
  for (const OldName& row : kOldNames) {
    if (!equals_ignoring_case(row.name, name)) continue;
    out.items.push_back({.kind = Kind::kSection,
                         .label = std::string(row.name),
                         .section = {.path = {}, .kind = row.kind, .fields = {}}});
    out.sets_seen = out.sets_seen || row.sets_seen;
    return {};
  }
  const auto plain = std::ranges::find_if(
      kPlainItems, [&](const PlainItem& row) { return equals_ignoring_case(row.name, name); });
  if (plain == kPlainItems.end()) return fail(Code::kSyntax, "no such FETCH item");
  if (plain->kind == Kind::kPreview) TRY_OK(skip_preview_modifiers(tokens));
  // Asking twice for a value gets it once.
  if (!out.has(plain->kind)) out.items.push_back({.kind = plain->kind});
  return {};
}

}  // namespace

bool FetchItems::has(Kind kind) const {
  return std::ranges::any_of(items, [&](const FetchItem& item) { return item.kind == kind; });
}

void FetchItems::require(Kind kind) {
  if (!has(kind)) items.insert(items.begin(), {.kind = kind});
}

bool FetchItems::needs_facts() const {
  return std::ranges::any_of(items, [](const FetchItem& item) {
    return item.kind >= Kind::kInternalDate && item.kind != Kind::kThreadId;
  });
}

Result<void> add_fetch_item(wire::Tokenizer& tokens, FetchItems& items, size_t items_max) {
  if (items.items.size() == items_max) return fail(Code::kLimit, "too many FETCH items");
  TRY(const std::string_view name, tokens.atom("["));
  return parse_item(tokens, name, items);
}

Result<Section> parse_section_spec(std::string_view text) {
  const std::string line = fmt::format("[{}]", text);
  wire::Tokenizer tokens(line);
  TRY(FetchItem item, parse_section(tokens));
  TRY_OK(tokens.end());
  return std::move(item.section);
}

Result<FetchItems> parse_fetch_items(wire::Tokenizer& tokens, size_t items_max) {
  FetchItems out;
  if (tokens.peek() != '(') {
    TRY(const std::string_view name, tokens.atom("["));
    const std::vector<Kind> macro = tokens.peek() == '[' ? std::vector<Kind>() : macro_of(name);
    for (const Kind kind : macro) out.items.push_back({.kind = kind});
    if (macro.empty()) TRY_OK(parse_item(tokens, name, out));
    return out;
  }
  TRY_OK(tokens.open());
  do {
    TRY_OK(add_fetch_item(tokens, out, items_max));
  } while (tokens.skip(' '));
  TRY_OK(tokens.close());
  return out;
}

}  // namespace gemel::imap
