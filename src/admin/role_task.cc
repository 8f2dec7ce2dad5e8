// promote and demote: who sends to this server and to whom it sends, and then the change.
#include <mutex>

#include "admin/task.h"

namespace gemel::admin {
namespace {

using Change = std::function<void(RoleRequest, std::function<void(RoleOutcome)>)>;

class RoleTask final : public Task {
 public:
  RoleTask(const TaskContext& context, const Change& change, RoleRequest request)
      : services_(context.services), change_(change), request_(request) {
    shared_->wake = context.wake;
  }

  Result<Progress> step(std::string& out) override {
    if (!started_) begin(out);
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->outcome) return Progress::kWaits;
    TRY_OK(shared_->outcome->result);
    return Progress::kDone;
  }
  Json summary() const override {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->outcome) return Json::object();
    return {{"dry_run", request_.effect == RoleRequest::Effect::kDryRun},
            {"role", shared_->outcome->role},
            {"term", shared_->outcome->term}};
  }

 private:
  // Outlives the connection if that goes before the change is done.
  struct Shared {
    std::mutex mutex;
    std::optional<RoleOutcome> outcome;
    std::function<void()> wake;
  };

  void begin(std::string& out) {
    started_ = true;
    for (const UpstreamStatus& upstream : services_.upstreams())
      out += to_line(row_of(upstream)) += '\n';
    for (const ChannelStatus& channel : services_.channels())
      out += to_line(row_of(channel)) += '\n';
    change_(request_, [shared = shared_](RoleOutcome outcome) {
      {
        const std::lock_guard lock(shared->mutex);
        shared->outcome = std::move(outcome);
      }
      shared->wake();
    });
  }

  const Services& services_;
  const Change& change_;
  RoleRequest request_;
  bool started_ = false;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

Result<std::unique_ptr<Task>> start(const TaskContext& context, const Change& change,
                                    const Json& request) {
  RoleRequest role;
  if (is_set(request, "dry_run")) role.effect = RoleRequest::Effect::kDryRun;
  if (is_set(request, "force")) role.force = RoleRequest::Force::kYes;
  if (const auto wait = request.find("wait_ms"); wait != request.end()) {
    if (!wait->is_number_unsigned() || wait->get<uint64_t>() > kRoleWaitMsMax)
      return fail(Code::kSyntax, "\"wait_ms\" must be a whole number up to 3600000");
    role.wait_ms = wait->get<int64_t>();
  }
  if (!change) return fail(Code::kUnsupported, "this server's role can't be changed");
  return std::make_unique<RoleTask>(context, change, role);
}

}  // namespace

Result<std::unique_ptr<Task>> start_promote(const TaskContext& context, const Json& request) {
  return start(context, context.services.promote, request);
}

Result<std::unique_ptr<Task>> start_demote(const TaskContext& context, const Json& request) {
  return start(context, context.services.demote, request);
}

}  // namespace gemel::admin
