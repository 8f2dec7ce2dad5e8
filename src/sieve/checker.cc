#include "sieve/checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "sieve/extension.h"
#include "sieve/regex.h"

namespace gemel::sieve {
namespace {

using Chain = Keyword::Chain;

std::string missing(std::string_view what, Extension extension) {
  return fmt::format("{} needs require \"{}\"", what, name_of(extension));
}

std::string_view shown(SyntaxArgument::Kind kind) {
  switch (kind) {
    case SyntaxArgument::Kind::kTag:
      return "a tag";
    case SyntaxArgument::Kind::kNumber:
      return "a number";
    case SyntaxArgument::Kind::kString:
      return "a string";
    default:
      return "a list";
  }
}

/// Does an argument of that kind go where `wanted` stands: n, s or S?
bool fits(SyntaxArgument::Kind kind, char wanted) {
  switch (kind) {
    case SyntaxArgument::Kind::kNumber:
      return wanted == 'n';
    case SyntaxArgument::Kind::kString:
      return wanted != 'n';
    case SyntaxArgument::Kind::kStringList:
      return wanted == 'S';
    default:
      return false;
  }
}

std::string_view wanted_name(char wanted) {
  return wanted == 'n' ? "a number" : wanted == 's' ? "a string" : "a string or a list";
}

char letter_of(TagValue value) {
  return value == TagValue::kNumber ? 'n' : value == TagValue::kString ? 's' : 'S';
}

}  // namespace

// --- words of mistakes ---

void Checker::error(Position position, std::string text) {
  if (errors_.size() < options_.limits.errors_max)
    errors_.push_back({.position = position, .text = std::move(text)});
}

void Checker::warn(Position position, std::string text) {
  if (warnings_.size() < options_.limits.errors_max)
    warnings_.push_back({.position = position, .text = std::move(text)});
}

void Checker::problem(Node& node, Position position, std::string text) {
  if (!enabled(Extension::kIhave)) return error(position, std::move(text));
  if (node.trouble.empty()) node.trouble = std::move(text);
}

void Checker::need(Node& node, Position position, Extension extension, std::string_view what) {
  if (enabled(extension)) return;
  if (!is_offered(extension)) return problem(node, position, missing(what, extension));
  if (!enabled(Extension::kIhave) || kNotByIhave.has(extension))
    return error(position, missing(what, extension));
  node.needs.add(extension);
}

bool Checker::is_offered(Extension extension) const {
  return std::ranges::find(options_.disabled_extensions, name_of(extension)) ==
         options_.disabled_extensions.end();
}

std::optional<std::string_view> Checker::constant(const Text& text, std::string_view what) {
  if (text.is_constant()) return text.source;
  error(text.position, fmt::format("{} can't hold variables", what));
  return std::nullopt;
}

// --- commands ---

std::unique_ptr<Script::Program> Checker::check(std::vector<SyntaxNode> commands) {
  program_ = std::make_unique<Script::Program>();
  for (size_t i = 0; i < kExtensionNames.size(); ++i)
    if (is_offered(static_cast<Extension>(i))) program_->offered.add(static_cast<Extension>(i));
  program_->commands = check_block(commands);
  std::ranges::sort(program_->required);
  const auto doubles = std::ranges::unique(program_->required);
  program_->required.erase(doubles.begin(), doubles.end());
  program_->variables.resize(locals_.size());
  for (const auto& [name, slot] : locals_) program_->variables[slot] = name;
  return std::move(program_);
}

std::vector<Node> Checker::check_block(std::vector<SyntaxNode>& commands) {
  std::vector<Node> out;
  Chain previous = Chain::kNone;
  ++depth_;
  for (SyntaxNode& command : commands) {
    if (errors_.size() >= options_.limits.errors_max) break;
    out.push_back(check_command(command, previous));
    previous = out.back().keyword != nullptr ? out.back().keyword->chain : Chain::kNone;
  }
  --depth_;
  return out;
}

void Checker::check_place(const SyntaxNode& syntax, Chain previous) {
  const bool is_require = syntax.name == "require";
  // RFC 5228 §3.2: before anything else, and so in no block.
  if (is_require && (requires_ == Requires::kOver || depth_ > 1))
    error(syntax.position, "require must come before all other commands");
  if (!is_require) requires_ = Requires::kOver;
  const Keyword* keyword = find_keyword(syntax.name);
  const Chain chain = keyword != nullptr ? keyword->chain : Chain::kNone;
  const bool continues = chain == Chain::kElsif || chain == Chain::kElse;
  if (continues && previous != Chain::kIf && previous != Chain::kElsif)
    error(syntax.position, fmt::format("{} must follow if or elsif", syntax.name));
}

Node Checker::check_command(SyntaxNode& syntax, Chain previous) {
  check_place(syntax, previous);
  Node node;
  node.position = syntax.position;
  if (bind(node, syntax, Keyword::Kind::kCommand) == Known::kNo) return node;
  check_ending(*node.keyword, syntax);
  check_tests(node, syntax);
  if (node.keyword->check != nullptr) node.keyword->check(*this, node);
  const bool is_loop = node.keyword->name == "foreverypart";
  if (is_loop) {
    const Argument* name = node.find(Tag::kName);
    loops_.push_back(name != nullptr ? name->texts.front().source : "");
  }
  node.block = check_block(syntax.block);
  if (is_loop) loops_.pop_back();
  return node;
}

void Checker::check_ending(const Keyword& keyword, const SyntaxNode& syntax) {
  const bool has_block = syntax.ending == SyntaxNode::Ending::kBlock;
  if (has_block == (keyword.block == Keyword::Block::kNeeded)) return;
  error(syntax.position, has_block ? fmt::format("{} takes no block", keyword.name)
                                   : fmt::format("{} needs a block", keyword.name));
}

Node Checker::check_test(SyntaxNode& syntax) {
  Node node;
  node.position = syntax.position;
  if (bind(node, syntax, Keyword::Kind::kTest) == Known::kNo) return node;
  check_tests(node, syntax);
  if (node.keyword->check != nullptr) node.keyword->check(*this, node);
  return node;
}

void Checker::check_tests(Node& node, SyntaxNode& syntax) {
  using Given = SyntaxNode::Tests;
  const std::string_view name = node.keyword->name;
  switch (node.keyword->tests) {
    case Keyword::Tests::kNone:
      // Most often a semicolon was forgotten, and the next command is taken for a test.
      if (syntax.tests_kind == Given::kOne && node.keyword->kind == Keyword::Kind::kCommand)
        error(syntax.tests.front().position,
              fmt::format("\";\" expected before \"{}\"", syntax.tests.front().name));
      else if (syntax.tests_kind != Given::kNone)
        error(syntax.position, fmt::format("{} takes no test", name));
      return;
    case Keyword::Tests::kOne:
      if (syntax.tests_kind != Given::kOne)
        return error(syntax.position, fmt::format("{} takes one test", name));
      break;
    case Keyword::Tests::kList:
      if (syntax.tests_kind != Given::kList)
        return error(syntax.position, fmt::format("{} takes a list of tests", name));
      break;
  }
  for (SyntaxNode& test : syntax.tests) node.tests.push_back(check_test(test));
}

Checker::Known Checker::bind(Node& node, SyntaxNode& syntax, Keyword::Kind kind) {
  const std::string_view word = kind == Keyword::Kind::kTest ? "test" : "command";
  const Keyword* keyword = find_keyword(syntax.name);
  if (keyword == nullptr) {
    problem(node, syntax.position, fmt::format("there is no {} \"{}\"", word, syntax.name));
    return Known::kNo;
  }
  if (keyword->kind != kind) {
    error(syntax.position, fmt::format("{} is no {}", syntax.name, word));
    return Known::kNo;
  }
  node.keyword = keyword;
  for (ExtensionSet missing_ones = keyword->needs.without(program_->enabled);
       !missing_ones.empty();) {
    const Extension first = missing_ones.first();
    need(node, syntax.position, first, keyword->name);
    missing_ones = missing_ones.without({first});
  }
  bind_arguments(node, syntax);
  if (keyword->compares()) finish_match(node);
  return Known::kYes;
}

// --- arguments ---

void Checker::bind_arguments(Node& node, SyntaxNode& syntax) {
  size_t next = 0;
  while (next < syntax.arguments.size() &&
         syntax.arguments[next].kind == SyntaxArgument::Kind::kTag && node.trouble.empty())
    bind_tag(node, syntax, next);
  // Of an unknown tag nobody can say whether something belongs to it.
  if (node.trouble.empty()) bind_positional(node, syntax, next);
}

void Checker::bind_tag(Node& node, SyntaxNode& syntax, size_t& next) {
  const SyntaxArgument& given = syntax.arguments[next++];
  const std::optional<Tag> tag = find_tag(given.tag);
  const TagUse* use = tag ? node.keyword->find(*tag) : nullptr;
  if (use == nullptr)
    return problem(node, given.position,
                   fmt::format("{} takes no \":{}\"", node.keyword->name, given.tag));
  check_tag_use(node, *use, given.position);
  const TagRow& row = row_of(*tag);
  Argument value;
  value.position = given.position;
  if (row.value != TagValue::kNothing) {
    const char wanted = letter_of(row.value);
    if (next >= syntax.arguments.size() || !fits(syntax.arguments[next].kind, wanted))
      return error(given.position, fmt::format("\":{}\" needs {}", given.tag, wanted_name(wanted)));
    value = argument_of(syntax.arguments[next++]);
  }
  node.tags.emplace_back(*tag, std::move(value));
}

void Checker::check_tag_use(Node& node, const TagUse& use, Position position) {
  const std::string_view name = row_of(use.tag).name;
  if (use.extension) need(node, position, *use.extension, fmt::format("\":{}\"", name));
  for (const auto& [tag, argument] : node.tags) {
    // RFC 5228 §2.6: neither twice, nor with one that contradicts it.
    if (tag == use.tag)
      error(position, fmt::format("\":{}\" is given twice", name));
    else if (use.group != 0 && node.keyword->find(tag)->group == use.group)
      error(position, fmt::format("\":{}\" can't go with \":{}\"", name, row_of(tag).name));
  }
}

void Checker::bind_positional(Node& node, SyntaxNode& syntax, size_t first) {
  for (const auto& [tag, argument] : node.tags) {
    const TagUse& use = *node.keyword->find(tag);
    if (use.only_with && !node.has(*use.only_with))
      error(argument.position,
            fmt::format("\":{}\" needs \":{}\"", row_of(tag).name, row_of(*use.only_with).name));
  }
  const std::string_view wanted = node.keyword->positional;
  const auto optional = static_cast<size_t>(std::ranges::count(wanted, '?'));
  const size_t places = wanted.size() - optional;
  const size_t given = syntax.arguments.size() - first;
  if (given != places && given + optional != places) {
    const bool has_tag = std::ranges::any_of(
        syntax.arguments.begin() + static_cast<std::ptrdiff_t>(first), syntax.arguments.end(),
        [](const SyntaxArgument& each) { return each.kind == SyntaxArgument::Kind::kTag; });
    return error(syntax.position,
                 has_tag
                     ? fmt::format("tags of {} must come before its other arguments", syntax.name)
                     : fmt::format("{} takes {} arguments besides tags, not {}", syntax.name,
                                   places, given));
  }
  bool all_fit = true;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const bool may_lack = i + 1 < wanted.size() && wanted[i + 1] == '?';
    if (may_lack && given < places) {
      node.positional.emplace_back();
    } else {
      SyntaxArgument& each = syntax.arguments[first++];
      all_fit = all_fit && fits(each.kind, wanted[i]);
      if (!fits(each.kind, wanted[i]))
        error(each.position,
              fmt::format("{} expected, not {}", wanted_name(wanted[i]), shown(each.kind)));
      node.positional.emplace_back(argument_of(each));
    }
    if (may_lack) ++i;
  }
  if (!all_fit) node.positional.clear();  // there is nothing more to say of them
}

Argument Checker::argument_of(SyntaxArgument& syntax) {
  Argument out;
  out.position = syntax.position;
  out.number = syntax.number;
  for (SyntaxString& each : syntax.strings) out.texts.push_back(text_of(each));
  // So that whoever takes a string finds one, although there was an error.
  if (out.texts.empty()) out.texts.emplace_back();
  return out;
}

}  // namespace gemel::sieve
