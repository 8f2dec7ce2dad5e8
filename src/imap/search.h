// Finds the messages of a mailbox that a search tree matches: first by sets alone, then, only for
// those that sets don't decide, by facts, headers and bodies, message by message.
//
// Threads  one at a time. Reads may wait for the disk.
#pragma once

#include <map>
#include <unordered_map>

#include "imap/message.h"
#include "imap/search_keys.h"
#include "imap/view.h"
#include "imap/work.h"
#include "store/mail_store.h"
#include "store/text_index.h"

namespace gemel::imap {

/// Message numbers, and "$", stand for the messages that have them now, and for no others later
/// (RFC 5267 §4.3). `saved`: what "$" is.
void bind_numbers(SearchNode& node, const View& view, const Bitmap& saved);

/// Messages looked at before others get their turn: where bodies must be read, and where facts and
/// summaries are enough.
inline constexpr size_t kSliceBodies = 50;
inline constexpr size_t kSliceMessages = 500;

class Search {
 public:
  struct Terms {
    int64_t now_s = 0;                      // for OLDER and YOUNGER
    const TextIndex* text_index = nullptr;  // none: every message is read for a text
    std::optional<Bitmap> among = {};       // nothing: all that the view knows
  };
  /// Of the messages that `view` knows. Message numbers must be bound.
  static Result<Search> start(SearchNode root, const View& view, MailboxView mailbox,
                              const Terms& terms);

  /// The messages that sets don't decide on, and only those of them that shall be looked at, which
  /// are the highest: below them nothing is found.
  const Bitmap& to_look_at() const { return open_.all(); }
  void limit_to(Bitmap uids);
  /// Decides on a slice of more messages; true when all are decided. Errors: kIo.
  Result<bool> go_on();
  /// How far that is.
  Done done() const { return {.count = decided_, .goal = open_.size()}; }
  /// What was found, once go_on gave true.
  const Bitmap& found() const { return found_; }
  /// The mailbox as it was when the search began.
  const MailboxView& mailbox() const { return mailbox_; }
  /// From 1 to kRelevanceMax (RFC 6203 §4), of one that was found.
  uint32_t relevance_of(Uid uid) const;
  /// Highest of those found (RFC 7162 §3.1.5); 0 if there are none.
  Result<ModSeq> highest_modseq(const Bitmap& uids) const;

 private:
  Search(SearchNode root, MailboxView mailbox, int64_t now_s)
      : root_(std::move(root)), mailbox_(std::move(mailbox)), now_s_(now_s), open_(Bitmap()) {}
  Result<void> resolve(SearchNode& node, const View& view) const;
  void narrow(SearchNode& node, const TextIndex& index) const;
  Result<std::optional<TextIndex::Found>> look_up(const SearchNode& node,
                                                  const TextIndex& index) const;
  Result<Bitmap> modified_since(uint64_t modseq) const;

  struct Candidate;
  /// How well a message matches; 0: not at all.
  Result<uint32_t> match(const SearchNode& node, Candidate& candidate);
  Result<uint32_t> match_body(const SearchNode& node, Candidate& candidate);
  Result<uint32_t> match_all(const SearchNode& node, Candidate& candidate);
  Result<uint32_t> match_any(const SearchNode& node, Candidate& candidate);
  Result<uint32_t> match_fuzzily(const SearchNode& node, Candidate& candidate) const;
  Result<bool> matches_date(const SearchNode& node, Candidate& candidate) const;
  Result<bool> matches_text(const SearchNode& node, Candidate& candidate) const;
  Message& message_of(Candidate& candidate) const;
  Result<std::string_view> header_for(std::string_view field, Candidate& candidate) const;
  bool matches_facts(const SearchNode& node, const RecordFacts& facts) const;

  SearchNode root_;
  MailboxView mailbox_;
  int64_t now_s_;
  // What the bodies looked at last say, where one key alone asks them: copies of a message are
  // looked at once.
  static constexpr size_t kVerdictsMax = 1 << 16;
  bool keeps_verdicts_ = false;
  bool reads_bodies_ = false;
  std::unordered_map<Guid, uint32_t> verdicts_;
  Bitmap found_;
  std::map<uint32_t, Bitmap> by_relevance_;  // those found that match less than best
  BitmapWalk open_;                          // not decided by sets
  uint64_t decided_ = 0;                     // so many of them were looked at
};

}  // namespace gemel::imap
