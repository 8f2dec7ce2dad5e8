#include "admin/session.h"

#include <gtest/gtest.h>

#include "admin/rows.h"

namespace gemel::admin {
namespace {

class FixedClock final : public Clock {
 public:
  int64_t unix_s() override { return 1'800'000'000; }
  int64_t monotonic_ms() override { return 0; }
};

class AdminTest : public testing::Test {
 protected:
  AdminTest() {
    auto opened = MailStore::open({.path = "admin",
                                   .inline_commits = true,
                                   .clock = &clock_,
                                   .random = &random_,
                                   .opener = &opener_});
    EXPECT_TRUE(opened) << opened.error().text;
    store_ = *std::move(opened);
    services_.store = store_.get();
    services_.clock = &clock_;
    services_.credential_of_password = [](std::string_view password) {
      return Result<std::vector<MailStore::NewItem>>(
          {{std::string(kUserItemScram), std::string(password)}});
    };
    session_ = make_session(services_, {.peer_address = "unix"});
  }

  // The rows that answer `input`, fed in pieces of `piece` bytes.
  std::vector<Json> tell(std::string_view input, size_t piece = 65536) {
    std::string out;
    for (size_t at = 0; at < input.size(); at += piece) {
      session_->receive(input.substr(at, piece));
      do session_->produce(out, 4096);
      while (session_->want() == wire::Want::kMore);
    }
    std::vector<Json> rows;
    for (size_t at = 0, end = 0; (end = out.find('\n', at)) != std::string::npos; at = end + 1)
      rows.push_back(Json::parse(out.substr(at, end - at)));
    return rows;
  }
  Json last(std::string_view input, size_t piece = 65536) {
    const std::vector<Json> rows = tell(input, piece);
    return rows.empty() ? Json() : rows.back();
  }
  void add_ann() {
    ASSERT_TRUE(last(R"({"command":"user add","user":"ann","password":"x"})"
                     "\n")["ok"]);
  }

