// What is still to be offered to one peer, and what it has answered to.
//
// For each group a position is kept: up to this UID the peer has answered. Articles are handed out
// in the order of their numbers, many at a time; the position moves when all below it are answered.
// So what is offered is at least all of it: after a restart a few articles are offered again.
//
// Owns     positions, in rows of the store's own memory; in memory, what is handed out and which
//          articles were lately (cross-posts are offered once).
// Threads  one at a time.
// Source   doc/decisions/0020-newsgroups.md; RFC 5537 §3.6 (what not to send where it has been).
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nntp/article.h"
#include "nntp/wildmat.h"
#include "store/mail_store.h"

namespace gemel::nntp {

struct FeedOptions {
  std::string name;                 // of the positions
  std::string peer_path_name = {};  // articles whose Path names it are not offered
  Wildmat groups = Wildmat::all();
  std::string userid = {};  // empty: no login
  std::string password = {};
  enum class Tls : uint8_t { kNone, kStartTls } tls = Tls::kNone;
  /// A group that the feed has not seen before is offered from here.
  int64_t backlog_s = 86'400;
};

/// Articles that were handed out and are remembered by guid.
inline constexpr size_t kFeedMemoryMax = 10'000;

class FeedQueue {
 public:
  struct Item {
    UniqueId mailbox;
    Uid uid;
    std::string group;
    std::string message_id;
  };
  /// `prefix`: of the groups. The store must outlive this.
  FeedQueue(MailStore& store, Clock& clock, std::string prefix, const FeedOptions& options);

  /// The next article to offer; nothing: there is none now. Errors: kIo and the like.
  Result<std::optional<Item>> next();
  /// The article with its header as the peer gets it. Errors: kNotFound, it is gone.
  struct Opened {
    Article article;
    std::string header;
  };
  Result<Opened> open(const Item& item, std::string_view path_identity) const;
  /// The peer has answered: it has the article or does not want it.
  void settle(const Item& item);
  /// Everything that was handed out and not settled will be handed out again.
  void rewind();
  /// Makes positions durable that have moved.
  Result<void> save();

 private:
  struct Group {
    std::string name;
    Uid next;               // to look at
    Uid saved;              // the position on disk
    std::set<Uid> waiting;  // handed out, not settled
    Uid position() const;
  };
  Result<void> note_changes();
  Result<void> note_mailbox(const UniqueId& id);
  Result<Group*> group_of(const MailboxInfo& mailbox, const std::string& name);
  Result<std::optional<Item>> next_of(const UniqueId& id, Group& group);
  Result<std::optional<Item>> item_at(const MailboxView& view, Group& group, Uid uid);
  bool is_new(const Guid& guid);

  MailStore& store_;
  Clock& clock_;
  const std::string prefix_;
  const FeedOptions& options_;
  const std::string memory_;  // the name of its rows
  bool started_ = false;
  JournalSeq followed_;
  std::map<UniqueId, Group> groups_;
  std::set<UniqueId> behind_;  // groups that may have something to hand out
  UniqueId turn_;              // the group that was looked at last
  std::set<Guid> offered_;
  std::deque<Guid> offered_in_order_;
};

}  // namespace gemel::nntp
