// What the two ends of a link tell each other of themselves in login, and what follows from it.
//
// Threads  pure functions.
// Source   doc/replication-protocol.md, "Connecting"; doc/decisions/0006-terms-and-merge.md.
#pragma once

#include <cstdint>
#include <string>

#include "store/mail_store.h"
#include "wire/tokens.h"

namespace gemel::sync {

struct Standing {
  Role role = Role::kReplica;
  Term term;
  uint64_t store = 0;  // MailStore::origin
  bool operator==(const Standing&) const = default;
};
Standing standing_of(const MailStore& store);

/// What the sending end makes of the receiver's standing. (A receiver takes updates only as a
/// replica in the sender's term, which it takes over if that is later than its own.)
enum class Meeting : uint8_t {
  kGoOn,   // updates may cross
  kStale,  // the other knows of a later term than ours: take no writes, and send nothing
  kApart,  // nothing is to cross here now: the other end is where our changes come from
};
/// `is_source`: the receiver is one who sends to us.
enum class IsSource : uint8_t { kNo, kYes };
Meeting meet(const Standing& ours, const Standing& theirs, IsSource is_source);

/// `3-4be0d1a2c3f40718`.
std::string text_of(const Term& term);
void put_term(std::string& out, const Term& term);
Result<Term> read_term(wire::Tokenizer& in);
/// `PRIMARY 3-4be0d1a2c3f40718 4be0d1a2c3f40718`: role, term, store.
void put_standing(std::string& out, const Standing& standing);
Result<Standing> read_standing(wire::Tokenizer& in);

}  // namespace gemel::sync
