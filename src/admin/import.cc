// Import: messages with their flags and dates, straight into mailboxes, many to a transaction.
#include <algorithm>
#include <map>
#include <set>

#include "admin/task.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "store/line_body.h"

namespace gemel::admin {
namespace {

constexpr size_t kMessagesAtOnce = 200;
constexpr uint64_t kBytesAtOnce = 16 << 20;
constexpr size_t kMessageLineBytesMax = 16 << 10;

// UIDLs that are refused and named; more are only counted, for the tool reads rows at the end.
constexpr size_t kUidlsNamedMax = 20;

struct MessageHead {
  UniqueId mailbox;
  std::string uidl;
  FlagNames flags;
  int64_t internaldate_s = 0;
};

class ImportTask final : public Task {
 public:
  ImportTask(const Services& services, std::string userid)
      : services_(services), userid_(std::move(userid)) {}

  size_t take(std::string_view input) override;
  Result<Progress> step(std::string& out) override;
  Json summary() const override {
    return {{"messages", messages_},
            {"bytes", bytes_},
            {"refused", refused_},
            {"uidls", uidls_kept_},
            {"uidls_refused", uidls_refused_}};
  }

 private:
  size_t take_body(std::string_view input);
  Result<void> take_head(std::string_view line);
  Result<void> open_message(const Json& json);
  Result<MessageHead> parse_head(const Json& json);
  Result<UniqueId> mailbox_of(const std::string& path);
  Result<std::string> take_uidl(const UniqueId& mailbox, std::string uidl);
  Result<std::string_view> wrong_with(const MailboxInfo& mailbox, std::string_view uidl);
  Result<void> add_bytes(std::string_view bytes);
  Result<void> refuse_message(const Error& error);
  Result<void> commit();
  void note(const Result<void>& result);

  const Services& services_;
  std::string userid_;
  std::map<std::string, MailboxInfo, std::less<>> mailboxes_;
  std::optional<MessageHead> head_;  // of the body being read
  std::optional<BodyWriter> writer_;
  std::string partition_;  // where it writes
  uint64_t body_left_ = 0;
  std::vector<MailStore::Append> pending_;
  uint64_t pending_bytes_ = 0;
  std::vector<Json> refusals_;  // not shown yet
  Result<void> failed_;         // from the first error on, input is read and dropped
  bool at_end_ = false;
  uint64_t messages_ = 0;
  uint64_t bytes_ = 0;
  uint64_t refused_ = 0;
  // Hashes of the UIDLs that a mailbox has, of those that got any.
  std::map<UniqueId, std::set<uint64_t>> known_uidls_;
  uint64_t uidls_kept_ = 0;
  uint64_t uidls_refused_ = 0;
};

size_t ImportTask::take(std::string_view input) {
  size_t used = 0;
  while (!at_end_ && used < input.size()) {
    const std::string_view rest = input.substr(used);
    if (head_) {
      used += take_body(rest);
      continue;
    }
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      if (rest.size() > kMessageLineBytesMax) {
        note(fail(Code::kTooBig, "a message line is too long"));
        at_end_ = true;  // there is no way to find the next message
      }
      break;
    }
    note(take_head(rest.substr(0, end)));
    used += end + 1;
  }
  return used;
}

Result<void> ImportTask::take_head(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_object() && is_set(json, "end")) {
    at_end_ = true;
    return {};
  }
  const auto bytes = json.is_object() ? json.find("bytes") : json.end();
  if (bytes == json.end() || !bytes->is_number_unsigned()) {
    at_end_ = true;  // its length is not known: what follows can't be told apart
    return fail(Code::kSyntax, "a message line is an object with the number \"bytes\"");
  }
  // Whatever else is wrong, its bytes can be skipped.
  body_left_ = bytes->get<uint64_t>();
  head_.emplace();
  writer_.reset();
  if (failed_) note(open_message(json));
  if (body_left_ == 0) return add_bytes({});
  return {};
}

Result<void> ImportTask::open_message(const Json& json) {
  TRY(head_, parse_head(json));
  TRY(const MailboxInfo mailbox, services_.store->find(head_->mailbox));
  TRY(BodyWriter writer, services_.store->stage(mailbox.partition));
  writer_ = std::move(writer);
  partition_ = mailbox.partition;
  return {};
}

Result<MessageHead> ImportTask::parse_head(const Json& json) {
  MessageHead head;
  const auto date = json.find("internaldate");
  head.internaldate_s = date != json.end() && date->is_number_integer() ? date->get<int64_t>()
                                                                        : services_.clock->unix_s();
  if (const auto flags = json.find("flags"); flags != json.end() && flags->is_array())
    for (const Json& flag : *flags)
      if (flag.is_string()) {
        TRY_OK(head.flags.add(flag.get<std::string>()));
      }
  TRY(head.mailbox, mailbox_of(text_field_or(json, "mailbox", "INBOX")));
  TRY(head.uidl, take_uidl(head.mailbox, text_field_or(json, "uidl", "")));
  return head;
}

