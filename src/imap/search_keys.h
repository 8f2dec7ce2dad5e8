// What a SEARCH looks for, as a tree.
//
// Threads  any; a value made for one command.
// Source   RFC 3501 §6.4.4 and §9 (search-key), RFC 7162 §3.1.5 (MODSEQ), RFC 5032 (WITHIN),
//          RFC 5182 (SEARCHRES), RFC 8474 §6 (EMAILID, THREADID), RFC 8514 §4.3
//          (SAVEDATE).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "imap/bitmap.h"
#include "imap/sequence.h"
#include "mail/fuzzy.h"
#include "mail/text.h"
#include "wire/tokens.h"

namespace gemel::imap {

struct SearchNode {
  // Ascending by what it costs to decide on one message.
  enum class Kind : uint8_t {
    kAnd,  // all children; none: every message
    kOr,
    kNot,
    kSet,      // `sequence`, counted as `numbers` says
    kFlag,     // system flag `number`
    kKeyword,  // `text`
    kRecent,
    kModSeq,  // at least `number`
    kNothing,

    kLarger,  // than `number`
    kSmaller,
    kBefore,  // internal date before day `date`
    kOn,
    kSince,
    kOlder,  // than `number` seconds
    kYounger,
    kSavedBefore,  // the day it came into the mailbox, before `date`
    kSavedOn,
    kSavedSince,
    kEmailId,  // `text`

    kSentBefore,
    kSentOn,
    kSentSince,
    kHeader,  // field `text` holds `key`

    kBody,  // `key`; where a text index speaks, only messages of `set` may hold it
    kText,
  };

  enum class Numbers : uint8_t { kMsn, kUid, kSaved /* "$" */, kBound /* `set` */ };

  Kind kind = Kind::kAnd;
  Numbers numbers = Numbers::kMsn;
  Sequence sequence = {};
  uint64_t number = 0;
  int64_t date = 0;
  std::string text = {};
  std::optional<SearchKey> key = {};
  std::shared_ptr<const FuzzyKey> fuzzy = {};  // below FUZZY: instead of `key`
  bool is_fuzzy = false;                       // FUZZY itself: its only child (RFC 6203)
  Bitmap set = {};           // of a kind that sets decide: its messages, once resolved
  bool is_narrowed = false;  // by a text index
  std::vector<SearchNode> children = {};

  bool is_decided_by_sets() const { return kind >= Kind::kSet && kind < Kind::kLarger; }
  bool needs_body() const { return kind >= Kind::kSentBefore; }
  /// Of the dearest key in it.
  Kind dearest() const;
  bool contains(Kind wanted) const;
  bool contains_fuzzy() const;
  /// Does a set count like this?
  bool contains(Numbers wanted) const;
};

struct SearchLimits {
  size_t keys_max;
  size_t depth_max;
  size_t ranges_max;      // in one sequence set
  size_t text_bytes_max;  // of all texts together, in UTF-8
};

/// `CHARSET name `, if it is there; else an empty name. Errors: as read_charset.
Result<std::string> read_charset_option(wire::Tokenizer& tokens);

/// The name of a charset that texts to search for may be in. Errors: kSyntax; kUnsupported.
Result<std::string> read_charset(wire::Tokenizer& tokens);

/// RFC 6203 §4: RELEVANCY may be asked for only with FUZZY. Errors: kSyntax.
Result<void> check_fuzzy(const SearchNode& root);

/// Reads `key key ...` up to the end of the line, with texts in `charset` (empty: UTF-8). In an AND
/// or OR, cheap children come first. Errors: kSyntax; kLimit.
Result<SearchNode> parse_search(wire::Tokenizer& tokens, const SearchLimits& limits,
                                std::string charset);

}  // namespace gemel::imap
