#include "bin/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace gemel::bin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string problems_of(std::string_view text) {
  const auto config = parse_config(text);
  return config ? "none" : text_of("gemel.toml", config.error());
}

TEST(Config, HasADefaultForEveryKey) {
  const auto config = parse_config("");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->role, Config::Role::kPrimary);
  EXPECT_EQ(config->store_path, "/var/lib/gemel");
  EXPECT_EQ(config->admin_socket, "/run/gemel/admin.sock");
  EXPECT_EQ(config->admin_mode, 0600U);
  EXPECT_EQ(config->message_bytes_max, 50U << 20);
  EXPECT_EQ(config->keep_expunged_days, 14);
  EXPECT_EQ(config->scrub_bytes_per_s, 2U << 20);
  EXPECT_EQ(config->scrub_every_days, 30);
  EXPECT_EQ(config->text_index_bytes_per_s, 8U << 20);
  EXPECT_FALSE(config->hostname.empty());
  EXPECT_TRUE(config->imap.empty());
}

TEST(Config, ReadsRulesAndNamesWhatIsWrongInThem) {
  const auto config = parse_config(R"(
[expire]
rules = { "*" = "at-most=7", Trash = "days=30" }
interval_minutes = 5
archive_partition = "default"
)");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->expire_interval_s, 300);
  EXPECT_EQ(config->expire_rules.at("Trash").days, 30U);
  EXPECT_EQ(config->expire_rules.at("*").at_most, 7U);
  EXPECT_THAT(problems_of("[expire]\nrules = { Junk = \"days=ever\" }\n"),
              HasSubstr("gemel.toml:2: expire.rules: Junk: rule: \"days=ever\""));
  EXPECT_EQ(config->expire_archive, "default");
  EXPECT_THAT(problems_of("[expire]\ninterval_minutes = 0\n"), HasSubstr("interval_minutes"));
  EXPECT_THAT(problems_of("[expire]\narchive_partition = \"x\"\n"), HasSubstr("store.partitions"));
}

TEST(Config, TellsOneLimitOfMessagesOrTheOther) {  // RFC 9738
  EXPECT_EQ(parse_config("")->imap_message_limit, 1'000'000U);
  EXPECT_EQ(parse_config("[imap]\nmessage_limit = 0\n")->imap_message_limit, 0U);
  EXPECT_EQ(parse_config("")->imap_sessions_per_user, 5000U);
  EXPECT_EQ(parse_config("[imap]\nsessions_per_user = 7\n")->imap_sessions_per_user, 7U);
  EXPECT_EQ(parse_config("[imap]\nmessage_limit = 1000\n")->imap_message_limit, 1000U);
  const auto saving = parse_config("[imap]\nsave_limit = 2000\n");
  EXPECT_EQ(saving->imap_save_limit, 2000U);
  EXPECT_EQ(saving->imap_message_limit, 0U);
  EXPECT_THAT(problems_of("[imap]\nmessage_limit = 999\n"), HasSubstr("at least 1000"));
  EXPECT_THAT(problems_of("[imap]\nmessage_limit = 1000\nsave_limit = 1000\n"),
              HasSubstr("only one of"));
}

TEST(Config, LetsUnauthenticateBeTurnedOff) {  // RFC 8437 §8
  EXPECT_TRUE(parse_config("")->imap_unauthenticate);
  EXPECT_FALSE(parse_config("[imap]\nunauthenticate = false\n")->imap_unauthenticate);
}

TEST(Config, ReadsWhatIsThere) {
  const auto config = parse_config(R"(
hostname = "mail.example.org"
role = "replica"
[store]
path = "/srv/mail"
partitions = { second = "/srv/second" }
[imap]
listen = ["127.0.0.1:143", "[::1]:0"]
plaintext_auth = "anywhere"
[lmtp]
listen = ["unix:/run/lmtp.sock"]
lookup = "local-part"
[users]
mailboxes = { Sent = '\Sent', Lists = "" }
[[channel]]
name = "a"
host = "127.0.0.1"
port = 2005
password = "x"
[[channel]]
name = "b"
host = "b.example"
port = 2005
password = "x"
mode = "manual"
)");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->role, Config::Role::kReplica);
  EXPECT_EQ(config->partitions.at("second"), "/srv/second");
  ASSERT_EQ(config->imap.size(), 2U);
  EXPECT_EQ(config->imap[1].text(), "[::1]:0");
  EXPECT_EQ(config->plaintext_auth, Config::PlaintextAuth::kAnywhere);
  EXPECT_EQ(config->lmtp.listen[0].path, "/run/lmtp.sock");
  EXPECT_EQ(config->lmtp.lookup, LmtpConfig::Lookup::kLocalPart);
  EXPECT_THAT(config->user_mailboxes, ElementsAre(Pair("Lists", ""), Pair("Sent", "\\Sent")));
  ASSERT_EQ(config->channels.size(), 2U);
  EXPECT_EQ(config->channels[0].tls, ChannelConfig::Tls::kOff);  // the loopback
  EXPECT_EQ(config->channels[1].tls, ChannelConfig::Tls::kRequired);
  EXPECT_EQ(config->channels[1].mode, ChannelConfig::Mode::kManual);
}

