#include "imap/fetch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "imap/date_time.h"
#include "imap/message.h"
#include "mail/imap_envelope.h"
#include "mail/preview.h"
#include "mail/transfer_encoding.h"

namespace gemel::imap {
namespace {

using Kind = FetchItem::Kind;

constexpr size_t kBatchMessages = 1000;
// Fewer where each may be large and is marked \Seen: what was not sent should not be marked.
constexpr size_t kBatchBodies = 50;
constexpr uint64_t kSectionPieceBytes = kMessagePieceBytesMin;

/// What is wanted of bytes that come in pieces.
struct Window {
  uint64_t skip = 0;
  uint64_t left = UINT64_MAX;

  /// What is wanted of the next piece.
  std::string_view part_of(std::string_view piece) {
    const uint64_t skipped = std::min<uint64_t>(skip, piece.size());
    skip -= skipped;
    piece = piece.substr(skipped, left);
    left -= piece.size();
    return piece;
  }
};

/// What is still to be sent of a section.
struct Streaming {
  ByteRange range;  // of the message
  std::optional<TransferDecoder> decoder = {};
  Window window = {};  // of what is decoded
};

/// What a part is when its encoding is undone, or a piece of it.
struct Measured {
  uint64_t size = 0;
  bool has_nul = false;
};

Result<Measured> measure(Message& message, ByteRange range, TransferDecoder decoder,
                         Window window) {
  Measured out;
  std::string decoded;
  const auto count = [&] {
    const std::string_view piece = window.part_of(decoded);
    out.size += piece.size();
    out.has_nul = out.has_nul || piece.contains('\0');
    decoded.clear();
  };
  while (range.start < range.end) {
    const uint64_t piece_bytes = std::min<uint64_t>(kSectionPieceBytes, range.end - range.start);
    TRY(const std::string_view piece, message.read(range.start, piece_bytes));
    decoder.feed(piece, decoded);
    range.start += piece_bytes;
    count();
  }
  decoder.finish(decoded);
  count();
  return out;
}

class FetchWork final : public Work {
 public:
  FetchWork(Session& session, FetchRequest request)
      : session_(session),
        request_(std::move(request)),
        walk_(request_.uids),
        msns_(session.view().known()),
        needs_facts_(request_.items.needs_facts()) {}

  Result<Progress> step(std::string& out) override;

 private:
  Result<bool> load_batch(std::string& out);
  Result<void> load_states(const UidSet& uids);
  Result<void> mark_seen(const UidSet& uids);
  Result<void> start_message(std::string& out);
  Result<void> put_item(std::string& out, const FetchItem& item);
  Result<void> put_content(std::string& out, const FetchItem& item);
  Result<void> put_section(std::string& out, const FetchItem& item);
  Result<void> put_binary(std::string& out, const FetchItem& item);
  Result<void> put_streamed(std::string& out);
  /// Of a list of items that is being made.
  struct Mark {
    size_t bytes;
    bool has_items;
  };
  Result<void> leave_out(std::string& out, Mark before, const Error& error);
  void put_flags(std::string& out, const RecordState& state);
  bool is_wanted(const RecordState& state) const;
  void next_message();

  Session& session_;
  FetchRequest request_;
  BitmapWalk walk_;
  MsnCursor msns_;
  bool needs_facts_;

