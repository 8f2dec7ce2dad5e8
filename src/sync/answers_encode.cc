#include <array>

#include "sync/answers.h"
#include "sync/standing.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

constexpr std::string_view kEnd = "\r\n";

// Answers name ids in full: there is no context to them.
constexpr uint64_t kNoOrigin = 0;

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
  if (greeting.zstd_words) add("COMPRESS=ZSTD-WORDS");
  if (greeting.received) add("RECEIVED");
  if (greeting.after) add("AFTER");
  if (greeting.readers) add("READERS");
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
      [&] { put_signed(out, state.deleted_s); }, [&] { put_lineage(out, state.lineage); });
  out += kEnd;
  return out;
}

std::string encode(const UserState& state) {
  std::string out = "* USER";
  put_spaced(
      out, [&] { put_text(out, state.userid); }, [&] { put_number(out, state.modseq.value); },
      [&] { put_digest(out, state.data_digest); }, [&] { put_digest(out, state.digest); },
      [&] { put_signed(out, state.created_s); }, [&] { put_signed(out, state.deleted_s); },
      [&] { put_lineage(out, state.lineage); });
  out += kEnd;
  return out;
}

std::string encode(const HeaderState& header) {
  std::string out = "* HEADER";
  put_spaced(
      out, [&] { put_number(out, header.recent_uid.value); },
      [&] { put_signed(out, header.created_s); },
      [&] { put_number(out, header.header_modseq.value); });
  for (const auto& [name, attribute] : header.attributes) {
    out += " (";
    put_text(out, name);
    out += ' ';
    put_number(out, attribute.modseq.value);
    if (attribute.value) {
      out += ' ';
      put_text(out, *attribute.value);
    }
    out += ')';
  }
  out += kEnd;
  return out;
}

std::string encode(const RecordUids& uids) {
  const auto text = [](const UidSet& set) { return set.empty() ? "-" : set.text(); };
  return "* UIDS " + text(uids.live) + " " + text(uids.expunged) + std::string(kEnd);
}

std::string encode(const UserItem& item) {
  std::string out = "* ITEM ";
  put_item(out, item);
  out += kEnd;
  return out;
}

std::string encode(const LostRow& row) {
  std::string out = "* LOST";
  put_spaced(out, [&] { put_text(out, row.partition); }, [&] { put_guid(out, row.guid); });
  out += kEnd;
  return out;
}

std::string encode_start(const BodyRow& row) {
  std::string out = "* BODY ";
  put_guid(out, row.guid);
  // As in an UPDATE: bodies may hold NUL.
  out += " ~";
  wire::put_literal_start(out, row.size, wire::LiteralStyle::kNonSynchronising);
  return out;
}

std::string encode(const ChangedRecord& record) {
  const RecordRow& row = record.row;
  std::string out = "* RECORD";
  put_spaced(
      out, [&] { put_number(out, row.uid.value); }, [&] { put_number(out, row.modseq.value); },
      [&] { put_number(out, row.facts.created_modseq.value); },
      [&] { put_signed(out, row.facts.savedate_s); },
      [&] { put_signed(out, row.facts.internaldate_s); }, [&] { put_flags(out, row.flags); });
  if (row.expunged) out += " EXPUNGED";
  put_pop3_facts(out, row.facts.crlf_growth, row.facts.uidl);
  put_spaced(out, [&] { put_guid(out, row.facts.guid); }, [&] { put_number(out, row.facts.size); });
  if (record.flipped) {
    out += " FLIPPED ";
    put_flags(out, *record.flipped);
  }
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
  if (ending.next) {
    out += ' ';
    put_number(out, ending.next->value);
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

}  // namespace gemel::sync