TEST(Config, NamesTheLineOfAnUnknownKeyAndOfEveryOtherMistake) {
  EXPECT_EQ(problems_of("role = \"primary\"\nrolle = 1\n[imap]\nlisten = \"127.0.0.1:143\"\n"
                        "[store]\nkeep_expunged_days = -1\n\n[nonsense]\na = 1\n"),
            "gemel.toml:2: rolle: there is no such key\n"
            "gemel.toml:4: imap.listen: must be a list of strings\n"
            "gemel.toml:6: store.keep_expunged_days: must be a whole number from 0 to 36500\n"
            "gemel.toml:8: nonsense: there is no such key\n");
}

TEST(Config, SaysWhichValuesAChoiceHas) {
  EXPECT_EQ(problems_of("role = \"master\"\n"),
            "gemel.toml:1: role: must be \"primary\" or \"replica\"\n");
}

TEST(Config, NamesTheLineOfASyntaxError) {
  EXPECT_THAT(problems_of("role = \"primary\"\n[imap\n"), HasSubstr("gemel.toml:2: "));
}

TEST(Config, RefusesAPlaintextLinkUnlessItIsAskedFor) {
  const std::string channel =
      "[[channel]]\nname = \"a\"\nhost = \"a.example\"\nport = 1\npassword = \"x\"\ntls = "
      "\"off\"\n";
  EXPECT_THAT(problems_of(channel), HasSubstr("gemel.toml:6: channel.tls: "));
  EXPECT_EQ(problems_of(channel + "allow_plaintext_link = true\n"), "none");
}

TEST(Config, ReadsNamespacesThatDoNotMeet) {
  EXPECT_EQ(parse_config("")->shared_prefix, "Shared");
  const auto config =
      parse_config("admins = [\"root\"]\n[namespaces]\nother_users = \"user\"\nshared = \"\"\n");
  ASSERT_TRUE(config);
  EXPECT_THAT(config->admins, ElementsAre("root"));
  EXPECT_EQ(config->other_users_prefix, "user");
  EXPECT_EQ(config->shared_prefix, "");
  EXPECT_THAT(problems_of("[namespaces]\nother_users = \"a\"\nshared = \"a/b\"\n"),
              HasSubstr("gemel.toml:3: namespaces.shared"));
  EXPECT_THAT(problems_of("[namespaces]\nshared = \"a/\"\n"), HasSubstr("must be levels"));
  EXPECT_THAT(problems_of("[namespaces]\nshared = \"INBOX/a\"\n"), HasSubstr("INBOX"));
  EXPECT_THAT(problems_of("[namespaces]\nshared = \"a*\"\n"), HasSubstr("must not hold"));
}

TEST(Config, ACapIsNotTooSmall) {
  const std::string channel =
      "[[channel]]\nname = \"a\"\nhost = \"127.0.0.1\"\nport = 1\npassword = \"x\"\n";
  EXPECT_EQ(parse_config(channel)->channels[0].bytes_per_s_max, 0U);
  EXPECT_EQ(parse_config(channel + "bytes_per_s_max = 10000\n")->channels[0].bytes_per_s_max,
            10'000U);
  EXPECT_THAT(problems_of(channel + "bytes_per_s_max = 9999\n"),
              HasSubstr("gemel.toml:6: channel.bytes_per_s_max: must be at least"));
}

TEST(Config, RefusesTwoChannelsOfOneName) {
  const std::string channel =
      "[[channel]]\nname = \"a\"\nhost = \"127.0.0.1\"\nport = 1\npassword = \"x\"\n";
  EXPECT_EQ(problems_of(channel + channel),
            "gemel.toml:7: channel.name: another channel has this name\n");
}

TEST(Config, MetricsStayOnTheMachineUnlessToldOtherwise) {
  EXPECT_EQ(problems_of("[metrics]\nlisten = [\"127.0.0.1:0\", \"unix:/run/m\"]\n"), "none");
  const std::string remote = "[metrics]\nlisten = [\"0.0.0.0:9167\"]\n";
  EXPECT_THAT(problems_of(remote), HasSubstr("gemel.toml:2: metrics.listen: "));
  EXPECT_EQ(problems_of(remote + "allow_remote = true\n"), "none");
}

TEST(Config, AChannelMayAcknowledgeAsItselfSays) {
  using Level = AcknowledgeConfig::Level;
  using Away = AcknowledgeConfig::Away;
  const std::string channel = "host = \"127.0.0.1\"\nport = 1\npassword = \"x\"\n";
  EXPECT_EQ(parse_config("")->acknowledge.level, Level::kLocal);
  const auto config = parse_config(
      "[acknowledge]\nlevel = \"durable\"\nwait_s = 3\n[[channel]]\nname = \"a\"\n" + channel +
      "[[channel]]\nname = \"b\"\nacknowledge = \"local\"\nwhen_away = \"refuse\"\n" + channel);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->acknowledge_wait_s, 3);
  EXPECT_EQ(config->channels[0].acknowledge.level, Level::kDurable);
  EXPECT_EQ(config->channels[0].acknowledge.when_away, Away::kDegraded);
  EXPECT_EQ(config->channels[1].acknowledge.level, Level::kLocal);
  EXPECT_EQ(config->channels[1].acknowledge.when_away, Away::kRefuse);
  EXPECT_EQ(problems_of("[acknowledge]\nlevel = \"some\"\n"),
            "gemel.toml:2: acknowledge.level: must be \"local\" or \"received\" or \"durable\" or "
            "\"applied\"\n");
}

