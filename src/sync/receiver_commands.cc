// The receiver's commands after login: one row of the table each.
#include <algorithm>
#include <array>

#include "sync/receiver_session.h"
#include "sync/records.h"
#include "sync/words.h"

namespace gemel::sync {

struct Receiver::Command {
  std::string_view name;
  Result<void> (Receiver::*run)(wire::Tokenizer& in);
};

void Receiver::run_command(const wire::Frame& frame) {
  static constexpr std::array kCommands = {
      Command{"BODIES", &Receiver::bodies},       Command{"BODY", &Receiver::body},
      Command{"CHANGES", &Receiver::changes},     Command{"LOST", &Receiver::lost},
      Command{"MAILBOXES", &Receiver::mailboxes}, Command{"RANGES", &Receiver::ranges},
      Command{"READERS", &Receiver::readers},     Command{"RECORDS", &Receiver::records},
      Command{"RENAME", &Receiver::rename},       Command{"RESERVE", &Receiver::reserve},
      Command{"SYNC", &Receiver::sync},           Command{"UPDATE", &Receiver::update},
      Command{"USER", &Receiver::user},           Command{"USERCHANGES", &Receiver::user_changes},
      Command{"USERDATA", &Receiver::userdata},   Command{"USERS", &Receiver::users},
  };
  wire::Tokenizer in(frame);
  for (const Command& command : kCommands) {
    if (!in.skip_word(command.name)) continue;
    if (!bodies_.empty() && command.run != &Receiver::update && command.run != &Receiver::body)
      return broken(command.name, "only UPDATE and BODY bring bodies");
    if (const Result<void> done = (this->*command.run)(in); !done)
      broken(command.name, done.error().text);
    return;
  }
  broken("COMMAND", "no such command");
}

// What is read shows all updates before it in the batch, so these wait for them.

Result<void> Receiver::mailboxes(wire::Tokenizer& in) {
  answers_.settle();
  std::string text;
  while (in.skip(' ')) {
    TRY(const std::string_view word, in.astring());
    Result<MailboxInfo> info = fail(Code::kNotFound, "");
    if (word.find(kHierarchySeparator) != std::string_view::npos) {
      TRY(const MailboxName name, MailboxName::parse(word));
      info = store_.find(name);
    } else {
      TRY(const UniqueId id, UniqueId::parse(word));
      info = store_.find(id);
    }
    if (info) text += encode(state_of(*info));
  }
  TRY_OK(in.end());
  answer(text + ok_text("MAILBOXES"));
  return {};
}

Result<void> Receiver::user(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(const std::string_view userid, in.astring());
  TRY_OK(in.end());
  TRY_OK(check_userid(userid));
  answers_.settle();
  std::string text;
  if (const Result<UserInfo> info = store_.user(userid, MailStore::Which::kDeletedToo))
    text += encode(state_of(*info));
  TRY(const std::vector<MailboxInfo> infos,
      store_.mailboxes(userid, MailStore::Which::kDeletedToo));
  for (const MailboxInfo& info : infos) text += encode(state_of(info));
  answer(text + ok_text("USER"));
  return {};
}

Result<void> Receiver::users(wire::Tokenizer& in) {
  std::string_view after;
  if (in.skip(' ')) {
    TRY(after, in.astring());
  }
  TRY_OK(in.end());
  answers_.settle();
  TRY(const std::vector<UserInfo> infos,
      store_.users_after(after, kUsersRowsMax, MailStore::Which::kDeletedToo));
  std::string text;
  for (const UserInfo& info : infos) text += encode(state_of(info));
  answer(text + ok_text("USERS"));
  return {};
}

Result<void> Receiver::reserve(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(const std::string_view partition, in.astring());
  std::vector<Guid> guids;
  while (in.skip(' ')) {
    if (guids.size() == kReserveGuidsMax) return fail(Code::kLimit, "too many guids");
    TRY(guids.emplace_back(), read_guid(in));
  }
  TRY_OK(in.end());
  answers_.settle();
  const Result<MailStore::Pinned> pinned = store_.reserve(partition, guids);
  if (!pinned) {
    answer(encode(refusal("RESERVE", pinned.error())));
    return {};
  }
  pinned_ += pinned->held.size();
  if (pinned_ > kPinnedGuidsMax) return fail(Code::kLimit, "too many bodies are reserved");
  pins_.push_back(pinned->pin);
  answer(encode(ReserveRow{pinned->held}) + ok_text("RESERVE"));
  return {};
}

Result<void> Receiver::ranges(wire::Tokenizer& in) {
  TRY_OK(in.space());
  uint64_t origin = context_.origin;
  TRY(const UniqueId id, read_id(in, origin));
  TRY_OK(in.space());
  TRY(const uint32_t parts, in.nz_number());
  TRY_OK(in.space());
  UidSet::Range whole{};
  TRY(whole.first, in.nz_number());
  TRY_OK(in.expect(':'));
  TRY(whole.last, in.nz_number());
  TRY_OK(in.end());
  if (parts > kRangePartsMax || whole.last < whole.first)
    return fail(Code::kLimit, "too many parts, or a range that ends before it starts");
  answers_.settle();
  const Result<MailboxView> view = store_.view(id);
  const Result<std::vector<RangeRow>> rows =
      view ? sums_of(*view, whole, parts) : std::unexpected(view.error());
  if (!rows) {
    answer(encode(refusal("RANGES", rows.error())));
    return {};
  }
  std::string text;
  for (const RangeRow& row : *rows) text += encode(row);
  answer(text + ok_text("RANGES"));
  return {};
}

Result<void> Receiver::records(wire::Tokenizer& in) {
  TRY_OK(in.space());
  uint64_t origin = context_.origin;
  TRY(const UniqueId id, read_id(in, origin));
  TRY_OK(in.space());
  TRY(const UidSet uids, read_uid_set(in));
  TRY_OK(in.end());
  if (uids.size() > kRecordsMax) return fail(Code::kLimit, "too many records");
  answers_.settle();
  std::string text;
  const Result<MailboxView> view = store_.view(id);
  const Result<void> done =
      view ? each_record(*view, uids,
                         [&](RecordRow row) { text += encode(ChangedRecord{std::move(row)}); })
           : std::unexpected(view.error());
  answer(done ? text + ok_text("RECORDS") : encode(refusal("RECORDS", done.error())));
  return {};
}

// Each body must be the one that was announced, or a message would have another content here.
Result<void> Receiver::check_bodies(const DecodedUpdate& decoded) {
  if (body_error_) return std::unexpected(*body_error_);
  for (const DecodedUpdate::InlineBody& expected : decoded.bodies) {
    const auto found =
        std::ranges::find(bodies_, expected.literal, [](const auto& body) { return body.literal; });
    if (found == bodies_.end() || found->body.guid() != expected.guid)
      return fail(Code::kCorrupt, "a body is not the one that was announced");
  }
  return {};
}

Result<void> Receiver::update(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(DecodedUpdate decoded, decode_update(in, context_));
  if (const Result<void> checked = check_bodies(decoded); !checked) {
    Ending no = refusal("UPDATE", checked.error());
    if (checked.error().code == Code::kCorrupt) no.reason = Reason::kCorrupt;
    answer(encode(no));
    return {};
  }
  AnswerQueue::MailboxSubject subject{.id = decoded.update.id, .name = {}};
  if (decoded.update.header) subject.name = decoded.update.header->name;
  std::vector<StagedBody> bodies;
  uint64_t bytes = 0;
  for (IncomingBody& incoming : bodies_) {
    bytes += incoming.body.size();
    bodies.push_back(std::move(incoming.body));
  }
  answers_.add(std::move(subject), store_.apply(std::move(decoded.update), std::move(bodies)),
               bytes);
  return {};
}

Result<void> Receiver::userdata(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(UserUpdate update, decode_userdata(in));
  AnswerQueue::UserSubject subject{update.userid};
  answers_.add(std::move(subject), store_.apply(std::move(update)), 0);
  return {};
}

Result<void> Receiver::rename(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(std::vector<RenameItem> items, decode_rename(in, context_));
  AnswerQueue::RenameSubject subject{items};
  answers_.add(std::move(subject), store_.apply(std::move(items)), 0);
  return {};
}

Result<void> Receiver::sync(wire::Tokenizer& in) {
  uint64_t unsent = 0;
  bool wants_receipt = false;
  while (in.skip(' ')) {
    if (in.skip_word("RECEIVED")) {
      wants_receipt = true;
    } else {
      TRY(unsent, in.number64());
    }
  }
  TRY_OK(in.end());
  if (upstream_) upstream_->unsent(unsent);
  if (!wants_receipt) {
    finish_sync();
    return {};
  }
  say(encode(ReceivedRow()));
  receipt_ = Receipt::kSaid;
  env_.wake();
  return {};
}

void Receiver::finish_sync() {
  receipt_ = Receipt::kNone;
  answer("OK SYNC" + lost_word() + "\r\n");
  sending_ = answers_.take();
}

}  // namespace gemel::sync
