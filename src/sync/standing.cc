#include "sync/standing.h"

#include <fmt/format.h>

#include <charconv>

#include "sync/words.h"

namespace gemel::sync {
namespace {

constexpr size_t kStoreDigits = 16;

Result<uint64_t> read_store(wire::Tokenizer& in) {
  TRY(const std::string_view word, in.atom("]"));
  uint64_t store = 0;
  const char* const end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, store, 16);
  if (word.size() != kStoreDigits || parsed.ec != std::errc() || parsed.ptr != end)
    return in.wrong("16 hexadecimal digits");
  return store;
}

}  // namespace

Standing standing_of(const MailStore& store) {
  return {.role = store.role(), .term = store.term(), .store = store.origin()};
}

Meeting meet(const Standing& ours, const Standing& theirs, IsSource is_source) {
  if (theirs.term > ours.term) return Meeting::kStale;
  // Whoever made the changes of this term sends them, also after it was demoted.
  const bool is_one_term = theirs.term == ours.term && theirs.store != ours.store;
  if (is_one_term && ours.term && ours.store == ours.term.origin) return Meeting::kGoOn;
  if (is_one_term && ours.term && theirs.store == ours.term.origin) return Meeting::kApart;
  // A primary of an earlier term steps back when it hears of ours, before it answers.
  if (theirs.role == Role::kPrimary || is_source == IsSource::kYes || theirs.store == ours.store)
    return Meeting::kApart;
  return ours.term ? Meeting::kGoOn : Meeting::kApart;
}

std::string text_of(const Term& term) { return fmt::format("{}-{:016x}", term.epoch, term.origin); }

void put_term(std::string& out, const Term& term) { out += text_of(term); }

Result<Term> read_term(wire::Tokenizer& in) {
  Term term;
  TRY(term.epoch, in.number64());
  TRY_OK(in.expect('-'));
  TRY(term.origin, read_store(in));
  return term;
}

void put_standing(std::string& out, const Standing& standing) {
  out += standing.role == Role::kPrimary ? "PRIMARY " : "REPLICA ";
  out += fmt::format("{} {:016x}", text_of(standing.term), standing.store);
}

Result<Standing> read_standing(wire::Tokenizer& in) {
  Standing standing;
  if (in.skip_word("PRIMARY"))
    standing.role = Role::kPrimary;
  else if (!in.skip_word("REPLICA"))
    return in.wrong("PRIMARY or REPLICA");
  TRY_OK(in.space());
  TRY(standing.term, read_term(in));
  TRY_OK(in.space());
  TRY(standing.store, read_store(in));
  return standing;
}

}  // namespace gemel::sync