  FixedClock clock_;
  SeededRandom random_{1};
  MemoryOpener opener_;
  std::unique_ptr<MailStore> store_;
  Services services_;
  std::unique_ptr<wire::Session> session_;
};

TEST_F(AdminTest, AUserComesWithMailboxesAndGoes) {
  services_.default_mailboxes = {{"Sent", "\\Sent"}};
  add_ann();
  const auto mailboxes = tell("{\"command\":\"mailbox list\",\"user\":\"ann\"}\n");
  ASSERT_EQ(mailboxes.size(), 3u);
  EXPECT_EQ(mailboxes[0]["mailbox"], "ann/INBOX");
  EXPECT_EQ(mailboxes[1]["attributes"]["special-use"], "\\Sent");
  EXPECT_EQ(last("{\"command\":\"user add\",\"user\":\"ann\",\"password\":\"x\"}\n")["code"],
            "exists");
  EXPECT_TRUE(last("{\"command\":\"user delete\",\"user\":\"ann\"}\n")["ok"]);
  EXPECT_EQ(tell("{\"command\":\"user list\"}\n").size(), 1u);
}

TEST_F(AdminTest, RightsAreListedAndChanged) {
  add_ann();
  const std::string of = R"("user":"ann","mailbox":"INBOX")";
  const auto acl = [&](const std::string& verb, const std::string& fields) {
    return tell(R"({"command":"acl )" + verb + "\"," + of + fields + "}\n");
  };
  EXPECT_TRUE(acl("set", R"(,"identifier":"bob","rights":"lr")").back()["ok"]);
  EXPECT_TRUE(acl("set", R"(,"identifier":"bob","rights":"+w")").back()["ok"]);
  EXPECT_EQ(acl("set", R"(,"identifier":"bob","rights":"z")").back()["code"], "syntax");
  EXPECT_EQ(acl("set", R"(,"identifier":"a b","rights":"l")").back()["code"], "invalid");
  EXPECT_EQ(acl("list", "").front()["rights"], "lrw");
  EXPECT_TRUE(acl("delete", R"(,"identifier":"bob")").back()["ok"]);
  EXPECT_EQ(acl("delete", R"(,"identifier":"bob")").back()["code"], "not-found");
  EXPECT_EQ(acl("list", "").size(), 1u);
}

TEST_F(AdminTest, QuotasAreListedAndSet) {
  add_ann();
  const auto set = [&](const std::string& fields) {
    return last(R"({"command":"quota set","user":"ann",)" + fields + "}\n");
  };
  EXPECT_TRUE(set(R"("resource":"mailboxes","limit":1)")["ok"]);
  EXPECT_EQ(set(R"("resource":"wishes","limit":1)")["code"], "invalid");
  EXPECT_EQ(set(R"("resource":"storage","limit":"1")")["code"], "syntax");
  const auto rows = tell("{\"command\":\"quota list\",\"user\":\"ann\"}\n");
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[2].dump(), R"({"user":"ann","resource":"mailboxes","used":1,"limit":1})");
  EXPECT_FALSE(rows[0].contains("limit"));
  EXPECT_EQ(last(R"({"command":"mailbox create","user":"ann","mailbox":"A"})"
                 "\n")["code"],
            "over-quota");
  EXPECT_TRUE(set(R"("resource":"mailboxes")")["ok"]);
  EXPECT_FALSE(tell("{\"command\":\"quota list\"}\n")[2].contains("limit"));
}

TEST_F(AdminTest, AnnotationsAreListedAndSet) {
  add_ann();
  const auto tell_of = [&](const std::string& verb, const std::string& fields) {
    return tell(R"({"command":"annotation )" + verb + R"(","user":"ann")" + fields + "}\n");
  };
  const std::string inbox = R"(,"mailbox":"INBOX")";
  EXPECT_TRUE(tell_of("set", inbox + R"(,"entry":"/Shared/Comment","value":"x")").back()["ok"]);
  EXPECT_TRUE(tell_of("set", R"(,"entry":"/shared/admin","value":"mailto:a@b")").back()["ok"]);
  EXPECT_EQ(tell_of("set", R"(,"entry":"comment","value":"x")").back()["code"], "syntax");
  EXPECT_EQ(tell_of("list", inbox).front().dump(), R"({"entry":"/shared/comment","value":"x"})");
  EXPECT_EQ(tell_of("list", "").front()["entry"], "/shared/admin");
  EXPECT_TRUE(tell_of("delete", inbox + R"(,"entry":"/shared/comment")").back()["ok"]);
  EXPECT_EQ(tell_of("list", inbox).size(), 1u);
}

TEST_F(AdminTest, ABadRequestSaysWhatIsWrongAndTheNextOneWorks) {
  EXPECT_EQ(last("nonsense\n")["code"], "syntax");
  EXPECT_EQ(last("{\"command\":\"fly\"}\n")["error"], "no command \"fly\"");
  EXPECT_EQ(last("{\"command\":\"user add\",\"user\":7}\n")["error"],
            "the request needs the text \"user\"");
  EXPECT_EQ(last("{\"command\":\"user add\",\"user\":\"a b\",\"password\":\"x\"}\n")["code"],
            "invalid");
  EXPECT_TRUE(last("{\"command\":\"status\"}\n")["ok"]);
}

TEST_F(AdminTest, VerifyTellsProgressIfAsked) {
  add_ann();
  const auto rows = tell("{\"command\":\"verify\"}\n");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["problems"], 0);
  EXPECT_EQ(rows[0]["mailboxes"], 1);
}