TEST(Config, WantsTheFilesItNamesToBeThere) {
  EXPECT_EQ(problems_of("[tls]\ncertificate = \"/nowhere/cert.pem\"\nkey = \"/nowhere/key.pem\"\n"),
            "gemel.toml:2: tls.certificate: the file /nowhere/cert.pem can't be read\n"
            "gemel.toml:3: tls.key: the file /nowhere/key.pem can't be read\n");
}

TEST(Config, ReadsAPasswordFromTheFirstLineOfAFile) {
  const std::string path = testing::TempDir() + "/gemel-config-test-password";
  std::ofstream(path) << "correct horse\nrest\n";
  const auto config =
      parse_config("[sync]\nlisten = [\"127.0.0.1:0\"]\npassword_file = \"" + path + "\"\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->sync_password, "correct horse");
}

TEST(Config, TheExampleIsOne) {
  EXPECT_TRUE(load_config(GEMEL_SOURCE_DIR "/packaging/gemel.toml"));
}

TEST(Endpoint, TakesAddressesWithPortsAndSocketPaths) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:143")->port, 143);
  EXPECT_EQ(parse_endpoint("[::1]:65535")->host, "::1");
  EXPECT_TRUE(parse_endpoint("unix:/a")->is_loopback());
  EXPECT_FALSE(parse_endpoint("192.0.2.1:1")->is_loopback());
  for (const char* bad : {"", "143", ":143", "::1:143", "a:65536", "a:", "unix:a", "a:-1"})
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  EXPECT_FALSE(parse_endpoint("unix:/" + std::string(107, 'a')));
  EXPECT_TRUE(parse_endpoint("unix:/" + std::string(106, 'a')));
}

TEST(Config, ReadsWhatDeliveryNeeds) {
  const auto config = parse_config(R"(
[lmtp]
listen = ["127.0.0.1:24"]
allow = ["127.0.0.0/8", "2001:db8::1"]
over_quota = "permanent"
user = "mta"
password = "x"
auth = "required"
postmaster = "ann"
duplicates_days = 0
[sieve]
redirects_max = 0
[sieve.spamtest]
field = "X-Spam-Score"
behind = "score="
[sieve.virustest]
field = "X-Virus"
kind = "word"
words = { clean = 0, infected = 5 }
[managesieve]
listen = ["127.0.0.1:4190"]
[outgoing]
sendmail = "/usr/sbin/sendmail -i"
)");
  ASSERT_TRUE(config) << text_of("", config.error());
  EXPECT_EQ(config->lmtp.allow.size(), 2U);
  EXPECT_EQ(config->lmtp.over_quota, LmtpConfig::OverQuota::kPermanent);
  EXPECT_EQ(config->lmtp.auth, LmtpConfig::Auth::kRequired);
  EXPECT_EQ(config->lmtp.duplicates_days, 0);
  EXPECT_EQ(config->sieve.spamtest.max, 10);
  EXPECT_THAT(config->sieve.virustest.words, ElementsAre(Pair("clean", 0), Pair("infected", 5)));
  EXPECT_THAT(config->outgoing.sendmail, ElementsAre("/usr/sbin/sendmail", "-i"));
  EXPECT_TRUE(config->outgoing.is_on());
}

