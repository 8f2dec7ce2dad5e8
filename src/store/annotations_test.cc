#include "store/annotations.h"

#include <fmt/format.h>

#include "store/access.h"
#include "store/store_fixture.h"

namespace gemel {
namespace {

class Annotations : public StoreTest {
 protected:
  std::string annotate_text(const AnnotationChanges& changes) {
    const MailboxInfo mailbox = inbox();
    const Result<void> done = annotate(*store, "alice", &mailbox, changes);
    return done ? "ok" : std::string(name_of(done.error().code));
  }
  MailboxInfo inbox() { return store->find(MailboxName::make("alice", "INBOX").value()).value(); }
};
GEMEL_ON_BOTH_ENGINES(Annotations);

TEST_P(Annotations, MeetTheirLimits) {
  const std::string longest(kAnnotationValueBytesMax, 'x');
  EXPECT_EQ(annotate_text({{"/shared/a", longest}}), "ok");
  EXPECT_EQ(annotate_text({{"/shared/b", longest + "x"}}), "too-big");
  EXPECT_EQ(annotate_text({{"/shared/b", longest}, {"/shared/c", longest}, {"/shared/d", longest}}),
            "ok");
  EXPECT_EQ(annotate_text({{"/shared/e", "x"}}), "limit");
  EXPECT_EQ(annotate_text({{"/private/e", "x"}}), "ok");  // a scope of its own
  EXPECT_EQ(annotate_text({{"/shared/a", std::nullopt}, {"/shared/e", "x"}}), "ok");
}

TEST_P(Annotations, AreSoManyAtMost) {
  AnnotationChanges changes;
  for (size_t i = 0; i < kAnnotationsMax; ++i)
    changes.emplace_back(fmt::format("/private/{}", i), "x");
  EXPECT_EQ(annotate_text(changes), "ok");
  EXPECT_EQ(annotate_text({{"/private/one-more", "x"}}), "limit");
  EXPECT_EQ(annotate_text({{"/private/1", "y"}}), "ok");
}

TEST_P(Annotations, BelongToAMailboxAUserOrTheServer) {
  const MailboxInfo mailbox = inbox();
  ASSERT_TRUE(annotate(*store, "alice", &mailbox, {{"/shared/a", "1"}, {"/private/a", "2"}}));
  ASSERT_TRUE(annotate(*store, "alice", nullptr, {{"/shared/a", "3"}, {"/private/a", "4"}}));
  const MailboxInfo now = inbox();
  EXPECT_EQ(annotations_of(*store, "alice", &now).value(),
            (AnnotationMap{{"/shared/a", "1"}, {"/private/a", "2"}}));
  EXPECT_EQ(annotations_of(*store, "bob", &now).value(), (AnnotationMap{{"/shared/a", "1"}}));
  EXPECT_EQ(annotations_of(*store, "alice", nullptr).value(),
            (AnnotationMap{{"/shared/a", "3"}, {"/private/a", "4"}}));
  EXPECT_EQ(annotations_of(*store, "bob", nullptr).value(), (AnnotationMap{{"/shared/a", "3"}}));
}

// RFC 5464 §4.1: those of INBOX stay there too.
TEST_P(Annotations, AreCopiedWhereInboxIsRenamed) {
  if (!store->user("bob")) ASSERT_TRUE(store->create_user("bob", {}));
  MailboxInfo mailbox = inbox();
  ASSERT_TRUE(change_acl(*store, mailbox, "bob", RightsChange{.rights = Rights{Right::kLookup}}));
  ASSERT_TRUE(change_acl(*store, mailbox, "-nobody", RightsChange{.rights = Rights::all()}));
  ASSERT_TRUE(annotate(*store, "alice", &mailbox, {{"/shared/a", "1"}, {"/private/a", "2"}}));
  ASSERT_TRUE(annotate(*store, "alice", &mailbox, {{"/private/b", "2"}}));
  ASSERT_TRUE(annotate(*store, "alice", &mailbox, {{"/private/b", std::nullopt}}));
  ASSERT_TRUE(annotate(*store, "bob", &mailbox, {{"/private/a", "3"}}));
  const MailboxName old = MailboxName::make("alice", "Old").value();
  ASSERT_TRUE(store->rename(mailbox.name, old));
  for (const MailboxInfo& one : {inbox(), store->find(old).value()}) {
    EXPECT_EQ(annotations_of(*store, "alice", &one).value(),
              (AnnotationMap{{"/shared/a", "1"}, {"/private/a", "2"}}));
    EXPECT_EQ(annotations_of(*store, "bob", &one).value(),
              (AnnotationMap{{"/shared/a", "1"}, {"/private/a", "3"}}));
  }
  EXPECT_TRUE(store->verify({})->problems.empty());
}

// RFC 7162 §3.2.
TEST_P(Annotations, RaiseTheModseqOfTheirMailbox) {
  const auto raised_by = [&](const AnnotationChanges& changes) {
    const ModSeq before = inbox().highestmodseq;
    EXPECT_EQ(annotate_text(changes), "ok");
    return inbox().highestmodseq != before;
  };
  EXPECT_TRUE(raised_by({{"/private/a", "1"}}));
  EXPECT_FALSE(raised_by({{"/private/a", "1"}, {"/private/b", std::nullopt}}));
  EXPECT_TRUE(raised_by({{"/private/a", "2"}}));
  EXPECT_TRUE(raised_by({{"/private/a", std::nullopt}}));
  EXPECT_TRUE(raised_by({{"/shared/a", "1"}}));
  EXPECT_FALSE(raised_by({{"/shared/a", "1"}}));
}

// RFC 6154 §5.4: one's own mailbox, and only that, has its special use among its annotations.
TEST_P(Annotations, SayWhatAMailboxIsFor) {
  const MailboxInfo mailbox = inbox();
  const auto use = [&](const std::string& userid, std::optional<std::string> value) {
    const MailboxInfo now = inbox();
    return annotate(*store, userid, &now, {{"/private/specialuse", std::move(value)}});
  };
  ASSERT_TRUE(use("alice", "\\sent"));
  EXPECT_EQ(inbox().attributes.at(std::string(kAttributeSpecialUse)), "\\Sent");
  const MailboxInfo now = inbox();
  EXPECT_EQ(annotations_of(*store, "alice", &now).value(),
            (AnnotationMap{{"/private/specialuse", "\\Sent"}}));
  EXPECT_TRUE(annotations_of(*store, "bob", &now).value().empty());
  EXPECT_EQ(use("alice", "\\What").error().code, Code::kInvalid);
  ASSERT_TRUE(use("alice", std::nullopt));
  EXPECT_TRUE(inbox().attributes.empty());
}

// RFC 6154 §4: several, parted by spaces; each of one mailbox only.
TEST_P(Annotations, SayEachUseOfOneMailbox) {
  const MailboxInfo first = inbox();
  const MailboxInfo other = store->create({.name = {"alice", "Other"}}).value();
  const auto use = [&](const MailboxInfo& mailbox, const std::string& value) {
    const Result<void> done = annotate(*store, "alice", &mailbox, {{"/private/specialuse", value}});
    return done ? "ok" : std::string(name_of(done.error().code));
  };
  EXPECT_EQ(use(first, "\\Sent \\trash \\Sent"), "ok");
  EXPECT_EQ(inbox().attributes.at(std::string(kAttributeSpecialUse)), "\\Sent \\Trash");
  EXPECT_EQ(use(other, "\\Trash"), "unsupported");
  EXPECT_EQ(use(other, "\\Junk \\Sent"), "unsupported");
  EXPECT_EQ(use(other, "\\Junk \\What"), "invalid");
  EXPECT_EQ(use(other, ""), "invalid");
  EXPECT_EQ(use(other, "\\Junk"), "ok");
  EXPECT_EQ(use(first, "\\Trash"), "ok");
}

// RFC 5464 §4.3.
TEST_P(Annotations, AllChangeOrNone) {
  ASSERT_TRUE(store->put_user_items("alice", {{"quota/annotation-storage", "1024"}}));
  const MailboxInfo mailbox = inbox();
  const Result<void> done =
      annotate(*store, "alice", &mailbox,
               {{"/shared/comment", "short"}, {"/private/comment", std::string(2000, 'x')}});
  EXPECT_EQ(done.error().code, Code::kOverQuota);
  const MailboxInfo now = inbox();
  EXPECT_TRUE(annotations_of(*store, "alice", &now)->empty());
  EXPECT_EQ(now.highestmodseq, mailbox.highestmodseq);
}

TEST(AnnotationName, IsLowerCaseAndInAScope) {
  EXPECT_EQ(parse_annotation_name("/Shared/Comment").value(), "/shared/comment");
  const std::string longest = "/shared/" + std::string(kAnnotationNameBytesMax - 8, 'x');
  EXPECT_TRUE(parse_annotation_name(longest));
  for (const std::string& bad :
       {longest + "x", std::string("/shared"), std::string("/shared/"), std::string("/shared/a*"),
        std::string("/shared/a%"), std::string("/shared/\x80"), std::string("/else/a")})
    EXPECT_FALSE(parse_annotation_name(bad)) << bad;
}

}  // namespace
}  // namespace gemel
