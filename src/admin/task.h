// The parts of one admin connection: requests become tasks, tasks give rows in bounded steps.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/rows.h"
#include "admin/services.h"
#include "base/result.h"

namespace gemel::admin {

/// A request under way.
class Task {
 public:
  virtual ~Task() = default;

  /// What step() came to.
  enum class Progress : uint8_t {
    kMore,   // call again
    kInput,  // wants more bytes by take()
    kWaits,  // for wake()
    kDone,
  };
  /// Does some of the work and appends some rows (whole lines) to `out`. An error ends the task.
  virtual Result<Progress> step(std::string& out) = 0;

  /// Bytes after the request line; returns how many it used.
  virtual size_t take(std::string_view) { return 0; }

  /// Fields of the last line besides "ok".
  virtual Json summary() const { return Json::object(); }
};

/// Rows that were known when the request came.
class Rows final : public Task {
 public:
  explicit Rows(std::vector<Json> rows) : rows_(std::move(rows)) {}
  Result<Progress> step(std::string& out) override {
    for (const Json& row : rows_) out += to_line(row) += '\n';
    return Progress::kDone;
  }

 private:
  std::vector<Json> rows_;
};

/// What a request may ask of its connection.
struct TaskContext {
  const Services& services;
  std::function<void()> wake;  // any thread
};

struct Command {
  std::string_view name;
  /// Reads the request's fields and makes its task. Errors: kSyntax, a field is missing or wrong.
  Result<std::unique_ptr<Task>> (*start)(const TaskContext& context, const Json& request);
};

/// nullptr if there is none.
const Command* find_command(std::string_view name);

/// A field of a request. Errors: kSyntax, missing or of another type, naming the field.
Result<std::string> text_field(const Json& request, const char* name);
std::string text_field_or(const Json& request, const char* name, std::string_view otherwise);
bool is_set(const Json& request, const char* name);
/// {"user", "mailbox"} as a name. Errors: kSyntax, and those of MailboxName::make.
Result<MailboxName> mailbox_field(const Json& request, const char* name = "mailbox");

/// A task that gives these rows in one step.
std::unique_ptr<Task> give_rows(std::vector<Json> rows);

Result<std::unique_ptr<Task>> start_expire(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> rule_set(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> rule_list(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> hold_set(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> hold_lift(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> hold_list(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> undelete_list(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> undelete_messages(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> undelete_mailbox(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_import(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_checkpoint(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_scrub(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_promote(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_demote(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_sync(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_dump(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_verify(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_sieve_list(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_sieve_get(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_sieve_put(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_sieve_activate(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_sieve_delete(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_group_list(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_group_create(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_group_set(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_group_delete(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_outbox_list(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_outbox_delete(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_acl_delete(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_acl_list(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_acl_set(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_annotation_delete(const TaskContext& context,
                                                      const Json& request);
Result<std::unique_ptr<Task>> start_annotation_list(const TaskContext& context,
                                                    const Json& request);
Result<std::unique_ptr<Task>> start_annotation_set(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_quota_list(const TaskContext& context, const Json& request);
Result<std::unique_ptr<Task>> start_quota_set(const TaskContext& context, const Json& request);

}  // namespace gemel::admin
