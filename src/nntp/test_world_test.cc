#include "nntp/test_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"

namespace gemel::nntp {

Result<void> TestCredentials::check_user(std::string_view userid) {
  if (userid == "nobody" || userid == kSharedOwner)
    return fail(Code::kAuthFailed, "wrong user or password");
  return {};
}

Result<wire::ScramCredential> TestCredentials::scram(std::string_view userid) {
  if (userid == "nobody") return fail(Code::kNotFound, "no such user");
  return credential_;
}

Result<void> TestCredentials::check_password(std::string_view userid, std::string_view password) {
  if (userid != "nobody" && wire::password_matches(credential_, password)) return {};
  return fail(Code::kAuthFailed, "wrong user or password");
}

World::World() {
  log::set_level(log::Level::kOff);
  store_ = *MailStore::open({.path = "news",
                             .partitions = {},
                             .inline_commits = true,
                             .clock = &clock_,
                             .random = &store_random_,
                             .opener = &disk_});
  for (const char* user : {"alice", "bob", "root"}) EXPECT_TRUE(store_->create_user(user, {}));
  history_ = std::make_unique<History>(*store_, "news");
  outbox_ = std::make_unique<Outbox>(*store_, 100);
  using Status = NewsgroupStatus;
  for (const NewNewsgroup& made :
       {NewNewsgroup{.name = "test.one", .description = "The first group", .creator = "root"},
        NewNewsgroup{.name = "test.two"}, NewNewsgroup{.name = "test.empty"},
        NewNewsgroup{
            .name = "test.mod", .status = Status::kModerated, .moderator = "mod@example.org"},
        NewNewsgroup{.name = "test.closed", .status = Status::kNoPosting},
        NewNewsgroup{.name = "test.secret"}})
    EXPECT_TRUE(create_newsgroup(*store_, "news", made));
  EXPECT_TRUE(store_->set_attributes(group("test.secret"),
                                     {{"acl/authenticated", std::nullopt}, {"acl/alice", "lrsp"}}));
  options_ = std::make_unique<Options>(Options{.hostname = "news.example.org",
                                               .path_identity = "us.example.org",
                                               .store = *store_,
                                               .clock = clock_,
                                               .random = session_random_,
                                               .credentials = credentials_,
                                               .access = access_,
                                               .history = *history_,
                                               .outbox = outbox_.get(),
                                               .server_secret = "secret of this server"});
  options_->peers.push_back(
      {.name = "them", .addresses = {"192.0.2.1"}, .path_name = "them.example"});
}

UniqueId World::group(std::string_view name) {
  return find_newsgroup(*store_, "news", name).value().id;
}

Uid World::append(std::string_view name, std::string_view message) {
  BodyWriter writer = store_->stage("default").value();
  EXPECT_TRUE(writer.append(message));
  const auto appended = store_->append({{.mailbox = group(name),
                                         .body = writer.finish().value(),
                                         .flags = {},
                                         .internaldate_s = clock_.unix_s()}});
  return appended.value().front().uid;
}

std::string World::newest(const MailboxName& name) {
  const auto info = store_->find(name);
  if (!info || info->exists == 0) return "";
  const MailboxView view = *store_->view(info->id);
  return *view.body(view.record(info->last_uid)->facts.guid)->read_all();
}

Client::Client(World& world, Link link, size_t piece_bytes) : piece_bytes_(piece_bytes) {
  wire::SessionEnv env{.peer_address = "127.0.0.1", .local_port = 119, .is_local = true};
  if (link != Link::kLocal) env.is_local = false;
  if (link == Link::kPeer) env.peer_address = "192.0.2.1";
  if (link == Link::kRemote || link == Link::kRemoteWithTls) env.peer_address = "192.0.2.7";
  env.can_tls = link == Link::kRemoteWithTls;
  session_ = make_session(world.options(), std::move(env));
}

std::string Client::pump() {
  std::string out;
  for (;;) {
    const size_t before = out.size();
    session_->produce(out, 4096);
    largest_piece_ = std::max(largest_piece_, out.size() - before);
    const wire::Want want = session_->want();
    if (want == wire::Want::kTls) {
      out += "(TLS)\r\n";
      is_dropping_ = true;
      session_->tls_started();
    } else if (want == wire::Want::kCompression) {
      out += "(compression)\r\n";
    } else if (want != wire::Want::kMore) {
      if (want == wire::Want::kClose && !std::exchange(is_closed_, true)) out += "(closed)\r\n";
      return out;
    }
  }
}

std::string Client::send(std::string_view bytes) {
  std::string out;
  is_dropping_ = false;
  while (!bytes.empty()) {
    // What was sent in the clear behind STARTTLS does not reach the session.
    if (session_->want() != wire::Want::kInput || is_dropping_) return out;
    const std::string_view piece = bytes.substr(0, piece_bytes_);
    session_->receive(piece);
    bytes.remove_prefix(piece.size());
    out += pump();
  }
  return out;
}

std::string Client::log_in(std::string_view userid) {
  const std::string greeting = pump();
  line("AUTHINFO USER " + std::string(userid));
  return greeting + line("AUTHINFO PASS secret");
}

std::string article_text(std::string_view header, std::string_view body) {
  std::string out = std::string(header) + "\r\n";
  bool at_start = true;
  for (const char c : body) {
    if (at_start && c == '.') out += '.';
    out += c;
    at_start = c == '\n';
  }
  return out + ".\r\n";
}

}  // namespace gemel::nntp
