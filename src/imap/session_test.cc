#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"
#include "imap/sort.h"
#include "imap/test_world.h"

namespace gemel::imap {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

size_t count_of(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

std::string sequence_of(size_t ranges) {
  std::string out;
  for (size_t i = 0; i < ranges; ++i) out += (i == 0 ? "" : ",") + std::to_string(2 * i + 1);
  return out;
}

TEST(Session, SaysTheSameWhereverTheBytesAreCut) {
  const std::string script =
      "a1 LOGIN {5+}\r\nalice {6+}\r\nsecret\r\n" + append_command("a2", "INBOX", "A: b\r\n\r\nc") +
      "a3 SELECT INBOX\r\na4 UID SEARCH SUBJECT {1+}\r\nx\r\na5 FETCH 1 (FLAGS BODY[])\r\n"
      "a6 IDLE\r\nDONE\r\na7 STORE 1 +FLAGS (\\Deleted)\r\na8 EXPUNGE\r\na9 LOGOUT\r\n";
  World whole;
  const std::string expected = Client(whole).send(script);
  EXPECT_THAT(expected, EndsWith("a9 OK LOGOUT completed\r\n"));
  for (const size_t piece : {1, 2, 3, 7}) {
    World world;
    Client client(world);
    std::string said;
    for (size_t at = 0; at < script.size(); at += piece)
      said += client.send(script.substr(at, piece));
    EXPECT_EQ(said, expected) << piece;
  }
}

TEST(Session, LogsInByScram) {
  World world;
  Client client(world);
  SeededRandom random(9);
  wire::ScramClient scram = wire::ScramClient::make("bob", "secret", random).value();
  const auto challenge_of = [](const std::string& said) {
    EXPECT_THAT(said, StartsWith("+ "));
    return from_base64(std::string_view(said).substr(2, said.size() - 4)).value();
  };
  client.pump();
  const std::string first = client.line("a AUTHENTICATE SCRAM-SHA-256 " + to_base64(scram.first()));
  const std::string last = client.line(to_base64(scram.answer(challenge_of(first)).value()));
  EXPECT_TRUE(scram.verify(challenge_of(last)));
  EXPECT_THAT(client.line(""), StartsWith("a OK [CAPABILITY "));
}

TEST(Session, AMessageThatCantBeReadHidesNoOther) {
  log::set_level(log::Level::kOff);
  World world;
  Client client = alice(world);
  for (const char* text : {"one", "two", "three"}) client.send(append_command("a", "INBOX", text));
  client.line("b SELECT INBOX");
  const Guid guid{sha256("two")};
  world.disk().rot("world", {Table::kBody, std::string(guid.view()), std::nullopt});
  const std::string said = client.line("c FETCH 1:* (FLAGS BODY.PEEK[])");
  EXPECT_THAT(said, HasSubstr("one"));
  EXPECT_THAT(said, HasSubstr("* 2 FETCH (FLAGS (\\Recent))\r\n"));
  EXPECT_THAT(said, HasSubstr("three"));
  EXPECT_THAT(said, HasSubstr("c NO [CORRUPTION] "));
  EXPECT_THAT(client.line("d FETCH 2 BODY.PEEK[]"), StartsWith("* 2 FETCH (UID 2)\r\nd NO "));
  EXPECT_THAT(client.line("e UID FETCH 2 (BODY)"), StartsWith("* 2 FETCH (UID 2)\r\ne NO "));
  // What is kept beside it can still be told.
  EXPECT_THAT(client.line("f UID FETCH 2 (ENVELOPE)"), HasSubstr("ENVELOPE (NIL NIL"));
  EXPECT_EQ(world.store().lost_bodies().value().size(), 1u);
  log::set_level(log::Level::kInfo);
}

TEST(Session, AMessageThatEndsLikeTheStartOfAListIsApartFromTheNextItem) {  // RFC 9051 §9, msg-att
  World world;
  Client client = alice(world);
  client.send(append_command("a", "INBOX", "x("));
  client.line("b SELECT INBOX");
  EXPECT_THAT(client.line("c FETCH 1 (BODY.PEEK[] RFC822.SIZE)"),
              StartsWith("* 1 FETCH (BODY[] {2}\r\nx( RFC822.SIZE 2)\r\n"));
}

// RFC 7162 §3.2: else the client would believe to be past the expunge between.
TEST(Session, SaysUpToWhereItToldAllWhereNewerModseqsWereShown) {
  World world;
  Client client = alice(world);
  client.send(append_command("a", "INBOX", "x"));
  client.line("b ENABLE QRESYNC");
  client.line("c SELECT INBOX");
  for (int i = 0; i < 11; ++i) client.line("d COPY 1:* INBOX");
  const MailboxInfo inbox = world.store().find(MailboxName{"alice", "INBOX"}).value();
  ASSERT_EQ(inbox.exists, 2048U);
  FlagNames flagged;
  flagged.add(SystemFlag::kFlagged);
  const auto flag = [&](Uid first, Uid last) {
    return world.store().store_flags(inbox.id, UidSet::of(first, last), FlagOp::kAdd, flagged);
  };
  const ModSeq told = flag(Uid(1), Uid(2047))->committed.modseq;
  client.session().receive("e NOOP\r\n");
  std::string out;
  client.session().produce(out, 1000);
  ASSERT_TRUE(world.store().expunge(inbox.id, UidSet::of(Uid(1), Uid(1))));
  const ModSeq shown = flag(Uid(2048), Uid(2048))->committed.modseq;
  FlagNames seen;
  seen.add(SystemFlag::kSeen);
  ASSERT_TRUE(
      world.store().store_flags(inbox.id, UidSet::of(Uid(2047), Uid(2047)), FlagOp::kAdd, seen));
  out += client.pump();
  EXPECT_THAT(out, HasSubstr(fmt::format("* 2047 FETCH (UID 2047 MODSEQ ({})", shown.value + 1)));
  EXPECT_THAT(out, EndsWith(fmt::format("* OK [HIGHESTMODSEQ {}] more is told later\r\n"
                                        "e OK NOOP completed\r\n",
                                        told.value)));
  EXPECT_THAT(client.line("f NOOP"), AllOf(HasSubstr("* VANISHED 1\r\n"),
                                           HasSubstr(" all was told\r\nf OK NOOP completed")));
}

// Numbers of other news would not fit what the client builds from the answer.
TEST(Session, SelectTellsOfOneMoment) {
  World world;
  Client client = alice(world);
  for (int i = 0; i < 300; ++i) client.send(append_command("a", "INBOX", "x"));
  client.line("b ENABLE QRESYNC");
  client.session().receive("c SELECT INBOX (QRESYNC (1700000000 1))\r\n");
  std::string out;
  client.session().produce(out, 1000);
  EXPECT_EQ(client.session().want(), wire::Want::kMore);
  const MailboxInfo inbox = world.store().find(MailboxName{"alice", "INBOX"}).value();
  ASSERT_TRUE(world.store().expunge(inbox.id, UidSet::of(Uid(1), Uid(2))));
  out += client.pump();
  EXPECT_EQ(count_of(out, " EXISTS"), 1U);
  EXPECT_EQ(count_of(out, "VANISHED"), 0U);
  EXPECT_EQ(count_of(out, " FETCH (UID "), 300U);
  EXPECT_THAT(client.line("d NOOP"), HasSubstr("* VANISHED 1:2"));
}

TEST(Session, IsWokenByAnotherSessionsChangeOnlyWhileIdle) {
  World world;
  Client reader = alice(world);
  Client writer = alice(world);
  reader.line("a SELECT INBOX");
  writer.send(append_command("b", "INBOX", "x"));
  EXPECT_FALSE(reader.was_woken());
  EXPECT_THAT(reader.line("c IDLE"), HasSubstr("* 1 EXISTS"));
  writer.send(append_command("d", "INBOX", "y"));
  EXPECT_TRUE(reader.was_woken());
  EXPECT_THAT(reader.wake(), HasSubstr("* 2 EXISTS"));
  EXPECT_EQ(reader.line("DONE"), "c OK IDLE completed\r\n");
  writer.send(append_command("e", "INBOX", "z"));
  EXPECT_FALSE(reader.was_woken());
}

// Nothing of a sleeping session is written down as text that a client could forge a part of.
TEST(Session, S18ALineWithControlCharactersEndsIdleAndChangesNothing) {
  constexpr std::array<std::string_view, 7> kLines = {
      "DONE\tuser=bob",        "b\tNOOP",          "\tDONE",
      "b\tc LOGIN bob x",      "b SELECT Other\t", "b SELECT \"Oth\ner\"",
      "b SELECT {2+}\r\n\t\n",
  };
  World world;
  Client client = alice(world);
  client.line("a CREATE Other");
  client.line("a SELECT INBOX");
  for (size_t i = 0; i < kLines.size(); ++i) {
    const std::string_view line = kLines[i];
    SCOPED_TRACE(line);
    EXPECT_EQ(client.line("i IDLE"), "+ idling\r\n");
    EXPECT_THAT(client.line(line), StartsWith("i BAD "));
    EXPECT_THAT(client.line("n NOOP"), EndsWith("n OK NOOP completed\r\n"));
    client.send(append_command("p", "INBOX", "x"));
    EXPECT_THAT(client.line("q NOOP"), EndsWith("q OK NOOP completed\r\n"));
    EXPECT_THAT(client.line("f UID SEARCH RETURN (COUNT) ALL"),
                HasSubstr(fmt::format("COUNT {}\r\n", i + 1)));
  }
  // Nor is it in the tag of the command that begins it.
  for (const std::string_view tag : {"i\tj", "i\x01"})
    EXPECT_THAT(client.line(std::string(tag) + " IDLE"), HasSubstr("BAD "));
  EXPECT_THAT(client.line("z FETCH 1:* UID"), EndsWith("z OK FETCH completed\r\n"));
}

TEST(Session, AnswersWhatWasSentBeforeTheEndOfInput) {
  World world;
  Client client = alice(world);
  client.session().receive("a NOOP\r\nb NO");
  client.session().end_of_input();
  EXPECT_EQ(client.pump(), "a OK NOOP completed\r\n");
  EXPECT_TRUE(client.is_closed());
}

TEST(Session, WaitsForALoginUntilADeadlineAndThenForHalfAnHour) {
  World world;
  Client client(world);
  EXPECT_EQ(client.session().input_timeout_ms(), 60'000);
  world.clock().advance_ms(59'000);
  client.line("a NOOP");  // does not move the deadline
  EXPECT_EQ(client.session().input_timeout_ms(), 1'000);
  world.clock().advance_ms(5'000);
  EXPECT_EQ(client.session().input_timeout_ms(), 0);
  client.line("b LOGIN alice secret");
  EXPECT_EQ(client.session().input_timeout_ms(), 30 * 60 * 1000);
}

// --- limits before login ---

TEST(SessionLimits, S03LineBeforeLogin) {
  World world;
  const size_t max = Limits().line_bytes_before_login_max;
  Client fits(world);
  EXPECT_THAT(fits.send("a NOOP" + std::string(max - 8, ' ') + "\r\n"), HasSubstr("\r\na BAD"));
  EXPECT_THAT(fits.line("b NOOP"), StartsWith("b OK"));
  Client too_long(world);
  EXPECT_THAT(too_long.send("a NOOP" + std::string(max, ' ') + "\r\nb NOOP\r\n"),
              AllOf(HasSubstr("a BAD"), EndsWith("* BYE too much before login\r\n")));
  EXPECT_TRUE(too_long.is_closed());
  // Of one that never ends no more is read than that.
  Client endless(world);
  EXPECT_THAT(endless.send("a " + std::string(max, '(')), HasSubstr("* BYE"));
  EXPECT_TRUE(endless.is_closed());
}

TEST(SessionLimits, AllThatIdMaySayBeforeLogin) {  // RFC 2971 §3.3
  World world;
  Client client(world);
  std::string id = "a ID (";
  for (int i = 0; i < 30; ++i)
    id += fmt::format("{}\"{:030}\" \"{}\"", i == 0 ? "" : " ", i, std::string(1024, 'v'));
  EXPECT_THAT(client.send(id + ")\r\n"), HasSubstr("a OK"));
}

TEST(SessionLimits, LiteralsBeforeLogin) {
  World world;
  Client client(world);
  EXPECT_THAT(client.line("a LOGIN {60000}"), HasSubstr("a BAD"));
  EXPECT_THAT(client.line("b LOGIN {30000+}\r\n" + std::string(30000, 'x') + " {30000+}\r\n" +
                          std::string(30000, 'y')),
              HasSubstr("b BAD"));
  EXPECT_THAT(client.line("c LOGIN alice secret"), StartsWith("c OK"));
  // What would have to be skipped for too long ends the connection.
  Client other(world);
  EXPECT_THAT(other.line("a LOGIN {99999999+}"), HasSubstr("* BYE"));
  EXPECT_TRUE(other.is_closed());
}

TEST(SessionLimits, CommandsBeforeLogin) {
  World world;
  Client client(world);
  std::string many;
  for (size_t i = 0; i <= Limits().commands_before_login_max; ++i) many += "a NOOP\r\n";
  const std::string said = client.send(many);
  EXPECT_EQ(count_of(said, "a OK"), Limits().commands_before_login_max);
  EXPECT_THAT(said, EndsWith("* BYE too many commands before login\r\n"));
  EXPECT_TRUE(client.is_closed());
}

TEST(SessionLimits, FailedLogins) {
  World world;
  Client client(world);
  std::string said;
  for (size_t i = 0; i < Limits().login_failures_max; ++i) said += client.line("a LOGIN alice x");
  EXPECT_EQ(count_of(said, "a NO [AUTHENTICATIONFAILED]"), Limits().login_failures_max);
  EXPECT_TRUE(client.is_closed());
}

// --- limits after login ---

TEST(SessionLimits, BadCommandsInARow) {
  World world;
  Client client = alice(world);
  std::string said;
  for (size_t i = 0; i + 1 < Limits().bad_commands_max; ++i) said += client.line("a ODD");
  EXPECT_FALSE(client.is_closed());
  client.line("b NOOP");
  for (size_t i = 0; i < Limits().bad_commands_max; ++i) said += client.line("a ODD");
  EXPECT_THAT(said, EndsWith("* BYE too many bad commands\r\n"));
  EXPECT_TRUE(client.is_closed());
}

TEST(SessionLimits, LineAndCommand) {
  World world;
  Client client = alice(world);
  const Limits limits;
  EXPECT_THAT(client.line("a SEARCH " + std::string(limits.line_bytes_max, 'x')),
              StartsWith("a BAD"));
  std::string command = "b LOGIN";
  client.line("c SELECT INBOX");
  command = "b SEARCH";
  for (size_t bytes = 0; bytes < limits.command_bytes_max; bytes += 50'000)
    command += " SUBJECT {50000+}\r\n" + std::string(50'000, 'x');
  EXPECT_THAT(client.line(command), StartsWith("b BAD"));
  command = "d SEARCH";
  for (size_t i = 0; i <= limits.literals_max; ++i) command += " SUBJECT {1+}\r\nx";
  EXPECT_THAT(client.line(command), StartsWith("d BAD"));
  EXPECT_THAT(client.line("e NOOP"), StartsWith("e OK"));
}

TEST(SessionLimits, MessageSize) {
  World world;
  world.change_options().limits.message_bytes_max = 1000;
  Client client = alice(world);
  EXPECT_THAT(client.line("a APPEND INBOX {1001}"), StartsWith("a NO [TOOBIG]"));
  EXPECT_THAT(client.send(append_command("b", "INBOX", std::string(1001, 'x'))),
              StartsWith("b NO [TOOBIG]"));
  EXPECT_THAT(client.send(append_command("c", "INBOX", std::string(1000, 'x'))),
              StartsWith("c OK [APPENDUID"));
}

TEST(SessionLimits, SequenceRanges) {
  World world;
  Client client = alice(world);
  client.line("a SELECT INBOX");
  world.change_options();
  // As many as a line can hold are fine.
  EXPECT_THAT(client.line("b UID FETCH " + sequence_of(10'000) + " FLAGS"), StartsWith("b OK"));
  World strict;
  strict.change_options().limits.sequence_ranges_max = 10;
  Client other = alice(strict);
  other.line("a SELECT INBOX");
  EXPECT_THAT(other.line("b UID FETCH " + sequence_of(10) + " FLAGS"), StartsWith("b OK"));
  EXPECT_THAT(other.line("c UID FETCH " + sequence_of(11) + " FLAGS"), StartsWith("c NO [LIMIT]"));
  EXPECT_THAT(other.line("d SEARCH UID " + sequence_of(11)), StartsWith("d NO [LIMIT]"));
}

TEST(SessionLimits, FetchItemsSearchKeysAndListPatterns) {
  World world;
  Client client = alice(world);
  client.line("a SELECT INBOX");
  const auto repeated = [](std::string_view what, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += (i == 0 ? "" : " ") + std::string(what);
    return out;
  };
  const Limits limits;
  const auto fetch = [&](size_t count) {
    return client.line("b UID FETCH 1 (" + repeated("BODY[]", count) + ")");
  };
  EXPECT_THAT(fetch(limits.fetch_items_max), StartsWith("b OK"));
  EXPECT_THAT(fetch(limits.fetch_items_max + 1), StartsWith("b NO [LIMIT]"));
  const auto search = [&](size_t count) {
    return client.line("c SEARCH " + repeated("ALL", count));
  };
  EXPECT_THAT(search(limits.search_keys_max), HasSubstr("c OK"));
  EXPECT_THAT(search(limits.search_keys_max + 1), StartsWith("c NO [LIMIT]"));
  const auto list = [&](size_t count) {
    return client.line("d LIST \"\" (" + repeated("x", count) + ")");
  };
  EXPECT_THAT(list(limits.list_patterns_max), StartsWith("d OK"));
  EXPECT_THAT(list(limits.list_patterns_max + 1), StartsWith("d NO [LIMIT]"));
}

TEST(SessionLimits, MailboxesOfAUser) {
  World world(/*user_mailboxes_max=*/3);
  Client client = alice(world);
  EXPECT_THAT(client.line("a CREATE A/B"), StartsWith("a OK"));
  EXPECT_THAT(client.line("b CREATE C"), StartsWith("b NO [LIMIT]"));
  EXPECT_THAT(client.line("c RENAME INBOX Old"), StartsWith("c NO [LIMIT]"));
  client.line("d DELETE A/B");
  EXPECT_THAT(client.line("e CREATE C"), StartsWith("e OK"));
}

TEST(SessionLimits, NamesAndLevels) {
  World world;
  Client client = alice(world);
  const auto create = [&](const std::string& name) {
    return client.line(fmt::format("a CREATE {{{}+}}\r\n{}", name.size(), name));
  };
  EXPECT_THAT(create(std::string(1000, 'n')), StartsWith("a OK"));
  EXPECT_THAT(create(std::string(1001, 'n')), StartsWith("a NO [TOOBIG]"));
  std::string deep = "x";
  for (int level = 1; level < 50; ++level) deep += "/x";
  EXPECT_THAT(create(deep), StartsWith("a OK"));
  EXPECT_THAT(create(deep + "/x"), StartsWith("a NO [LIMIT]"));
}

TEST(SessionLimits, KeywordsOfAMailbox) {  // RFC 3501 §7.1, PERMANENTFLAGS
  World world;
  Client client = alice(world);
  client.send(append_command("a", "INBOX", plain_message("x")));
  client.line("b SELECT INBOX");
  std::string said;
  for (size_t i = 0; i < kMailboxKeywordsMax; ++i)
    said = client.line(fmt::format("c STORE 1 +FLAGS (key{})", i));
  EXPECT_THAT(said, HasSubstr("c OK"));
  EXPECT_THAT(said, Not(HasSubstr("\\*")));
  EXPECT_THAT(client.line("d STORE 1 +FLAGS (one-more)"), HasSubstr("d NO [LIMIT]"));
  EXPECT_THAT(client.line("e STORE 1 +FLAGS (key0)"), HasSubstr("e OK"));
  EXPECT_THAT(client.line("f STORE 1 +FLAGS (" + std::string(256, 'k') + ")"), StartsWith("f"));
}

TEST(SessionLimits, IdPairsSortKeysAndKeywords) {
  World world;
  Client client = alice(world);
  const auto repeated = [](std::string_view what, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += (i == 0 ? "" : " ") + std::string(what);
    return out;
  };
  const auto id = [&](size_t count) {  // RFC 2971 §3.3
    return client.line("a ID (" + repeated("\"x\" NIL", count) + ")");
  };
  EXPECT_THAT(id(30), HasSubstr("a OK"));
  EXPECT_THAT(id(31), StartsWith("a NO [LIMIT]"));
  client.send(append_command("b", "INBOX", plain_message("x")));
  client.line("c SELECT INBOX");
  const auto sort = [&](size_t count) {
    return client.line("d SORT (" + repeated("SIZE", count) + ") UTF-8 ALL");
  };
  EXPECT_THAT(sort(kSortKeysMax), HasSubstr("d OK"));
  EXPECT_THAT(sort(kSortKeysMax + 1), StartsWith("d NO [LIMIT]"));
  const auto store = [&](size_t bytes) {
    return client.line("e STORE 1 +FLAGS (" + std::string(bytes, 'k') + ")");
  };
  EXPECT_THAT(store(kKeywordBytesMax), HasSubstr("e OK"));
  EXPECT_THAT(store(kKeywordBytesMax + 1), StartsWith("e NO [TOOBIG]"));
}

TEST(SessionLimits, MailboxesInOneEsearch) {  // RFC 7377 §2.4
  World world;
  world.change_options().limits.search_mailboxes_max = 2;
  Client client = alice(world);
  client.line("a CREATE A");
  EXPECT_THAT(client.line("b ESEARCH IN (personal) ALL"), StartsWith("b OK"));
  EXPECT_THAT(client.line("c ESEARCH IN (mailboxes (x y z)) ALL"), StartsWith("c NO [LIMIT]"));
  client.line("d CREATE B");
  EXPECT_THAT(client.line("e ESEARCH IN (personal) ALL"), StartsWith("e NO [LIMIT]"));
}

TEST(SessionLimits, SessionsOfAUser) {
  World world;
  wire::SessionCount sessions(2);
  world.change_options().user_sessions = &sessions;
  Client first = alice(world);
  {
    Client second = alice(world);
    Client third(world);
    EXPECT_THAT(third.line("a LOGIN alice secret"), HasSubstr("a NO [LIMIT]"));
    EXPECT_THAT(third.line("b LOGIN bob secret"), HasSubstr("b OK"));
    second.line("c UNAUTHENTICATE");
    EXPECT_THAT(Client(world).line("d LOGIN alice secret"), HasSubstr("d OK"));
    EXPECT_THAT(second.line("e LOGIN alice secret"), HasSubstr("e OK"));
    second.line("g LOGOUT");  // a client may be slow to close
    EXPECT_THAT(Client(world).line("h LOGIN alice secret"), HasSubstr("h OK"));
  }
  EXPECT_THAT(Client(world).line("f LOGIN alice secret"), HasSubstr("f OK"));
}

// What is sent ahead waits where it is: no more than one read of it is taken while a command runs.
TEST(SessionLimits, CommandsInAPipeline) {
  World world;
  Client client = alice(world);
  client.send(append_command("a", "INBOX", std::string(1 << 20, 'x')));
  client.line("b SELECT INBOX");
  std::string ahead = "c FETCH 1 BODY.PEEK[]\r\n";
  size_t count = 0;
  for (; ahead.size() < (64 << 10) - 20; ++count) ahead += fmt::format("n{} NOOP\r\n", count);
  wire::Session& session = client.session();
  session.receive(ahead);
  std::string out;
  size_t waits = 0;
  while (!out.contains("c OK")) {
    session.produce(out, 16 << 10);
    if (out.contains("c OK")) break;
    ASSERT_EQ(session.want(), wire::Want::kMore);
    ++waits;
  }
  EXPECT_GT(waits, 10);
  out += client.pump();
  for (size_t i = 0; i < count; ++i) ASSERT_THAT(out, HasSubstr(fmt::format("n{} OK", i)));
  EXPECT_EQ(session.want(), wire::Want::kInput);
}

TEST(SessionLimits, SearchTexts) {
  World world;
  Client client = alice(world);
  client.line("a SELECT INBOX");
  const size_t max = Limits().search_text_bytes_max;
  const auto search = [&](size_t bytes, size_t more) {
    return client.line("b SEARCH CHARSET UTF-8 SUBJECT {" + std::to_string(bytes) + "+}\r\n" +
                       std::string(bytes, 'x') + " BODY " + std::string(more, 'y'));
  };
  EXPECT_THAT(search(max - 9, 9), HasSubstr("b OK"));
  EXPECT_THAT(search(max - 9, 10), StartsWith("b NO [LIMIT]"));
}

TEST(SessionLimits, SearchDepth) {
  World world;
  Client client = alice(world);
  client.line("a SELECT INBOX");
  const auto nested = [&](size_t depth, std::string_view open, std::string_view close) {
    std::string command = "b SEARCH ";
    for (size_t i = 1; i < depth; ++i) command += open;
    command += "ALL";
    for (size_t i = 1; i < depth; ++i) command += close;
    return client.line(command);
  };
  const size_t max = Limits().search_depth_max;
  EXPECT_THAT(nested(max, "NOT ", ""), HasSubstr("b OK"));
  EXPECT_THAT(nested(max + 1, "NOT ", ""), StartsWith("b NO [LIMIT]"));
  EXPECT_THAT(nested(max, "(", ")"), HasSubstr("b OK"));
  EXPECT_THAT(nested(max + 1, "(", ")"), StartsWith("b NO [LIMIT]"));
  EXPECT_THAT(nested(8'000, "OR ALL ", ""), StartsWith("b NO [LIMIT]"));
}

TEST(SessionLimits, OutputComesInPiecesAndIsNotMadeBeforeItIsWanted) {
  World world;
  Client client = alice(world);
  const std::string large(5'000'000, 'x');
  client.send(append_command("a", "INBOX", large));
  for (int i = 0; i < 300; ++i) client.send(append_command("a", "INBOX", plain_message("m")));
  client.line("b SELECT INBOX");
  client.session().receive("c FETCH 1:* (UID FLAGS BODY.PEEK[])\r\n");
  std::string out;
  client.session().produce(out, 1000);
  EXPECT_GT(out.size(), 0U);
  EXPECT_LT(out.size(), 3 * Limits().output_piece_bytes);
  EXPECT_EQ(client.session().want(), wire::Want::kMore);
  out += client.pump();
  EXPECT_LT(client.largest_piece(), 3 * Limits().output_piece_bytes);
  EXPECT_THAT(out, HasSubstr("BODY[] {5000000}\r\n" + large + ")\r\n* 2 FETCH"));
  EXPECT_THAT(out, EndsWith("c OK FETCH completed\r\n"));
  EXPECT_EQ(count_of(out, " FETCH (UID "), 301U);
}

TEST(Session, ReadsPartsOfALargeMessage) {
  World world;
  Client client = alice(world);
  std::string large = "Subject: large\r\n\r\n";
  for (int i = 0; large.size() < 3'000'000; ++i) large += fmt::format("line {:06}\r\n", i);
  client.send(append_command("a", "INBOX", large));
  client.line("b SELECT INBOX");
  EXPECT_THAT(client.line("c FETCH 1 BODY.PEEK[TEXT]<2000000.26>"),
              HasSubstr("{26}\r\n" + large.substr(18 + 2'000'000, 26) + ")\r\n"));
  EXPECT_THAT(client.line("d FETCH 1 BODY.PEEK[HEADER]"),
              HasSubstr("{18}\r\nSubject: large\r\n\r\n)"));
  EXPECT_THAT(client.line("e FETCH 1 BODY.PEEK[1]"), HasSubstr(large.substr(18)));
}

TEST(Session, GoesOnServingMailWhileTheDiskIsFull) {
  World world;
  Client client = alice(world);
  client.send(append_command("a", "INBOX", plain_message("one")));
  client.line("b SELECT INBOX");
  world.disk().fail_writes(Code::kNoSpace);
  EXPECT_THAT(client.line("c FETCH 1 BODY[]"), HasSubstr("c OK"));
  EXPECT_THAT(client.line("d STORE 1 +FLAGS (\\Seen)"), StartsWith("d NO [UNAVAILABLE]"));
  EXPECT_THAT(client.send(append_command("e", "INBOX", "x")), StartsWith("e NO [UNAVAILABLE]"));
  world.disk().fail_writes(std::nullopt);
  EXPECT_THAT(client.line("f STORE 1 +FLAGS (\\Seen)"), HasSubstr("f OK"));
}

TEST(Session, OffersNoOtherLoginWhereThatIsTurnedOff) {  // RFC 8437 §8
  World world;
  world.change_options().offers_unauthenticate = false;
  Client client = alice(world);
  EXPECT_THAT(client.line("a CAPABILITY"), Not(HasSubstr("UNAUTHENTICATE")));
  EXPECT_THAT(client.line("b UNAUTHENTICATE"), StartsWith("b BAD"));
  EXPECT_THAT(client.line("c SELECT INBOX"), HasSubstr("c OK"));
}

TEST(Session, NeverRepeatsAPasswordInAnAnswer) {
  World world;
  Client client(world);
  EXPECT_THAT(client.line("a LOGIN alice \"top\\secret"), Not(HasSubstr("secret")));
  EXPECT_THAT(client.line("b LOGIN alice topsecret x"), Not(HasSubstr("topsecret")));
}

// Tagged answers wait for what their commands changed; what is read does not.
TEST(Session, AnswersOfChangesWaitForTheReplica) {
  World world;
  AckGate gate(world.clock());
  const auto replica = gate.add("standby", {.level = AckLevel::kDurable});
  replica->link(AckGate::Link::kUp);
  world.change_options().ack_gate = &gate;
  const UniqueId inbox = world.store().find(MailboxName{"alice", "INBOX"}).value().id;
  const auto acknowledge = [&] {
    replica->reached(inbox, world.store().find(inbox)->highestmodseq, AckGate::Held::kDurable);
  };
  Client client = alice(world);
  EXPECT_EQ(client.send(append_command("a1", "INBOX", plain_message("x"))), "");
  EXPECT_EQ(client.session().want(), wire::Want::kWake);
  acknowledge();
  EXPECT_TRUE(client.was_woken());
  EXPECT_THAT(client.wake(), StartsWith("a1 OK [APPENDUID"));
  EXPECT_THAT(client.line("a2 SELECT INBOX"), EndsWith("completed\r\n"));
  // What was pipelined behind it waits with it.
  EXPECT_THAT(client.send("a3 STORE 1 +FLAGS (\\Deleted)\r\na4 NOOP\r\n"), Not(HasSubstr("a3 ")));
  acknowledge();
  EXPECT_THAT(client.wake(), EndsWith("a3 OK STORE completed\r\na4 OK NOOP completed\r\n"));
  EXPECT_THAT(client.line("a5 FETCH 1 (FLAGS)"), EndsWith("a5 OK FETCH completed\r\n"));
  EXPECT_THAT(client.line("a6 EXPUNGE"), Not(HasSubstr("a6 ")));
  acknowledge();
  EXPECT_THAT(client.wake(), EndsWith("a6 OK EXPUNGE completed\r\n"));
}

TEST(Session, SaysNoWhereTheReplicaIsAwayAndMustNotBe) {
  World world;
  AckGate gate(world.clock());
  const auto replica =
      gate.add("standby", {.level = AckLevel::kDurable, .away = AckPolicy::Away::kRefuse});
  replica->link(AckGate::Link::kUp);
  world.change_options().ack_gate = &gate;
  Client client = alice(world);
  // On its disk here, but nobody knows whether there.
  EXPECT_EQ(client.line("a1 CREATE box"), "");
  world.clock().advance_ms(kAckWaitMs);
  gate.expire();
  EXPECT_THAT(client.wake(), StartsWith("a1 NO [UNAVAILABLE] "));
  // Nothing more is taken, and reading goes on.
  EXPECT_THAT(client.line("a2 CREATE other"), StartsWith("a2 NO [UNAVAILABLE] "));
  EXPECT_FALSE(world.store().find(MailboxName{"alice", "other"}));
  EXPECT_THAT(client.line("a3 SELECT box"), EndsWith("a3 OK [READ-WRITE] SELECT completed\r\n"));
}

}  // namespace
}  // namespace gemel::imap