TEST_F(AdminTest, AScrubReadsBodiesAndNamesMessagesOfThoseThatAreLost) {
  add_ann();
  EXPECT_TRUE(
      last("{\"command\":\"import\",\"user\":\"ann\"}\n"
           "{\"mailbox\":\"INBOX\",\"flags\":[],\"internaldate\":1,\"bytes\":3}\n"
           "one{\"end\":true}\n")["ok"]);
  EXPECT_EQ(last("{\"command\":\"scrub\"}\n")["bodies"], 1);
  const UniqueId inbox = store_->find(MailboxName{"ann", "INBOX"}).value().id;
  const Guid guid = store_->view(inbox).value().record(Uid(1)).value().facts.guid;
  opener_.rot("admin", {Table::kBody, std::string(guid.view()), std::nullopt});
  EXPECT_EQ(last("{\"command\":\"scrub\",\"known\":true}\n")["lost"], 0);
  for (const char* request : {"{\"command\":\"scrub\",\"progress\":true}\n",
                              "{\"command\":\"scrub\",\"known\":true}\n"}) {
    std::vector<Json> rows = tell(request);
    std::erase_if(rows, [](const Json& row) { return row.value("type", "") == "progress"; });
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0]["guid"], guid.text());
    EXPECT_EQ(rows[0]["messages"], Json({"ann/INBOX uid 1"}));
    EXPECT_EQ(rows[1]["lost"], 1);
  }
  EXPECT_EQ(tell("{\"command\":\"status\"}\n")[0]["lost_bodies"], 1);
}

TEST_F(AdminTest, ACheckpointNeedsAWholePathOfANewDirectory) {
  for (const char* path : {"", "copy", "/copy/"})
    EXPECT_EQ(last(Json({{"command", "checkpoint"}, {"directory", path}}).dump() + "\n")["code"],
              "invalid");
  EXPECT_TRUE(last("{\"command\":\"checkpoint\",\"directory\":\"/copy\"}\n")["ok"]);
  EXPECT_EQ(last("{\"command\":\"checkpoint\",\"directory\":\"/copy\"}\n")["code"], "exists");
}

TEST_F(AdminTest, ARequestLineHasALimit) {
  EXPECT_EQ(last(std::string(kRequestBytesMax + 1, 'x'))["code"], "too-big");
  EXPECT_EQ(session_->want(), wire::Want::kClose);
}

