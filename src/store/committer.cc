#include "store/committer.h"

#include <malloc.h>
#include <sys/resource.h>

#include <utility>

#include "base/log.h"

namespace gemel {

namespace {

Making making_of(Purpose purpose) {
  if (purpose == Purpose::kApply) return Making::kApply;
  return purpose == Purpose::kMerge ? Making::kMerge : Making::kCommit;
}

/// Of this thread (setpriority(2), under "C library/kernel differences").
int niceness() { return ::getpriority(PRIO_PROCESS, 0); }

}  // namespace

/// Requests that share one write.
struct Committer::Batch {
  struct Prepared {
    std::unique_ptr<Request> request;
    std::optional<Error> error;
  };
  std::vector<Prepared> requests;
  MetaRow meta_before;
  std::vector<Published> published;
  std::vector<std::shared_ptr<StagedBody::State>> adopted;
  std::set<BodyPlace> touched;
};

Committer::Committer(std::unique_ptr<CommitState> state, BodyPins& pins, Watches& watches,
                     const MailStore::Options& options)
    : state_(std::move(state)),
      pins_(&pins),
      watches_(&watches),
      read_only_(options.read_only),
      inline_(options.inline_commits),
      journal_head_(state_->meta.journal_head.value) {
  publish_role();
  if (inline_ || read_only_) return;
  pins_->on_release([this] { wake(); });
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Committer::~Committer() {
  pins_->on_release(nullptr);
  // Then the thread stops: run() empties the queue first.
}

Result<void> Committer::admit_caller(Request& request) {
  if (read_only_) return fail(Code::kReadOnly, "the store is open to read only");
  if (request.purpose() != Purpose::kCommit && request.purpose() != Purpose::kFree) return {};
  if (role() == Role::kReplica) return {};  // it is refused when its turn comes
  request.be_seen_by(current_witness());
  return request.witness() != nullptr ? request.witness()->admit() : Result<void>();
}

void Committer::enqueue(std::unique_ptr<Request> request, By by) {
  if (Result<void> admitted = admit_caller(*request); !admitted) {
    request->answer(std::move(admitted).error());
    return;
  }
  if (inline_) {
    const std::lock_guard lock(inline_mutex_);
    run_batch(std::move(request));
    return;
  }
  std::unique_lock lock(mutex_);
  if (queue_.size() >= kQueuedMax) {
    lock.unlock();
    request->answer(Error{Code::kBusy, "too many transactions wait"});
    return;
  }
  queue_.push_back(std::move(request));
  if (committing_) return;  // who has its turn sees to it
  // Nobody shall wait behind a thread that gives way to others.
  if (by == By::kCaller && niceness() <= niceness_) {
    take_turn(lock);
    if (!is_due()) return;
  }
  lock.unlock();
  waiting_.notify_one();
}

void Committer::wake() {
  // The lock makes sure that a committer about to wait sees what woke it.
  {
    const std::lock_guard lock(mutex_);
  }
  waiting_.notify_one();
}

std::unique_ptr<Request> Committer::next_waiting() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return nullptr;
  std::unique_ptr<Request> request = std::move(queue_.front());
  queue_.pop_front();
  return request;
}

bool Committer::is_due() const { return !queue_.empty() || pins_->any_released(); }

void Committer::run(const std::stop_token& stop) {
  niceness_ = niceness();
  std::unique_lock lock(mutex_);
  while (true) {
    waiting_.wait(lock, stop, [this] { return !committing_ && is_due(); });
    if (!is_due() && stop.stop_requested()) return;
    take_turn(lock);
  }
}

/// Commits what waits, on this thread.
void Committer::take_turn(std::unique_lock<std::mutex>& lock) {
  committing_ = true;
  lock.unlock();
  run_batch(next_waiting());
  lock.lock();
  committing_ = false;
}

void Committer::run_batch(std::unique_ptr<Request> first) {
  Batch batch;
  batch.meta_before = state_->meta;
  for (BodyPlace& place : pins_->take_released()) batch.touched.insert(place);
  for (std::unique_ptr<Request> request = std::move(first); request; request = next_waiting()) {
    prepare(batch, std::move(request));
    if (batch.requests.size() >= kBatchRequestsMax || state_->rows.bytes() >= kBatchBytesMax) break;
  }
  const size_t rows = state_->rows.size();
  const Result<void> written = write();
  if (written) {
    publish(batch);
  } else {
    failed(batch, written.error());
  }
  settle(batch);
  for (Batch::Prepared& prepared : batch.requests) {
    if (!written && !prepared.error) prepared.error = written.error();
    prepared.request->answer(std::move(prepared.error));
  }
  state_->trim_rows();
  // The small pieces of memory that a copy of many messages takes would stay with the process.
  if (rows >= kBatchRowsLarge) ::malloc_trim(0);
}

// The role is that of the transactions prepared so far, so that what waits behind a change of role
// meets the new one, and is on disk with it or after it.
Result<void> Committer::admit(Purpose purpose) {
  if (broken_.load())
    return fail(Code::kIo, "the disk failed: the store takes no writes until it is opened anew");
  const bool is_primary = state_->meta.role == StoredRole::kPrimary;
  switch (purpose) {
    case Purpose::kRead:
    case Purpose::kRole:
      return {};
    case Purpose::kApply:
      if (is_primary) return fail(Code::kReadOnly, "this server is a primary");
      break;
    case Purpose::kCommit:
    case Purpose::kFree:
    case Purpose::kMerge:
      if (!is_primary || refuses_writes_.load())
        return fail(Code::kReadOnly, "this server is a replica");
      if (purpose == Purpose::kFree) return {};
      break;
    case Purpose::kRestore:
      break;
  }
  return state_->partitions->index().space->check(state_->rows.bytes());
}

Committer::Terms Committer::terms() const {
  const std::lock_guard lock(terms_mutex_);
  return terms_;
}

void Committer::publish_role() {
  const MetaRow& meta = state_->meta;
  role_.store(meta.role == StoredRole::kPrimary ? Role::kPrimary : Role::kReplica);
  const std::lock_guard lock(terms_mutex_);
  terms_ = {.own = meta.term, .heard = meta.heard};
}

void Committer::prepare(Batch& batch, std::unique_ptr<Request> request) {
  const size_t mark = state_->rows.savepoint();
  Commit commit(*state_, making_of(request->purpose()));
  Result<void> done = admit(request->purpose());
  if (done) done = request->prepare(commit);
  batch.touched.insert(commit.bodies().touched().begin(), commit.bodies().touched().end());
  if (!done) {
    state_->rows.rollback(mark);
    batch.requests.push_back({std::move(request), std::move(done).error()});
    return;
  }
  commit.accept();
  if (request->witness() != nullptr) request->witness()->about_to_publish(commit.published());
  const auto& adopted = commit.bodies().adopted();
  batch.adopted.insert(batch.adopted.end(), adopted.begin(), adopted.end());
  batch.published.insert(batch.published.end(), commit.published().begin(),
                         commit.published().end());
  batch.requests.push_back({std::move(request), std::nullopt});
}

Result<void> Committer::write() {
  if (state_->rows.empty()) return {};
  std::vector<EngineBatch> batches = state_->rows.take();
  // Bodies first: what the index names must be there.
  for (uint32_t number = state_->partitions->count(); number-- > 0;)
    if (!batches[number].empty())
      TRY_OK(state_->partitions->at(number).engine->write(batches[number],
                                                          Engine::Durability::kSynced));
  return {};
}

void Committer::publish(Batch& batch) {
  for (const std::shared_ptr<StagedBody::State>& body : batch.adopted) body->taken.store(true);
  journal_head_.store(state_->meta.journal_head.value);
  publish_role();
  for (const Published& published : batch.published) watches_->notify(published);
}

void Committer::failed(const Batch& batch, const Error& error) {
  state_->meta = batch.meta_before;
  state_->forget_rows();
  if (error.code != Code::kNoSpace) {
    log::error("store write failed, no writes any more error=\"{}\"", error.text);
    broken_.store(true);
  }
  // Where a row may name the chunks after all, they stay; the next open frees them if none does.
  for (const std::shared_ptr<StagedBody::State>& body : batch.adopted)
    if (broken_.load() || body->partition != kIndexEngine) body->taken.store(true);
}

void Committer::settle(const Batch& batch) {
  if (broken_.load()) return;
  for (const BodyPlace& place : batch.touched)
    if (const auto done = settle_body(*state_->partitions, *pins_, place); !done)
      log::warn("body not settled error=\"{}\"", done.error().text);
}

}  // namespace gemel
