// What the receiver tells a sender that merges or mends: what has changed here, and bodies.
#include <algorithm>

#include "sync/receiver_session.h"
#include "sync/records.h"
#include "sync/seen_along.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

std::string done_text(Uid next) {
  Ending ending;
  ending.command = "CHANGES";
  ending.next = next;
  return encode(ending);
}

}  // namespace

// The rows of a mailbox: where it is, its header, its uids if they are wanted, and records up to
// what a batch may hold.
Result<void> Receiver::changes(wire::Tokenizer& in) {
  TRY_OK(in.space());
  uint64_t origin = context_.origin;
  TRY(const UniqueId id, read_id(in, origin));
  TRY_OK(in.space());
  TRY(const ModSeq since, read_modseq(in));
  TRY_OK(in.space());
  TRY(const uint32_t first, in.nz_number());
  const bool wants_uids = in.skip_word(" UIDS");
  TRY_OK(in.end());
  answers_.settle();
  const Result<MailboxView> view = store_.view(id);
  if (!view) {
    answer(encode(refusal("CHANGES", view.error())));
    return {};
  }
  std::string text = encode(state_of(view->info())) + encode(header_state_of(view->info()));
  if (wants_uids) {
    TRY(const RecordUids uids, uids_of(*view));
    text += encode(uids);
  }
  TRY(ChangeReader reader, ChangeReader::start(*view, since, Uid(first)));
  while (answers_.bytes() + text.size() < kChangesBytesMax) {
    TRY(const std::vector<ChangedRecord> block, reader.next());
    if (block.empty()) break;
    for (const ChangedRecord& record : block) text += encode(record);
  }
  answer(text + done_text(reader.at()));
  return {};
}

Result<void> Receiver::user_changes(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(const std::string_view userid, in.astring());
  TRY_OK(check_userid(userid));
  TRY_OK(in.space());
  TRY(const ModSeq since, read_modseq(in));
  TRY_OK(in.end());
  answers_.settle();
  const Result<UserInfo> info = store_.user(userid, MailStore::Which::kDeletedToo);
  if (!info) {
    answer(encode(refusal("USERCHANGES", info.error())));
    return {};
  }
  std::string text = encode(state_of(*info));
  TRY(const std::vector<UserItem> items, store_.user_changes_since(userid, since));
  for (const UserItem& item : items) text += encode(item);
  answer(text + ok_text("USERCHANGES"));
  return {};
}

// Readers who have no set are left out, so that a page that is not full is the last.
Result<void> Receiver::readers(wire::Tokenizer& in) {
  TRY_OK(in.space());
  uint64_t origin = context_.origin;
  TRY(const UniqueId id, read_id(in, origin));
  std::string_view after;
  if (in.skip(' ')) {
    TRY(after, in.astring());
  }
  TRY_OK(in.end());
  answers_.settle();
  const Result<MailboxInfo> info = store_.find(id);
  if (!info) {
    answer(encode(refusal("READERS", info.error())));
    return {};
  }
  TRY(const std::vector<Reader> readers, readers_of(store_, *info, after, kReadersMax));
  std::string text = encode(state_of(*info));
  for (const Reader& reader : readers) text += encode(state_of(reader.user)) + encode(reader.seen);
  answer(text + ok_text("READERS"));
  return {};
}

Result<void> Receiver::bodies(wire::Tokenizer& in) {
  TRY_OK(in.space());
  uint64_t origin = context_.origin;
  TRY(const UniqueId id, read_id(in, origin));
  std::vector<Guid> guids;
  while (in.skip(' ')) {
    if (guids.size() == kBodiesGuidsMax) return fail(Code::kLimit, "too many guids");
    TRY(guids.emplace_back(), read_guid(in));
  }
  TRY_OK(in.end());
  answers_.settle();
  Result<MailboxView> view = store_.view(id);
  if (!view) {
    answer(encode(refusal("BODIES", view.error())));
    return {};
  }
  const auto shared = std::make_shared<const MailboxView>(std::move(*view));
  for (const Guid& guid : guids) answers_.add_body(shared, guid);
  answer(ok_text("BODIES"));
  return {};
}

// --- bodies that were lost here ---

std::string Receiver::lost_word() const {
  const Result<bool> has_lost = store_.has_lost_bodies();
  return has_lost && *has_lost ? " LOST" : "";
}

Result<void> Receiver::lost(wire::Tokenizer& in) {
  TRY_OK(in.end());
  answers_.settle();
  TRY(const auto bodies, store_.lost_bodies());
  std::string text;
  for (const MailStore::LostBody& one : bodies) text += encode(LostRow{one.partition, one.guid});
  answer(text + ok_text("LOST"));
  return {};
}

Result<void> Receiver::body(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(const std::string_view partition, in.astring());
  TRY_OK(in.space());
  TRY(const Guid guid, read_guid(in));
  TRY_OK(in.space());
  TRY(const wire::LiteralArgument literal, in.literal());
  TRY_OK(in.end());
  answers_.settle();
  Result<void> done;
  if (body_error_)
    done = std::unexpected(*body_error_);
  else if (bodies_.size() != 1 || bodies_[0].literal != literal.index ||
           bodies_[0].body.guid() != guid)
    done = fail(Code::kCorrupt, "a body is not the one that was announced");
  else
    done = store_.restore_body(bodies_[0].body, partition);
  answer(done ? ok_text("BODY") : encode(refusal("BODY", done.error())));
  return {};
}

}  // namespace gemel::sync
