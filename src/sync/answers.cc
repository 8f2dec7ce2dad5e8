#include "sync/answers.h"

#include <array>

#include "sync/grammar.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

using wire::Tokenizer;

constexpr std::string_view kEnd = "\r\n";

// Answers name ids in full: there is no context to them.
constexpr uint64_t kNoOrigin = 0;

constexpr std::array<std::string_view, kReasonCount> kReasonWords = {
    "",        "MODIFIED", "MISSING",     "NOSOURCE", "EXISTS",
    "CORRUPT", "INVALID",  "UNAVAILABLE", "DENIED",   "STALE"};

Result<UniqueId> read_full_id(Tokenizer& in) {
  uint64_t origin = kNoOrigin;
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
    greeting.received |= capability == "RECEIVED";
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
  return state;
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
  return state;
}

Result<Answer> read_record(Tokenizer& in) {
  RecordRow row;
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
  return row;
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
  constexpr std::array kKinds = {Kind{"MAILBOX", read_mailbox}, Kind{"USER", read_user},
                                 Kind{"RECORD", read_record}, Kind{"RANGE", read_range},
                                 Kind{"GEMELSYNC", read_greeting}};
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

// A text must stay one line, and must not announce a literal at its end (see wire/framer.h).
void put_words(std::string& out, std::string_view words) {
  if (!words.empty()) out += ' ';
  for (const char c : words) out += c == '\r' || c == '\n' || c == '}' ? ' ' : c;
}

template <class... Part>
void put_spaced(std::string& out, Part... put) {
  ((out += ' ', put()), ...);
}

}  // namespace

std::string encode(const Greeting& greeting) {
  std::string out = "* GEMELSYNC ";
  put_number(out, greeting.protocol);
  out += ' ';
  put_number(out, static_cast<uint64_t>(greeting.digest_version));
  out += ' ';
  wire::put_string(out, greeting.server);
  out += " (";
  const auto add = [&](std::string_view capability) {
    if (!out.ends_with('(')) out += ' ';
    out += capability;
  };
  if (greeting.scram) add("AUTH=SCRAM-SHA-256");
  if (greeting.starttls) add("STARTTLS");
  if (greeting.zstd) add("COMPRESS=ZSTD");
  if (greeting.received) add("RECEIVED");
  out += ')';
  out += kEnd;
  return out;
}

std::string encode(const MailboxState& state) {
  std::string out = "* MAILBOX";
  put_spaced(
      out, [&] { put_id(out, state.id, kNoOrigin); }, [&] { put_name(out, state.name); },
      [&] { put_text(out, state.partition); }, [&] { put_number(out, state.uidvalidity.value); },
      [&] { put_number(out, state.last_uid.value); },
      [&] { put_number(out, state.highestmodseq.value); },
      [&] { put_number(out, state.purged_modseq.value); }, [&] { put_digest(out, state.digest); },
      [&] { put_signed(out, state.deleted_s); });
  out += kEnd;
  return out;
}

std::string encode(const UserState& state) {
  std::string out = "* USER";
  put_spaced(
      out, [&] { put_text(out, state.userid); }, [&] { put_number(out, state.modseq.value); },
      [&] { put_digest(out, state.data_digest); }, [&] { put_digest(out, state.digest); });
  out += kEnd;
  return out;
}

std::string encode(const RecordRow& row) {
  std::string out = "* RECORD";
  put_spaced(
      out, [&] { put_number(out, row.uid.value); }, [&] { put_number(out, row.modseq.value); },
      [&] { put_number(out, row.facts.created_modseq.value); },
      [&] { put_signed(out, row.facts.savedate_s); },
      [&] { put_signed(out, row.facts.internaldate_s); }, [&] { put_flags(out, row.flags); });
  if (row.expunged) out += " EXPUNGED";
  put_pop3_facts(out, row.facts.crlf_growth, row.facts.uidl);
  put_spaced(out, [&] { put_guid(out, row.facts.guid); }, [&] { put_number(out, row.facts.size); });
  out += kEnd;
  return out;
}

std::string encode(const RangeRow& row) {
  std::string out = "* RANGE ";
  put_number(out, row.uids.first);
  out += ':';
  put_number(out, row.uids.last);
  put_spaced(out, [&] { put_number(out, row.count); }, [&] { put_digest(out, row.sum); });
  out += kEnd;
  return out;
}

std::string encode(const ReserveRow& row) {
  std::string out = "* RESERVE";
  for (const Guid& guid : row.guids) {
    out += ' ';
    put_guid(out, guid);
  }
  out += kEnd;
  return out;
}

std::string encode(const Ending& ending) {
  constexpr std::array<std::string_view, 3> kKinds = {"OK ", "NO ", "BAD "};
  std::string out(kKinds[static_cast<size_t>(ending.kind)]);
  out += ending.command;
  if (ending.check) {
    out += ' ';
    put_check(out, *ending.check);
  }
  if (ending.reason != Reason::kNone) {
    out += " [";
    out += kReasonWords[static_cast<size_t>(ending.reason)];
    for (const Guid& guid : ending.missing) {
      out += ' ';
      put_guid(out, guid);
    }
    if (ending.holder) {
      out += ' ';
      put_id(out, *ending.holder, kNoOrigin);
    }
    if (ending.term) {
      out += ' ';
      put_term(out, *ending.term);
    }
    out += ']';
  }
  put_words(out, ending.text);
  out += kEnd;
  return out;
}

std::string encode(const ReceivedRow&) { return "* RECEIVED\r\n"; }

std::string encode(const Bye& bye) {
  std::string out = "BYE";
  if (bye.term) {
    out += " [STALE ";
    put_term(out, *bye.term);
    out += ']';
  }
  put_words(out, bye.text);
  out += kEnd;
  return out;
}

Result<Answer> decode_answer(Tokenizer& in) {
  TRY(Answer answer, read_answer(in));
  TRY_OK(in.end());
  return answer;
}

}  // namespace gemel::sync
