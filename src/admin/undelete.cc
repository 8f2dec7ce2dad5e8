// Listing and bringing back what was expunged or deleted.
#include <algorithm>

#include "admin/task.h"
#include "mail/encoded_word.h"
#include "mail/mime_header.h"

namespace gemel::admin {
namespace {

using Start = Result<std::unique_ptr<Task>>;

constexpr uint64_t kMessagesAtOnce = 1000;
constexpr size_t kRangesMax = 100'000;
constexpr uint32_t kUidsListedAtOnce = 256;
constexpr uint64_t kHeaderBytesRead = 64 << 10;

Json row_of_hidden(const MailboxInfo& mailbox) {
  return {{"type", mailbox.is_deleted() ? "deleted-mailbox" : "mailbox"},
          {"mailbox", mailbox.name.text()},
          {"id", mailbox.id.text()},
          {"deleted", mailbox.deleted_s},
          {"messages", mailbox.is_deleted() ? mailbox.exists : 0},
          {"expunged", mailbox.expunged},
          {"bytes", (mailbox.is_deleted() ? mailbox.bytes : 0) + mailbox.expunged_bytes}};
}

/// Mailboxes of a user with something to bring back.
class MailboxesTask final : public Task {
 public:
  MailboxesTask(const MailStore& store, std::string userid)
      : store_(store), userid_(std::move(userid)) {}
  Result<Progress> step(std::string& out) override {
    TRY(const auto mailboxes, store_.mailboxes(userid_, MailStore::Which::kDeletedToo));
    for (const MailboxInfo& mailbox : mailboxes)
      if (mailbox.expunged > 0 || (mailbox.is_deleted() && mailbox.exists > 0))
        out += to_line(row_of_hidden(mailbox)) += '\n';
    return Progress::kDone;
  }

 private:
  const MailStore& store_;
  std::string userid_;
};

std::string subject_of(const MailboxView& view, const Guid& guid) {
  const Result<Body> body = view.body(guid);
  const Result<std::string> head =
      body ? body->read(0, kHeaderBytesRead) : Result<std::string>(std::string());
  if (!head) return "";
  const std::string_view header = std::string_view(*head).substr(0, header_size(*head));
  return decode_encoded_words(field_text(header, "Subject"));
}

/// The expunged messages of one mailbox.
class MessagesTask final : public Task {
 public:
  MessagesTask(const MailStore& store, UniqueId mailbox) : store_(store), mailbox_(mailbox) {}
  Result<Progress> step(std::string& out) override {
    TRY(const MailboxView view, store_.view(mailbox_));
    const uint32_t last = view.info().last_uid.value;
    if (next_ > last) return Progress::kDone;
    const uint64_t end = std::min<uint64_t>(next_ + kUidsListedAtOnce - 1, last);
    const UidSet range =
        UidSet::of(Uid(static_cast<uint32_t>(next_)), Uid(static_cast<uint32_t>(end)));
    TRY(std::vector<RecordState> states, view.states(range, MailboxView::Include::kExpungedToo));
    for (const RecordState& state : states) {
      if (!state.expunged) continue;
      TRY(const Record record, view.record(state.uid));
      out += to_line({{"type", "message"},
                      {"uid", state.uid.value},
                      {"internaldate", record.facts.internaldate_s},
                      {"bytes", record.facts.size},
                      {"subject", subject_of(view, record.facts.guid)}}) += '\n';
    }
    next_ = end + 1;
    return Progress::kMore;
  }

 private:
  const MailStore& store_;
  UniqueId mailbox_;
  uint64_t next_ = 1;
};

class RestoreTask final : public Task {
 public:
  struct What {
    UniqueId source;
    UidSet uids;
    UniqueId target;
    UidSet missing = {};  // asked for, and not kept
  };
  RestoreTask(MailStore& store, What what) : store_(store), what_(std::move(what)) {}

  Result<Progress> step(std::string&) override {
    if (what_.uids.empty()) return Progress::kDone;
    UidSet some;
    for (const UidSet::Range& range : what_.uids.ranges()) {
      const uint64_t room = kMessagesAtOnce - some.size();
      if (room == 0) break;
      const uint64_t last = std::min<uint64_t>(uint64_t{range.first} + room - 1, range.last);
      some.add(Uid(range.first), Uid(static_cast<uint32_t>(last)));
    }
    what_.uids = what_.uids - some;
    TRY(const MailStore::Restored back, store_.restore_expunged(what_.source, some, what_.target));
    messages_ += back.source_uids.size();
    bytes_ += back.bytes;
    there_already_ += back.there_already.size();
    return Progress::kMore;
  }
  Json summary() const override {
    return {{"messages", messages_},
            {"bytes", bytes_},
            {"there_already", there_already_},
            {"missing", what_.missing.text()}};
  }

