#include "server.h"

#include <fmt/format.h>

#include "wire/sasl.h"

namespace gemel::sim {

class Server::Password final : public wire::CredentialSource {
 public:
  Password() {
    SeededRandom random(3);
    credential_ = wire::make_scram_credential("secret", wire::kScramIterationsMin, random).value();
  }
  Result<void> check_user(std::string_view) override { return {}; }
  Result<wire::ScramCredential> scram(std::string_view) override { return credential_; }
  Result<void> check_password(std::string_view, std::string_view) override {
    return fail(Code::kAuthFailed, "not here");
  }

 private:
  wire::ScramCredential credential_;
};

Server::Server(Events& events, Options options)
    : options_(std::move(options)),
      clock_(events, options_.clock_skew_s),
      random_(options_.seed),
      password_(std::make_unique<Password>()),
      upstreams_(clock_) {}
Server::~Server() = default;

void Server::start(const std::vector<std::string>& peers) {
  disk_->fail_writes(std::nullopt);
  auto opened = MailStore::open({.path = options_.name,
                                 .partitions = {{"archive", options_.name + "-archive"}},
                                 .role = options_.role,
                                 .free_bytes_min = 1,
                                 .inline_commits = true,
                                 .clock = &clock_,
                                 .random = &random_,
                                 .opener = disk_.get()});
  require(opened.has_value(),
          fmt::format("{} does not open its store: {}", name(), opened ? "" : opened.error().text));
  store_ = std::move(*opened);
  gate_.emplace(clock_);
  const AckPolicy policy{.level = options_.acknowledge, .away = AckPolicy::Away::kRefuse};
  for (const std::string& peer : peers) {
    const sync::ChannelOptions channel{.name = peer,
                                       .userid = "replicator",
                                       .password = "secret",
                                       .random = &random_,
                                       .chunks = options_.chunks,
                                       .upstreams = &upstreams_,
                                       .acknowledges = gate_->add(peer, policy),
                                       .on_standing = [this] { upstreams_.wake_all(); }};
    channels_[peer] = std::make_unique<sync::Channel>(*store_, channel, clock_);
  }
}

void Server::crash() {
  disk_->crash();
  channels_.clear();
  gate_.reset();
  store_.reset();
}

void Server::burn() {
  crash();
  disk_ = std::make_unique<MemoryOpener>();
  options_.role = Role::kReplica;
}

std::unique_ptr<wire::Session> Server::receive(wire::SessionEnv env) {
  return sync::make_receiver(*store_,
                             {.userid = "replicator",
                              .server_name = name(),
                              .credentials = password_.get(),
                              .random = &random_,
                              .clock = &clock_,
                              .server_secret = "server secret",
                              .upstreams = &upstreams_,
                              .on_standing = [this] { upstreams_.wake_all(); }},
                             std::move(env));
}

namespace {

void dump_records(const MailboxView& view, std::string& out) {
  if (!view.info().last_uid) return;
  const auto states =
      view.states(UidSet::of(Uid(1), view.info().last_uid), MailboxView::Include::kExpungedToo);
  for (const RecordState& state : states.value()) {
    const RecordFacts facts = view.record(state.uid).value().facts;
    out += fmt::format("  {} {} ({}){} {} created {} {} {}\n", state.uid.value, state.modseq.value,
                       names_of(state.flags, view.info().keywords).text(),
                       state.expunged ? " expunged" : "", facts.guid.text().substr(0, 6),
                       facts.created_modseq.value, facts.internaldate_s, facts.savedate_s);
  }
}

}  // namespace

std::string dump(MailStore& store) {
  std::string out;
  const std::vector<UserInfo> users = store.users(MailStore::Which::kDeletedToo).value();
  for (const UserInfo& user : users) {
    out += fmt::format("user {} at {} {}\n", user.userid, user.modseq.value,
                       user.is_deleted() ? "deleted" : "");
    const std::vector<UserItem> items = store.user_changes_since(user.userid, ModSeq(0)).value();
    for (const UserItem& item : items)
      out += fmt::format(" {} = {}{} at {}\n", item.key, item.deleted ? "(deleted) " : "",
                         item.value, item.modseq.value);
    const std::vector<MailboxInfo> infos =
        store.mailboxes(user.userid, MailStore::Which::kDeletedToo).value();
    for (const MailboxInfo& info : infos) {
      out +=
          fmt::format(" {} {} {} uidvalidity {} at {} last {} recent {} purged {} deleted {} {}\n",
                      info.id.text(), info.name.text(), info.partition, info.uidvalidity.value,
                      info.highestmodseq.value, info.last_uid.value, info.recent_uid.value,
                      info.purged_modseq.value, info.deleted_s, info.digest.text());
      for (const auto& [key, value] : info.attributes) out += fmt::format("  {}={}\n", key, value);
      dump_records(store.view(info.id).value(), out);
    }
  }
  return out;
}

}  // namespace gemel::sim
