// The one that commits: takes the waiting transactions in turn, prepares each on top of those
// before it, writes them with one sync, publishes, and answers.
//
// A caller that waits for its transaction commits it itself where nobody commits, for waking a
// thread and being woken by it takes as long as all else but the disk. What came meanwhile is the
// committer's thread's.
//
// Owns     the queue, and the thread unless commits are inline. Threads  submit, commit: any.
// Source   doc/decisions/0002-one-committer.md.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "store/commit.h"
#include "store/watches.h"
#include "store/witness.h"

namespace gemel {

/// What a request is allowed to.
enum class Purpose : uint8_t {
  kCommit,   // on a primary, with room on the disk
  kFree,     // on a primary, even on a full disk
  kMerge,    // on a primary, with room on the disk; uids and modseqs as given
  kApply,    // on a replica, with room on the disk
  kRestore,  // always, with room on the disk: it writes bodies only
  kRead,     // always: it writes nothing, or bodies only
  kRole,     // always: it writes the store's own row only
};

/// A transaction on its way.
class Request {
 public:
  explicit Request(Purpose purpose) : purpose_(purpose) {}
  virtual ~Request() = default;
  Purpose purpose() const { return purpose_; }
  /// Edits, and calls Commit::finish().
  virtual Result<void> prepare(Commit& commit) = 0;
  /// `error` is set where it was not prepared or not written.
  virtual void answer(std::optional<Error> error) = 0;
  /// Of what a primary makes; null: nobody.
  void be_seen_by(std::shared_ptr<CommitWitness> witness) { witness_ = std::move(witness); }
  CommitWitness* witness() const { return witness_.get(); }

 private:
  Purpose purpose_;
  std::shared_ptr<CommitWitness> witness_;
};

template <class T>
class TypedRequest final : public Request {
 public:
  using Prepare = std::function<Result<T>(Commit&)>;
  TypedRequest(Purpose purpose, Prepare prepare) : Request(purpose), prepare_(std::move(prepare)) {}
  Result<void> prepare(Commit& commit) override {
    TRY(value_, prepare_(commit));
    return {};
  }
  void answer(std::optional<Error> error) override {
    prepare_ = nullptr;  // what it holds (staged bodies) goes before the caller goes on
    if (error)
      promise_.set_value(std::unexpected(std::move(*error)));
    else
      promise_.set_value(std::move(*value_));
  }
  std::future<Result<T>> future() { return promise_.get_future(); }

 private:
  Prepare prepare_;
  std::optional<T> value_;
  std::promise<Result<T>> promise_;
};

class Committer {
 public:
  /// `state.meta` must be what the index has.
  Committer(std::unique_ptr<CommitState> state, BodyPins& pins, Watches& watches,
            const MailStore::Options& options);
  /// Waits for all requests.
  ~Committer();

  template <class T>
  std::future<Result<T>> submit(Purpose purpose, typename TypedRequest<T>::Prepare prepare) {
    return start<T>(purpose, std::move(prepare), By::kThread);
  }

  /// The same, and waits until it is durable.
  template <class T>
  Result<T> commit(Purpose purpose, typename TypedRequest<T>::Prepare prepare) {
    return start<T>(purpose, std::move(prepare), By::kCaller).get();
  }

  /// As it is on disk, but kReplica while writes are refused.
  Role role() const { return refuses_writes_.load() ? Role::kReplica : role_.load(); }
  /// What is on disk.
  struct Terms {
    Term own;
    Term heard;
  };
  Terms terms() const;
  /// What a primary may not do, nobody may from now on, whatever the role; not even requests that
  /// wait already.
  void refuse_writes() { refuses_writes_.store(true); }
  void admit_writes() { refuses_writes_.store(false); }
  JournalSeq journal_head() const { return JournalSeq(journal_head_.load()); }

  /// A request beyond these is answered with kBusy.
  static constexpr size_t kQueuedMax = 4096;
  static constexpr size_t kBatchRequestsMax = 512;
  static constexpr size_t kBatchRowsLarge = 20'000;   // more than many small transactions have
  static constexpr size_t kBatchBytesMax = 16 << 20;  // after one that reaches it, it is written

 private:
  using Requests = std::vector<std::unique_ptr<Request>>;
  struct Batch;

  /// Who may commit it, if nobody commits now.
  enum class By : uint8_t { kThread, kCaller };

  template <class T>
  std::future<Result<T>> start(Purpose purpose, typename TypedRequest<T>::Prepare prepare, By by) {
    auto request = std::make_unique<TypedRequest<T>>(purpose, std::move(prepare));
    std::future<Result<T>> future = request->future();
    enqueue(std::move(request), by);
    return future;
  }
  void enqueue(std::unique_ptr<Request> request, By by);
  Result<void> admit_caller(Request& request);
  /// Some pins were released: their bodies may go.
  void wake();
  void run(const std::stop_token& stop);
  bool is_due() const;
  void take_turn(std::unique_lock<std::mutex>& lock);
  std::unique_ptr<Request> next_waiting();
  void run_batch(std::unique_ptr<Request> first);
  Result<void> admit(Purpose purpose);
  void prepare(Batch& batch, std::unique_ptr<Request> request);
  Result<void> write();
  void publish(Batch& batch);
  void publish_role();
  void failed(const Batch& batch, const Error& error);
  void settle(const Batch& batch);

  std::unique_ptr<CommitState> state_;
  BodyPins* pins_;
  Watches* watches_;
  bool read_only_;
  bool inline_;
  std::atomic<Role> role_;
  std::atomic<bool> refuses_writes_ = false;
  std::atomic<uint64_t> journal_head_;
  std::atomic<bool> broken_ = false;  // the disk failed: no writes until opened anew

  mutable std::mutex terms_mutex_;
  Terms terms_;  // guarded by terms_mutex_

  std::mutex mutex_;
  std::condition_variable_any waiting_;
  std::deque<std::unique_ptr<Request>> queue_;  // guarded by mutex_
  bool committing_ = false;                     // guarded by mutex_; some thread has its turn
  std::atomic<int> niceness_ = 0;               // of the thread
  std::mutex inline_mutex_;                     // held through a batch, where commits are inline
  std::jthread thread_;                         // last: it uses the others
};

}  // namespace gemel
