#include "mail/acl.h"

#include <gtest/gtest.h>

#include "mail/mailbox_name.h"

namespace gemel {
namespace {

Rights rights(std::string_view letters) { return Rights::parse(letters).value(); }

TEST(Rights, AreToldInTheStandardsOrder) { EXPECT_EQ(rights("aslr").text(), "lrsa"); }

TEST(Rights, KnowTheObsoleteOnes) {  // RFC 4314 §2.1.1
  EXPECT_EQ(rights("c").text(), "kx");
  EXPECT_EQ(rights("d").text(), "te");
  EXPECT_EQ(rights("lrt").wire_text(), "lrtd");
  EXPECT_EQ(rights("x").wire_text(), "xc");
  EXPECT_EQ(Rights::all().wire_text(), "lrswipkxteacd");
}

TEST(Rights, RefuseWhatTheyDoNotKnow) {  // RFC 4314 §3.1
  EXPECT_EQ(Rights::parse("lq").error().code, Code::kSyntax);
  EXPECT_EQ(Rights::parse("L").error().code, Code::kSyntax);
  EXPECT_EQ(RightsChange::parse("+l-r").error().code, Code::kSyntax);
}

TEST(RightsChange, SetsAddsAndTakesAway) {
  EXPECT_EQ(RightsChange::parse("rs")->of(rights("la")), rights("rs"));
  EXPECT_EQ(RightsChange::parse("+rs")->of(rights("la")), rights("rsla"));
  EXPECT_EQ(RightsChange::parse("-rs")->of(rights("lrsa")), rights("la"));
  EXPECT_EQ(RightsChange::parse("")->of(rights("lrsa")), Rights());
}

TEST(Acl, AddsUpWhatAUserIsGiven) {
  const Acl acl = Acl::of({{"acl/anyone", "l"},
                           {"acl/authenticated", "r"},
                           {"acl/bob", "s"},
                           {"special-use", "\\Sent"}});
  EXPECT_EQ(acl.entries().size(), 3U);
  EXPECT_EQ(acl.rights_of("bob", "alice"), rights("lrs"));
  EXPECT_EQ(acl.rights_of("carol", "alice"), rights("lr"));
  EXPECT_EQ(acl.rights_of("", "alice"), rights("l"));
}

TEST(Acl, TakesAwayWhatNegativeRightsSay) {  // RFC 4314 §2
  const Acl acl = Acl::of({{"acl/anyone", "lrs"}, {"acl/-bob", "rs"}, {"acl/bob", "sw"}});
  EXPECT_EQ(acl.rights_of("bob", "alice"), rights("lw"));
  EXPECT_EQ(acl.rights_of("carol", "alice"), rights("lrs"));
}

TEST(Acl, LeavesTheOwnerTheWayBack) {
  EXPECT_EQ(Acl().rights_of("alice", "alice"), Rights::all());
  EXPECT_EQ(Acl::of({{"acl/alice", "r"}}).rights_of("alice", "alice"), rights("lra"));
  EXPECT_EQ(Acl::of({{"acl/-anyone", "lrswipkxtea"}}).rights_of("alice", "alice"), rights("la"));
}

TEST(Acl, GivesNothingForAnEntryThatItCantRead) {
  EXPECT_EQ(Acl::of({{"acl/bob", "l?"}}).rights_of("bob", "alice"), Rights());
}

TEST(Acl, ChecksIdentifiers) {
  EXPECT_TRUE(check_acl_identifier("anyone"));
  EXPECT_TRUE(check_acl_identifier("-bob@example.org"));
  EXPECT_EQ(check_acl_identifier("-").error().code, Code::kInvalid);
  EXPECT_EQ(check_acl_identifier("a b").error().code, Code::kInvalid);
  EXPECT_EQ(check_acl_identifier(std::string(kUserIdBytesMax + 1, 'a')).error().code,
            Code::kTooBig);
}

}  // namespace
}  // namespace gemel
