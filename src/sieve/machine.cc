#include "sieve/machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "mail/charset.h"
#include "sieve/flag_words.h"

namespace gemel::sieve {
namespace {

// What a script gives may have line ends.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

}  // namespace

Machine::Machine(const Script& script, MessageSource& message, const Delivery& delivery,
                 Environment& environment)
    : delivery_(delivery),
      environment_(environment),
      budget_(delivery.limits.steps_max),
      message_(message, delivery.limits),
      verdict_(delivery.limits) {
  frames_.push_back(frame_of(script));
  if (!delivery.script_name.empty())
    included_.emplace(ScriptLocation::kPersonal, delivery.script_name);
}

Machine::Frame Machine::frame_of(const Script& script) {
  Frame out;
  out.program = &script.program();
  out.enabled = out.program->enabled;
  out.locals.resize(out.program->variables.size());
  return out;
}

Outcome Machine::run() {
  Result<Flow> flow = run_block(frames_.front().program->commands);
  Result<EditedMessage> edited = std::unexpected(Error{});
  if (flow) edited = message_.edited();
  Outcome out;
  out.steps = budget_.used();
  if (flow && edited) {
    out.actions = verdict_.finish({.reason = Keep::Reason::kImplicit,
                                   .flags = flag_names({flags_}, limits().flags_max),
                                   .message = std::move(*edited)});
    out.tracked = verdict_.take_tracked();
    return out;
  }
  // RFC 5228 §2.10.6: an error ends it all, and the message is kept; RFC 5293 §7: as it came in.
  out.actions = {Keep{.reason = Keep::Reason::kError, .flags = {}, .message = nullptr}};
  out.error = RuntimeError{.script = frames_.back().name,
                           .position = position_,
                           .text = one_line(flow ? edited.error().text : flow.error().text)};
  return out;
}

Outcome execute(const Script& script, MessageSource& message, const Delivery& delivery,
                Environment& environment) {
  return Machine(script, message, delivery, environment).run();
}

Result<void> EditCount::count(size_t added, const RunLimits& limits) {
  bytes += added;
  if (++edits > limits.edits_max)
    return fail(Code::kLimit, fmt::format("more than {} changes of the message", limits.edits_max));
  if (bytes > limits.added_bytes_max)
    return fail(Code::kLimit,
                fmt::format("more than {} octets added to the message", limits.added_bytes_max));
  return {};
}

// --- commands ---

Result<void> Machine::enter(const Node& node) {
  position_ = node.position;
  TRY_OK(budget_.take(1));
  if (!node.trouble.empty()) return fail(Code::kInvalid, node.trouble);
  const ExtensionSet missing = node.needs.without(frames_.back().enabled);
  if (!missing.empty())
    return fail(Code::kInvalid,
                fmt::format("extension \"{}\" is not enabled", name_of(missing.first())));
  return {};
}

Result<Flow> Machine::run_block(const std::vector<Node>& commands) {
  using Chain = Keyword::Chain;
  bool taken = false;  // a branch of the chain of if, elsif, else at hand
  for (const Node& node : commands) {
    TRY_OK(enter(node));
    const Chain chain = node.keyword->chain;
    Flow flow = Flow::kNext;
    if (chain == Chain::kNone) {
      TRY(flow, node.keyword->run(*this, node));
    } else {
      if (chain == Chain::kIf) taken = false;
      bool holds = !taken;
      if (holds && chain != Chain::kElse) {
        TRY(holds, test(node.tests.front()));
      }
      if (holds) {
        taken = true;
        TRY(flow, run_block(node.block));
      }
    }
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<bool> Machine::test(const Node& node) {
  TRY_OK(enter(node));
  return node.keyword->test(*this, node);
}

// --- strings and variables ---

Result<std::string> Machine::text(const Text& text) {
  TRY_OK(budget_.take_for(text.source));
  if (text.is_constant()) return text.source;
  std::string out;
  for (const Text::Piece& piece : text.pieces) {
    out += piece.literal;
    if (piece.variable) out += variable(*piece.variable);
    TRY_OK(budget_.take(1));
    if (out.size() > limits().string_bytes_max)
      return fail(Code::kTooBig,
                  fmt::format("a string of more than {} octets", limits().string_bytes_max));
  }
  TRY_OK(budget_.take_for(out));
  return out;
}

Result<std::vector<std::string>> Machine::texts(const Argument& argument) {
  std::vector<std::string> out;
  out.reserve(argument.texts.size());
  size_t bytes = 0;
  for (const Text& each : argument.texts) {
    TRY(std::string value, text(each));
    bytes += value.size();
    if (bytes > limits().string_bytes_max)
      return fail(Code::kTooBig,
                  fmt::format("a list of more than {} octets", limits().string_bytes_max));
    out.push_back(std::move(value));
  }
  return out;
}

Result<std::optional<std::string>> Machine::string(const Node& node, Tag tag) {
  const Argument* argument = node.find(tag);
  if (argument == nullptr) return std::optional<std::string>();
  TRY(std::string value, string(*argument));
  return std::optional(std::move(value));
}

Result<void> Machine::set_variable(const VariableRef& variable, std::string value) {
  value = whole_characters(value, limits().variable_bytes_max);
  if (variable.kind == VariableRef::Kind::kLocal) {
    frames_.back().locals[variable.index] = std::move(value);
    return {};
  }
  CHECK(variable.kind == VariableRef::Kind::kGlobal);
  if (!globals_.contains(variable.name) && globals_.size() >= limits().globals_max)
    return fail(Code::kLimit, fmt::format("more than {} global variables", limits().globals_max));
  globals_[variable.name] = std::move(value);
  return {};
}

std::string_view Machine::variable(const VariableRef& variable) const {
  const Frame& frame = frames_.back();
  switch (variable.kind) {
    case VariableRef::Kind::kLocal:
      return frame.locals[variable.index];
    case VariableRef::Kind::kMatch:
      return variable.index < frame.match_values.size() ? frame.match_values[variable.index]
                                                        : std::string_view();
    default: {
      const auto found = globals_.find(variable.name);
      return found != globals_.end() ? std::string_view(found->second) : std::string_view();
    }
  }
}

void Machine::set_match_values(MatchValues values) {
  if (!enabled(Extension::kVariables)) return;
  for (std::string& value : values) value = whole_characters(value, limits().variable_bytes_max);
  frames_.back().match_values = std::move(values);
}

// --- included scripts ---

bool Machine::was_included(ScriptLocation location, const std::string& name) const {
  return included_.contains({location, name});
}

Result<Flow> Machine::run_included(Include include) {
  if (frames_.size() > limits().include_depth_max)
    return fail(Code::kLimit,
                fmt::format("scripts included more than {} deep", limits().include_depth_max));
  if (++includes_ > limits().includes_max)
    return fail(Code::kLimit, fmt::format("more than {} includes", limits().includes_max));
  for (const Frame& frame : frames_) {
    const std::string& name = frame.name.empty() ? delivery_.script_name : frame.name;
    if (name == include.name && frame.location == include.location)
      return fail(Code::kInvalid, fmt::format("\"{}\" includes itself", include.name));
  }
  included_.emplace(include.location, include.name);
  Frame frame = frame_of(*include.script);
  frame.kept = std::move(include.script);
  frame.location = include.location;
  frame.name = std::move(include.name);
  frame.root = current_part();
  frames_.push_back(std::move(frame));
  // A failed run keeps its frames: the error's place is in the last.
  TRY(const Flow flow, run_block(frames_.back().program->commands));
  frames_.pop_back();
  return flow == Flow::kStop ? Flow::kStop : Flow::kNext;
}

// --- loops ---

const PartPath& Machine::current_part() const {
  const Frame& frame = frames_.back();
  return frame.loops.empty() ? frame.root : frame.loops.back().part;
}

Result<Flow> Machine::run_loop(const Node& node) {
  Frame& frame = frames_.back();
  const PartPath within = current_part();
  std::optional<PartPath> part = within;
  // RFC 5703 §3: the outermost loop begins with the message itself, one inside with the children.
  if (!frame.loops.empty()) {
    TRY(part, message_.next_part(within, within));
  }
  TRY(const std::optional<std::string> name, string(node, Tag::kName));
  while (part) {
    TRY_OK(enter(node));
    frame.loops.push_back({.part = *part});
    TRY(const Flow flow, run_block(node.block));
    const Loop loop = std::move(frame.loops.back());
    frame.loops.pop_back();
    if (flow == Flow::kBreak && (breaking_.empty() || breaking_ == name)) break;
    if (flow != Flow::kNext) return flow;
    if (loop.next == Loop::Next::kBehind) {
      TRY(part, message_.part_behind(*part, within));
    } else {
      TRY(part, message_.next_part(*part, within));
    }
  }
  breaking_.clear();
  return Flow::kNext;
}

void Machine::skip_children() {
  // An included script without a loop has the current part of the loop that it was included in.
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
    if (frame->loops.empty()) continue;
    frame->loops.back().next = Loop::Next::kBehind;
    return;
  }
}

}  // namespace gemel::sieve
