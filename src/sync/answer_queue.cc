#include "sync/answer_queue.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/check.h"
#include "sync/grammar.h"
#include "sync/receiver.h"

namespace gemel::sync {
namespace {

using Applied = MailStore::Applied;

struct ReasonRow {
  Code code;
  Reason reason;
};
// The one place where an error becomes the protocol's word for it.
constexpr std::array kReasons = {
    ReasonRow{Code::kSyntax, Reason::kInvalid},
    ReasonRow{Code::kNotFound, Reason::kNoSource},
    ReasonRow{Code::kDenied, Reason::kDenied},
    ReasonRow{Code::kExists, Reason::kExists},
    ReasonRow{Code::kOverQuota, Reason::kInvalid},
    ReasonRow{Code::kTooBig, Reason::kInvalid},
    ReasonRow{Code::kLimit, Reason::kInvalid},
    ReasonRow{Code::kModified, Reason::kModified},
    ReasonRow{Code::kGone, Reason::kInvalid},
    ReasonRow{Code::kReadOnly, Reason::kDenied},
    ReasonRow{Code::kNoSpace, Reason::kUnavailable},
    ReasonRow{Code::kIo, Reason::kUnavailable},
    ReasonRow{Code::kCorrupt, Reason::kUnavailable},
    ReasonRow{Code::kBusy, Reason::kUnavailable},
    ReasonRow{Code::kAuthFailed, Reason::kDenied},
    ReasonRow{Code::kUnsupported, Reason::kInvalid},
    ReasonRow{Code::kUnavailable, Reason::kUnavailable},
    ReasonRow{Code::kInvalid, Reason::kInvalid},
};
static_assert(kReasons.size() == kCodeCount);

// The guids that the store names as missing (see MailStore::apply); none if it speaks of something
// else.
std::vector<Guid> missing_in(std::string_view text) {
  std::vector<Guid> guids;
  while (!text.empty()) {
    const size_t blank = std::min(text.find(' '), text.size());
    const Result<Guid> guid = Guid::parse(text.substr(0, blank));
    if (!guid) return {};
    guids.push_back(*guid);
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return guids;
}

constexpr size_t kJoinedBytes = 64 << 10;

std::string_view command_of(const AnswerQueue::Subject& subject) {
  constexpr std::array<std::string_view, 3> kCommands = {"UPDATE", "USERDATA", "RENAME"};
  return kCommands[subject.index()];
}

}  // namespace

std::string ok_text(std::string_view command) {
  Ending ending;
  ending.command = command;
  return encode(ending);
}

Ending refusal(std::string_view command, const Error& error) {
  Ending ending;
  ending.kind = Ending::Kind::kNo;
  ending.command = command;
  ending.reason = kReasons[static_cast<size_t>(error.code)].reason;
  ending.text = error.text;
  CHECK(kReasons[static_cast<size_t>(error.code)].code == error.code);
  if (error.code != Code::kNotFound) return ending;
  ending.missing = missing_in(error.text);
  if (ending.missing.empty()) return ending;
  ending.reason = Reason::kMissing;
  ending.text = "bodies are missing";
  return ending;
}

void AnswerQueue::add(Subject subject, Future future, uint64_t bytes) {
  slots_.push_back(
      {{.text = {}}, std::move(subject), std::move(future), bytes, clock_.monotonic_ms()});
  ++under_way_;
  under_way_bytes_ += bytes;
  while (has_too_much()) {
    const uint64_t held = under_way_bytes_;
    const int64_t read_ms = slots_[settled_].read_ms;
    const bool is_waited_for = held > window_.bytes() && !is_oldest_done();
    settle_oldest();
    if (is_waited_for) window_.learn(held, clock_.monotonic_ms() - read_ms);
  }
}

bool AnswerQueue::has_too_much() const {
  return under_way_ > kUnderWayMax || under_way_bytes_ > window_.bytes();
}

bool AnswerQueue::is_oldest_done() const {
  const Future& future = slots_[settled_].future;
  return !future.valid() || future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

void AnswerQueue::add(std::string text) {
  text_bytes_ += text.size();
  slots_.push_back({.piece = {.text = std::move(text)}});
}

void AnswerQueue::add_body(std::shared_ptr<const MailboxView> view, const Guid& guid) {
  slots_.push_back({.piece = {.text = {}, .view = std::move(view), .guid = guid}});
}

void AnswerQueue::settle_oldest() {
  Slot& slot = slots_[settled_++];
  if (!slot.future.valid()) return;
  const Result<Applied> applied = slot.future.get();
  slot.piece.text = ending(slot, applied);
  text_bytes_ += slot.piece.text.size();
  --under_way_;
  under_way_bytes_ -= slot.bytes;
}

void AnswerQueue::settle() {
  while (settled_ < slots_.size()) settle_oldest();
}

std::deque<AnswerQueue::Piece> AnswerQueue::take() {
  settle();
  std::deque<Piece> out;
  for (Slot& slot : slots_) {
    // Texts are joined as long as they are short.
    const bool joins = !out.empty() && !out.back().view && !slot.piece.view &&
                       out.back().text.size() < kJoinedBytes;
    if (joins)
      out.back().text += slot.piece.text;
    else
      out.push_back(std::move(slot.piece));
  }
  slots_.clear();
  settled_ = text_bytes_ = 0;
  return out;
}

std::string AnswerQueue::ending(const Slot& slot, const Result<Applied>& applied) const {
  if (applied) {
    Ending ok;
    ok.command = command_of(slot.subject);
    if (ok.command != "RENAME") ok.check = check_of(applied->digest);
    return encode(ok);
  }
  Ending no = refusal(command_of(slot.subject), applied.error());
  if (applied.error().code == Code::kReadOnly) {
    // It became a primary, in a term of its own.
    no.reason = Reason::kStale;
    no.term = store_.term();
  }
  if (no.reason == Reason::kExists) {
    no.holder = holder_of(slot.subject);
    if (!no.holder) no.reason = Reason::kModified;  // the name was freed meanwhile: once more
  }
  if (no.reason == Reason::kModified) return rows_of(slot.subject) + encode(no);
  return encode(no);
}

std::string AnswerQueue::rows_of(const Subject& subject) const {
  std::string out;
  const auto add_mailbox = [&](const UniqueId& id) {
    if (const Result<MailboxInfo> info = store_.find(id)) out += encode(state_of(*info));
  };
  if (const auto* mailbox = std::get_if<MailboxSubject>(&subject)) add_mailbox(mailbox->id);
  if (const auto* renames = std::get_if<RenameSubject>(&subject))
    for (const RenameItem& item : renames->items) add_mailbox(item.id);
  if (const auto* user = std::get_if<UserSubject>(&subject))
    if (const Result<UserInfo> info = store_.user(user->userid, MailStore::Which::kDeletedToo))
      out += encode(state_of(*info));
  return out;
}

std::optional<UniqueId> AnswerQueue::holder_of(const Subject& subject) const {
  if (const auto* mailbox = std::get_if<MailboxSubject>(&subject)) {
    const Result<MailboxInfo> holder = store_.find(mailbox->name);
    if (holder) return holder->id;
  }
  if (const auto* renames = std::get_if<RenameSubject>(&subject)) {
    for (const RenameItem& item : renames->items) {
      const Result<MailboxInfo> holder = store_.find(item.new_name);
      if (holder &&
          std::ranges::find(renames->items, holder->id, &RenameItem::id) == renames->items.end())
        return holder->id;
    }
  }
  return std::nullopt;
}

}  // namespace gemel::sync
