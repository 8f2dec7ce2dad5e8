// APPEND and delivery.
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {

using Append = MailStore::Append;
using Appended = MailStore::Appended;

Result<void> append_message(Commit& commit, const Append& message, Keywords keywords) {
  if (!message.uidl.empty() && !is_uidl(message.uidl))
    return fail(Code::kInvalid, "a UIDL has 1 to 70 printable characters and no space");
  TRY(MailboxEdit * mailbox, commit.live_mailbox(message.mailbox));
  TRY(const uint32_t partition, commit.partitions().find(mailbox->info().partition));
  TRY(Flags flags, keywords == Keywords::kAll ? mailbox->bits_for(message.flags)
                                              : mailbox->bits_that_fit(message.flags));
  if (mailbox->info().last_uid.value == UINT32_MAX)
    return fail(Code::kLimit, "the mailbox has used all its uids");
  TRY_OK(commit.bodies().store(partition, message.body));
  const ModSeq modseq = mailbox->modseq();
  const Uid uid = next(mailbox->info().last_uid);
  mailbox->header().last_uid = uid;
  if (!message.seen_by.empty() && flags.has(SystemFlag::kSeen)) {
    flags.clear(static_cast<size_t>(SystemFlag::kSeen));
    TRY(SeenEdit * seen, commit.seen(message.seen_by, message.mailbox));
    seen->add(uid);
  }
  return commit.add_record(*mailbox, {uid, modseq, flags, false},
                           {.guid = message.body.guid(),
                            .size = message.body.size(),
                            .internaldate_s = message.internaldate_s,
                            .savedate_s = commit.now_s(),
                            .created_modseq = modseq,
                            .crlf_growth = message.body.crlf_growth(),
                            .uidl = message.uidl});
}

namespace {

Result<void> expunge_replaced(Commit& commit, const BodyHolder& old) {
  TRY(MailboxEdit * mailbox, commit.live_mailbox(old.mailbox));
  TRY(const std::optional<RecordState> state, mailbox->state(old.uid));
  if (!state || state->expunged) return fail(Code::kGone, "the message to replace is expunged");
  return expunge_records(commit, *mailbox, UidSet::of(old.uid, old.uid));
}

Result<std::vector<Appended>> append_all(Commit& commit, const std::vector<Append>& messages) {
  std::vector<Appended> out;
  for (const Append& message : messages) {
    TRY_OK(append_message(commit, message));
    TRY(const MailboxEdit* mailbox, commit.mailbox(message.mailbox));
    out.push_back({mailbox->info().uidvalidity, mailbox->info().last_uid, {}});
    if (message.replaces) TRY_OK(expunge_replaced(commit, *message.replaces));
  }
  TRY_OK(commit.finish());
  for (size_t i = 0; i < messages.size(); ++i)
    out[i].committed = commit.committed(messages[i].mailbox);
  return out;
}

}  // namespace

Result<std::vector<Appended>> MailStore::append(std::vector<Append> messages) {
  return impl_->commit<std::vector<Appended>>(
      Purpose::kCommit,
      [messages = std::move(messages)](Commit& commit) { return append_all(commit, messages); });
}

}  // namespace gemel
