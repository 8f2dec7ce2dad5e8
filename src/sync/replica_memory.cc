#include "sync/replica_memory.h"

#include "base/bytes.h"
#include "base/log.h"

namespace gemel::sync {
namespace {

constexpr std::string_view kPosition = "position";
constexpr std::string_view kSetAside = "aside";
constexpr std::string_view kInStep = "in-step";
constexpr std::string_view kAdopted = "adopted";

std::string mailbox_key(const UniqueId& id) { return "m" + id.key(); }
std::string user_key(std::string_view userid) { return "u" + std::string(userid); }

void put_term(std::string& out, const Term& term) {
  put_varint(out, term.epoch);
  put_varint(out, term.origin);
}

Term term_of(Decoder& in) {
  Term term;
  term.epoch = in.varint();
  term.origin = in.varint();
  return term;
}

std::string encode_known(const std::optional<ReplicaMailbox>& known) {
  std::string out;
  put_varint(out, known ? 1 : 0);
  if (!known) return out;
  gemel::put_string(out, known->name.text());
  gemel::put_string(out, known->partition);
  put_varint(out, known->uidvalidity.value);
  put_varint(out, known->last_uid.value);
  put_varint(out, known->highestmodseq.value);
  put_term(out, known->term);
  put_varint(out, known->purged_modseq.value);
  put_be64(out, known->digest.high);
  put_be64(out, known->digest.low);
  put_varint(out, known->is_deleted ? 1 : 0);
  put_be64(out, known->header);
  return out;
}

uint64_t be64_of(Decoder& in) {
  const std::string_view raw = in.raw(8);
  return in.ok() ? get_be64(raw) : 0;
}

// Rows that don't read are as good as none: the replica tells its state.
std::optional<ReplicaMailbox> decode_known(std::string_view bytes) {
  Decoder in(bytes);
  if (in.varint() == 0) return std::nullopt;
  ReplicaMailbox known;
  const Result<MailboxName> name = MailboxName::parse(in.string());
  known.partition = in.string();
  known.uidvalidity = UidValidity(static_cast<uint32_t>(in.varint()));
  known.last_uid = Uid(static_cast<uint32_t>(in.varint()));
  known.highestmodseq = ModSeq(in.varint());
  known.term = term_of(in);
  known.purged_modseq = ModSeq(in.varint());
  known.digest.high = be64_of(in);
  known.digest.low = be64_of(in);
  known.is_deleted = in.varint() != 0;
  known.header = be64_of(in);
  if (!in.ok() || !name) return std::nullopt;
  known.name = *name;
  return known;
}

}  // namespace

ReplicaMemory::ReplicaMemory(MailStore& store, std::string channel)
    : store_(store), channel_(std::move(channel)) {
  if (const auto bytes = row(std::string(kPosition))) {
    Decoder in(*bytes);
    position_ = JournalSeq(in.varint());
  }
  if (const auto bytes = row(std::string(kInStep)); bytes && bytes->size() == sizeof(Digest)) {
    Decoder in(*bytes);
    in_step_.emplace();
    in_step_->high = be64_of(in);
    in_step_->low = be64_of(in);
  }
  is_adopted_ = row(std::string(kAdopted)).has_value();
  if (const auto bytes = row(std::string(kSetAside))) {
    Decoder in(*bytes);
    while (in.ok() && !in.at_end()) set_aside_.emplace(in.string());
  }
}

std::optional<std::string> ReplicaMemory::row(const std::string& key) const {
  if (const auto found = dirty_.find(key); found != dirty_.end()) return found->second;
  Result<std::optional<std::string>> value = store_.channel_get(channel_, key);
  if (value) return *value;
  log::error("channel={} what it remembers can't be read: {}", channel_, value.error().text);
  return std::nullopt;
}

void ReplicaMemory::set_position(JournalSeq position) {
  position_ = position;
  std::string& bytes = dirty_[std::string(kPosition)];
  bytes.clear();
  put_varint(bytes, position.value);
}

void ReplicaMemory::set_in_step(std::optional<Digest> digest) {
  if (digest == in_step_) return;
  in_step_ = digest;
  std::string& bytes = dirty_[std::string(kInStep)];
  bytes.clear();
  if (!digest) return;
  put_be64(bytes, digest->high);
  put_be64(bytes, digest->low);
}

void ReplicaMemory::adopt(JournalSeq position, const Digest& in_step) {
  set_position(position);
  set_in_step(in_step);
  is_adopted_ = true;
  dirty_[std::string(kAdopted)] = "1";
}

bool ReplicaMemory::knows(const Entity& entity) const {
  if (!is_adopted_) return true;
  // (What is cached may be that there was no row.)
  const auto* userid = std::get_if<std::string>(&entity);
  return row(userid != nullptr ? user_key(*userid) : mailbox_key(std::get<UniqueId>(entity)))
      .has_value();
}

Result<void> ReplicaMemory::forget() {
  TRY_OK(store_.channel_forget(channel_));
  is_adopted_ = false;
  position_.reset();
  in_step_.reset();
  set_aside_.clear();
  mailboxes_.clear();
  users_.clear();
  expected_.clear();
  dirty_.clear();
  return {};
}

void ReplicaMemory::set_aside(std::set<std::string> entities) {
  if (entities == set_aside_) return;
  set_aside_ = std::move(entities);
  std::string& bytes = dirty_[std::string(kSetAside)];
  bytes.clear();
  for (const std::string& entity : set_aside_) gemel::put_string(bytes, entity);
}

std::optional<ReplicaMailbox> ReplicaMemory::mailbox(const UniqueId& id) {
  if (const auto found = expected_.find(id); found != expected_.end()) return found->second;
  return known_mailbox(id);
}

std::optional<ReplicaMailbox> ReplicaMemory::known_mailbox(const UniqueId& id) {
  if (const auto found = mailboxes_.find(id); found != mailboxes_.end()) return found->second;
  const auto bytes = row(mailbox_key(id));
  std::optional<ReplicaMailbox> known;
  if (bytes) known = decode_known(*bytes);
  mailboxes_.emplace(id, known);
  return known;
}

void ReplicaMemory::know(const UniqueId& id, std::optional<ReplicaMailbox> state) {
  dirty_[mailbox_key(id)] = encode_known(state);
  mailboxes_[id] = std::move(state);
  apart_.erase(id);
  if (belief_ == Belief::kUnsure) sure_.insert(id);
}

void ReplicaMemory::set_belief(Belief belief) {
  if (belief == Belief::kUnsure) apart_.clear();
  belief_ = belief;
  sure_.clear();
}

std::optional<ReplicaMailbox> ReplicaMemory::source(const UniqueId& id) {
  const bool is_sure = belief_ == Belief::kSure || sure_.contains(id);
  return is_sure && !apart_.contains(id) ? mailbox(id) : std::nullopt;
}

ReplicaUser ReplicaMemory::user(const std::string& userid) {
  if (const auto found = users_.find(userid); found != users_.end()) return found->second;
  ReplicaUser known;
  if (const auto bytes = row(user_key(userid))) {
    Decoder in(*bytes);
    known.modseq = ModSeq(in.varint());
    known.term = term_of(in);
  }
  users_.emplace(userid, known);
  return known;
}

void ReplicaMemory::know_user(const std::string& userid, const ReplicaUser& state) {
  std::string& bytes = dirty_[user_key(userid)];
  bytes.clear();
  put_varint(bytes, state.modseq.value);
  put_term(bytes, state.term);
  users_[userid] = state;
}

Result<void> ReplicaMemory::settle() {
  expected_.clear();
  if (dirty_.empty()) return {};
  const std::vector<std::pair<std::string, std::string>> values(dirty_.begin(), dirty_.end());
  TRY_OK(store_.channel_put(channel_, values));
  dirty_.clear();
  if (mailboxes_.size() + users_.size() > kRememberedMax) {
    mailboxes_.clear();
    users_.clear();
  }
  return {};
}

}  // namespace gemel::sync
