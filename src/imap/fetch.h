// The answer to FETCH, made a piece at a time.
//
// Messages are taken in batches, each from a fresh view of the mailbox, so that nothing is pinned
// while a slow client reads; a section that is a range of a message is sent from the store in
// pieces.
//
// Source   RFC 3501 §6.4.5, §7.4.2; RFC 7162 §3.1.4.
#pragma once

#include <memory>
#include <optional>

#include "imap/fetch_items.h"
#include "imap/session.h"

namespace gemel::imap {

struct FetchRequest {
  FetchItems items;
  Bitmap uids;                               // known to the view
  std::optional<ModSeq> changed_since = {};  // only messages changed after it
  enum class Order : uint8_t { kLowestFirst, kHighestFirst } order = Order::kLowestFirst;
  // What the client was not told of yet is its own still (RFC 2180 §4.1), but what it has changed
  // is told of live messages alone, and the others are a kGone.
  enum class Expunged : uint8_t { kTold, kLeftOut } expunged = Expunged::kTold;
};

/// `session` must outlive it and keep its mailbox selected. Errors of a step: kGone, some of the
/// messages are not there any more (the others were sent); kCorrupt, items of some messages can't
/// be read (all else was sent); kIo. After an error inside a literal the session is aborted.
std::unique_ptr<Work> make_fetch(Session& session, FetchRequest request);

/// `* VANISHED ...` for all of `uids`, in lines of limited length; `earlier` is "" or "(EARLIER) ".
std::string vanished_lines(const Bitmap& uids, std::string_view earlier);

}  // namespace gemel::imap
