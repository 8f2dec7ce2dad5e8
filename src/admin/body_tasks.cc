// scrub and checkpoint: bodies that are lost, and a copy of the store.
#include "admin/scrub.h"
#include "admin/task.h"

namespace gemel::admin {
namespace {

constexpr uint64_t kStepBytes = 4 << 20;
constexpr size_t kLostAtOnce = 100;
constexpr size_t kMessagesMax = 10;

Json row_of_lost(const MailStore& store, const MailStore::LostBody& body) {
  return {{"type", "lost"},
          {"guid", body.guid.text()},
          {"partition", body.partition},
          {"messages", messages_of(store, body, kMessagesMax)}};
}

/// Lists what is known to be lost.
class LostTask final : public Task {
 public:
  explicit LostTask(const MailStore& store) : store_(store) {}
  Result<Progress> step(std::string& out) override {
    TRY(const auto bodies, store_.lost_bodies(last_, kLostAtOnce));
    for (const MailStore::LostBody& body : bodies) {
      out += to_line(row_of_lost(store_, body)) += '\n';
      last_ = body;
      ++lost_;
    }
    return bodies.size() == kLostAtOnce ? Progress::kMore : Progress::kDone;
  }
  Json summary() const override { return {{"lost", lost_}}; }

 private:
  const MailStore& store_;
  std::optional<MailStore::LostBody> last_;
  uint64_t lost_ = 0;
};

/// Reads all bodies again, without a pause but in small steps.
class ScrubTask final : public Task {
 public:
  enum class Shows : uint8_t { kLost, kProgressToo };
  ScrubTask(MailStore& store, Shows shows) : store_(store), shows_(shows) {}
  Result<Progress> step(std::string& out) override {
    TRY(const MailStore::Scrubbed step, store_.scrub(cursor_, kStepBytes));
    for (const MailStore::LostBody& body : step.lost)
      out += to_line(row_of_lost(store_, body)) += '\n';
    bodies_ += step.bodies;
    bytes_ += step.bytes;
    lost_ += step.lost.size();
    cursor_ = step.next;
    if (cursor_.empty()) return Progress::kDone;
    if (shows_ == Shows::kProgressToo)
      out += to_line({{"type", "progress"}, {"done", step.done}, {"bodies", bodies_}}) += '\n';
    return Progress::kMore;
  }
  Json summary() const override {
    return {{"bodies", bodies_}, {"bytes", bytes_}, {"lost", lost_}};
  }

 private:
  MailStore& store_;
  Shows shows_;
  std::string cursor_;
  uint64_t bodies_ = 0;
  uint64_t bytes_ = 0;
  uint64_t lost_ = 0;
};

class CheckpointTask final : public Task {
 public:
  CheckpointTask(const MailStore& store, std::string directory)
      : store_(store), directory_(std::move(directory)) {}
  Result<Progress> step(std::string&) override {
    TRY_OK(store_.checkpoint(directory_));
    return Progress::kDone;
  }
  Json summary() const override { return {{"directory", directory_}}; }

 private:
  const MailStore& store_;
  std::string directory_;
};

}  // namespace

Result<std::unique_ptr<Task>> start_scrub(const TaskContext& context, const Json& request) {
  MailStore& store = *context.services.store;
  if (is_set(request, "known")) return std::make_unique<LostTask>(store);
  return std::make_unique<ScrubTask>(store, is_set(request, "progress")
                                                ? ScrubTask::Shows::kProgressToo
                                                : ScrubTask::Shows::kLost);
}

Result<std::unique_ptr<Task>> start_checkpoint(const TaskContext& context, const Json& request) {
  TRY(std::string directory, text_field(request, "directory"));
  if (!directory.starts_with('/') || directory.ends_with('/'))
    return fail(Code::kInvalid, "the directory must be a whole path that does not end with /");
  return std::make_unique<CheckpointTask>(*context.services.store, std::move(directory));
}

}  // namespace gemel::admin
