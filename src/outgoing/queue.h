// The outbox being emptied: what is due, when it is tried again, and what becomes of what can't be
// sent.
//
// A message that is refused for good, or was tried for too long, ends as its envelope says:
// dropped; returned to its sender by a delivery status notification; or filed into the INBOX of the
// user for whom it was sent on. That is remembered, so that a crash does not let it happen twice.
//
// Owns     when what is tried again, in memory: a restart tries everything at once.
// Threads  any.
// Source   doc/decisions/0010-outbox.md; RFC 5321 §4.5.4.1 (retries), §6.1 (who is told).
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "store/outbox.h"

namespace gemel::outgoing {

/// What the other side made of a message.
struct Outcome {
  enum class Kind : uint8_t { kSent, kRefused, kLater } kind = Kind::kLater;
  std::string text;  // its own words, one line
};

struct QueueOptions {
  std::string hostname;
  int64_t give_up_s = 5 * 86'400;  // RFC 5321 §4.5.4.1: at least 4 to 5 days
};

/// After a try that failed: a minute, then twice as long each time.
inline constexpr int64_t kRetryMsMin = 60'000;
inline constexpr int64_t kRetryMsMax = 3'600'000;

/// Where a transport gets mail, and says what it made of it.
class Feed {
 public:
  virtual ~Feed() = default;
  struct Item {
    Uid uid;
    int64_t queued_s = 0;
    Outbox::Mail mail;
  };
  /// Nothing if nothing is due. Each is given to one transport at a time; done() must follow.
  virtual std::optional<Item> next() = 0;
  virtual void done(const Item& item, const Outcome& outcome) = 0;
  /// The other side can't be reached, or takes nothing from us: everything waits, longer each time.
  virtual void unreachable(std::string_view why) = 0;
};

class Queue final : public Feed {
 public:
  /// What is passed must outlive the queue.
  Queue(MailStore& store, Outbox& outbox, Clock& clock, QueueOptions options)
      : store_(store), outbox_(outbox), clock_(clock), options_(std::move(options)) {}

  std::optional<Item> next() override;
  void done(const Item& item, const Outcome& outcome) override;
  void unreachable(std::string_view why) override;

  /// Milliseconds until something is due, 0 for now; nothing if nothing waits, or this is a
  /// replica.
  std::optional<int64_t> due_in_ms();
  /// Frees what has left.
  void tidy();

 private:
  struct Attempts {
    int count = 0;
    int64_t next_ms = 0;
    bool is_under_way = false;
  };

  static int64_t back_off_ms(int attempts);
  std::vector<Outbox::Entry> waiting();
  bool is_due(Uid uid, int64_t now_ms);
  void finish(const Item& item);
  void try_later(const Item& item, const std::string& text);
  Result<void> give_up(const Item& item, const Outcome& outcome);
  Result<void> return_to_sender(const Item& item, const Outcome& outcome);
  Result<void> file_for_owner(const Item& item, const std::string& text);

  MailStore& store_;
  Outbox& outbox_;
  Clock& clock_;
  QueueOptions options_;
  std::mutex mutex_;
  // Under mutex_.
  std::map<Uid, Attempts> attempts_;
  std::deque<Outbox::Entry> looked_at_;  // what waited at the last look, and was not given since
  int unreachable_count_ = 0;
  int64_t unreachable_until_ms_ = 0;
};

}  // namespace gemel::outgoing
