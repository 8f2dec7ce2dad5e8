// Actions that change the message: its header, a part of it, all of it. RFC 5293, RFC 5703 §5 to
// §7.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/mime_header.h"
#include "mail/text.h"
#include "sieve/commands.h"
#include "sieve/field_names.h"
#include "sieve/fields.h"
#include "sieve/mail_address.h"
#include "sieve/matching.h"
#include "sieve/modifiers.h"
#include "sieve/outgoing.h"

namespace gemel::sieve {
namespace {

/// Counts one more edit and what it adds. Errors: kLimit.
Result<void> count_edit(Machine& machine, size_t bytes) {
  TRY(const std::string_view header, machine.message().header());
  TRY_OK(machine.budget().take_for(header));
  return machine.edits().count(bytes, machine.limits());
}

/// The header of what the script takes for the message, changed by `edit`.
template <class Edit>
Result<void> edit_header(Machine& machine, const Edit& edit) {
  WorkMessage& message = machine.message();
  const PartPath& root = machine.root_part();
  TRY(const std::string_view before, message.header_of(root));
  TRY(std::string after, edit(before));
  if (after == before) return {};
  if (root.empty()) return message.set_header(std::move(after));
  // RFC 6609 §3.5: in a script that was included for a part, the part is the message.
  TRY(const MimePart* part, message.part(root));
  if (part == nullptr) return {};
  TRY(const std::string_view bytes, message.bytes());
  after += part->body_in(bytes);
  return message.set_part(root, after);
}

/// Offset of the empty line that ends `header`, or its end.
size_t end_of_fields(std::string_view header) {
  HeaderReader reader(header);
  while (reader.next()) {
  }
  return reader.position();
}

/// Which fields of the name a deleteheader is about: all, or the one of :index.
bool is_meant(const Node& node, size_t place, size_t count) {
  const Argument* index = node.find(Tag::kIndex);
  if (index == nullptr) return true;
  if (index->number == 0 || index->number > count) return false;
  return place == (node.has(Tag::kLast) ? count - index->number : index->number - 1);
}

/// `header` without the fields that `node` names and that `matching`, if there is one, accepts.
Result<std::string> without_fields(const Node& node, std::string_view header, std::string_view name,
                                   Matching* matching) {
  const size_t count = fields_in(header, name).size();
  std::string out;
  size_t kept_from = 0;
  size_t place = 0;
  HeaderReader reader(header);
  while (const auto field = reader.next()) {
    if (!equals_ignoring_case(field->name, name)) continue;
    if (!is_meant(node, place++, count)) continue;
    if (matching != nullptr) {
      TRY(const bool fits, matching->see(decoded_value(field->value)));
      if (!fits) continue;
    }
    out += header.substr(kept_from, field->start - kept_from);
    kept_from = field->end;
  }
  return out + std::string(header.substr(kept_from));
}

}  // namespace

// RFC 5293 §4.
Result<Flow> run_addheader(Machine& machine, const Node& node) {
  TRY(const std::string name, machine.string(node.at(0)));
  TRY(const std::string value, machine.string(node.at(1)));
  if (!is_field_name(name))
    return fail(Code::kInvalid, fmt::format("no header field can be called \"{}\"", name));
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
    return fail(Code::kInvalid, "the value of a header field is one line");
  if (!may_be_added(name)) return Flow::kNext;  // §6: silently
  HeaderWriter writer;
  writer.add_text(name, value);
  const std::string field = writer.take();
  TRY_OK(count_edit(machine, field.size()));
  TRY_OK(edit_header(machine, [&](std::string_view header) -> Result<std::string> {
    const size_t at = node.has(Tag::kLast) ? end_of_fields(header) : 0;
    return std::string(header.substr(0, at)) + field + std::string(header.substr(at));
  }));
  return Flow::kNext;
}

// RFC 5293 §5.
Result<Flow> run_deleteheader(Machine& machine, const Node& node) {
  TRY(const std::string name, machine.string(node.at(0)));
  if (!is_field_name(name))
    return fail(Code::kInvalid, fmt::format("no header field can be called \"{}\"", name));
  if (!may_be_deleted(name)) return Flow::kNext;  // §6: silently
  TRY_OK(count_edit(machine, 0));
  std::optional<Matching> matching;
  if (node.positional[1]) {
    TRY(matching, Matching::start(machine, node, Matching::Effect::kNone));
  }
  TRY_OK(edit_header(machine, [&](std::string_view header) {
    return without_fields(node, header, name, matching ? &*matching : nullptr);
  }));
  return Flow::kNext;
}

// RFC 5703 §7.
Result<Flow> run_extracttext(Machine& machine, const Node& node) {
  TRY(const MimePart* part, machine.message().part(machine.current_part()));
  TRY(const std::string_view bytes, machine.message().bytes());
  std::string text;
  if (part != nullptr && part->kind == MimePart::Kind::kLeaf && part->type == "text") {
    TRY_OK(machine.budget().take_for(part->body_in(bytes)));
    text = decoded_text(bytes, *part);
  }
  if (const Argument* first = node.find(Tag::kFirst)) {
    text.resize(character_bytes(text, first->number));
  }
  // One octet more than a variable holds, so that it is cut between characters.
  text.resize(std::min(text.size(), machine.limits().variable_bytes_max + 1));
  TRY_OK(machine.set_variable(*node.variable, modified(node, std::move(text))));
  return Flow::kNext;
}

namespace {

/// The message's own fields without those about its content, as RFC 5703 §5 keeps them; Subject and
/// From give way to Original-Subject and Original-From where they are replaced.
struct NewFields {
  std::optional<std::string> subject;
  std::optional<std::string> from;
};
std::string kept_header(std::string_view header, const NewFields& fresh) {
  std::string out;
  HeaderReader reader(header);
  while (const auto field = reader.next()) {
    const std::string name = to_lower(field->name);
    if (name.starts_with("content-") || name == "mime-version") continue;
    const std::string_view whole = header.substr(field->start, field->end - field->start);
    const bool renamed = (name == "subject" && fresh.subject) || (name == "from" && fresh.from);
    out += renamed ? fmt::format("Original-{}", whole) : std::string(whole);
  }
  HeaderWriter writer;
  if (fresh.from) writer.add("From", address_list_field(*fresh.from));
  if (fresh.subject) writer.add_text("Subject", *fresh.subject);
  writer.add("MIME-Version", "1.0");
  return out + writer.take();
}

/// An entity of a header and a body; what has no header of its own is text/plain.
std::string entity_for(const Node& node, const std::string& replacement) {
  if (!node.has(Tag::kMime)) return text_entity(replacement);
  std::string out = with_crlf(replacement);
  // A header alone still needs the line that ends it.
  if (end_of_fields(out) == out.size()) out += "\r\n\r\n";
  return out;
}

/// `entity`'s Content- fields and body behind the fields that the message keeps.
std::string whole_message(std::string kept, std::string_view entity) {
  HeaderReader reader(entity);
  while (const auto field = reader.next())
    if (to_lower(field->name).starts_with("content-"))
      kept += entity.substr(field->start, field->end - field->start);
  return kept + "\r\n" + std::string(entity.substr(header_size(entity)));
}

}  // namespace

// RFC 5703 §5.
Result<Flow> run_replace(Machine& machine, const Node& node) {
  TRY(const std::string replacement, machine.string(node.at(0)));
  NewFields fresh;
  TRY(fresh.subject, machine.string(node, Tag::kSubject));
  TRY(fresh.from, machine.string(node, Tag::kFrom));
  if (fresh.from && !parse_mailbox_list(*fresh.from))
    return fail(Code::kInvalid, fmt::format("\"{}\" is no address", *fresh.from));
  std::string entity = entity_for(node, replacement);
  const PartPath path = machine.current_part();
  TRY(const uint64_t size, machine.message().size());
  TRY_OK(machine.budget().take(size / 64));
  TRY_OK(count_edit(machine, entity.size()));
  if (path.empty()) {
    TRY(const std::string_view header, machine.message().header());
    entity = whole_message(kept_header(header, fresh), entity);
  } else if (entity.ends_with("\r\n")) {
    entity.resize(entity.size() - 2);  // that line end belongs to the delimiter behind it
  }
  TRY_OK(machine.message().set_part(path, entity));
  machine.skip_children();
  return Flow::kNext;
}

namespace {

/// The fields of the message around: those that :headers names, and what a message must have.
Result<std::string> enclosing_header(Machine& machine, const Node& node) {
  TRY(const auto subject, machine.string(node, Tag::kSubject));
  std::vector<std::string> names;
  if (const Argument* headers = node.find(Tag::kHeaders)) {
    TRY(names, machine.texts(*headers));
  }
  TRY(const std::string_view header, machine.message().header());
  std::string out;
  std::set<std::string> copied;
  for (const std::string& each : names) {
    const std::string name = to_lower(each);
    // The content is another; and :subject is the Subject.
    const bool is_ours =
        name.starts_with("content-") || name == "mime-version" || (name == "subject" && subject);
    if (is_ours || !copied.insert(name).second) continue;
    TRY_OK(machine.budget().take_for(header));
    const std::vector<std::string_view> values = fields_in(header, name);
    for (const std::string_view value : values)
      out += fmt::format("{}:{}\r\n", each, with_crlf(value));
    if (values.empty()) copied.erase(name);
  }
  HeaderWriter fields;
  if (!copied.contains("date")) fields.add("Date", date_now(machine));
  if (!copied.contains("from")) fields.add("From", user_address(machine.delivery()));
  if (subject) fields.add_text("Subject", *subject);
  fields.add("MIME-Version", "1.0");
  return out + fields.take();
}

}  // namespace

// RFC 5703 §6.
Result<Flow> run_enclose(Machine& machine, const Node& node) {
  TRY(const std::string text, machine.string(node.at(0)));
  WorkMessage& message = machine.message();
  TRY(const uint64_t size, message.size());
  TRY_OK(machine.budget().take(size / 64));
  TRY_OK(count_edit(machine, text.size()));
  TRY(std::string made, enclosing_header(machine, node));
  TRY(const std::string inner, message.whole());
  const std::string boundary =
      fmt::format("{}.{}.enclose", machine.delivery().unique, machine.next_message());
  // RFC 2045 §6.4: what holds eight-bit parts says so itself, each level of it.
  const std::string encoding = is_ascii(inner) ? "" : "Content-Transfer-Encoding: 8bit\r\n";
  made += fmt::format("Content-Type: multipart/mixed; boundary=\"{}\"\r\n{}", boundary, encoding);
  made += fmt::format("\r\n--{}\r\n{}", boundary, text_entity(text));
  made += fmt::format("\r\n--{}\r\nContent-Type: message/rfc822\r\n{}\r\n", boundary, encoding);
  made += inner;
  made += fmt::format("\r\n--{}--\r\n", boundary);
  TRY_OK(message.enclose_in(std::move(made)));
  return Flow::kNext;
}

}  // namespace gemel::sieve
