#include "sync/answers.h"

#include <array>

#include "sync/grammar.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

using wire::Tokenizer;

// Answers name ids in full: there is no context to them.
Result<UniqueId> read_full_id(Tokenizer& in) {
  uint64_t origin = 0;
  return read_id(in, origin);
}

Result<Answer> read_greeting(Tokenizer& in) {
  Greeting greeting;
  TRY(greeting.protocol, in.number());
  TRY_OK(in.space());
  TRY(const uint32_t digest_version, in.number());
  greeting.digest_version = static_cast<int>(digest_version);
  if (greeting.protocol != kProtocolVersion || greeting.digest_version != kDigestVersion) {
    // What another version says behind its numbers is not ours to read.
    in.rest();
    return greeting;
  }
  TRY_OK(in.space());
  TRY(const std::string_view server, in.string());
  greeting.server = server;
  TRY_OK(in.space());
  TRY_OK(in.open());
  while (in.peek() != ')') {
    TRY(const std::string_view capability, in.atom());
    greeting.starttls |= capability == "STARTTLS";
    greeting.scram |= capability == "AUTH=SCRAM-SHA-256";
    greeting.zstd |= capability == "COMPRESS=ZSTD";
    greeting.zstd_words |= capability == "COMPRESS=ZSTD-WORDS";
    greeting.received |= capability == "RECEIVED";
    greeting.after |= capability == "AFTER";
    greeting.readers |= capability == "READERS";
    in.skip(' ');
  }
  TRY_OK(in.close());
  return greeting;
}

Result<Answer> read_mailbox(Tokenizer& in) {
  MailboxState state;
  TRY(state.id, read_full_id(in));
  TRY_OK(in.space());
  TRY(state.name, read_name(in));
  TRY_OK(in.space());
  TRY(const std::string_view partition, in.astring());
  state.partition = partition;
  TRY_OK(in.space());
  TRY(state.uidvalidity, read_uidvalidity(in));
  TRY_OK(in.space());
  TRY(state.last_uid, read_uid(in));
  TRY_OK(in.space());
  TRY(state.highestmodseq, read_modseq(in));
  TRY_OK(in.space());
  TRY(state.purged_modseq, read_modseq(in));
  TRY_OK(in.space());
  TRY(state.digest, read_digest(in));
  TRY_OK(in.space());
  TRY(state.deleted_s, read_signed(in));
  TRY_OK(in.space());
  TRY(state.lineage, read_lineage(in));
  return state;
}

Result<Answer> read_header_state(Tokenizer& in) {
  HeaderState state;
  TRY(state.recent_uid, read_uid(in));
  TRY_OK(in.space());
  TRY(state.created_s, read_signed(in));
  TRY_OK(in.space());
  TRY(state.header_modseq, read_modseq(in));
  while (in.skip(' ')) {
    if (state.attributes.size() == kAttributesMax) return fail(Code::kLimit, "too many attributes");
    TRY_OK(in.open());
    TRY(const std::string_view name, in.astring());
    HeaderState::Attribute& attribute = state.attributes[std::string(name)];
    TRY_OK(in.space());
    TRY(attribute.modseq, read_modseq(in));
    if (in.skip(' ')) {
      TRY(attribute.value, in.astring());
    }
    TRY_OK(in.close());
  }
  return state;
}

// "-" is none.
Result<UidSet> read_uids_or_none(Tokenizer& in) {
  if (in.skip('-')) return UidSet();
  return read_uid_set(in);
}

Result<Answer> read_uids(Tokenizer& in) {
  RecordUids uids;
  TRY(uids.live, read_uids_or_none(in));
  TRY_OK(in.space());
  TRY(uids.expunged, read_uids_or_none(in));
  return uids;
}

Result<Answer> read_item_row(Tokenizer& in) {
  TRY(UserItem item, read_item(in));
  return item;
}

Result<Answer> read_lost(Tokenizer& in) {
  LostRow row;
  TRY(const std::string_view partition, in.astring());
  row.partition = partition;
  TRY_OK(in.space());
  TRY(row.guid, read_guid(in));
  return row;
}

Result<Answer> read_body(Tokenizer& in) {
  BodyRow row;
  TRY(row.guid, read_guid(in));
  TRY_OK(in.space());
  TRY(const wire::LiteralArgument literal, in.literal());
  if (!literal.binary) return in.wrong("a body before here");
  row.size = literal.size;
  row.literal = literal.index;
  return row;
}

Result<Answer> read_user(Tokenizer& in) {
  UserState state;
  TRY(const std::string_view userid, in.astring());
  TRY_OK(check_userid(userid));
  state.userid = userid;
  TRY_OK(in.space());
  TRY(state.modseq, read_modseq(in));
  TRY_OK(in.space());
  TRY(state.data_digest, read_digest(in));
  TRY_OK(in.space());
  TRY(state.digest, read_digest(in));
  TRY_OK(in.space());
  TRY(state.created_s, read_signed(in));
  TRY_OK(in.space());
  TRY(state.deleted_s, read_signed(in));
  TRY_OK(in.space());
  TRY(state.lineage, read_lineage(in));
  return state;
}

