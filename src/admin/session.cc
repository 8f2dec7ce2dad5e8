#include "admin/session.h"

#include <utility>

#include "admin/task.h"

namespace gemel::admin {
namespace {

class AdminSession final : public wire::Session {
 public:
  AdminSession(const Services& services, wire::SessionEnv env)
      : context_{services, std::move(env.wake)} {}

  void receive(std::string_view bytes) override { input_ += bytes; }
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override { return want_; }
  void wake() override { waits_ = false; }
  void timed_out() override { close(); }
  void end_of_input() override { at_end_ = true; }
  void shut_down() override { stopping_ = true; }

 private:
  void advance(std::string& out);
  void run_task(std::string& out);
  void start_task(std::string_view line, std::string& out);
  Result<std::unique_ptr<Task>> make_task(std::string_view line);
  void finish(const Result<void>& result, const Json& summary, std::string& out);
  void close() { want_ = wire::Want::kClose; }

  TaskContext context_;
  std::string input_;
  std::unique_ptr<Task> task_;
  wire::Want want_ = wire::Want::kInput;
  bool waits_ = false;
  bool at_end_ = false;
  bool stopping_ = false;
};

void AdminSession::produce(std::string& out, size_t bytes_max) {
  const size_t before = out.size();
  if (want_ == wire::Want::kClose) return;
  do {
    advance(out);
  } while (want_ == wire::Want::kMore && out.size() - before < bytes_max);
}

void AdminSession::advance(std::string& out) {
  want_ = wire::Want::kMore;
  if (task_) return run_task(out);
  if (stopping_) return close();
  const size_t end = input_.find('\n');
  if (end == std::string::npos) {
    if (input_.size() > kRequestBytesMax) {
      finish(fail(Code::kTooBig, "the request line is too long"), Json::object(), out);
      return close();
    }
    if (at_end_) return close();
    want_ = wire::Want::kInput;
    return;
  }
  const std::string line = input_.substr(0, end);
  input_.erase(0, end + 1);
  start_task(line, out);
}

void AdminSession::run_task(std::string& out) {
  if (waits_) {
    want_ = wire::Want::kWake;
    return;
  }
  input_.erase(0, task_->take(input_));
  const Result<Task::Progress> progress = task_->step(out);
  if (!progress) return finish(std::unexpected(progress.error()), task_->summary(), out);
  switch (*progress) {
    case Task::Progress::kMore:
      break;
    case Task::Progress::kDone:
      finish({}, task_->summary(), out);
      break;
    case Task::Progress::kInput:
      if (at_end_) return close();  // the rest of an import will never come
      want_ = wire::Want::kInput;
      break;
    case Task::Progress::kWaits:
      waits_ = true;
      want_ = wire::Want::kWake;
      break;
  }
}

void AdminSession::start_task(std::string_view line, std::string& out) {
  Result<std::unique_ptr<Task>> task = make_task(line);
  if (!task) return finish(std::unexpected(task.error()), Json::object(), out);
  task_ = *std::move(task);
}

Result<std::unique_ptr<Task>> AdminSession::make_task(std::string_view line) {
  const Json request = Json::parse(line, nullptr, false);
  if (!request.is_object()) return fail(Code::kSyntax, "a request is a JSON object on one line");
  TRY(const std::string name, text_field(request, "command"));
  const Command* command = find_command(name);
  if (command == nullptr) return fail(Code::kSyntax, "no command \"" + name + "\"");
  return command->start(context_, request);
}

void AdminSession::finish(const Result<void>& result, const Json& summary, std::string& out) {
  Json last = {{"ok", result.has_value()}};
  last.update(summary);
  if (!result) {
    last["code"] = name_of(result.error().code);
    last["error"] = result.error().text;
  }
  out += to_line(last) += '\n';
  task_.reset();
}

}  // namespace

std::unique_ptr<wire::Session> make_session(const Services& services, wire::SessionEnv env) {
  return std::make_unique<AdminSession>(services, std::move(env));
}

}  // namespace gemel::admin