  // The batch, and where in it we are.
  std::optional<MailboxView> mailbox_;
  std::vector<RecordState> states_;
  std::vector<RecordFacts> facts_;
  UidSet marked_;  // made \Seen by this batch
  size_t at_ = 0;
  size_t item_ = 0;
  bool is_open_ = false;    // "* n FETCH (" was put
  bool has_items_ = false;  // behind it
  std::optional<Message> message_;
  std::optional<Streaming> streaming_;
  Flags last_flags_;  // most neighbours have equal flags
  std::optional<std::string> last_flags_text_;
  bool has_lost_ = false;
  std::optional<Error> left_out_;  // why the first item that can't be told is not there
};

Result<Progress> FetchWork::step(std::string& out) {
  const size_t piece_end = out.size() + session_.options().limits.output_piece_bytes;
  while (out.size() < piece_end) {
    if (streaming_) {
      TRY_OK(put_streamed(out));
      continue;
    }
    if (at_ == states_.size()) {
      TRY(const bool loaded, load_batch(out));
      if (!loaded) {
        if (left_out_) return std::unexpected(*left_out_);
        if (has_lost_) return fail(Code::kGone, "some of these messages have been deleted");
        return Progress::kDone;
      }
      continue;
    }
    if (!is_open_) TRY_OK(start_message(out));
    if (item_ < request_.items.items.size()) {
      const Mark before{.bytes = out.size(), .has_items = has_items_};
      if (const auto put = put_item(out, request_.items.items[item_++]); !put)
        TRY_OK(leave_out(out, before, put.error()));
      continue;
    }
    out += ")\r\n";
    next_message();
  }
  return Progress::kMore;
}

// One message that can't be read must not hide the others, nor what can be told of it. The UID
// makes sure that the list is not empty (RFC 9051 §9, msg-att).
Result<void> FetchWork::leave_out(std::string& out, Mark before, const Error& error) {
  const RecordState& state = states_[at_];
  out.resize(before.bytes);
  has_items_ = before.has_items;
  if (error.code == Code::kUnsupported) {
    if (!left_out_) left_out_ = error;
  } else {
    log::error("imap user={} mailbox={} uid={} can't be read: {}", session_.userid(),
               mailbox_->info().id.text(), state.uid.value, error.text);
    message_.reset();
    if (!left_out_)
      left_out_ = Error{Code::kCorrupt, fmt::format("message {} can't be read", state.uid.value)};
  }
  if (has_items_ || request_.items.has(Kind::kUid)) return {};
  return put_item(out, {.kind = Kind::kUid});
}

void FetchWork::next_message() {
  ++at_;
  item_ = 0;
  is_open_ = false;
  message_.reset();
}

bool FetchWork::is_wanted(const RecordState& state) const {
  return !request_.changed_since || state.modseq > *request_.changed_since;
}

Result<void> FetchWork::load_states(const UidSet& uids) {
  TRY(mailbox_, session_.look());
  TRY(states_, mailbox_->states(uids, MailboxView::Include::kExpungedToo));
  return {};
}

Result<bool> FetchWork::load_batch(std::string& out) {
  at_ = 0;
  states_.clear();
  const size_t count = request_.items.sets_seen ? kBatchBodies : kBatchMessages;
  const bool from_top = request_.order == FetchRequest::Order::kHighestFirst;
  const UidSet uids = from_top ? walk_.next_from_top(count) : walk_.next(count);
  if (uids.empty()) return false;
  TRY_OK(load_states(uids));
  if (request_.expunged == FetchRequest::Expunged::kLeftOut)
    std::erase_if(states_, &RecordState::expunged);
  has_lost_ = has_lost_ || states_.size() < uids.size();
  if (request_.items.sets_seen) TRY_OK(mark_seen(uids));
  std::erase_if(states_, [&](const RecordState& state) { return !is_wanted(state); });
  if (needs_facts_) {
    UidSet wanted;
    for (const RecordState& state : states_) wanted.add(state.uid);
    TRY(facts_, mailbox_->facts(wanted));
  }
  if (from_top) {
    std::ranges::reverse(states_);
    std::ranges::reverse(facts_);
  }
  if (session_.view().take_keywords(mailbox_->info())) out += session_.flags_lines();
  last_flags_text_.reset();
  return true;
}

Result<void> FetchWork::mark_seen(const UidSet& uids) {
  marked_ = UidSet();
  // RFC 4314 §4, FETCH: without the right it is read all the same.
  if (!session_.check_writable({Right::kSeen})) return {};
  for (const RecordState& state : states_)
    if (!state.expunged && is_wanted(state) && !state.flags.has(SystemFlag::kSeen))
      marked_.add(state.uid);
  if (marked_.empty()) return {};
  FlagNames seen;
  seen.add(SystemFlag::kSeen);
  const Result<MailStore::Stored> stored = session_.store().store_flags(
      session_.view().id(), marked_, FlagOp::kAdd, seen, {.seen_by = session_.view().seen_by()});
  if (!stored) {
    // Mail can be read while the disk is full.
    log::warn("imap user={} not marked as seen: {}", session_.userid(), stored.error().text);
    marked_ = UidSet();
    return {};
  }
  session_.view().skip_own(session_.store(), *stored);
  return load_states(uids);
}

Result<void> FetchWork::start_message(std::string& out) {
  const RecordState& state = states_[at_];
  if (session_.features().uidonly)
    fmt::format_to(std::back_inserter(out), "* {} UIDFETCH (", state.uid.value);
  else
    fmt::format_to(std::back_inserter(out), "* {} FETCH (", msns_.msn_of(state.uid));
  is_open_ = true;
  has_items_ = false;
  // What the FETCH itself changed is told with it (RFC 3501 §6.4.5).
  if (!marked_.contains(state.uid)) return {};
  const FetchItems& items = request_.items;
  for (const Kind kind : {Kind::kUid, Kind::kModSeq, Kind::kFlags}) {
    const bool due = kind == Kind::kUid      ? session_.tells_uid()
                     : kind == Kind::kModSeq ? session_.features().condstore
                                             : true;
    if (!due || items.has(kind)) continue;
    TRY_OK(put_item(out, {.kind = kind}));
  }
  return {};
}

void FetchWork::put_flags(std::string& out, const RecordState& state) {
  if (!last_flags_text_ || last_flags_ != state.flags) {
    last_flags_ = state.flags;
    last_flags_text_ = text_of(state.flags, mailbox_->info().keywords);
  }
  out += "FLAGS (";
  out += *last_flags_text_;
  if (session_.view().is_recent(state.uid) && !session_.features().rev2)
    out += last_flags_text_->empty() ? "\\Recent" : " \\Recent";
  out += ')';
}

Result<void> FetchWork::put_item(std::string& out, const FetchItem& item) {
  const RecordState& state = states_[at_];
  const auto put = std::back_inserter(out);
  if (std::exchange(has_items_, true)) out += ' ';
  switch (item.kind) {
    case Kind::kUid:
      fmt::format_to(put, "UID {}", state.uid.value);
      return {};
    case Kind::kFlags:
      put_flags(out, state);
      return {};
    case Kind::kModSeq:
      session_.note_shown(state.modseq);
      fmt::format_to(put, "MODSEQ ({})", state.modseq.value);
      return {};
    case Kind::kInternalDate:
      fmt::format_to(put, "INTERNALDATE \"{}\"", date_time_text(facts_[at_].internaldate_s));
      return {};
    case Kind::kSaveDate:
      fmt::format_to(put, "SAVEDATE \"{}\"", date_time_text(facts_[at_].savedate_s));
      return {};
    case Kind::kSize:
      fmt::format_to(put, "RFC822.SIZE {}", facts_[at_].size);
      return {};
    case Kind::kEmailId:
      fmt::format_to(put, "EMAILID ({})", facts_[at_].guid.text());
      return {};
    case Kind::kThreadId:
      out += "THREADID NIL";  // RFC 8474 §5.2: no threads are kept
      return {};
    default:
      return put_content(out, item);
  }
}

Result<void> FetchWork::put_content(std::string& out, const FetchItem& item) {
  if (!message_) message_.emplace(*mailbox_, facts_[at_].guid);
  if (item.kind == Kind::kEnvelope) {
    TRY(const std::string text, message_->envelope(session_.dialect()));
    out += "ENVELOPE ";
    out += text;
    return {};
  }
  if (item.kind == Kind::kBodyStructure) {
    TRY(const std::string text, message_->bodystructure(session_.dialect()));
    out += "BODYSTRUCTURE ";
    out += text;
    return {};
  }
  if (item.kind == Kind::kSection) return put_section(out, item);
  if (item.kind >= Kind::kBinary) return put_binary(out, item);
  TRY(const MimePart* const structure, message_->structure());
  if (item.kind == Kind::kPreview) {
    out += "PREVIEW ";
    wire::put_string(out, preview_of(*message_, *structure));
  } else {
    out += "BODY ";
    out += imap_body(*message_, *structure, session_.dialect());
  }
  return message_->failure();
}

Result<void> FetchWork::put_section(std::string& out, const FetchItem& item) {
  TRY(const std::optional<SectionBytes> bytes, message_->resolve(item.section));
  out += item.label;
  if (!bytes) {
    out += " NIL";
    return {};
  }
  out += ' ';
  const uint64_t start = item.partial ? item.partial->start : 0;
  const uint64_t count = item.partial ? item.partial->count : UINT64_MAX;
  if (const auto* const text = std::get_if<std::string>(&*bytes)) {
    const std::string_view part = partial_of(*text, start, count);
    wire::put_literal_start(out, part.size());
    out += part;
    return {};
  }
  ByteRange range = std::get<ByteRange>(*bytes);
  range.start = std::min<uint64_t>(range.end, range.start + std::min<uint64_t>(start, range.end));
  range.end = range.start + std::min<uint64_t>(count, range.end - range.start);
  wire::put_literal_start(out, range.end - range.start);
  if (range.start < range.end) streaming_ = Streaming{.range = range};
  return {};
}

// RFC 3516 §4.2: a part with its transfer encoding undone, or how large that is.
Result<void> FetchWork::put_binary(std::string& out, const FetchItem& item) {
  TRY(const MimePart* const structure, message_->structure());
  const bool is_whole = item.section.path.empty();
  const MimePart* const part = find_part(*structure, item.section.path);
  // What holds other parts is as it is.
  const bool decodes = !is_whole && part != nullptr && part->kind == MimePart::Kind::kLeaf;
  if (decodes && !is_known_encoding(part->encoding))
    return fail(Code::kUnsupported, "a part's transfer encoding is not known");
  ByteRange range;
  if (is_whole)
    range = {0, message_->size()};
  else if (part != nullptr)
    range = {part->body_start, part->body_end};
  const TransferDecoder decoder(decodes ? part->encoding : "binary");
  const bool is_size = item.kind == Kind::kBinarySize;
  // BINARY.SIZE has no partial.
  Window window =
      item.partial ? Window{.skip = item.partial->start, .left = item.partial->count} : Window();
  TRY(const Measured measured, measure(*message_, range, decoder, window));
  out += item.label;
  if (is_size) {
    fmt::format_to(std::back_inserter(out), " {}", measured.size);
    return {};
  }
  if (part == nullptr) {
    out += " NIL";
    return {};
  }
  out += measured.has_nul ? " ~" : " ";  // literal8, for a literal has no NUL
  wire::put_literal_start(out, measured.size);
  if (measured.size == 0) return {};
  window.left = measured.size;
  streaming_ = Streaming{.range = range, .decoder = decoder, .window = window};
  return {};
}

Result<void> FetchWork::put_streamed(std::string& out) {
  Streaming& now = *streaming_;
  ByteRange& range = now.range;
  const uint64_t count = std::min<uint64_t>(kSectionPieceBytes, range.end - range.start);
  const Result<std::string_view> piece = message_->read(range.start, count);
  if (!piece) {
    log::error("imap user={} a body can't be read: {}", session_.userid(), piece.error().text);
    session_.abort();  // the client waits for bytes that will never come
    return std::unexpected(piece.error());
  }
  range.start += count;
  std::string_view bytes = *piece;
  std::string decoded;
  if (now.decoder) {
    now.decoder->feed(bytes, decoded);
    if (range.start == range.end) now.decoder->finish(decoded);
    bytes = decoded;
  }
  out += now.window.part_of(bytes);
  if (range.start == range.end || now.window.left == 0) streaming_.reset();
  return {};
}

}  // namespace

std::unique_ptr<Work> make_fetch(Session& session, FetchRequest request) {
  return std::make_unique<FetchWork>(session, std::move(request));
}

}  // namespace gemel::imap
