#include "store/text_indexer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "mail/mime_structure.h"
#include "mail/text.h"
#include "store/body_bytes.h"

namespace gemel {
namespace {

UidSet above(const UidSet& uids, Uid uid) { return uids & UidSet::of(next(uid), Uid(UINT32_MAX)); }

}  // namespace

TextIndexStatus TextIndexer::status() const {
  const std::lock_guard lock(mutex_);
  TextIndexStatus out = status_;
  out.bytes_per_s = bytes_per_s_;
  return out;
}

Result<int64_t> TextIndexer::step() {
  if (stage_ == Stage::kRest) {
    stage_ = Stage::kCover;
    looked_at_ = 0;
  }
  if (stage_ == Stage::kClear) return clear_dropped();
  if (mailboxes_.empty()) return next_mailboxes();
  const Result<uint64_t> bytes = cover(mailboxes_.back());
  if (bytes) return std::max<int64_t>(1, static_cast<int64_t>(*bytes * 1000 / bytes_per_s_));
  // One that went meanwhile, or is changed right now, has its turn in the next pass.
  mailboxes_.pop_back();
  const Code code = bytes.error().code;
  if (code != Code::kNotFound && code != Code::kModified) return std::unexpected(bytes.error());
  return 1;
}

/// Those of the next user.
Result<int64_t> TextIndexer::next_mailboxes() {
  TRY(const std::vector<UserInfo> users, store_.users_after(userid_, 1));
  if (users.empty()) {
    stage_ = Stage::kClear;
    cleared_ = UniqueId();
    return 1;
  }
  userid_ = users.front().userid;
  TRY(const std::vector<MailboxInfo> mailboxes, store_.mailboxes(userid_));
  for (const MailboxInfo& mailbox : mailboxes) mailboxes_.push_back(mailbox.id);
  looked_at_ += static_cast<int64_t>(mailboxes.size());
  return 1;
}

/// The bytes that were read; when there is no whole batch left, the mailbox is done.
Result<uint64_t> TextIndexer::cover(const UniqueId& id) {
  // In this order: what is distrusted after the look at the cover is refused by the index, and
  // what was before is not in the mailbox's digest.
  TRY(const TextIndex::Cover cover, index_.cover_of(id));
  TRY(const MailboxView mailbox, store_.view(id));
  const MailboxInfo& info = mailbox.info();
  const bool is_being_mended = cover.distrusted == info.digest;
  // The uids of a copy of the store that was put in its place may be others.
  const bool is_stale = cover.distrusted || cover.up_to > info.last_uid;
  if (is_stale && !is_being_mended) return forget(id, cover);
  UidSet beyond;
  if (cover.up_to < info.last_uid) {
    TRY(const UidSet uids, mailbox.uids());
    beyond = above(uids, cover.up_to);
  }
  TRY(const Batch batch, next_batch(mailbox, beyond));
  if (batch.is_whole && !is_being_mended) return put(mailbox, batch);
  leave(info, beyond.size());
  return 0;
}

Result<uint64_t> TextIndexer::forget(const UniqueId& id, const TextIndex::Cover& cover) {
  TRY_OK(index_.forget(id, cover, kForgetRows));
  return 0;
}

Result<TextIndexer::Batch> TextIndexer::next_batch(const MailboxView& mailbox,
                                                   const UidSet& beyond) const {
  // Most mailboxes have no whole batch in all, and are looked at in every pass.
  if (beyond.size() < kTextBatchMessages && mailbox.info().bytes < kBatchBytes) return Batch();
  Batch out{.uids = beyond.lowest(kTextBatchMessages)};
  TRY(out.facts, mailbox.facts(out.uids));
  uint64_t bytes = 0;
  size_t count = 0;
  while (count < out.facts.size() && bytes < kBatchBytes) bytes += out.facts[count++].size;
  out.is_whole = count == kTextBatchMessages || bytes >= kBatchBytes;
  out.facts.resize(count);
  out.uids = out.uids.lowest(count);
  return out;
}

Result<uint64_t> TextIndexer::put(const MailboxView& mailbox, const Batch& batch) {
  TextBatch texts;
  uint64_t bytes = 0;
  auto facts = batch.facts.begin();
  Result<void> done;
  batch.uids.for_each([&](Uid uid) {
    bytes += facts->size;
    if (done) done = put_message(texts, mailbox, uid, facts->guid);
    ++facts;
  });
  TRY_OK(done);
  TRY_OK(index_.add(mailbox.info().id, texts, batch.uids.last()));
  return bytes;
}

Result<void> TextIndexer::put_message(TextBatch& batch, const MailboxView& mailbox, Uid uid,
                                      const Guid& guid) const {
  batch.begin_message(uid);
  const Result<void> added = put_texts(batch, mailbox, guid);
  if (!added && added.error().code == Code::kIo) return added;
  if (!added) batch.add_unknown(uid);  // lost, but it may come back
  return {};
}

Result<void> TextIndexer::put_texts(TextBatch& batch, const MailboxView& mailbox,
                                    const Guid& guid) const {
  TRY(Body body, mailbox.body(guid));
  BodyBytes message(std::move(body));
  const LookAtText at{.overlap_bytes = kTrigramBytes - 1, .look = [&](std::string_view folded) {
                        batch.add_text(folded);
                        return false;
                      }};
  any_search_text(message, parse_structure(message), at);
  return message.failure();
}

void TextIndexer::leave(const MailboxInfo& mailbox, uint64_t beyond) {
  mailboxes_.pop_back();
  under_way_.messages += mailbox.exists;
  under_way_.covered += mailbox.exists - std::min<uint64_t>(mailbox.exists, beyond);
}

Result<int64_t> TextIndexer::clear_dropped() {
  TRY(const std::vector<UniqueId> next, index_.mailboxes(cleared_, 1));
  if (next.empty()) return end_pass();
  const UniqueId& id = next.front();
  if (const auto mailbox = store_.find(id); !mailbox && mailbox.error().code == Code::kNotFound) {
    TRY(const TextIndex::Cover cover, index_.cover_of(id));
    TRY(const bool is_clear, index_.forget(id, cover, kForgetRows));
    if (!is_clear) return 1;
  }
  cleared_ = id;
  return 1;
}

int64_t TextIndexer::end_pass() {
  const std::lock_guard lock(mutex_);
  if (status_.covered != under_way_.covered)
    log::info("text index messages={} covered={}", under_way_.messages, under_way_.covered);
  status_ = std::exchange(under_way_, TextIndexStatus());
  stage_ = Stage::kRest;
  userid_.clear();
  return kRestMs + looked_at_;
}

}  // namespace gemel
