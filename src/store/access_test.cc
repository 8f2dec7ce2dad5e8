#include "store/access.h"

#include <gmock/gmock.h>

#include "store/store_fixture.h"

namespace gemel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class UserAccessTest : public StoreTest {
 protected:
  UserAccessTest() {
    options_.admins = {"root"};
    for (const char* userid : {"bob", "root", "shared"})
      EXPECT_TRUE(store->create_user(userid, {}));
  }

  UserAccess as(std::string userid) { return {*store, options_, std::move(userid)}; }
  UniqueId make(const std::string& owner, const std::string& path) {
    return store->create({.name = {owner, path}}).value().id;
  }
  void grant(const UniqueId& id, const std::string& identifier, const std::string& rights) {
    ASSERT_TRUE(store->set_attributes(id, {{"acl/" + identifier, rights}}));
  }
  std::vector<std::string> seen_by(const std::string& userid) {
    const UserAccess access = as(userid);
    const std::vector<MailboxInfo> visible = access.visible().value();
    std::vector<std::string> out;
    for (const MailboxInfo& mailbox : visible) out.push_back(access.path_of(mailbox.name));
    return out;
  }
  static std::string text(const Result<MailboxName>& name) {
    return name ? name->text() : std::string(name_of(name.error().code));
  }

  AccessOptions options_;
};
GEMEL_ON_BOTH_ENGINES(UserAccessTest);

TEST_P(UserAccessTest, ReadsNamesOfThreeNamespaces) {
  const UserAccess alice = as("alice");
  EXPECT_EQ(text(alice.name_of("inbox")), "alice/INBOX");
  EXPECT_EQ(text(alice.name_of("Archive/2024")), "alice/Archive/2024");
  EXPECT_EQ(text(alice.name_of("Shared/Team/News")), "shared/Team/News");
  EXPECT_EQ(text(alice.name_of("Other Users/bob/Plans")), "bob/Plans");
  EXPECT_EQ(text(alice.name_of("Sharedness")), "alice/Sharedness");
}

TEST_P(UserAccessTest, GivesOneNameToOneMailbox) {
  const UserAccess alice = as("alice");
  for (const char* path : {"Shared", "Shared/", "Other Users", "Other Users/bob",
                           "Other Users/alice/INBOX", "Other Users/shared/Team"})
    EXPECT_EQ(text(alice.name_of(path)), "not-found") << path;
  for (const char* path : {"INBOX", "a/b", "Shared/x/y", "Other Users/bob/c"})
    EXPECT_EQ(alice.path_of(alice.name_of(path).value()), path);
}

TEST_P(UserAccessTest, TakesOtherPrefixesOrNone) {
  options_ = {.other_users_prefix = "user", .shared_prefix = "Public/All"};
  EXPECT_EQ(text(as("alice").name_of("user/bob/x")), "bob/x");
  EXPECT_EQ(text(as("alice").name_of("Public/All/x")), "shared/x");
  EXPECT_EQ(text(as("alice").name_of("Public/x")), "alice/Public/x");
  options_ = {.other_users_prefix = "", .shared_prefix = ""};
  EXPECT_EQ(text(as("alice").name_of("Shared/x")), "alice/Shared/x");
  EXPECT_EQ(as("alice").path_of({"bob", "x"}), "");
  EXPECT_EQ(as("alice").path_of({"shared", "x"}), "");
}

TEST_P(UserAccessTest, ShowsWhatHasTheLookupRight) {
  grant(make("shared", "Team"), "anyone", "lr");
  grant(make("shared", "Board"), "bob", "lr");
  grant(make("bob", "Plans"), "alice", "r");
  grant(make("bob", "Ideas"), "authenticated", "l");
  grant(make("bob", "Secrets"), "-alice", "l");
  EXPECT_THAT(seen_by("alice"), ElementsAre("INBOX", "Other Users/bob/Ideas", "Shared/Team"));
  EXPECT_THAT(seen_by("bob"),
              ElementsAre("INBOX", "Ideas", "Plans", "Secrets", "Shared/Board", "Shared/Team"));
  EXPECT_THAT(seen_by(""), ElementsAre("Shared/Team"));
}

TEST_P(UserAccessTest, ShowsAnAdministratorEverything) {
  make("bob", "Plans");
  make("shared", "Team");
  EXPECT_THAT(seen_by("root"),
              ElementsAre("INBOX", "Other Users/alice/INBOX", "Other Users/bob/INBOX",
                          "Other Users/bob/Plans", "Shared/INBOX", "Shared/Team"));
}

