// The test of the body. RFC 5173.
#include "mail/html_text.h"
#include "sieve/body_texts.h"
#include "sieve/commands.h"
#include "sieve/matching.h"

namespace gemel::sieve {
namespace {

/// What of a part is compared.
enum class Look : uint8_t { kContent, kText };

/// Looks at one part by itself.
Result<bool> see_part(Machine& machine, const MimePart& part, Look look, Matching& matching) {
  TRY(const std::string_view message, machine.message().bytes());
  TRY_OK(machine.budget().take_for(part.children.empty() ? part.body_in(message) : ""));
  for (std::string& text : texts_of_part(message, part)) {
    // RFC 5173 §5.3: mark-up may be stripped.
    if (look == Look::kText && part.subtype == "html") text = text_of_html(text);
    TRY(const bool fits, matching.see(text));
    if (fits) return true;
  }
  return false;
}

Result<bool> see_parts(Machine& machine, const ContentTypes& types, Look look, Matching& matching) {
  const PartPath& top = machine.root_part();
  std::optional<PartPath> path = top;
  while (path) {
    TRY_OK(machine.budget().take(1));
    TRY(const MimePart* part, machine.message().part(*path));
    const bool is_text = part != nullptr && part->kind == MimePart::Kind::kLeaf;
    if (part != nullptr && (look == Look::kContent || is_text) && types.has(*part)) {
      TRY(const bool fits, see_part(machine, *part, look, matching));
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
  if (content == nullptr) return see_parts(machine, ContentTypes({"text"}), Look::kText, matching);
  TRY(std::vector<std::string> types, machine.texts(*content));
  return see_parts(machine, ContentTypes(std::move(types)), Look::kContent, matching);
}

}  // namespace gemel::sieve
