#include "admin/expire.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace gemel::admin {
namespace {

constexpr std::string_view kMemory = "expire";

class Sweep {
 public:
  Sweep(MailStore& store, int64_t now_s, const Retention& retention)
      : store_(store), now_s_(now_s), retention_(retention) {}

  Result<void> look_at(const MailboxInfo& mailbox) {
    ++report.mailboxes;
    return mailbox.is_deleted() ? look_at_deleted(mailbox) : look_at_live(mailbox);
  }

  // One broken mailbox stops no other; a store that takes no writes stops all.
  Result<void> note(const MailboxInfo& mailbox, const Error& error) {
    if (error.code == Code::kReadOnly || error.code == Code::kIo || error.code == Code::kNoSpace)
      return std::unexpected(error);
    if (report.errors.size() < ExpireReport::kErrorsMax)
      report.errors.push_back(fmt::format("{}: {}", mailbox.name.text(), error.text));
    return {};
  }

  ExpireReport report;

 private:
  Result<void> look_at_deleted(const MailboxInfo& mailbox) {
    const bool is_empty = mailbox.exists == 0 && mailbox.expunged == 0;
    if (is_empty || now_s_ - mailbox.deleted_s < retention_.deleted_s) return {};
    TRY_OK(store_.purge_deleted(mailbox.id));
    ++report.mailboxes_freed;
    return {};
  }

  Result<void> look_at_live(const MailboxInfo& mailbox) {
    const std::string key = mailbox.id.text();
    TRY(const std::optional<std::string> kept, store_.channel_get(kMemory, key));
    std::vector<ExpireMark> marks = parse_marks(kept.value_or(""));
    if (mailbox.expunged == 0) {
      marks.clear();
    } else {
      add_mark(marks, {now_s_, mailbox.highestmodseq}, retention_.expunged_s);
      const ModSeq due = take_due(marks, now_s_, retention_.expunged_s);
      if (due > mailbox.purged_modseq) {
        TRY_OK(store_.purge_expunged(mailbox.id, due));
        TRY(const MailboxInfo after, store_.find(mailbox.id));
        report.expunged_freed += mailbox.expunged - std::min(mailbox.expunged, after.expunged);
      }
    }
    const std::string text = text_of(marks);
    if (text == kept.value_or("")) return {};
    return store_.channel_put(kMemory, {{key, text}});
  }

  MailStore& store_;
  int64_t now_s_;
  Retention retention_;
};

}  // namespace

std::string text_of(const std::vector<ExpireMark>& marks) {
  std::string out;
  for (const ExpireMark& mark : marks)
    out += fmt::format("{}{}:{}", out.empty() ? "" : " ", mark.unix_s, mark.modseq.value);
  return out;
}

std::vector<ExpireMark> parse_marks(std::string_view text) {
  std::vector<ExpireMark> out;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const size_t colon = word.find(':');
    if (colon == std::string_view::npos) return {};
    const auto unix_s = parse_number(word.substr(0, colon));
    const auto modseq = parse_number(word.substr(colon + 1));
    if (!unix_s || !modseq) return {};
    out.push_back({static_cast<int64_t>(*unix_s), ModSeq(*modseq)});
  }
  return out;
}

void add_mark(std::vector<ExpireMark>& marks, const ExpireMark& now, int64_t retention_s) {
  if (!marks.empty()) {
    const bool is_recent = now.unix_s - marks.back().unix_s < retention_s / kMarksPerRetention;
    if (is_recent || marks.back().modseq == now.modseq) return;
  }
  marks.push_back(now);
}

ModSeq take_due(std::vector<ExpireMark>& marks, int64_t now_s, int64_t retention_s) {
  ModSeq due;
  const auto is_old = [&](const ExpireMark& mark) { return now_s - mark.unix_s >= retention_s; };
  for (const ExpireMark& mark : marks)
    if (is_old(mark)) due = std::max(due, mark.modseq);
  std::erase_if(marks, is_old);
  return due;
}

Result<ExpireReport> expire(MailStore& store, Clock& clock, const Retention& retention,
                            const std::function<bool()>& stopping) {
  Sweep sweep(store, clock.unix_s(), retention);
  TRY(const std::vector<UserInfo> users, store.users(MailStore::Which::kDeletedToo));
  for (const UserInfo& user : users) {
    TRY(const auto mailboxes, store.mailboxes(user.userid, MailStore::Which::kDeletedToo));
    for (const MailboxInfo& mailbox : mailboxes) {
      if (stopping()) return sweep.report;
      if (const Result<void> done = sweep.look_at(mailbox); !done)
        TRY_OK(sweep.note(mailbox, done.error()));
    }
  }
  return sweep.report;
}

}  // namespace gemel::admin