TEST_P(UserAccessTest, ForgetsGrantsOfDeletedMailboxesAndFindsRestoredOnes) {
  const UniqueId id = make("bob", "Plans");
  grant(id, "alice", "lr");
  ASSERT_TRUE(store->remove(id));
  EXPECT_THAT(store->granted_to("alice").value(), IsEmpty());
  ASSERT_TRUE(store->restore(id, {"bob", "Old"}));
  EXPECT_THAT(seen_by("alice"), ElementsAre("INBOX", "Other Users/bob/Old"));
  ASSERT_TRUE(store->set_attributes(id, {{"acl/alice", std::nullopt}}));
  EXPECT_THAT(store->granted_to("alice").value(), IsEmpty());
}

// S10: nothing tells a mailbox that one may not see from one that is not there.
TEST_P(UserAccessTest, AnswersForAHiddenMailboxAsForNone) {
  const UniqueId hidden = make("bob", "Hidden");
  for (const Rights needed : {Rights{Right::kLookup}, Rights{Right::kRead}, Rights::all()}) {
    const Error there = as("alice").find(MailboxName{"bob", "Hidden"}, needed).error();
    const Error not_there = as("alice").find(MailboxName{"bob", "Nothing"}, needed).error();
    const Error nobody = as("alice").find(MailboxName{"zoe", "Nothing"}, needed).error();
    EXPECT_EQ(there.code, Code::kNotFound);
    EXPECT_EQ(there.text, not_there.text);
    EXPECT_EQ(there.text, nobody.text);
  }
  grant(hidden, "alice", "l");
  EXPECT_EQ(as("alice").find(hidden, {Right::kRead}).error().code, Code::kDenied);
  grant(hidden, "alice", "r");  // to be read by those who know of it
  EXPECT_TRUE(as("alice").find(hidden, {Right::kRead}));
}

TEST_P(UserAccessTest, LetsThemMakeMailboxesWhereTheyMay) {
  grant(make("shared", "Team"), "alice", "lk");
  grant(make("bob", "Hidden"), "root", "l");
  EXPECT_TRUE(as("alice").check_create({"alice", "Top"}));
  EXPECT_TRUE(as("alice").check_create({"shared", "Team/a/b"}));
  const Error denied = as("alice").check_create({"shared", "Top"}).error();
  EXPECT_EQ(denied.code, Code::kDenied);
  for (const MailboxName& name : {MailboxName{"bob", "Hidden"}, MailboxName{"bob", "Hidden/x"},
                                  MailboxName{"bob", "x"}, MailboxName{"zoe", "x"}})
    EXPECT_EQ(as("alice").check_create(name).error().text, denied.text) << name.text();
  EXPECT_TRUE(as("root").check_create({"bob", "x"}));
}

TEST_P(UserAccessTest, GivesNewMailboxesTheAclAboveThem) {
  grant(make("shared", "Team"), "anyone", "lrk");
  make("shared", "Team/a/b");
  EXPECT_EQ(store->find(MailboxName{"shared", "Team/a"})->attributes.at("acl/anyone"), "lrk");
  EXPECT_EQ(store->find(MailboxName{"shared", "Team/a/b"})->attributes.at("acl/anyone"), "lrk");
}

TEST_P(UserAccessTest, LetsMailInByTheRightToPost) {
  const UniqueId id = make("alice", "Lists");
  const auto may = [&] { return may_deliver(store->find(id).value(), "alice"); };
  EXPECT_TRUE(may());
  grant(id, "alice", "lr");
  EXPECT_FALSE(may());
  grant(id, "anyone", "p");
  EXPECT_TRUE(may());
  const MailboxInfo team = store->find(make("shared", "Team")).value();
  EXPECT_FALSE(may_deliver(team, "shared"));
  grant(team.id, "anyone", "p");
  EXPECT_TRUE(may_deliver(store.info(team.id), "shared"));
}

TEST_P(UserAccessTest, KeepsSeenOfOnesOwnWhereOneIsNotTheOwner) {
  EXPECT_EQ(as("alice").seen_by(store.info(store.inbox())), "");
  EXPECT_EQ(as("bob").seen_by(store.info(store.inbox())), "bob");
  EXPECT_EQ(as("root").seen_by(store.info(store.inbox())), "root");
}

}  // namespace
}  // namespace gemel
