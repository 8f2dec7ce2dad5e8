#include "sieve/syntax.h"

#include <fmt/format.h>

#include "base/result.h"
#include "sieve/lexer.h"

namespace gemel::sieve {
namespace {

std::string shown(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kEnd:
      return "the end of the script";
    case Token::Kind::kNumber:
      return fmt::format("the number {}", token.number);
    case Token::Kind::kString:
      return "a string";
    case Token::Kind::kTag:
      return fmt::format("\":{}\"", token.text);
    default:
      return fmt::format("\"{}\"", token.text);
  }
}

class Parser {
 public:
  Parser(std::string_view text, const ScriptLimits& limits) : lexer_(text), limits_(limits) {}

  std::expected<std::vector<SyntaxNode>, Remark> script() {
    TRY_OK(advance());
    std::vector<SyntaxNode> out;
    while (token_.kind != Token::Kind::kEnd) {
      TRY(SyntaxNode node, command());
      out.push_back(std::move(node));
    }
    return out;
  }

 private:
  std::expected<void, Remark> advance() {
    TRY(token_, lexer_.next());
    return {};
  }

  std::unexpected<Remark> wrong(std::string text) const {
    return std::unexpected(Remark{token_.position, std::move(text)});
  }

  std::expected<void, Remark> count_node() {
    if (++nodes_ > limits_.nodes_max)
      return wrong(fmt::format("more than {} commands, tests and arguments", limits_.nodes_max));
    return {};
  }

  std::expected<void, Remark> go_deeper() {
    if (++depth_ > limits_.nesting_max)
      return wrong(fmt::format("more than {} levels", limits_.nesting_max));
    return {};
  }

  // identifier arguments, without what ends a command.
  std::expected<SyntaxNode, Remark> head(std::string_view what) {
    if (token_.kind != Token::Kind::kIdentifier)
      return wrong(fmt::format("{} expected, not {}", what, shown(token_)));
    TRY_OK(count_node());
    SyntaxNode node;
    node.position = token_.position;
    node.name = token_.text;
    TRY_OK(advance());
    for (;;) {
      TRY(const bool took, argument(node.arguments));
      if (!took) break;
    }
    TRY_OK(tests(node));
    return node;
  }

  std::expected<SyntaxNode, Remark> command() {
    TRY(SyntaxNode node, head("a command"));
    if (token_.is(';')) {
      node.ending = SyntaxNode::Ending::kSemicolon;
      TRY_OK(advance());
      return node;
    }
    if (!token_.is('{'))
      return wrong(
          fmt::format("\";\" or a block expected behind \"{}\", not {}", node.name, shown(token_)));
    node.ending = SyntaxNode::Ending::kBlock;
    TRY_OK(go_deeper());
    TRY_OK(advance());
    while (!token_.is('}')) {
      if (token_.kind == Token::Kind::kEnd)
        return wrong(fmt::format("the block of line {} is not closed", node.position.line));
      TRY(SyntaxNode inner, command());
      node.block.push_back(std::move(inner));
    }
    --depth_;
    TRY_OK(advance());
    return node;
  }

  // True if there was an argument; it is added to `arguments`.
  std::expected<bool, Remark> argument(std::vector<SyntaxArgument>& arguments) {
    SyntaxArgument out;
    out.position = token_.position;
    switch (token_.kind) {
      case Token::Kind::kTag:
        out.kind = SyntaxArgument::Kind::kTag;
        out.tag = token_.text;
        break;
      case Token::Kind::kNumber:
        out.kind = SyntaxArgument::Kind::kNumber;
        out.number = token_.number;
        break;
      case Token::Kind::kString:
        out.kind = SyntaxArgument::Kind::kString;
        out.strings.push_back({token_.position, std::move(token_.text)});
        break;
      default: {
        if (!token_.is('[')) return false;
        TRY(out.strings, string_list());
        out.kind = SyntaxArgument::Kind::kStringList;
        arguments.push_back(std::move(out));
        return true;
      }
    }
    TRY_OK(count_node());
    TRY_OK(advance());
    arguments.push_back(std::move(out));
    return true;
  }

  std::expected<std::vector<SyntaxString>, Remark> string_list() {
    std::vector<SyntaxString> out;
    do {
      TRY_OK(advance());
      if (token_.kind != Token::Kind::kString)
        return wrong(fmt::format("a string expected in the list, not {}", shown(token_)));
      if (out.size() == limits_.list_items_max)
        return wrong(fmt::format("more than {} strings in a list", limits_.list_items_max));
      TRY_OK(count_node());
      out.push_back({token_.position, std::move(token_.text)});
      TRY_OK(advance());
    } while (token_.is(','));
    if (!token_.is(']'))
      return wrong(fmt::format("\",\" or \"]\" expected in the list, not {}", shown(token_)));
    TRY_OK(advance());
    return out;
  }

  std::expected<void, Remark> tests(SyntaxNode& node) {
    if (token_.kind == Token::Kind::kIdentifier) {
      node.tests_kind = SyntaxNode::Tests::kOne;
      TRY_OK(go_deeper());
      TRY(SyntaxNode test, head("a test"));
      --depth_;
      node.tests.push_back(std::move(test));
      return {};
    }
    if (!token_.is('(')) return {};
    node.tests_kind = SyntaxNode::Tests::kList;
    TRY_OK(go_deeper());
    do {
      TRY_OK(advance());
      TRY(SyntaxNode test, head("a test"));
      node.tests.push_back(std::move(test));
    } while (token_.is(','));
    if (!token_.is(')'))
      return wrong(fmt::format("\",\" or \")\" expected behind a test, not {}", shown(token_)));
    --depth_;
    TRY_OK(advance());
    return {};
  }

  Lexer lexer_;
  const ScriptLimits& limits_;
  Token token_;
  size_t nodes_ = 0;
  size_t depth_ = 0;
};

}  // namespace

std::expected<std::vector<SyntaxNode>, Remark> parse_syntax(std::string_view text,
                                                            const ScriptLimits& limits) {
  if (text.size() > limits.script_bytes_max)
    return std::unexpected(
        Remark{{}, fmt::format("the script is larger than {} octets", limits.script_bytes_max)});
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // some editors' mark of UTF-8
  return Parser(text, limits).script();
}

}  // namespace gemel::sieve
