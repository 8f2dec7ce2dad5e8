#include "store/outbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/line_body.h"

namespace gemel {
namespace {

constexpr std::string_view kPartition = "default";
constexpr std::string_view kMagic = "gemel-outbox 1\r\n";
constexpr std::array<std::string_view, 3> kFailures = {"drop", "return", "file"};

Result<void> check_line(std::string_view text) {
  const bool has_control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  if (has_control || text.size() > kOutboxAddressBytesMax)
    return fail(Code::kInvalid, "an address of the envelope is none");
  return {};
}

// "NAME value CRLF" at the start of `text`, which loses it.
Result<std::string> take_line(std::string_view& text, std::string_view name) {
  const size_t end = text.find("\r\n");
  if (end == std::string_view::npos || !text.starts_with(name) || end < name.size())
    return fail(Code::kCorrupt, fmt::format("an entry of the outbox lacks \"{}\"", name));
  std::string out(text.substr(name.size(), end - name.size()));
  text.remove_prefix(end + 2);
  return out;
}

}  // namespace

Result<std::string> text_of(const OutboxEnvelope& envelope) {
  for (const std::string* line : {&envelope.sender, &envelope.recipient, &envelope.owner})
    TRY_OK(check_line(*line));
  if (envelope.recipient.empty()) return fail(Code::kInvalid, "mail for nobody");
  std::string out =
      fmt::format("{}from {}\r\nto {}\r\nfailure {}\r\n", kMagic, envelope.sender,
                  envelope.recipient, kFailures[static_cast<size_t>(envelope.failure)]);
  if (envelope.failure == OutboxEnvelope::Failure::kFile)
    out += fmt::format("owner {}\r\n", envelope.owner);
  return out + "\r\n";
}

Result<ParsedEnvelope> parse_outbox_envelope(std::string_view text) {
  using Failure = OutboxEnvelope::Failure;
  const size_t size = text.size();
  if (!text.starts_with(kMagic)) return fail(Code::kCorrupt, "this is no entry of an outbox");
  text.remove_prefix(kMagic.size());
  ParsedEnvelope out;
  TRY(out.envelope.sender, take_line(text, "from "));
  TRY(out.envelope.recipient, take_line(text, "to "));
  TRY(const std::string failure, take_line(text, "failure "));
  const auto found = std::ranges::find(kFailures, failure);
  if (found == kFailures.end()) return fail(Code::kCorrupt, "an entry of the outbox is broken");
  out.envelope.failure = static_cast<Failure>(found - kFailures.begin());
  if (out.envelope.failure == Failure::kFile) {
    TRY(out.envelope.owner, take_line(text, "owner "));
  }
  TRY_OK(take_line(text, ""));
  out.bytes = size - text.size();
  return out;
}

namespace {

MailboxName name_of_outbox() { return {std::string(kOutboxUserId), "INBOX"}; }

}  // namespace

Result<MailboxInfo> Outbox::mailbox() {
  Result<MailboxInfo> found = store_.find(name_of_outbox());
  if (!found && found.error().code == Code::kNotFound) {
    const Result<UserInfo> made = store_.create_user(kOutboxUserId, {});
    if (!made && made.error().code != Code::kExists) return std::unexpected(made.error());
    found = store_.find(name_of_outbox());
  }
  return found;
}

Result<BodyWriter> Outbox::stage(const OutboxEnvelope& envelope) {
  TRY(const std::string text, text_of(envelope));
  TRY(BodyWriter writer, store_.stage(kPartition));
  TRY_OK(writer.append(text));
  return writer;
}

Result<MailStore::Append> Outbox::entry(StagedBody staged, int64_t now_s) {
  TRY(const MailboxInfo info, mailbox());
  if (info.exists >= entries_max_) return fail(Code::kLimit, "too much mail waits in the outbox");
  TRY(const std::string start, staged.read(0, kOutboxEnvelopeBytesMax));
  TRY(const ParsedEnvelope envelope, parse_outbox_envelope(start));
  // RFC 3030 §3: binary goes to nobody who has not said that it may.
  TRY(staged, made_of_lines(store_, kPartition, std::move(staged),
                            {.carrier = Carrier::kSmtp, .message_at = envelope.bytes}));
  return MailStore::Append{
      .mailbox = info.id, .body = std::move(staged), .flags = {}, .internaldate_s = now_s};
}

Result<void> Outbox::put(const OutboxEnvelope& envelope, std::string_view message, int64_t now_s) {
  TRY(BodyWriter writer, stage(envelope));
  TRY_OK(writer.append(message));
  TRY(StagedBody staged, writer.finish());
  TRY(MailStore::Append append, entry(std::move(staged), now_s));
  TRY_OK(store_.append({std::move(append)}));
  return {};
}

Result<std::vector<Outbox::Entry>> Outbox::entries() const {
  const Result<MailboxInfo> found = store_.find(name_of_outbox());
  if (!found && found.error().code == Code::kNotFound) return std::vector<Entry>();
  if (!found) return std::unexpected(found.error());
  TRY(const MailboxView view, store_.view(found->id));
  TRY(const UidSet uids, view.uids());
  TRY(const std::vector<RecordState> states, view.states(uids));
  TRY(const std::vector<RecordFacts> facts, view.facts(uids));
  std::vector<Entry> out;
  for (size_t i = 0; i < states.size(); ++i)
    out.push_back({states[i].uid, facts[i].internaldate_s});
  return out;
}

Result<Outbox::Mail> Outbox::open(Uid uid) const {
  TRY(const MailboxInfo info, store_.find(name_of_outbox()));
  TRY(const MailboxView view, store_.view(info.id));
  TRY(const Record record, view.record(uid));
  if (record.state.expunged) return fail(Code::kNotFound, "this mail has left");
  TRY(Body body, view.body(record.facts.guid));
  TRY(const std::string start, body.read(0, kOutboxEnvelopeBytesMax));
  TRY(ParsedEnvelope parsed, parse_outbox_envelope(start));
  return Mail{.envelope = std::move(parsed.envelope),
              .body = std::move(body),
              .message_at = parsed.bytes,
              .guid = record.facts.guid};
}

Result<void> Outbox::remove(Uid uid) {
  TRY(const MailboxInfo info, store_.find(name_of_outbox()));
  TRY_OK(store_.expunge(info.id, UidSet::of(uid, uid)));
  return {};
}

Result<void> Outbox::tidy() {
  const Result<MailboxInfo> info = store_.find(name_of_outbox());
  if (!info || info->expunged == 0) return {};
  TRY_OK(store_.purge_expunged(info->id, info->highestmodseq));
  return {};
}

Result<Watch> Outbox::watch(std::function<void()> on_change) {
  TRY(const MailboxInfo info, mailbox());
  return store_.watch(info.id, [call = std::move(on_change)](const Published&) { call(); });
}

}  // namespace gemel
