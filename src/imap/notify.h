// NOTIFY: what a client hears of without asking, of the selected mailbox and of others.
//
// Owns     a picture of all that the user sees, as the client was last told of it: what has changed
//          since is found by comparing. Memory: some hundred bytes a mailbox, and the annotations
//          where they are wanted; at most Limits::notify_mailboxes_max mailboxes.
// Threads  one at a time; only Interest is also used by the store's committer.
// Source   RFC 5465; RFC 5464 §4.4.2 (METADATA without values); RFC 5258 §3 (\NonExistent,
//          OLDNAME as in RFC 9051 §6.3.9.7).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "imap/fetch_items.h"
#include "store/access.h"
#include "store/annotations.h"
#include "store/mail_store.h"

namespace gemel::imap {

class Session;
struct Args;

/// RFC 5465 §5. MessageNew and MessageExpunge come only together.
enum NotifyEvent : uint8_t {
  kNotifyMessages = 1,
  kNotifyFlagChange = 2,
  kNotifyMailboxName = 4,
  kNotifySubscriptionChange = 8,
  kNotifyMailboxMetadata = 16,
  kNotifyServerMetadata = 32,
};

struct NotifyGroup {
  /// RFC 5465 §6. Mail may be delivered to any mailbox of one's own, so "inboxes" are "personal".
  enum class Filter : uint8_t {
    kSelected,
    kSelectedDelayed,
    kPersonal,
    kSubscribed,
    kSubtree,
    kMailboxes,
  };
  Filter filter = Filter::kPersonal;
  std::vector<std::string> paths = {};  // of kSubtree and kMailboxes, as the user sees them
  uint8_t events = 0;                   // of NotifyEvent; 0: none
  FetchItems new_items = {};            // told of new messages of the selected mailbox

  bool is_of_selected() const { return filter <= Filter::kSelectedDelayed; }
};

struct NotifyRequest {
  bool wants_status = false;
  std::vector<NotifyGroup> groups = {};  // empty: NOTIFY NONE
};

/// Reads " NONE" or " SET ...". Errors: kSyntax; kUnsupported with BADEVENT; kLimit.
Result<NotifyRequest> read_notify(const Session& session, wire::Tokenizer& tokens);

/// What the committer asks whether a change concerns this client: it must be quick.
class Interest {
 public:
  enum class Sees : uint8_t { kWhatRightsAllow, kEverything };
  Interest(std::string userid, Sees sees) : userid_(std::move(userid)), sees_(sees) {}
  /// True if some of them were not there before: what came before this call was not heard of.
  bool set_mailboxes(std::set<UniqueId> mailboxes);
  bool is_concerned(const Published& change) const;

 private:
  bool may_see(const std::vector<std::string>& appeared_to) const;

  const std::string userid_;
  const Sees sees_;
  mutable std::mutex mutex_;
  std::set<UniqueId> mailboxes_;
};

class Notifier {
 public:
  Notifier(NotifyRequest request, const UserAccess& user);

  /// The first look, and STATUS of all mailboxes whose messages are watched if that was asked for.
  /// Errors: kLimit with NOTIFICATIONOVERFLOW; of the store.
  Result<void> begin(const Session& session, std::string& out);
  /// Appends what others have changed since the last look. Cost: O(mailboxes). Errors: as begin.
  Result<void> look(const Session& session, std::string& out);

  /// Of the selected mailbox; null: nothing was said of it.
  const NotifyGroup* selected() const;
  const std::shared_ptr<Interest>& interest() const { return interest_; }

 private:
  struct Mailbox {
    MailboxInfo info;
    std::string path;
    bool is_own = false;
    bool is_readable = false;
    AnnotationMap annotations = {};
  };
  struct Picture {
    std::map<UniqueId, Mailbox> mailboxes;
    std::map<std::string, UniqueId> by_path;
    std::set<std::string> subscribed;  // paths
    AnnotationMap server;
    // Of the user's own data, and of those that all share. Where they rose while the picture was
    // taken, it may be ahead of them, and is not whole.
    ModSeq user_modseq;
    ModSeq shared_modseq;
    bool is_whole = false;
  };

  /// Of nothing whose changes would not be heard of.
  Result<Picture> take_picture(const Session& session) const;
  Result<Picture> take_one_picture(const Session& session) const;
  Result<void> add_mailboxes(Picture& picture, const Session& session) const;
  void put_inaccessible(std::string& out, const Session& session) const;
  bool wants_any(uint8_t events) const;
  bool matches(const NotifyGroup& group, const Picture& picture, const std::string& path) const;
  /// Of all groups that have the mailbox (RFC 5465 §6).
  uint8_t events_at(const Picture& picture, const std::string& path) const;
  /// Those of a name in the user's own namespace, whether or not there is a mailbox.
  uint8_t personal_events_at(const UserAccess& user, const std::string& path) const;
  std::string attributes_at(const Picture& picture, const std::string& path) const;
  void put_name(std::string& out, const Session& session, const Picture& picture,
                const std::string& path) const;
  /// Mailboxes that the client itself has changed, made or deleted since it was told of them, and
  /// nobody else (RFC 5465 §5).
  std::set<UniqueId> own_changes(const Session& session, const Picture& now) const;
  bool is_own_change(const Session& session, const UniqueId& id, const Picture& now) const;
  /// Has nobody else changed the user's data, or those that all share?
  bool is_own_data(const Session& session, const Picture& now) const;
  Result<void> put_changes(std::string& out, const Session& session, const Picture& now) const;
  Result<void> put_mailbox(std::string& out, const Session& session, const Mailbox& before,
                           const Mailbox& now, uint8_t events) const;
  Result<void> put_new_mailbox(std::string& out, const Session& session, const Mailbox& now,
                               uint8_t events) const;
  /// What a RENAME did to it, unless it went along with what it is below (RFC 5465 §5.4).
  void put_renamed(std::string& out, const Session& session, const Mailbox& before,
                   const Picture& now, const Mailbox& mailbox) const;
  /// Those that what was made or has gone is directly below (RFC 5465 §5.4).
  void put_parents(std::string& out, const Session& session, const Picture& now,
                   const std::set<UniqueId>& own) const;
  void put_subscriptions(std::string& out, const Session& session, const Picture& now) const;
  bool take_interest(const Session& session, const Picture& picture) const;

  NotifyRequest request_;
  std::shared_ptr<Interest> interest_;
  Picture told_;
};

}  // namespace gemel::imap
