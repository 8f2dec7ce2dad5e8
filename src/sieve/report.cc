#include "sieve/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace gemel::sieve {
namespace {

/// Each line of `text` behind `mark`.
std::string marked(std::string_view text, std::string_view mark) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    out += line.empty() ? fmt::format("{}\n", mark) : fmt::format("{} {}\n", mark, line);
  }
  return out;
}

class Reporter {
 public:
  explicit Reporter(const ReportOptions& options) : options_(options) {}

  std::string operator()(const Keep& keep) const { return message(keep.message); }
  std::string operator()(const FileInto& into) const { return message(into.message); }
  std::string operator()(const Discard&) const { return {}; }
  std::string operator()(const Redirect& redirect) const { return message(redirect.message); }
  std::string operator()(const Reject& reject) const {
    if (options_.changes == ReportOptions::Changes::kHidden || !reject.notice) return {};
    return mail(*reject.notice);
  }
  std::string operator()(const Vacation& vacation) const {
    return mail(vacation.reply) + (vacation.sent ? tracked(*vacation.sent) : "");
  }
  std::string operator()(const Notify& notify) const { return mail(notify.mail); }

  std::string tracked(const Tracked& each) const {
    return fmt::format("remember {} for {} s\n",
                       each.key.starts_with('v') ? "the answer" : "the duplicate",
                       each.expires_s - options_.now_s);
  }

 private:
  std::string message(const EditedMessage& edited) const {
    if (options_.changes == ReportOptions::Changes::kHidden || !edited) return {};
    return marked(*edited, ">");
  }
  std::string mail(const OutgoingMail& mail) const {
    if (options_.mail == ReportOptions::Mail::kHidden) return {};
    return fmt::format("| MAIL FROM:<{}>\n", mail.envelope_from) + marked(mail.bytes, "|");
  }

  const ReportOptions& options_;
};

}  // namespace

std::string report_of(const Outcome& outcome, const ReportOptions& options) {
  const Reporter reporter(options);
  std::string out;
  for (const Action& action : outcome.actions)
    out += text_of(action) + "\n" + std::visit(reporter, action);
  for (const Tracked& each : outcome.tracked) out += reporter.tracked(each);
  if (outcome.error) {
    const RuntimeError& error = *outcome.error;
    out += fmt::format(
        "error line {}, column {}{}: {}\n", error.position.line, error.position.column,
        error.script.empty() ? "" : fmt::format(" of \"{}\"", error.script), error.text);
  }
  return out;
}

}  // namespace gemel::sieve