Result<Answer> read_record(Tokenizer& in) {
  ChangedRecord record;
  RecordRow& row = record.row;
  TRY(row.uid, read_uid(in));
  TRY_OK(in.space());
  TRY(row.modseq, read_modseq(in));
  TRY_OK(in.space());
  TRY(row.facts.created_modseq, read_modseq(in));
  TRY_OK(in.space());
  TRY(row.facts.savedate_s, read_signed(in));
  TRY_OK(in.space());
  TRY(row.facts.internaldate_s, read_signed(in));
  TRY_OK(in.space());
  TRY(row.flags, read_flags(in));
  row.expunged = in.skip_word(" EXPUNGED");
  TRY_OK(in.space());
  TRY_OK(read_pop3_facts(in, row.facts));
  TRY(row.facts.guid, read_guid(in));
  TRY_OK(in.space());
  TRY(row.facts.size, in.number64());
  if (!in.skip_word(" FLIPPED")) return record;
  TRY_OK(in.space());
  TRY(record.flipped, read_flags(in));
  return record;
}

Result<Answer> read_range(Tokenizer& in) {
  RangeRow row;
  TRY(row.uids.first, in.number());
  TRY_OK(in.expect(':'));
  TRY(row.uids.last, in.number());
  TRY_OK(in.space());
  TRY(row.count, in.number64());
  TRY_OK(in.space());
  TRY(row.sum, read_digest(in));
  return row;
}

Result<Answer> read_reserve(Tokenizer& in) {
  ReserveRow row;
  while (in.skip(' ')) {
    if (row.guids.size() == kReserveGuidsMax) return fail(Code::kLimit, "too many guids");
    TRY(row.guids.emplace_back(), read_guid(in));
  }
  return row;
}

Result<Answer> read_row(Tokenizer& in) {
  if (in.skip_word("RESERVE")) return read_reserve(in);
  if (in.skip_word("RECEIVED")) return ReceivedRow{};
  struct Kind {
    std::string_view word;
    Result<Answer> (*read)(Tokenizer&);
  };
  constexpr std::array kKinds = {
      Kind{"MAILBOX", read_mailbox},     Kind{"USER", read_user},
      Kind{"HEADER", read_header_state}, Kind{"UIDS", read_uids},
      Kind{"RECORD", read_record},       Kind{"ITEM", read_item_row},
      Kind{"RANGE", read_range},         Kind{"LOST", read_lost},
      Kind{"BODY", read_body},           Kind{"GEMELSYNC", read_greeting}};
  for (const Kind& kind : kKinds) {
    if (!in.skip_word(kind.word)) continue;
    TRY_OK(in.space());
    return kind.read(in);
  }
  return in.wrong("an answer");
}

Result<Reason> read_reason(Tokenizer& in, Ending& ending) {
  TRY(const std::string_view word, in.atom("]"));
  Reason reason = Reason::kNone;
  for (size_t i = 1; i < kReasonCount; ++i)
    if (kReasonWords[i] == word) reason = static_cast<Reason>(i);
  if (reason == Reason::kExists && in.skip(' ')) {
    TRY(ending.holder, read_full_id(in));
  }
  if (reason == Reason::kStale && in.skip(' ')) {
    TRY(ending.term, read_term(in));
  }
  while (reason == Reason::kMissing && in.skip(' ')) {
    if (ending.missing.size() == kLiteralsMax) return fail(Code::kLimit, "too many guids");
    TRY(ending.missing.emplace_back(), read_guid(in));
  }
  TRY_OK(in.expect(']'));
  return reason;
}

Result<Answer> read_ending(Tokenizer& in, Ending::Kind kind) {
  Ending ending;
  ending.kind = kind;
  TRY_OK(in.space());
  TRY(const std::string_view command, in.atom());
  ending.command = command;
  if (!in.skip(' ')) return ending;
  if (kind == Ending::Kind::kOk && (command == "UPDATE" || command == "USERDATA")) {
    TRY(ending.check, read_check(in));
    return ending;
  }
  if (kind == Ending::Kind::kOk && command == "CHANGES") {
    TRY(ending.next, read_uid(in));
    return ending;
  }
  if (kind == Ending::Kind::kNo && in.skip('[')) {
    TRY(ending.reason, read_reason(in, ending));
    in.skip(' ');
  }
  ending.text = in.rest();
  return ending;
}

Result<Answer> read_bye(Tokenizer& in) {
  Bye bye;
  TRY_OK(in.space());
  if (in.skip('[')) {
    if (!in.skip_word("STALE")) return in.wrong("STALE");
    TRY_OK(in.space());
    TRY(bye.term, read_term(in));
    TRY_OK(in.expect(']'));
    in.skip(' ');
  }
  bye.text = in.rest();
  return bye;
}

Result<Answer> read_answer(Tokenizer& in) {
  if (in.skip('+')) {
    TRY_OK(in.space());
    return Challenge{std::string(in.rest())};
  }
  if (in.skip('*')) {
    TRY_OK(in.space());
    return read_row(in);
  }
  if (in.skip_word("OK")) return read_ending(in, Ending::Kind::kOk);
  if (in.skip_word("NO")) return read_ending(in, Ending::Kind::kNo);
  if (in.skip_word("BAD")) return read_ending(in, Ending::Kind::kBad);
  if (in.skip_word("BYE")) return read_bye(in);
  return in.wrong("an answer");
}

}  // namespace

Result<Answer> decode_answer(Tokenizer& in) {
  TRY(Answer answer, read_answer(in));
  TRY_OK(in.end());
  return answer;
}

}  // namespace gemel::sync
