// RETURN (...): what SEARCH and SORT tell of their results.
//
// Threads  any; pure functions.
// Source   RFC 4731 §3 (MIN, MAX, ALL, COUNT), RFC 5182 §2 (SAVE), RFC 5267 §3 and §4 (SORT,
//          PARTIAL, UPDATE), RFC 9394 §3 (PARTIAL from the end, and with SAVE), RFC 6203 §4
//          (RELEVANCY), RFC 5465 §7 (UPDATE with items).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "imap/bitmap.h"
#include "imap/fetch_items.h"
#include "mail/ids.h"
#include "mail/imap_text.h"
#include "wire/tokens.h"

namespace gemel::imap {

/// Places in a list, from `begin` to before `end`.
struct Span {
  uint64_t begin;
  uint64_t end;
  bool operator==(const Span&) const = default;
};

/// The members of `set` at these places. Cost: O(log set and those given), about.
Bitmap places(const Bitmap& set, Span span);
std::vector<Uid> uids_at(const Bitmap& set, Span span);

/// `1:100`, or `-1:-100` counted from the end.
struct PartialRange {
  uint32_t first;  // not above `last`
  uint32_t last;
  bool from_end = false;

  /// As it is told: the smaller number first, whichever way round it was asked for; both are the
  /// same range (RFC 9394 §4, partial-range).
  std::string text() const;
  /// The places in a list of `size`.
  Span among(uint64_t size) const;
};

/// Errors: kSyntax.
Result<PartialRange> read_partial(wire::Tokenizer& tokens);

/// Nothing set means the plain answer, without ESEARCH.
struct SearchReturns {
  bool is_extended = false;
  bool min = false;
  bool max = false;
  bool all = false;
  bool count = false;
  bool save = false;
  bool update = false;     // RFC 5267 §4.3
  bool relevancy = false;  // RFC 6203 §4
  bool context = false;    // a hint that nothing is made of (§4.2)
  std::optional<PartialRange> partial = {};
  FetchItems new_items = {};  // UPDATE tells them of what is new in the mailbox (RFC 5465 §7)

  bool tells_nothing() const { return !min && !max && !all && !count && !partial && !relevancy; }
  /// Of a list of `size`, what SAVE keeps and whose highest modseq is told.
  std::vector<Span> kept(uint64_t size) const;
};

/// `RETURN (MIN COUNT) `, if it is there. Errors: kSyntax; kLimit, more than `items_max` items.
Result<SearchReturns> read_returns(wire::Tokenizer& tokens, size_t items_max);

/// A mailbox as ESEARCH names it (RFC 7377 §2.1).
struct MailboxMark {
  std::string path;
  UidValidity uidvalidity;
  ImapDialect dialect;  // of the name
};

/// Whose answer an ESEARCH line is, and what its numbers are (RFC 4466 §2.6.2).
struct EsearchHead {
  std::string_view tag;
  bool by_uid = false;
  std::optional<MailboxMark> mailbox = {};
};
/// Appends `* ESEARCH (TAG "a1" MAILBOX INBOX UIDVALIDITY 7) UID`.
void put_head(std::string& out, const EsearchHead& head);

/// Writes a sequence set that keeps the order: only what ascends by ones becomes a range (RFC 5267
/// §3.2).
class OrderedSet {
 public:
  void add(std::string& out, uint32_t number);
  /// Writes what add() kept back, as a higher number might have made a range of it.
  void end(std::string& out);

 private:
  uint64_t first_ = 0;  // of what is kept back; 0: nothing was added
  uint64_t last_ = 0;
};

/// What was found, in the order in which it is told. What it calls must outlive it.
struct FoundList {
  uint64_t count;
  std::function<std::vector<Uid>(Span)> uids;  // of some thousand places at most
  std::function<uint32_t(Uid)> number;         // that the client knows it by
  std::function<uint32_t(Uid)> relevance;
  ModSeq modseq = {};  // the highest of what is told; 0: not asked for
};

/// Tells ` MIN 1 MAX 9 ALL 1:9 COUNT 9 MODSEQ 7`. RELEVANCY is told of all, or of what PARTIAL
/// tells.
class ReturnsTeller {
 public:
  ReturnsTeller(const SearchReturns& returns, FoundList found);
  /// Appends a piece, of some ten thousand bytes at most; false when there is no more.
  bool go_on(std::string& out);

 private:
  enum class Values : uint8_t { kNumbers, kRelevances };
  struct Part {
    std::string head;
    Span span = {0, 0};
    Values values = Values::kNumbers;
    std::string tail = {};
  };
  void put_values(std::string& out, const Part& part);

  FoundList found_;
  std::deque<Part> parts_;  // what is still to be told
  uint64_t at_ = 0;         // in the first part: so many places of its span were told
  OrderedSet set_;
};

}  // namespace gemel::imap
