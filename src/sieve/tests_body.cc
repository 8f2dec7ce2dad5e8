// The test of the body. RFC 5173.
#include "sieve/body_texts.h"
#include "sieve/commands.h"
#include "sieve/matching.h"

namespace gemel::sieve {
namespace {

/// Looks at one part by itself.
Result<bool> see_part(Machine& machine, const PartPath& path, TextForm form, Matching& matching) {
  TRY(const MimePart* part, machine.message().part(path));
  TRY(const std::string_view message, machine.message().bytes());
  TRY_OK(machine.budget().take_for(part->children.empty() ? part->body_in(message) : ""));
  TRY(const WorkMessage::Texts texts, machine.message().texts(path, form));
  for (const std::string& text : *texts) {
    TRY(const bool fits, matching.see(text));
    if (fits) return true;
  }
  return false;
}

Result<bool> see_parts(Machine& machine, const ContentTypes& types, TextForm form,
                       Matching& matching) {
  const PartPath& top = machine.root_part();
  std::optional<PartPath> path = top;
  while (path) {
    TRY_OK(machine.budget().take(1));
    TRY(const MimePart* part, machine.message().part(*path));
    const bool is_text = part != nullptr && part->kind == MimePart::Kind::kLeaf;
    if (part != nullptr && (form == TextForm::kContent || is_text) && types.has(*part)) {
      TRY(const bool fits, see_part(machine, *path, form, matching));
      if (fits) return true;
    }
    TRY(path, machine.message().next_part(*path, top));
  }
  return matching.finish();
}

/// The body of what the script takes for the message; nothing if there is none.
Result<std::optional<std::string_view>> raw_body(Machine& machine) {
  const PartPath& top = machine.root_part();
  if (top.empty()) return machine.message().body();
  TRY(const MimePart* part, machine.message().part(top));
  if (part == nullptr) return std::optional<std::string_view>();
  TRY(const std::string_view bytes, machine.message().bytes());
  return std::optional(part->body_in(bytes));
}

}  // namespace

Result<bool> test_body(Machine& machine, const Node& node) {
  TRY(Matching matching, Matching::start(machine, node, Matching::Effect::kNone));
  TRY(const auto body, raw_body(machine));
  // RFC 5173 §4: a message without an empty line has no body, and nothing is true of it.
  if (!body) return matching.finish();
  if (node.has(Tag::kRaw)) {
    TRY(const bool fits, matching.see(*body));
    if (fits) return true;
    return matching.finish();
  }
  const Argument* content = node.find(Tag::kContent);
  if (content == nullptr)
    return see_parts(machine, ContentTypes({"text"}), TextForm::kPlain, matching);
  TRY(std::vector<std::string> types, machine.texts(*content));
  return see_parts(machine, ContentTypes(std::move(types)), TextForm::kContent, matching);
}

}  // namespace gemel::sieve
