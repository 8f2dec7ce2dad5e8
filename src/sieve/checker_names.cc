// Strings, variables, capabilities and the way to compare.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sieve/checker.h"
#include "sieve/extension.h"
#include "sieve/regex.h"

namespace gemel::sieve {

// --- strings ---

Text Checker::text_of(SyntaxString& syntax) {
  Text out;
  out.position = syntax.position;
  out.source = std::move(syntax.value);
  if (enabled(Extension::kEncodedCharacter)) {
    auto decoded = decode_encoded_characters(out.source);
    if (decoded)
      out.source = std::move(*decoded);
    else
      error(out.position, decoded.error());
  }
  if (!enabled(Extension::kVariables)) return out;
  size_t at = 0;
  while (const auto reference = find_reference(out.source, at)) {
    auto variable = resolve(*reference, out.position);
    out.pieces.push_back(
        {.literal = out.source.substr(at, reference->start - at), .variable = std::move(variable)});
    at = reference->start + reference->size;
  }
  if (!out.pieces.empty()) out.pieces.push_back({.literal = out.source.substr(at), .variable = {}});
  return out;
}

std::optional<VariableRef> Checker::resolve(const Reference& reference, Position position) {
  const std::string& name = reference.names.back();
  if (reference.names.size() == 1) {
    if (!is_number_name(name)) return local(name);
    const std::string_view digits =
        std::string_view(name).substr(std::min(name.find_first_not_of('0'), name.size()));
    uint32_t index = 0;
    for (const char c : digits.substr(0, 4)) index = index * 10 + static_cast<uint32_t>(c - '0');
    // RFC 5229 §6: a syntax error.
    if (digits.size() > 4 || index >= kMatchValuesMax)
      error(position,
            fmt::format("there are no match variables above ${{{}}}", kMatchValuesMax - 1));
    return VariableRef{.kind = VariableRef::Kind::kMatch, .index = index};
  }
  // RFC 6609 §3.4.2: "global" has no namespaces below it.
  if (reference.names.front() == "global" && reference.names.size() == 2 && is_identifier(name)) {
    if (enabled(Extension::kInclude))
      return VariableRef{.kind = VariableRef::Kind::kGlobal, .name = name};
    error(position, "the namespace \"global\" needs require \"include\"");
    return std::nullopt;
  }
  const std::vector<std::string> spaces(reference.names.begin(), reference.names.end() - 1);
  error(position, fmt::format("there is no namespace \"{}\"", fmt::join(spaces, ".")));
  return std::nullopt;
}

VariableRef Checker::local(const std::string& name) {
  if (globals_.contains(name))
    return {.kind = VariableRef::Kind::kGlobal, .index = 0, .name = name};
  const auto [found, is_new] = locals_.emplace(name, static_cast<uint32_t>(locals_.size()));
  return {.kind = VariableRef::Kind::kLocal, .index = found->second, .name = name};
}

std::optional<VariableRef> Checker::variable_to_read(const Text& name) {
  const auto value = constant(name, "the name of a variable");
  if (!value) return std::nullopt;
  const auto names = parse_variable_name(*value);
  if (!names || is_number_name(names->back())) {
    error(name.position, fmt::format("\"{}\" is no variable of a script", *value));
    return std::nullopt;
  }
  const Reference reference = {.start = 0, .size = 0, .names = *names};
  return resolve(reference, name.position);
}

std::optional<VariableRef> Checker::variable_for(const Text& name) {
  auto out = variable_to_read(name);
  if (!out || out->kind != VariableRef::Kind::kLocal) return out;
  if (assigned_.insert(out->name).second && assigned_.size() > options_.limits.variables_max)
    error(name.position, fmt::format("more than {} variables", options_.limits.variables_max));
  return out;
}

void Checker::declare_global(const Text& name) {
  const auto value = constant(name, "the name of a variable");
  if (!value) return;
  const auto names = parse_variable_name(*value);
  if (!names || names->size() != 1 || !is_identifier(names->front()))
    return error(name.position, fmt::format("\"{}\" is no variable that can be global", *value));
  // RFC 6609 §3.4.1.
  if (assigned_.contains(names->front()))
    return error(name.position, fmt::format("\"{}\" was set before it is declared global", *value));
  globals_.insert(names->front());
}

// --- capabilities ---

void Checker::require(const Text& capability) {
  const auto extension = find_extension(capability.source);
  if (!extension || !is_offered(*extension))
    return error(capability.position,
                 fmt::format("there is no extension \"{}\" here", capability.source));
  program_->enabled.add(enabled_by(*extension));
  program_->required.push_back(capability.source);
}

// --- how to compare ---

void Checker::finish_comparator(Node& node) {
  const Argument* given = node.find(Tag::kComparator);
  if (given == nullptr) return;
  const auto name = constant(given->texts.front(), "the name of a comparator");
  if (!name) return;
  const auto comparator = find_comparator(*name);
  if (!comparator)
    return problem(node, given->position, fmt::format("there is no comparator \"{}\"", *name));
  node.match.comparator = *comparator;
  // RFC 5228 §2.7.3: these two need no require.
  if (*comparator == Comparator::kAsciiCasemap || *comparator == Comparator::kOctet) return;
  need(node, given->position, *find_extension(fmt::format("comparator-{}", *name)),
       fmt::format("comparator \"{}\"", *name));
}

void Checker::finish_match(Node& node) {
  struct TypeRow {
    Tag tag;
    MatchType type;
  };
  constexpr std::array kTypes = {
      TypeRow{Tag::kIs, MatchType::kIs},           TypeRow{Tag::kContains, MatchType::kContains},
      TypeRow{Tag::kMatches, MatchType::kMatches}, TypeRow{Tag::kRegex, MatchType::kRegex},
      TypeRow{Tag::kCount, MatchType::kCount},     TypeRow{Tag::kValue, MatchType::kValue},
  };
  struct PartRow {
    Tag tag;
    AddressPart part;
  };
  constexpr std::array kParts = {
      PartRow{Tag::kAll, AddressPart::kAll},
      PartRow{Tag::kLocalpart, AddressPart::kLocalpart},
      PartRow{Tag::kDomain, AddressPart::kDomain},
      PartRow{Tag::kUser, AddressPart::kUser},
      PartRow{Tag::kDetail, AddressPart::kDetail},
  };
  for (const TypeRow& row : kTypes)
    if (node.has(row.tag)) node.match.type = row.type;
  // `:detail` of address is a part, `:user` too; body's `:text` and set's tags are not asked for.
  if (node.keyword->find(Tag::kLocalpart) != nullptr)
    for (const PartRow& row : kParts)
      if (node.has(row.tag)) node.match.part = row.part;
  for (const Tag tag : {Tag::kCount, Tag::kValue}) {
    const Argument* relation = node.find(tag);
    if (relation == nullptr) continue;
    const auto name = constant(relation->texts.front(), "a relation");
    const auto found = name ? find_relation(*name) : std::nullopt;
    if (name && !found)
      error(relation->position, fmt::format("\"{}\" is none of gt, ge, lt, le, eq, ne", *name));
    node.match.relation = found.value_or(Relation::kEq);
  }
  finish_comparator(node);
  check_patterns(node);
}

void Checker::check_patterns(const Node& node) {
  const MatchSpec& match = node.match;
  const bool numeric = match.comparator == Comparator::kAsciiNumeric;
  const bool substring = match.type == MatchType::kContains || match.type == MatchType::kMatches;
  // RFC 5228 §2.7.3, RFC 4790 §9.1: it has no substring operation.
  if (numeric && substring)
    error(node.position, "i;ascii-numeric can't look for a part of a string");
  if (match.type == MatchType::kCount && !numeric)
    warn(node.position, "\":count\" compares as text without :comparator \"i;ascii-numeric\"");
  if (match.type != MatchType::kRegex) return;
  // The draft of regex, §3.
  if (match.comparator != Comparator::kAsciiCasemap && match.comparator != Comparator::kOctet)
    error(node.position,
          fmt::format("\":regex\" can't go with comparator \"{}\"", name_of(match.comparator)));
  if (node.positional.empty() || !node.positional.back()) return;
  for (const Text& pattern : node.positional.back()->texts) {
    if (!pattern.is_constant()) continue;
    const auto compiled = Regex::compile(pattern.source, match.comparator);
    if (!compiled) error(pattern.position, compiled.error().text);
  }
}

}  // namespace gemel::sieve