 private:
  MailStore& store_;
  What what_;
  uint64_t messages_ = 0;
  uint64_t bytes_ = 0;
  uint64_t there_already_ = 0;
};

/// A mailbox that came back, with what is still there of it.
class ReinstatedTask final : public Task {
 public:
  struct What {
    MailboxInfo mailbox;
    bool is_whole;  // nothing was freed since it was deleted
  };
  explicit ReinstatedTask(What what) : what_(std::move(what)) {}
  Result<Progress> step(std::string&) override { return Progress::kDone; }
  Json summary() const override {
    return {{"mailbox", what_.mailbox.name.text()},
            {"messages", what_.mailbox.exists},
            {"bytes", what_.mailbox.bytes},
            {"expunged", what_.mailbox.expunged},
            {"whole", what_.is_whole}};
  }

 private:
  What what_;
};

/// Whether nothing of a deleted mailbox was freed since. The last of it that is freed raises both
/// modseqs to one (doc/storage-format.md). A server that was told of the delete and of a freed part
/// at once does not know of that part; nor is it known of messages expunged before the delete,
/// where freeing was broken off.
bool is_whole(const MailboxInfo& deleted) {
  return deleted.purged_modseq <= deleted.header_modseq &&
         deleted.purged_modseq != deleted.highestmodseq;
}

/// The deleted mailbox of that name, or of that id: of several of one name the one deleted last.
Result<MailboxInfo> find_deleted(const MailStore& store, const Json& request) {
  TRY(const MailboxName name, mailbox_field(request));
  const std::string id = text_field_or(request, "id", "");
  TRY(auto mailboxes, store.mailboxes(name.owner, MailStore::Which::kDeletedToo));
  std::erase_if(mailboxes, [&](const MailboxInfo& mailbox) {
    return !mailbox.is_deleted() || mailbox.name != name ||
           (!id.empty() && mailbox.id.text() != id);
  });
  if (mailboxes.empty()) return fail(Code::kNotFound, "no deleted mailbox \"" + name.text() + "\"");
  return *std::ranges::max_element(mailboxes, {}, [](const MailboxInfo& mailbox) {
    return std::pair(mailbox.deleted_s, mailbox.id);
  });
}

}  // namespace

Start undelete_list(const TaskContext& context, const Json& request) {
  const MailStore& store = *context.services.store;
  TRY(std::string userid, text_field(request, "user"));
  TRY_OK(store.user(userid, MailStore::Which::kDeletedToo));
  if (!request.contains("mailbox")) return std::make_unique<MailboxesTask>(store, userid);
  TRY(const MailboxName name, mailbox_field(request));
  TRY(const MailboxInfo mailbox, store.find(name));
  return std::make_unique<MessagesTask>(store, mailbox.id);
}

Start undelete_messages(const TaskContext& context, const Json& request) {
  MailStore& store = *context.services.store;
  TRY(const MailboxName name, mailbox_field(request));
  TRY(const MailboxInfo source, store.find(name));
  RestoreTask::What what{.source = source.id, .uids = {}, .target = source.id};
  if (request.contains("to")) {
    TRY(const MailboxName to, mailbox_field(request, "to"));
    TRY(const MailboxInfo target, store.find(to));
    what.target = target.id;
  }
  TRY(const MailboxView view, store.view(source.id));
  const Uid last = view.info().last_uid;
  const UidSet all = last ? UidSet::of(Uid(1), last) : UidSet();
  if (request.contains("uids")) {
    TRY(const std::string text, text_field(request, "uids"));
    TRY(what.missing, UidSet::parse(text, kRangesMax));
  }
  const bool asks_for_all = what.missing.empty();
  const UidSet asked = asks_for_all ? all : what.missing & all;
  TRY(const auto states, view.states(asked, MailboxView::Include::kExpungedToo));
  UidSet kept;
  for (const RecordState& state : states) {
    kept.add(state.uid);
    if (state.expunged) what.uids.add(state.uid);
  }
  what.missing = what.missing - kept;
  return std::make_unique<RestoreTask>(store, std::move(what));
}

Start undelete_mailbox(const TaskContext& context, const Json& request) {
  MailStore& store = *context.services.store;
  TRY(const MailboxInfo mailbox, find_deleted(store, request));
  MailboxName name = mailbox.name;
  if (request.contains("to")) {
    TRY(name, mailbox_field(request, "to"));
  }
  TRY_OK(store.restore(mailbox.id, name));
  TRY(MailboxInfo now, store.find(mailbox.id));
  const bool still_whole = is_whole(mailbox) && now.purged_modseq == mailbox.purged_modseq;
  return std::make_unique<ReinstatedTask>(
      ReinstatedTask::What{.mailbox = std::move(now), .is_whole = still_whole});
}

}  // namespace gemel::admin
