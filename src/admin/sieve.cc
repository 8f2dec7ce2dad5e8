// Users' Sieve scripts, and the outbox, as the administrator sees and changes them.
#include <algorithm>

#include "admin/task.h"
#include "store/outbox.h"

namespace gemel::admin {
namespace {

// The script's octets follow the request line.
class PutScript final : public Task {
 public:
  PutScript(const Services& services, SieveScripts scripts, std::string name, uint64_t bytes)
      : services_(services), scripts_(std::move(scripts)), name_(std::move(name)), left_(bytes) {}

  size_t take(std::string_view input) override {
    const size_t count = std::min<uint64_t>(left_, input.size());
    left_ -= count;
    if (text_.size() + count <= services_.script_quota.script_bytes_max)
      text_ += input.substr(0, count);
    else
      is_too_big_ = true;
    return count;
  }

  Result<Progress> step(std::string&) override {
    if (left_ > 0) return Progress::kInput;
    if (is_too_big_) return fail(Code::kTooBig, "the script is larger than sieve.script_bytes_max");
    TRY_OK(scripts_.check_room(name_, text_.size(), services_.script_quota));
    TRY_OK(services_.check_script(name_, text_));
    TRY_OK(scripts_.put(name_, text_, services_.clock->unix_s()));
    return Progress::kDone;
  }

 private:
  const Services& services_;
  SieveScripts scripts_;
  std::string name_;
  uint64_t left_;
  std::string text_;
  bool is_too_big_ = false;
};

Result<SieveScripts> scripts_of(const TaskContext& context, const Json& request) {
  TRY(const std::string userid, text_field(request, "user"));
  TRY_OK(context.services.store->user(userid));
  return SieveScripts(*context.services.store, userid);
}

}  // namespace

Result<std::unique_ptr<Task>> start_sieve_list(const TaskContext& context, const Json& request) {
  TRY(const SieveScripts scripts, scripts_of(context, request));
  TRY(const std::vector<SieveScripts::Listed> all, scripts.list());
  std::vector<Json> rows;
  for (const SieveScripts::Listed& script : all)
    rows.push_back({{"script", script.name},
                    {"active", script.is_active},
                    {"bytes", script.bytes},
                    {"uploaded", script.uploaded_ms / 1000}});
  return std::make_unique<Rows>(std::move(rows));
}

Result<std::unique_ptr<Task>> start_sieve_get(const TaskContext& context, const Json& request) {
  TRY(const SieveScripts scripts, scripts_of(context, request));
  TRY(const std::string name, text_field(request, "script"));
  TRY(const SieveScripts::Script script, scripts.get(name));
  return std::make_unique<Rows>(
      std::vector<Json>{{{"script", script.name}, {"text", script.text}}});
}

Result<std::unique_ptr<Task>> start_sieve_put(const TaskContext& context, const Json& request) {
  TRY(SieveScripts scripts, scripts_of(context, request));
  TRY(std::string name, text_field(request, "script"));
  const auto bytes = request.find("bytes");
  if (bytes == request.end() || !bytes->is_number_unsigned())
    return fail(Code::kSyntax, "the request needs the number \"bytes\"");
  return std::make_unique<PutScript>(context.services, std::move(scripts), std::move(name),
                                     bytes->get<uint64_t>());
}

Result<std::unique_ptr<Task>> start_sieve_activate(const TaskContext& context,
                                                   const Json& request) {
  TRY(SieveScripts scripts, scripts_of(context, request));
  TRY(const std::string name, text_field(request, "script"));
  TRY_OK(scripts.activate(name, context.services.clock->unix_s()));
  return std::make_unique<Rows>(std::vector<Json>());
}

Result<std::unique_ptr<Task>> start_sieve_delete(const TaskContext& context, const Json& request) {
  TRY(SieveScripts scripts, scripts_of(context, request));
  TRY(const std::string name, text_field(request, "script"));
  TRY_OK(scripts.remove(name));
  return std::make_unique<Rows>(std::vector<Json>());
}

Result<std::unique_ptr<Task>> start_outbox_list(const TaskContext& context, const Json&) {
  const Outbox outbox(*context.services.store, 0);
  TRY(const std::vector<Outbox::Entry> entries, outbox.entries());
  std::vector<Json> rows;
  for (const Outbox::Entry& entry : entries) {
    const Result<Outbox::Mail> mail = outbox.open(entry.uid);
    if (!mail && mail.error().code == Code::kNotFound) continue;  // it has left meanwhile
    TRY_OK(mail);
    rows.push_back({{"id", entry.uid.value},
                    {"queued", entry.queued_s},
                    {"from", mail->envelope.sender},
                    {"to", mail->envelope.recipient},
                    {"bytes", mail->body.size() - mail->message_at}});
  }
  return std::make_unique<Rows>(std::move(rows));
}

Result<std::unique_ptr<Task>> start_outbox_delete(const TaskContext& context, const Json& request) {
  const auto id = request.find("id");
  if (id == request.end() || !id->is_number_unsigned())
    return fail(Code::kSyntax, "the request needs the number \"id\"");
  Outbox outbox(*context.services.store, 0);
  const Uid uid(id->get<uint32_t>());
  TRY_OK(outbox.open(uid));
  TRY_OK(outbox.remove(uid));
  return std::make_unique<Rows>(std::vector<Json>());
}

}  // namespace gemel::admin
