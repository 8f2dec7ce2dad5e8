// The receiver's answers of one batch, in the order of its commands. Those of updates wait for the
// store.
//
// Owns     futures under way, and the texts of what is done.
// Threads  one at a time; settle() waits for the disk.
#pragma once

#include <deque>
#include <future>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "store/mail_store.h"
#include "sync/answers.h"
#include "sync/apply_window.h"

namespace gemel::sync {

class AnswerQueue {
 public:
  AnswerQueue(const MailStore& store, Clock& clock) : store_(store), clock_(clock) {}

  /// What an update is about, for its answer.
  struct MailboxSubject {
    UniqueId id;
    MailboxName name;  // that it would have; empty if the update says none
  };
  struct UserSubject {
    std::string userid;
  };
  struct RenameSubject {
    std::vector<RenameItem> items;
  };
  using Subject = std::variant<MailboxSubject, UserSubject, RenameSubject>;
  using Future = std::future<Result<MailStore::Applied>>;

  /// May wait for the oldest, see kUnderWayMax and ApplyWindow. `bytes`: of bodies held by it.
  void add(Subject subject, Future future, uint64_t bytes);
  void add(std::string text);
  /// A body of `view`, or that it is lost, when its turn comes.
  void add_body(std::shared_ptr<const MailboxView> view, const Guid& guid);
  /// Waits for all.
  void settle();
  /// All answers so far, settled: texts, and bodies that are read only when their turn comes. The
  /// queue is empty then.
  struct Piece {
    std::string text;
    std::shared_ptr<const MailboxView> view = {};  // of the body
    Guid guid = {};
  };
  std::deque<Piece> take();
  /// Of settled answers.
  size_t bytes() const { return text_bytes_; }

 private:
  struct Slot {
    Piece piece = {};
    Subject subject = {};
    Future future = {};  // not valid once settled
    uint64_t bytes = 0;
    int64_t read_ms = 0;
  };
  /// Of the oldest that has no text yet.
  bool is_oldest_done() const;
  void settle_oldest();
  bool has_too_much() const;
  std::string ending(const Slot& slot, const Result<MailStore::Applied>& applied) const;
  std::string rows_of(const Subject& subject) const;
  std::optional<UniqueId> holder_of(const Subject& subject) const;

  const MailStore& store_;
  Clock& clock_;
  std::deque<Slot> slots_;
  size_t settled_ = 0;  // slots before this have their text
  size_t under_way_ = 0;
  uint64_t under_way_bytes_ = 0;
  ApplyWindow window_;
  size_t text_bytes_ = 0;
};

/// `OK`, with nothing to it.
std::string ok_text(std::string_view command);

/// `NO` for an error of the store, or of what was sent.
Ending refusal(std::string_view command, const Error& error);

}  // namespace gemel::sync