std::string message(std::string_view mailbox, std::string_view body) {
  const Json head = {{"mailbox", mailbox},
                     {"flags", {"\\Seen", "$Forwarded"}},
                     {"internaldate", 1'600'000'000},
                     {"bytes", body.size()}};
  return to_line(head) + "\n" + std::string(body);
}

TEST_F(AdminTest, ImportTakesMessagesWhereverTheBytesAreCut) {
  for (const size_t piece : {1u, 7u, 1000u}) {
    SCOPED_TRACE(piece);
    const std::string user = "user" + std::to_string(piece);
    ASSERT_TRUE(
        last("{\"command\":\"user add\",\"user\":\"" + user + "\",\"password\":\"x\"}\n")["ok"]);
    const Json done =
        last("{\"command\":\"import\",\"user\":\"" + user + "\"}\n" +
                 message("INBOX", "Subject: 1\r\n\r\none\r\n") + message("Old/2019", "") +
                 message("INBOX", "Subject: 2\r\n\r\n{\"end\":true}\n") + "{\"end\":true}\n",
             piece);
    EXPECT_TRUE(done["ok"]) << done;
    EXPECT_EQ(done["messages"], 3);
    const auto inbox = store_->find(MailboxName{user, "INBOX"});
    ASSERT_TRUE(inbox);
    EXPECT_EQ(inbox->exists, 2u);
    EXPECT_EQ(inbox->unseen, 0u);
    const auto record = store_->view(inbox->id)->record(Uid(1));
    ASSERT_TRUE(record);
    EXPECT_EQ(record->facts.internaldate_s, 1'600'000'000);
    EXPECT_TRUE(store_->find(MailboxName{user, "Old/2019"}));
  }
}

TEST_F(AdminTest, ImportThatFailsSaysSoAtTheEndAndTheConnectionLives) {
  add_ann();
  const Json done =
      last("{\"command\":\"import\",\"user\":\"ann\"}\n" + message("INBOX", "Subject: 1\r\n\r\n") +
           message("a//b", "x") + "{\"end\":true}\n");
  EXPECT_FALSE(done["ok"]);
  EXPECT_EQ(done["code"], "invalid");
}

TEST_F(AdminTest, ImportKeepsBinaryPartsInBase64) {  // RFC 2045 §2.8
  using std::string_view_literals::operator""sv;
  add_ann();
  last("{\"command\":\"import\",\"user\":\"ann\"}\n" +
       message("INBOX", "Content-Transfer-Encoding: binary\r\n\r\n\0\n"sv) + "{\"end\":true}\n");
  const MailboxView view = *store_->view(store_->find(MailboxName{"ann", "INBOX"})->id);
  EXPECT_EQ(view.body(view.record(Uid(1))->facts.guid)->read_all(),
            "Content-Transfer-Encoding: base64\r\n\r\nAAo=\r\n");
}

TEST_F(AdminTest, DumpShowsEverythingInOrderWithoutSecrets) {
  add_ann();
  last("{\"command\":\"import\",\"user\":\"ann\"}\n" + message("INBOX", "a") + "{\"end\":true}\n");
  const auto rows = tell("{\"command\":\"dump\"}\n");
  std::vector<std::string> types;
  for (const Json& row : rows) types.push_back(row.value("type", "last"));
  EXPECT_EQ(types, (std::vector<std::string>{"user", "item", "item", "mailbox", "record", "last"}));
  EXPECT_TRUE(rows[1]["value"].get<std::string>().starts_with("sha256:"));
  EXPECT_EQ(rows[4]["flags"], "\\Seen $Forwarded");
}

TEST_F(AdminTest, SyncOfWhatIsNotThereIsAnError) {
  add_ann();
  services_.sync = [](const SyncRequest&, const auto&) { FAIL(); };
  EXPECT_EQ(last("{\"command\":\"sync\",\"users\":[\"ann\",\"bob\"]}\n")["code"], "not-found");
  EXPECT_EQ(last("{\"command\":\"sync\",\"mailboxes\":[\"ann/Old\"]}\n")["code"], "not-found");
}

TEST_F(AdminTest, SyncAnswersWhenItIsDone) {
  add_ann();
  std::function<void(SyncOutcome)> done;
  services_.sync = [&](SyncRequest request, std::function<void(SyncOutcome)> then) {
    EXPECT_EQ(request.users, std::vector<std::string>{"ann"});
    EXPECT_EQ(request.effect, SyncRequest::Effect::kDryRun);
    done = std::move(then);
  };
  EXPECT_TRUE(tell("{\"command\":\"sync\",\"users\":[\"ann\"],\"dry_run\":true}\n").empty());
  EXPECT_EQ(session_->want(), wire::Want::kWake);
  done({.result = {}, .actions = {"ann/INBOX: 1 new message"}, .round_trips = 1});
  session_->wake();
  std::string out;
  do session_->produce(out, 4096);
  while (session_->want() == wire::Want::kMore);
  EXPECT_EQ(out,
            "{\"type\":\"action\",\"action\":\"ann/INBOX: 1 new message\"}\n"
            "{\"ok\":true,\"round_trips\":1,\"bytes_up\":0,\"bytes_down\":0}\n");
}

TEST_F(AdminTest, SyncVerifiesOrRepairsButNotBoth) {
  using Effect = SyncRequest::Effect;
  std::vector<Effect> effects;
  services_.sync = [&](const SyncRequest& request, const auto& then) {
    effects.push_back(request.effect);
    then({.result = {}, .actions = {}});
  };
  EXPECT_EQ(last("{\"command\":\"sync\",\"verify\":true}\n")["ok"], true);
  EXPECT_EQ(last("{\"command\":\"sync\",\"repair\":true}\n")["ok"], true);
  const Json both = last("{\"command\":\"sync\",\"repair\":true,\"verify\":true}\n");
  EXPECT_EQ(both["code"], "syntax") << both;
  EXPECT_EQ(effects, (std::vector<Effect>{Effect::kVerify, Effect::kRepair}));
}

TEST_F(AdminTest, VerifyCounts) {
  add_ann();
  const Json done = last("{\"command\":\"verify\"}\n");
  EXPECT_TRUE(done["ok"]) << done;
  EXPECT_EQ(done["problems"], 0);
  EXPECT_EQ(done["mailboxes"], 1);
}

}  // namespace
}  // namespace gemel::admin