TEST(Config, DeliverySaysWhatIsWrong) {
  EXPECT_THAT(problems_of("[lmtp]\nallow = [\"10.0.0.1/8\"]"), HasSubstr("lmtp.allow"));
  EXPECT_THAT(problems_of("[lmtp]\nlisten = [\"[::1]:25\"]"), HasSubstr("lmtp.listen"));
  EXPECT_THAT(problems_of("[lmtp]\nauth = \"required\""), HasSubstr("lmtp.auth"));
  EXPECT_THAT(problems_of("[lmtp]\nuser = \"x\""), HasSubstr("lmtp.user"));
  EXPECT_THAT(problems_of("[lmtp]\naliases = \"/none\""), HasSubstr("lmtp.aliases"));
  EXPECT_THAT(problems_of("[sieve]\nglobal_scripts = \"/none\""),
              HasSubstr("sieve.global_scripts"));
  EXPECT_THAT(problems_of("[sieve.spamtest]\nkind = \"colour\""), HasSubstr("spamtest.kind"));
  EXPECT_THAT(problems_of("[outgoing]\nrelay = \"unix:/x\""), HasSubstr("outgoing.relay"));
  EXPECT_THAT(problems_of("[outgoing]\nsendmail = \"mail\""), HasSubstr("outgoing.sendmail"));
  EXPECT_THAT(problems_of("[outgoing]\nrelay = \"a:25\"\nsendmail = \"/x\""),
              HasSubstr("outgoing.sendmail"));
}

TEST(Config, ReadsNewsgroups) {
  const auto config = parse_config(R"(
hostname = "news.example.org"
[nntp]
listen = ["127.0.0.1:119"]
anonymous = "anyone"
[[nntp.peer]]
name = "a"
addresses = ["192.0.2.1"]
[[nntp.control]]
type = "newgroup"
groups = "local.*"
[[nntp.feed]]
name = "a"
host = "127.0.0.1"
user = "us"
password = "secret"
)");
  ASSERT_TRUE(config);
  const NewsConfig& news = config->news;
  EXPECT_TRUE(news.is_on());
  EXPECT_EQ(news.path_identity, "news.example.org");
  EXPECT_EQ(news.anonymous, NewsConfig::Anonymous::kAnyone);
  EXPECT_EQ(news.article_age_days, 10);
  EXPECT_TRUE(news.peers.at(0).groups.matches("any.group"));
  EXPECT_FALSE(news.controls.at(0).groups.matches("any.group"));
  EXPECT_EQ(news.controls.at(0).type, NewsControlConfig::Type::kNewgroup);
  EXPECT_EQ(news.feeds.at(0).tls, NewsFeedConfig::Tls::kOff);
  EXPECT_FALSE(parse_config("")->news.is_on());
}

TEST(Config, NewsgroupsSayWhatIsWrong) {
  EXPECT_THAT(problems_of("[nntp]\nlisten_tls = [\"127.0.0.1:0\"]"), HasSubstr("nntp.listen_tls"));
  EXPECT_THAT(problems_of("[nntp]\nprefix = \"a/b\""), HasSubstr("nntp.prefix"));
  EXPECT_THAT(problems_of("[nntp]\npath_identity = \"a!b\""), HasSubstr("nntp.path_identity"));
  // Else an article could come a second time after its tombstone went.
  EXPECT_THAT(problems_of("[nntp]\narticle_age_days = 15"), HasSubstr("keep_expunged_days"));
  EXPECT_THAT(problems_of("[[nntp.peer]]\nname = \"a\""), HasSubstr("nntp.peer.addresses"));
  EXPECT_THAT(problems_of("[[nntp.control]]\nfrom = \"*\""), HasSubstr("nntp.control.type"));
  for (const char* line : {"world", "1:world", "x:*:world", "1:[a]:world"})
    EXPECT_THAT(problems_of("[nntp]\ndistrib_pats = [\"" + std::string(line) + "\"]"),
                HasSubstr("nntp.distrib_pats"));
  for (const char* list : {"peer", "control", "feed"})
    EXPECT_THAT(problems_of("[[nntp." + std::string(list) + "]]\ngroups = \"a.[b]\""),
                HasSubstr("nntp." + std::string(list) + ".groups"));
  EXPECT_THAT(problems_of("[[nntp.feed]]\nname = \"a\"\nhost = \"h\"\nuser = \"u\"\n"
                          "password = \"p\"\ntls = \"off\""),
              HasSubstr("nntp.feed.tls"));
  EXPECT_THAT(problems_of("[[nntp.feed]]\nname = \"a\"\nhost = \"h\"\n[[nntp.feed]]\n"
                          "name = \"a\"\nhost = \"i\""),
              HasSubstr("another feed"));
}

TEST(Config, MailLeavesByTlsUnlessItStaysOnTheMachine) {
  EXPECT_EQ(parse_config("[outgoing]\nrelay = \"127.0.0.1:25\"")->outgoing.tls,
            OutgoingConfig::Tls::kOff);
  EXPECT_EQ(parse_config("[outgoing]\nrelay = \"smtp.example:587\"")->outgoing.tls,
            OutgoingConfig::Tls::kRequired);
}

}  // namespace
}  // namespace gemel::bin
