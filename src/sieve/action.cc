#include "sieve/action.h"

#include <fmt/format.h>

#include <algorithm>

namespace gemel::sieve {
namespace {

/// In quotes, on one line.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (c != '\r')
      out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + '"';
}

std::string marks(const FlagNames& flags, const EditedMessage& message) {
  std::string out;
  if (!flags.empty()) out += fmt::format(" :flags {}", quoted(flags.text()));
  if (message) out += " (changed)";
  return out;
}

std::string text_of_target(const FileInto& into) {
  std::string out = "fileinto";
  if (into.missing == FileInto::Missing::kCreate) out += " :create";
  if (into.mailbox_id) out += fmt::format(" :mailboxid {}", quoted(*into.mailbox_id));
  if (into.special_use) out += fmt::format(" :specialuse {}", quoted(*into.special_use));
  return out + fmt::format(" {}", quoted(into.mailbox));
}

std::string recipients(const OutgoingMail& mail) {
  std::string out;
  for (const std::string& each : mail.envelope_to) (out += out.empty() ? "" : " ") += quoted(each);
  return out;
}

struct Printer {
  std::string operator()(const Keep& keep) const {
    const std::string_view reason = keep.reason == Keep::Reason::kImplicit ? " (implicit)"
                                    : keep.reason == Keep::Reason::kError  ? " (error)"
                                                                           : "";
    return fmt::format("keep{}{}", reason, marks(keep.flags, keep.message));
  }
  std::string operator()(const FileInto& into) const {
    return text_of_target(into) + marks(into.flags, into.message);
  }
  std::string operator()(const Discard&) const { return "discard"; }
  std::string operator()(const Redirect& redirect) const {
    return fmt::format("redirect {}{}", quoted(redirect.address), marks({}, redirect.message));
  }
  std::string operator()(const Reject& reject) const {
    return fmt::format("{} {}", reject.kind == Reject::Kind::kReject ? "reject" : "ereject",
                       quoted(reject.reason));
  }
  std::string operator()(const Vacation& vacation) const {
    return fmt::format("vacation to {}{}", recipients(vacation.reply), copy(vacation.fcc));
  }
  std::string operator()(const Notify& notify) const {
    return fmt::format("notify {}{}", recipients(notify.mail), copy(notify.fcc));
  }
  static std::string copy(const std::optional<FileInto>& fcc) {
    if (!fcc) return {};
    return fmt::format(" (copy: {}{})", text_of_target(*fcc), marks(fcc->flags, nullptr));
  }
};

}  // namespace

std::string text_of(const Action& action) { return std::visit(Printer(), action); }

}  // namespace gemel::sieve
