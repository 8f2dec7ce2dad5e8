// From grammar to program: what may stand where, and which names mean what.
//
// Threads  one; one script.
// Source   RFC 5228 §2.10.5 (extensions), §2.6 (arguments); RFC 5463 §4 (what ihave puts off until
//          the run).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sieve/keyword.h"
#include "sieve/program.h"
#include "sieve/string_value.h"
#include "sieve/syntax.h"

namespace gemel::sieve {

class Checker {
 public:
  explicit Checker(const CompileOptions& options) : options_(options) {}

  /// The program of `commands`; nothing in it counts if there are errors().
  std::unique_ptr<Script::Program> check(std::vector<SyntaxNode> commands);
  const std::vector<Remark>& errors() const { return errors_; }
  const std::vector<Remark>& warnings() const { return warnings_; }

  // --- for the checks of single commands ---
  void error(Position position, std::string text);
  void warn(Position position, std::string text);
  /// A mistake that a missing extension may explain: with ihave, it waits for the run.
  void problem(Node& node, Position position, std::string text);
  /// `what` needs `extension`; with ihave, the run will see whether it is enabled.
  void need(Node& node, Position position, Extension extension, std::string_view what);
  bool enabled(Extension extension) const { return program_->enabled.has(extension); }
  /// Known, and offered by this server.
  bool is_offered(Extension extension) const;
  void require(const Text& capability);
  /// The variable that `name`, which must be constant, names for writing.
  std::optional<VariableRef> variable_for(const Text& name);
  /// The same for reading.
  std::optional<VariableRef> variable_to_read(const Text& name);
  void declare_global(const Text& name);
  /// Names of the loops around, innermost last; "" for those without.
  const std::vector<std::string>& loops() const { return loops_; }
  /// The value of a constant string that must be one; tells of it otherwise.
  std::optional<std::string_view> constant(const Text& text, std::string_view what);

 private:
  std::vector<Node> check_block(std::vector<SyntaxNode>& commands);
  Node check_command(SyntaxNode& syntax, Keyword::Chain previous);
  Node check_test(SyntaxNode& syntax);
  void check_place(const SyntaxNode& syntax, Keyword::Chain previous);
  void check_tests(Node& node, SyntaxNode& syntax);
  void check_ending(const Keyword& keyword, const SyntaxNode& syntax);
  /// Looks up and binds the head of a command or test. False if nothing more can be said of it.
  enum class Known : uint8_t { kYes, kNo };
  Known bind(Node& node, SyntaxNode& syntax, Keyword::Kind kind);
  void bind_arguments(Node& node, SyntaxNode& syntax);
  void bind_tag(Node& node, SyntaxNode& syntax, size_t& next);
  void check_tag_use(Node& node, const TagUse& use, Position position);
  void bind_positional(Node& node, SyntaxNode& syntax, size_t first);
  Argument argument_of(SyntaxArgument& syntax);
  Text text_of(SyntaxString& syntax);
  std::optional<VariableRef> resolve(const Reference& reference, Position position);
  VariableRef local(const std::string& name);
  void finish_match(Node& node);
  void finish_comparator(Node& node);
  void check_patterns(const Node& node);

  const CompileOptions& options_;
  std::unique_ptr<Script::Program> program_;
  std::vector<Remark> errors_;
  std::vector<Remark> warnings_;
  std::map<std::string, uint32_t> locals_;
  std::set<std::string> globals_;
  std::set<std::string> assigned_;  // locals that were written
  std::vector<std::string> loops_;
  size_t depth_ = 0;
  enum class Requires : uint8_t { kPossible, kOver } requires_ = Requires::kPossible;
};

}  // namespace gemel::sieve
