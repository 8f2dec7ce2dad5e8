// What no transcript shows: several sessions, pieces, limits, and names that must never change.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "pop3/test_world.h"
#include "pop3/top_lines.h"
#include "wire/dot_stuffing.h"

namespace gemel::pop3 {
namespace {

TEST(Pop3, AMaildropIsOneSessionsAlone) {  // RFC 2449 §8.1.2
  World world;
  world.mailbox("Lists");
  Client first(world);
  EXPECT_TRUE(first.log_in().starts_with("+OK 0 "));
  Client second(world);
  EXPECT_TRUE(second.log_in().starts_with("-ERR [IN-USE] "));
  Client other(world);
  EXPECT_TRUE(other.log_in("alice+Lists").starts_with("+OK"));
  EXPECT_TRUE(first.line("QUIT").starts_with("+OK"));
  EXPECT_TRUE(second.log_in().starts_with("+OK"));
  {
    Client third(world);
    EXPECT_TRUE(third.log_in().starts_with("-ERR [IN-USE] "));
    second.session().timed_out();
    EXPECT_TRUE(third.log_in().starts_with("+OK"));
  }
  EXPECT_TRUE(Client(world).log_in().starts_with("+OK"));  // a connection that broke
}

TEST(Pop3, AUserMayNotLogInAgainTooSoon) {  // RFC 2449 §6.5
  World world;
  world.options->login_delay_s = 60;
  Client first(world);
  EXPECT_NE(first.line("CAPA").find("\r\nLOGIN-DELAY 60\r\n"), std::string::npos);
  EXPECT_TRUE(first.log_in().starts_with("+OK"));
  first.line("QUIT");
  world.clock.advance_ms(59'999);
  Client second(world);
  EXPECT_TRUE(second.log_in().starts_with("-ERR [LOGIN-DELAY] "));
  world.clock.advance_ms(1);
  EXPECT_TRUE(second.log_in().starts_with("+OK"));
}

TEST(Pop3, SaysHowLongMessagesStay) {  // RFC 2449 §6.7
  World world;
  const auto expire = [](Client& client) {
    const std::string said = client.line("CAPA");
    const size_t at = said.find("EXPIRE ");
    return at == std::string::npos ? "" : said.substr(at, said.find("\r\n", at) - at);
  };
  Client never(world);
  EXPECT_EQ(expire(never), "EXPIRE NEVER");
  world.mailbox("Lists");
  world.options->expire_words = [](const MailboxName* mailbox) -> std::string {
    if (mailbox == nullptr) return "30";
    return mailbox->path == "Lists" ? "" : "7";
  };
  Client client(world);
  EXPECT_EQ(expire(client), "EXPIRE 30 USER");
  client.log_in();
  EXPECT_EQ(expire(client), "EXPIRE 7");
  Client lists(world);
  lists.log_in("alice+Lists");
  EXPECT_EQ(expire(lists), "");
}

TEST(Pop3, RemembersSoManyLoginsAndNoMore) {
  Maildrops maildrops;
  for (size_t i = 0; i <= Maildrops::kLoginsMax; ++i)
    EXPECT_TRUE(maildrops.may_log_in(std::to_string(i), static_cast<int64_t>(i), 1'000'000));
  EXPECT_FALSE(maildrops.may_log_in("5", 200'000, 1'000'000));
  EXPECT_TRUE(maildrops.may_log_in("0", 200'000, 1'000'000));  // the oldest is forgotten
}

TEST(Pop3, LogsInByScram) {  // RFC 5034, RFC 7677
  World world;
  world.mailbox("Lists");
  Client client(world, {.peer_address = "192.0.2.7"});
  auto scram = *wire::ScramClient::make("alice+Lists", "open sesame ", world.random);
  const auto challenge = [](std::string_view said) {
    EXPECT_TRUE(said.starts_with("+ "));
    return *from_base64(said.substr(2, said.size() - 4));
  };
  const std::string first = client.line("AUTH SCRAM-SHA-256 " + to_base64(scram.first()));
  const std::string last = client.line(to_base64(*scram.answer(challenge(first))));
  EXPECT_TRUE(scram.verify(challenge(last)));
  EXPECT_TRUE(client.line("").starts_with("+OK 0 messages"));
  EXPECT_EQ(world.credentials.asked_for, "alice");
}

// RFC 4422 §2, §3.4.1: only a name that the client gives has to be understood; an identity that was
// verified is one.
TEST(Pop3, WhatATokenOrACertificateSaysIsAUseridAsItIs) {
  class Tokens final : public wire::TokenSource {
   public:
    void check(std::string token, std::function<void(Result<std::string>)> done) override {
      done(std::move(token));
    }
  } tokens;
  World world;
  world.options->login.tokens = &tokens;
  const auto says = [&](const std::string& userid) {
    Client by_token(world);
    const std::string message = "n,,\1auth=Bearer " + userid + "\1\1";
    const std::string said = by_token.line("AUTH OAUTHBEARER " + to_base64(message));
    const auto tls = std::make_shared<wire::TlsFacts>(wire::TlsFacts{.client_userids = {userid}});
    by_token.line("QUIT");
    Client by_certificate(world, {.peer_address = "192.0.2.7", .is_tls = true, .tls = tls});
    EXPECT_EQ(by_certificate.line("AUTH EXTERNAL ="), said);
    return said;
  };
  EXPECT_TRUE(says("alice").starts_with("+OK"));
  EXPECT_TRUE(says("alice+INBOX").starts_with("-ERR [AUTH]"));
  EXPECT_TRUE(world.store->create_user("alice+INBOX", {}));
  EXPECT_TRUE(says("alice+INBOX").starts_with("+OK"));
}

TEST(Pop3, GuessesCountForTheUserWhateverMailboxTheyName) {
  World world;
  wire::LoginGuard guard({.delay_ms = 0, .user_failures_max = 3}, world.clock);
  world.options->login.guard = &guard;
  for (int i = 0; i < 3; ++i) {
    Client client(world, {.peer_address = "192.0.2." + std::to_string(i), .is_tls = true});
    client.line("USER alice+" + std::to_string(i));
    EXPECT_TRUE(client.line("PASS wrong").starts_with("-ERR [AUTH]"));
  }
  Client client(world, {.peer_address = "192.0.2.99", .is_tls = true});
  EXPECT_TRUE(client.log_in("alice").starts_with("-ERR [SYS/TEMP]"));
}

TEST(Pop3, AMailboxBehindANameDoesNotTellWhetherTheUserExists) {  // RFC 5802 §9
  World world;
  const auto salt_of = [&](std::string_view name) {
    Client client(world);
    const auto scram = *wire::ScramClient::make(name, "x", world.random);
    const std::string said = client.line("AUTH SCRAM-SHA-256 " + to_base64(scram.first()));
    const std::string first = *from_base64(said.substr(2, said.size() - 4));
    return first.substr(first.find(",s="));
  };
  EXPECT_EQ(salt_of("alice+x"), salt_of("alice"));
  EXPECT_EQ(salt_of("nobody+x"), salt_of("nobody"));
}

TEST(Pop3, AnAnswerToAChallengeMayBeSoLongAndNoLonger) {  // RFC 5034 §4
  World world;
  const size_t most = world.options->limits.sasl_line_bytes_max;
  Client client(world);
  EXPECT_EQ(client.line("AUTH PLAIN"), "+ \r\n");
  const std::string answer(most - 2, 'A');
  EXPECT_EQ(client.line(answer), "-ERR that is not base64\r\n");  // for its length
  EXPECT_EQ(client.line("AUTH PLAIN"), "+ \r\n");
  EXPECT_EQ(client.line(answer + "x"), "-ERR the line is too long\r\n");
  EXPECT_TRUE(client.log_in().starts_with("+OK"));  // the login under way has ended
}

TEST(Pop3, P01AUidlNeverRepeats) {
  World world;
  const UniqueId inbox = world.mailbox("INBOX");
  std::set<std::string> seen;
  const auto last_uidl = [&] {
    Client client(world);
    client.log_in();
    const std::string said = client.line("UIDL 1");
    EXPECT_TRUE(said.starts_with("+OK 1 "));
    client.line("DELE 1");
    client.line("QUIT");
    return said;
  };
  for (int i = 0; i < 5; ++i) {
    world.append(inbox, "Subject: again\r\n\r\n");
    EXPECT_TRUE(seen.insert(last_uidl()).second);
    if (i == 2) EXPECT_TRUE(world.store->purge_expunged(inbox, ModSeq(INT64_MAX)));
  }
  // A user of the same name, and an INBOX of the same uids.
  EXPECT_TRUE(world.store->delete_user("alice"));
  EXPECT_TRUE(world.store->create_user("alice", {}));
  world.append(world.mailbox("INBOX"), "Subject: again\r\n\r\n");
  EXPECT_TRUE(seen.insert(last_uidl()).second);
}

TEST(Pop3, AMessageThatImapExpungedCanStillBeRead) {
  World world;
  const UniqueId inbox = world.mailbox("INBOX");
  world.append(inbox, "Subject: one\r\n\r\n", "kept-uidl");
  world.append(inbox, "Subject: two\r\n\r\n");
  Client client(world);
  client.log_in();
  EXPECT_TRUE(world.store->expunge(inbox, UidSet::of(Uid(1), Uid(1))));
  EXPECT_EQ(client.line("RETR 1"), "+OK 16 octets\r\nSubject: one\r\n\r\n.\r\n");
  EXPECT_EQ(client.line("UIDL 1"), "+OK 1 kept-uidl\r\n");
  EXPECT_TRUE(world.store->purge_expunged(inbox, ModSeq(INT64_MAX)));
  EXPECT_TRUE(client.line("RETR 1").starts_with("-ERR [SYS/PERM] "));
  EXPECT_TRUE(client.line("UIDL 1").starts_with("-ERR [SYS/PERM] "));
  EXPECT_EQ(client.line("TOP 2 0"), "+OK the top is\r\nSubject: two\r\n\r\n.\r\n");
  EXPECT_TRUE(client.line("DELE 1").starts_with("+OK"));
  EXPECT_TRUE(client.line("QUIT").starts_with("+OK"));
}

// What is read ahead is in memory: it is told apart by purging all.
TEST(Pop3, AMessageReadOnceMoreLeavesThoseReadAhead) {
  World world;
  const UniqueId inbox = world.mailbox("INBOX");
  for (int i = 1; i <= 40; ++i) world.append(inbox, fmt::format("Subject: {}\r\n\r\n", i));
  Client client(world);
  client.log_in();
  for (const uint32_t i : {1U, 17U}) {
    EXPECT_TRUE(client.line(fmt::format("TOP {} 0", i)).starts_with("+OK"));
    EXPECT_TRUE(client.line(fmt::format("RETR {}", i)).starts_with("+OK"));
    const UidSet ahead = UidSet::of(Uid(i + 1), Uid(i + 15));
    EXPECT_TRUE(world.store->expunge(inbox, ahead));
    EXPECT_TRUE(world.store->purge_expunged(inbox, ModSeq(INT64_MAX)));
    for (uint32_t next = i + 1; next <= i + 15; ++next) {
      EXPECT_TRUE(client.line(fmt::format("TOP {} 0", next)).starts_with("+OK"));
      EXPECT_TRUE(client.line(fmt::format("RETR {}", next)).starts_with("-ERR [SYS/PERM] "));
    }
  }
}

TEST(Pop3, AnArchivedMessageIsNotReadAhead) {
  World world;
  const UniqueId inbox = world.mailbox("INBOX");
  for (int i = 1; i <= 4; ++i) world.append(inbox, fmt::format("Subject: {}\r\n\r\n", i));
  const UidSet archived = UidSet::of(Uid(2), Uid(3));
  EXPECT_EQ(world.store->archive(inbox, archived, "archive"), archived);
  Client client(world);
  client.log_in();
  EXPECT_EQ(client.line("RETR 1"), "+OK 14 octets\r\nSubject: 1\r\n\r\n.\r\n");
  EXPECT_EQ(client.line("RETR 2"), "+OK 14 octets\r\nSubject: 2\r\n\r\n.\r\n");
  EXPECT_TRUE(world.store->expunge(inbox, archived));
  EXPECT_TRUE(world.store->purge_expunged(inbox, ModSeq(INT64_MAX)));
  EXPECT_TRUE(client.line("RETR 3").starts_with("-ERR [SYS/PERM] "));
  EXPECT_EQ(client.line("RETR 4"), "+OK 14 octets\r\nSubject: 4\r\n\r\n.\r\n");
}

TEST(Pop3, EachNumberGivesItsMessageInWhateverOrder) {
  constexpr int kCount = 40;
  constexpr int kLarge = 5, kDeleted = 7, kGone = 20;
  World world;
  const UniqueId inbox = world.mailbox("INBOX");
  std::vector<std::string> bodies(kCount + 1);
  for (int i = 1; i <= kCount; ++i) {
    bodies[static_cast<size_t>(i)] = fmt::format("Subject: {}\r\n\r\n", i);
    if (i == kLarge) bodies[kLarge] += std::string(100'000, 'x') + "\r\n";
    world.append(inbox, bodies[static_cast<size_t>(i)]);
  }
  Client client(world);
  client.log_in();
  client.line(fmt::format("DELE {}", kDeleted));
  EXPECT_TRUE(world.store->expunge(inbox, UidSet::of(Uid(kGone), Uid(kGone))));
  EXPECT_TRUE(world.store->purge_expunged(inbox, ModSeq(INT64_MAX)));
  const auto check = [&](int number) {
    const std::string& body = bodies[static_cast<size_t>(number)];
    std::string expected = fmt::format("+OK {} octets\r\n{}.\r\n", body.size(), body);
    if (number == kGone) expected = "-ERR [SYS/PERM] ";
    if (number == kDeleted) expected = "-ERR ";
    EXPECT_TRUE(client.line(fmt::format("RETR {}", number)).starts_with(expected)) << number;
  };
  for (int i = 1; i <= kCount; ++i) check(i);
  for (int i = kCount; i > 0; --i) check(i);
  for (int i = 1; i <= kCount; i += 2) check(i);
  for (const int i : {1, 2, 2, 3, 1, 2, 4, 3, 4}) check(i);
}

TEST(Pop3, MarksSeenSomeAtATime) {
  World world;
  world.options->limits.seen_pending_max = 3;
  const UniqueId inbox = world.mailbox("INBOX");
  for (int i = 0; i < 5; ++i) world.append(inbox, "Subject: one\r\n\r\n");
  Client client(world);
  client.log_in();
  for (int i = 1; i <= 4; ++i) client.line(fmt::format("RETR {}", i));
  client.line("TOP 5 10");
  EXPECT_EQ(world.flags(inbox, 3), "\\Seen");
  EXPECT_EQ(world.flags(inbox, 4), "");
  const ModSeq before = world.store->find(inbox)->highestmodseq;
  EXPECT_EQ(before, ModSeq(7));  // five deliveries, one STORE
  client.line("QUIT");
  EXPECT_EQ(world.flags(inbox, 4), "\\Seen");
  EXPECT_EQ(world.flags(inbox, 5), "");
}

TEST(Pop3, ALargeMessageComesInPieces) {
  World world;
  std::string body = "Subject: large\r\n\r\n";
  while (body.size() < 3 << 20) body += ".a line that starts with a dot\n";
  world.append(world.mailbox("INBOX"), body);
  Client client(world);
  client.log_in();
  const std::string said = client.line("RETR 1");
  EXPECT_LT(client.largest_piece, 300'000U);
  std::string expected;
  wire::DotStuffer stuffer;
  stuffer.put(body, expected);
  stuffer.finish(expected);
  const size_t line = said.find("\r\n") + 2;
  EXPECT_EQ(said.substr(line), expected);
  size_t dots = 0;
  for (size_t at = 0; (at = expected.find("\r\n..", at)) != std::string::npos; ++at) ++dots;
  EXPECT_EQ(said.substr(0, line), fmt::format("+OK {} octets\r\n", expected.size() - dots - 3));
}

// M02, M04, M05, M07, M08, S13: whatever is in a maildrop can be fetched, in pieces.
TEST(Pop3, HostileMessagesAreServed) {
  World world;
  const UniqueId inbox = world.mailbox("INBOX");
  std::string nested;
  for (int level = 0; level < 20'000; ++level)
    nested += fmt::format("Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n", level);
  std::string parameters = "Content-Type: text/plain";
  for (int i = 0; i < 50'000; ++i) parameters += fmt::format(";\r\n a*{}=x", i);
  std::string names;
  for (int i = 0; i < 200'000; ++i) names += fmt::format("X-{}: {}\r\n", i, i);
  const std::vector<std::string> messages = {
      nested,
      parameters + "\r\n\r\n",
      names + "\r\ntext\r\n",
      "X-Big: " + std::string(4 << 20, 'x') + "\r\nSubject: behind\r\n\r\ntext\r\n",
      "From: undisclosed:;\r\nTo: g: a@b, c@d;\r\n\r\n",
      "Subject: =?utf-8?Q?=C3?=\r\n\r\n<p>\xc3<\r\n"};
  for (const std::string& message : messages) world.append(inbox, message);
  world.options->utf8_headers = Utf8Headers::kRefuse;  // so that headers are looked at
  Client client(world);
  client.log_in();
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string said = client.line(fmt::format("RETR {}", i + 1));
    EXPECT_EQ(said, fmt::format("+OK {} octets\r\n{}.\r\n", messages[i].size(), messages[i]));
    const std::string top = client.line(fmt::format("TOP {} 0", i + 1));
    EXPECT_TRUE(top.ends_with("\r\n\r\n.\r\n")) << i;
  }
  EXPECT_LT(client.largest_piece, 2u << 20);
}

TEST(Pop3, AListOfManyMessagesComesInPieces) {
  World world;
  const UniqueId inbox = world.mailbox("INBOX");
  constexpr size_t kMany = 10'000;
  BodyWriter writer = *world.store->stage("default");
  EXPECT_TRUE(writer.append("Subject: one of many\r\n\r\n"));
  const StagedBody body = *writer.finish();
  std::vector<MailStore::Append> appends;
  for (size_t i = 0; i < kMany; ++i)
    appends.push_back({.mailbox = inbox,
                       .body = body,
                       .flags = {},
                       .internaldate_s = 1,
                       .uidl = i % 3 == 0 ? fmt::format("old-{}", i) : ""});
  EXPECT_TRUE(world.store->append(std::move(appends)));
  EXPECT_TRUE(world.store->expunge(inbox, UidSet::of(Uid(5000), Uid(5999))));
  Client client(world);
  EXPECT_TRUE(client.log_in().starts_with("+OK 9000 messages"));
  const std::string uidls = client.line("UIDL");
  EXPECT_NE(uidls.find("\r\n4999 old-4998\r\n"), std::string::npos);
  EXPECT_NE(uidls.find("\r\n9000 old-9999\r\n.\r\n"), std::string::npos);
  EXPECT_EQ(std::ranges::count(uidls, '\n'), 9002);
  EXPECT_LT(client.largest_piece, 40'000U);
  EXPECT_EQ(std::ranges::count(client.line("LIST"), '\n'), 9002);
}

TEST(Pop3, S19WaitsForALoginAndForCommandsSoLongAndNoLonger) {
  World world;
  Client client(world);
  EXPECT_EQ(client.session().input_timeout_ms(), 60'000);
  world.clock.advance_ms(50'000);
  client.line("NOOP");
  EXPECT_EQ(client.session().input_timeout_ms(), 10'000);
  client.log_in();
  EXPECT_EQ(client.session().input_timeout_ms(), 600'000);  // RFC 1939 §3
}

TEST(Pop3, TakesSoManyCommandsBeforeALogin) {
  World world;
  Client client(world);
  std::string said;
  for (int i = 0; i < 50; ++i) said = client.line("USER alice\r\nLANG");
  EXPECT_FALSE(client.is_closed());
  EXPECT_TRUE(client.line("USER alice").starts_with("-ERR too many commands"));
  EXPECT_TRUE(client.is_closed());
}

TEST(Pop3, AServerThatStopsLetsACommandEnd) {
  World world;
  world.append(world.mailbox("INBOX"), std::string(1 << 20, 'x'));
  Client client(world);
  client.log_in();
  wire::Session& session = client.session();
  session.receive("RETR 1\r\nDELE 1\r\nQUIT\r\n");
  std::string said;
  session.produce(said, 1000);
  session.shut_down();
  said += client.pump();
  EXPECT_TRUE(said.ends_with("x\r\n.\r\n"));
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(world.store->find(world.mailbox("INBOX"))->exists, 1U);
}

TEST(Pop3, WhatCameBeforeTheEndOfInputIsDone) {
  World world;
  const UniqueId inbox = world.mailbox("INBOX");
  world.append(inbox, "Subject: one\r\n\r\n");
  Client client(world);
  client.log_in();
  client.session().receive("DELE 1\r\nQUIT\r\n");
  client.session().end_of_input();
  EXPECT_TRUE(client.pump().ends_with("+OK goodbye\r\n"));
  EXPECT_EQ(world.store->find(inbox)->exists, 0U);
}

TEST(Pop3, QuitIsAnsweredWhenTheReplicaHasIt) {
  World world;
  AckGate gate(world.clock);
  const auto replica = gate.add("standby", {.level = AckLevel::kDurable});
  replica->link(AckGate::Link::kUp);
  world.options->ack_gate = &gate;
  const UniqueId inbox = world.mailbox("INBOX");
  for (int i = 0; i < 3; ++i) world.append(inbox, "Subject: one\r\n\r\n");
  const auto acknowledge = [&] {
    replica->reached(inbox, world.store->find(inbox)->highestmodseq, AckGate::Held::kDurable);
  };
  for (const auto on_delete : {OnDelete::kExpunge, OnDelete::kHide}) {
    world.options->on_delete = on_delete;
    Client client(world);
    client.log_in();
    EXPECT_TRUE(client.line("DELE 1").starts_with("+OK"));
    EXPECT_EQ(client.line("QUIT"), "");
    EXPECT_EQ(client.session().want(), wire::Want::kWake);
    client.session().shut_down();
    EXPECT_EQ(client.pump(), "");
    EXPECT_TRUE(Client(world).log_in().starts_with("-ERR [IN-USE] "));
    acknowledge();
    EXPECT_EQ(client.pump(), "+OK goodbye\r\n");
    EXPECT_TRUE(client.is_closed());
  }
  Client reader(world);  // what changes nothing waits for nothing
  reader.log_in();
  EXPECT_TRUE(reader.line("LIST").starts_with("+OK 1 "));
  EXPECT_EQ(reader.line("QUIT"), "+OK goodbye\r\n");
}

TEST(Pop3, QuitSaysWhereTheReplicaIsAwayAndMustNotBe) {
  World world;
  AckGate gate(world.clock);
  const auto replica =
      gate.add("standby", {.level = AckLevel::kDurable, .away = AckPolicy::Away::kRefuse});
  replica->link(AckGate::Link::kUp);
  world.options->ack_gate = &gate;
  const UniqueId inbox = world.mailbox("INBOX");
  for (int i = 0; i < 2; ++i) world.append(inbox, "Subject: one\r\n\r\n");
  // On this server's disk, but nobody knows whether there; and then nothing more is taken.
  for (const uint32_t left : {1, 1}) {
    Client client(world);
    client.log_in();
    client.line("DELE 1");
    std::string said = client.line("QUIT");
    if (said.empty()) {
      world.clock.advance_ms(kAckWaitMs);
      gate.expire();
      said = client.pump();
    }
    EXPECT_TRUE(said.starts_with("-ERR [SYS/TEMP] the replica"));
    EXPECT_TRUE(client.is_closed());
    EXPECT_EQ(world.store->find(inbox)->exists, left);
  }
}

TEST(TopLines, EndsAtTheSamePlaceWhereverTheBytesAreCut) {
  const std::string_view text = "a: b\r\nc\n\r\n1\r\n\r\n\n4";
  const auto top = [&](uint64_t lines, size_t piece_bytes) {
    TopLines top_lines(lines);
    std::string out;
    for (size_t at = 0; at < text.size() && !top_lines.is_done(); at += piece_bytes)
      out += top_lines.take(text.substr(at, piece_bytes));
    return out;
  };
  for (const size_t piece_bytes : {1, 2, 3, 5, 100}) {
    EXPECT_EQ(top(0, piece_bytes), "a: b\r\nc\n\r\n");
    EXPECT_EQ(top(1, piece_bytes), "a: b\r\nc\n\r\n1\r\n");
    EXPECT_EQ(top(3, piece_bytes), "a: b\r\nc\n\r\n1\r\n\r\n\n");
    EXPECT_EQ(top(4, piece_bytes), text);
    EXPECT_EQ(top(TopLines::kAll, piece_bytes), text);
  }
}

}  // namespace
}  // namespace gemel::pop3