// A message whose UIDL can't be kept comes in without it, and gets one of ours.
Result<std::string> ImportTask::take_uidl(const UniqueId& mailbox, std::string uidl) {
  if (uidl.empty()) return uidl;
  TRY(const MailboxInfo info, services_.store->find(mailbox));
  TRY(const std::string_view wrong, wrong_with(info, uidl));
  if (wrong.empty()) {
    ++uidls_kept_;
    return uidl;
  }
  if (++uidls_refused_ <= kUidlsNamedMax)
    refusals_.push_back({{"type", "uidl"}, {"uidl", uidl}, {"reason", wrong}});
  return std::string();
}

Result<std::string_view> ImportTask::wrong_with(const MailboxInfo& mailbox, std::string_view uidl) {
  if (!is_uidl(uidl)) return "a UIDL has 1 to 70 printable characters and no space";
  // What this server itself calls its messages there.
  if (uidl.starts_with(std::to_string(mailbox.uidvalidity.value) + "."))
    return "a UIDL of this kind may name another message of the mailbox";
  auto known = known_uidls_.find(mailbox.id);
  if (known == known_uidls_.end()) {
    known = known_uidls_.emplace(mailbox.id, std::set<uint64_t>()).first;
    TRY(const MailboxView view, services_.store->view(mailbox.id));
    TRY_OK(view.all_facts([&](Uid, const RecordFacts& facts) {
      if (!facts.uidl.empty()) known->second.insert(xxh64(facts.uidl));
    }));
  }
  if (!known->second.insert(xxh64(uidl)).second) return "another message has this UIDL";
  return "";
}

Result<UniqueId> ImportTask::mailbox_of(const std::string& path) {
  if (const auto known = mailboxes_.find(path); known != mailboxes_.end()) return known->second.id;
  TRY(MailboxName name, MailboxName::make(userid_, path));
  Result<MailboxInfo> mailbox = services_.store->find(name);
  if (!mailbox && mailbox.error().code == Code::kNotFound)
    mailbox = services_.store->create({.name = std::move(name)});
  if (!mailbox) return std::unexpected(mailbox.error());
  return mailboxes_.emplace(path, *std::move(mailbox)).first->second.id;
}

size_t ImportTask::take_body(std::string_view input) {
  const size_t count = std::min<uint64_t>(body_left_, input.size());
  body_left_ -= count;
  note(add_bytes(input.substr(0, count)));
  return count;
}

// Takes a piece of the body, and after its last piece the whole message.
Result<void> ImportTask::add_bytes(std::string_view bytes) {
  if (writer_) {
    const Result<void> added = writer_->append(bytes);
    if (!added) TRY_OK(refuse_message(added.error()));
  }
  if (body_left_ > 0) return {};
  const MessageHead head = *std::exchange(head_, std::nullopt);
  if (!writer_) return {};
  Result<StagedBody> body = writer_->finish();
  writer_.reset();
  if (body) body = made_of_lines(*services_.store, partition_, *std::move(body));
  if (!body) return refuse_message(body.error());
  pending_bytes_ += body->size();
  pending_.push_back({.mailbox = head.mailbox,
                      .body = *std::move(body),
                      .flags = head.flags,
                      .internaldate_s = head.internaldate_s,
                      .uidl = head.uidl});
  if (pending_.size() >= kMessagesAtOnce || pending_bytes_ >= kBytesAtOnce) return commit();
  return {};
}

// One that is too large can't come in; the others can.
Result<void> ImportTask::refuse_message(const Error& error) {
  if (error.code != Code::kTooBig) return std::unexpected(error);
  ++refused_;
  refusals_.push_back({{"type", "refused"}, {"reason", error.text}});
  writer_.reset();
  return {};
}

Result<void> ImportTask::commit() {
  const uint64_t messages = pending_.size();
  const uint64_t bytes = std::exchange(pending_bytes_, 0);
  if (messages == 0) return {};
  TRY_OK(services_.store->append(std::exchange(pending_, {})));
  messages_ += messages;
  bytes_ += bytes;
  return {};
}

void ImportTask::note(const Result<void>& result) {
  if (result || !failed_) return;
  failed_ = result;
  pending_.clear();
  pending_bytes_ = 0;
  writer_.reset();
}

Result<Task::Progress> ImportTask::step(std::string& out) {
  for (const Json& row : std::exchange(refusals_, {})) out += to_line(row) += '\n';
  if (!at_end_) return Progress::kInput;
  if (failed_) note(commit());
  TRY_OK(failed_);
  return Progress::kDone;
}

}  // namespace

Result<std::unique_ptr<Task>> start_import(const TaskContext& context, const Json& request) {
  TRY(std::string userid, text_field(request, "user"));
  TRY_OK(context.services.store->user(userid));
  return std::make_unique<ImportTask>(context.services, std::move(userid));
}

}  // namespace gemel::admin
