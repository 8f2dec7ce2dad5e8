// The long commands that give rows: dump, verify, sync.
#include <mutex>

#include "admin/dump.h"
#include "admin/task.h"

namespace gemel::admin {
namespace {

class DumpTask final : public Task {
 public:
  DumpTask(const MailStore& store, std::string_view userid) : dump_(store, userid) {}
  Result<Progress> step(std::string& out) override {
    TRY(const bool more, dump_.next(out));
    return more ? Progress::kMore : Progress::kDone;
  }

 private:
  Dump dump_;
};

class VerifyTask final : public Task {
 public:
  enum class Shows : uint8_t { kProblems, kProgressToo };
  VerifyTask(const MailStore& store, MailStore::VerifyOptions options, Shows shows)
      : under_way_(store.begin_verify(std::move(options))), shows_(shows) {}

  Result<Progress> step(std::string& out) override {
    TRY(const bool more, under_way_->step());
    const MailStore::VerifyReport& report = under_way_->report();
    for (; told_ < report.problems.size(); ++told_)
      out += to_line(row_of(report.problems[told_])) += '\n';
    if (more && shows_ == Shows::kProgressToo) tell_progress(out);
    return more ? Progress::kMore : Progress::kDone;
  }
  Json summary() const override {
    const MailStore::VerifyReport& report = under_way_->report();
    return {{"problems", report.problems.size()},
            {"mailboxes", report.mailboxes},
            {"records", report.records},
            {"bodies", report.bodies}};
  }

 private:
  void tell_progress(std::string& out) {
    const MailStore::VerifyReport& report = under_way_->report();
    Json row = {{"type", "progress"}, {"where", under_way_->where()}};
    row["records"] = report.records;
    row["bodies"] = report.bodies;
    out += to_line(row) += '\n';
  }

  std::unique_ptr<MailStore::Verification> under_way_;
  Shows shows_;
  size_t told_ = 0;
};

class SyncTask final : public Task {
 public:
  SyncTask(const TaskContext& context, SyncRequest request)
      : services_(context.services), request_(std::move(request)), shared_(new Shared) {
    shared_->wake = context.wake;
  }

  Result<Progress> step(std::string& out) override {
    if (!started_) {
      started_ = true;
      services_.sync(std::move(request_), [shared = shared_](SyncOutcome outcome) {
        {
          const std::lock_guard lock(shared->mutex);
          shared->outcome = std::move(outcome);
        }
        shared->wake();
      });
    }
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->outcome) return Progress::kWaits;
    for (const std::string& action : shared_->outcome->actions)
      out += to_line({{"type", "action"}, {"action", action}}) += '\n';
    TRY_OK(shared_->outcome->result);
    return Progress::kDone;
  }
  Json summary() const override {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->outcome) return Json::object();
    return {{"round_trips", shared_->outcome->round_trips},
            {"bytes_up", shared_->outcome->bytes_up},
            {"bytes_down", shared_->outcome->bytes_down}};
  }

 private:
  // Outlives the connection if that goes before the sync is done.
  struct Shared {
    std::mutex mutex;
    std::optional<SyncOutcome> outcome;
    std::function<void()> wake;
  };
  const Services& services_;
  SyncRequest request_;
  bool started_ = false;
  std::shared_ptr<Shared> shared_;
};

Result<SyncRequest::Effect> effect_field(const Json& request) {
  using Effect = SyncRequest::Effect;
  constexpr std::pair<const char*, Effect> kWords[] = {
      {"dry_run", Effect::kDryRun}, {"verify", Effect::kVerify}, {"repair", Effect::kRepair}};
  Effect effect = Effect::kSend;
  for (const auto& [word, meant] : kWords) {
    if (!is_set(request, word)) continue;
    if (effect != Effect::kSend)
      return fail(Code::kSyntax, "only one of \"dry_run\", \"verify\" and \"repair\"");
    effect = meant;
  }
  return effect;
}

Result<std::vector<std::string>> texts_field(const Json& request, const char* name) {
  std::vector<std::string> out;
  const auto at = request.find(name);
  if (at == request.end()) return out;
  if (!at->is_array())
    return fail(Code::kSyntax, std::string("\"") + name + "\" must be a list of texts");
  for (const Json& item : *at) {
    if (!item.is_string())
      return fail(Code::kSyntax, std::string("\"") + name + "\" must be a list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Task>> start_dump(const TaskContext& context, const Json& request) {
  return std::make_unique<DumpTask>(*context.services.store, text_field_or(request, "user", ""));
}

Result<std::unique_ptr<Task>> start_verify(const TaskContext& context, const Json& request) {
  using Depth = MailStore::VerifyOptions::Depth;
  MailStore::VerifyOptions options;
  options.userid = text_field_or(request, "user", "");
  options.depth = is_set(request, "index_only") ? Depth::kIndex : Depth::kBodiesToo;
  const auto shows =
      is_set(request, "progress") ? VerifyTask::Shows::kProgressToo : VerifyTask::Shows::kProblems;
  return std::make_unique<VerifyTask>(*context.services.store, std::move(options), shows);
}

Result<std::unique_ptr<Task>> start_sync(const TaskContext& context, const Json& request) {
  SyncRequest sync;
  sync.channel = text_field_or(request, "channel", "");
  TRY(sync.users, texts_field(request, "users"));
  const MailStore& store = *context.services.store;
  for (const std::string& userid : sync.users) {
    TRY_OK(store.user(userid, MailStore::Which::kDeletedToo));
  }
  TRY(const auto names, texts_field(request, "mailboxes"));
  for (const std::string& name : names) {
    TRY(MailboxName parsed, MailboxName::parse(name));
    TRY_OK(store.find(parsed));
    sync.mailboxes.push_back(std::move(parsed));
  }
  if (is_set(request, "one_shot")) sync.link = SyncRequest::Link::kFresh;
  TRY(sync.effect, effect_field(request));
  if (!context.services.sync) return fail(Code::kUnsupported, "this server has no channel");
  return std::make_unique<SyncTask>(context, std::move(sync));
}

}  // namespace gemel::admin
