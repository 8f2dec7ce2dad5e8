// One run of a script: where it is, what its variables hold, what it has decided.
//
// Threads  one.
// Source   RFC 5228 §2.10; RFC 6609 §3 (included scripts have variables of their own), RFC 5229 §3.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sieve/budget.h"
#include "sieve/keyword.h"
#include "sieve/match.h"
#include "sieve/program.h"
#include "sieve/run.h"
#include "sieve/verdict.h"
#include "sieve/work_message.h"

namespace gemel::sieve {

/// What the run has changed of its message so far.
struct EditCount {
  size_t edits = 0;
  size_t bytes = 0;
  /// One more, which adds `added` octets. Errors: kLimit.
  Result<void> count(size_t added, const RunLimits& limits);
};

class Machine {
 public:
  /// All must outlive it.
  Machine(const Script& script, MessageSource& message, const Delivery& delivery,
          Environment& environment);

  /// Runs it all. Call once.
  Outcome run();

  // --- what commands and tests work with ---
  const Delivery& delivery() const { return delivery_; }
  const RunLimits& limits() const { return delivery_.limits; }
  Environment& environment() { return environment_; }
  Budget& budget() { return budget_; }
  WorkMessage& message() { return message_; }
  Verdict& verdict() { return verdict_; }
  EditCount& edits() { return edits_; }
  bool enabled(Extension extension) const { return frames_.back().enabled.has(extension); }
  bool is_offered(Extension extension) const {
    return frames_.back().program->offered.has(extension);
  }
  void enable(ExtensionSet extensions) { frames_.back().enabled.add(extensions); }

  /// Numbers for what this run makes: Message-IDs, boundaries.
  size_t next_message() { return ++messages_; }

  /// With variables put in. Errors: kTooBig.
  Result<std::string> text(const Text& text);
  Result<std::vector<std::string>> texts(const Argument& argument);
  /// The one string of `argument`, or of the tag if it is there.
  Result<std::string> string(const Argument& argument) { return text(argument.texts.front()); }
  Result<std::optional<std::string>> string(const Node& node, Tag tag);

  Result<bool> test(const Node& node);
  Result<Flow> run_block(const std::vector<Node>& commands);

  /// Cuts what is too long (RFC 5229 §6). Errors: kLimit, too many global variables.
  Result<void> set_variable(const VariableRef& variable, std::string value);
  std::string_view variable(const VariableRef& variable) const;
  /// Does nothing if the script has no variables.
  void set_match_values(MatchValues values);

  /// Flags by the internal variable (RFC 5232 §3), parted by spaces.
  std::string& flags() { return flags_; }

  /// Runs another script. Errors: kLimit for the depth, kInvalid for a recursion.
  struct Include {
    ScriptLocation location;
    std::string name;
    std::shared_ptr<const Script> script;
  };
  Result<Flow> run_included(Include include);
  bool was_included(ScriptLocation location, const std::string& name) const;

  // --- loops over parts (RFC 5703 §3) ---
  /// The part of the innermost loop, else what the script was included with: the message, or the
  /// part that was current there (RFC 6609 §3.5).
  const PartPath& current_part() const;
  /// What the script takes for the whole message.
  const PartPath& root_part() const { return frames_.back().root; }
  bool in_loop() const { return !frames_.back().loops.empty(); }
  Result<Flow> run_loop(const Node& node);
  /// The current part was replaced: what is inside is not gone into.
  void skip_children();
  std::string& breaking() { return breaking_; }

 private:
  struct Loop {
    PartPath part;
    enum class Next : uint8_t { kInside, kBehind } next = Next::kInside;
  };
  struct Frame {
    const Script::Program* program = nullptr;
    std::shared_ptr<const Script> kept;  // of an included one
    ScriptLocation location = ScriptLocation::kPersonal;
    std::string name;  // "" for the script that the run is of
    ExtensionSet enabled;
    std::vector<std::string> locals;
    MatchValues match_values;
    PartPath root;
    std::deque<Loop> loops;
  };

  Result<void> enter(const Node& node);
  Result<Flow> run_frame(Frame frame);
  static Frame frame_of(const Script& script);

  const Delivery& delivery_;
  Environment& environment_;
  Budget budget_;
  WorkMessage message_;
  Verdict verdict_;
  EditCount edits_;
  std::deque<Frame> frames_;
  std::map<std::string, std::string> globals_;
  std::set<std::pair<ScriptLocation, std::string>> included_;
  size_t includes_ = 0;
  size_t messages_ = 0;
  std::string flags_;
  std::string breaking_;  // the name of the loop that a break ends; "" for the innermost
  Position position_;
};

}  // namespace gemel::sieve
