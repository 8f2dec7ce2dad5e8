// Actions that deliver a message, or don't, and the flags that go with it.
#include <fmt/format.h>

#include "base/bytes.h"
#include "sieve/commands.h"
#include "sieve/delivery_target.h"
#include "sieve/field_names.h"
#include "sieve/fields.h"
#include "sieve/flag_words.h"
#include "sieve/machine.h"
#include "sieve/mail_address.h"
#include "sieve/outgoing.h"

namespace gemel::sieve {
namespace {

Verdict::ImplicitKeep implicit_keep(const Node& node) {
  // RFC 3894 §3.
  return node.has(Tag::kCopy) ? Verdict::ImplicitKeep::kLeave : Verdict::ImplicitKeep::kCancel;
}

/// RFC 5228 §4.2: loops must be noticed. Each pass through a mail server adds a Received field.
Result<void> check_loop(Machine& machine) {
  TRY(const std::string_view header, machine.message().header());
  TRY_OK(machine.budget().take_for(header));
  if (fields_in(header, "received").size() <= machine.limits().received_max) return {};
  return fail(Code::kLimit, "the message seems to loop: it has too many Received fields");
}

Result<Flow> run_rejection(Machine& machine, const Node& node, Reject::Kind kind) {
  TRY(std::string reason, machine.string(node.at(0)));
  TRY(auto notice, rejection_notice(machine, reason));
  TRY_OK(machine.verdict().reject(
      {.kind = kind, .reason = std::move(reason), .notice = std::move(notice)}));
  return Flow::kNext;
}

enum class FlagEdit : uint8_t { kSet, kAdd, kRemove };

/// RFC 5232 §3.
Result<Flow> run_flag_edit(Machine& machine, const Node& node, FlagEdit edit) {
  TRY(std::vector<std::string> given, machine.texts(node.at(1)));
  const std::string before(node.variable ? machine.variable(*node.variable) : machine.flags());
  std::vector<std::string> after = flag_words(given);
  if (edit == FlagEdit::kAdd) {
    given.insert(given.begin(), before);
    after = flag_words(given);
  } else if (edit == FlagEdit::kRemove) {
    std::vector<std::string> kept = flag_words({before});
    std::erase_if(kept, [&](const std::string& flag) {
      for (const std::string& each : after)
        if (equals_ignoring_case(each, flag)) return true;
      return false;
    });
    after = std::move(kept);
  }
  if (node.variable) {
    TRY_OK(machine.set_variable(*node.variable, joined(after)));
  } else {
    if (after.size() > machine.limits().flags_max) after.resize(machine.limits().flags_max);
    machine.flags() = joined(after);
  }
  return Flow::kNext;
}

}  // namespace

Result<FlagNames> flags_for(Machine& machine, const Node& node) {
  const Argument* given = node.find(Tag::kFlags);
  std::vector<std::string> texts = {machine.flags()};
  if (given != nullptr) {
    TRY(texts, machine.texts(*given));
  }
  return flag_names(texts, machine.limits().flags_max);
}

Result<FileInto> target_for(Machine& machine, const Node& node, const Argument& mailbox) {
  FileInto out;
  TRY(out.mailbox, machine.string(mailbox));
  if (!is_mailbox_name(out.mailbox))
    return fail(Code::kInvalid, fmt::format("\"{}\" is no name of a mailbox", out.mailbox));
  TRY(out.mailbox_id, machine.string(node, Tag::kMailboxid));
  TRY(out.special_use, machine.string(node, Tag::kSpecialuse));
  if (out.special_use && !is_special_use(*out.special_use))
    return fail(Code::kInvalid, fmt::format("\"{}\" is no special use", *out.special_use));
  if (node.has(Tag::kCreate)) out.missing = FileInto::Missing::kCreate;
  return out;
}

// RFC 5228 §4.3.
Result<Flow> run_keep(Machine& machine, const Node& node) {
  Keep keep = {.reason = Keep::Reason::kExplicit, .flags = {}, .message = nullptr};
  TRY(keep.flags, flags_for(machine, node));
  TRY(keep.message, machine.message().edited());
  TRY_OK(machine.verdict().keep(std::move(keep)));
  return Flow::kNext;
}

// RFC 5228 §4.1.
Result<Flow> run_fileinto(Machine& machine, const Node& node) {
  TRY(FileInto action, target_for(machine, node, node.at(0)));
  TRY(action.flags, flags_for(machine, node));
  TRY(action.message, machine.message().edited());
  TRY_OK(machine.verdict().file_into(std::move(action), implicit_keep(node)));
  return Flow::kNext;
}

// RFC 5228 §4.2.
Result<Flow> run_redirect(Machine& machine, const Node& node) {
  TRY(const std::string address, machine.string(node.at(0)));
  const auto parsed = parse_sieve_address(address);
  if (!parsed) return fail(Code::kInvalid, fmt::format("\"{}\" is no address", address));
  TRY_OK(check_loop(machine));
  Redirect action = {.address = parsed->addr_spec(), .message = nullptr};
  TRY(action.message, machine.message().redirected());
  TRY_OK(machine.verdict().redirect(std::move(action), implicit_keep(node)));
  return Flow::kNext;
}

// RFC 5228 §4.4.
Result<Flow> run_discard(Machine& machine, const Node&) {
  machine.verdict().discard();
  return Flow::kNext;
}

// RFC 5429.
Result<Flow> run_reject(Machine& machine, const Node& node) {
  return run_rejection(machine, node, Reject::Kind::kReject);
}

Result<Flow> run_ereject(Machine& machine, const Node& node) {
  return run_rejection(machine, node, Reject::Kind::kEreject);
}

Result<Flow> run_setflag(Machine& machine, const Node& node) {
  return run_flag_edit(machine, node, FlagEdit::kSet);
}

Result<Flow> run_addflag(Machine& machine, const Node& node) {
  return run_flag_edit(machine, node, FlagEdit::kAdd);
}

Result<Flow> run_removeflag(Machine& machine, const Node& node) {
  return run_flag_edit(machine, node, FlagEdit::kRemove);
}

}  // namespace gemel::sieve
