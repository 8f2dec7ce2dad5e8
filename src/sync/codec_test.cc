#include "sync/codec.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "sync/answers.h"
#include "wire/framer.h"

namespace gemel::sync {
namespace {

UniqueId id_of(uint64_t number, uint64_t origin = 0xabc) {
  return {.origin = origin, .number = number};
}

Guid guid_of(uint64_t seed) {
  Guid guid;
  guid.bytes.fill(static_cast<uint8_t>(seed));
  guid.bytes[0] = static_cast<uint8_t>(seed >> 8);
  return guid;
}

FlagNames flags_of(std::initializer_list<std::string_view> names) {
  FlagNames flags;
  for (const std::string_view name : names) EXPECT_TRUE(flags.add(name));
  return flags;
}

std::string body_of(const AppendItem& item) { return std::string(item.size, '\0'); }

// All of a command's bytes, bodies included.
std::string joined(const std::vector<Piece>& pieces, const MailboxUpdate& update) {
  std::string out;
  for (const Piece& piece : pieces) {
    out += piece.text;
    if (!piece.body) continue;
    for (const ChangeItem& item : update.items)
      if (const auto* append = std::get_if<AppendItem>(&item);
          append != nullptr && append->guid == *piece.body) {
        out += body_of(*append);
        break;
      }
  }
  return out + "\r\n";
}

// The one command of `bytes`, with bodies streamed away and strings kept, as the receiver does it.
wire::Frame frame_of(std::string_view bytes) {
  wire::Framer framer(kLimits);
  framer.feed(bytes);
  while (true) {
    Result<std::optional<wire::Step>> step = framer.next();
    EXPECT_TRUE(step && *step) << (step ? "cut" : step.error().text);
    if (!step || !*step) return {};
    if ((*step)->kind == wire::Step::Kind::kCommand) return (*step)->frame;
    if ((*step)->kind != wire::Step::Kind::kLiteral) continue;
    if ((*step)->literal.binary)
      framer.stream();
    else
      EXPECT_TRUE(framer.keep());
  }
}

std::string text_of(const MailboxUpdate& update, CodecContext context = {}) {
  const IsInline all = [](const AppendItem&) { return true; };
  return joined(encode(update, all, context), update);
}

Result<DecodedUpdate> decoded(std::string_view bytes, CodecContext& context) {
  const wire::Frame frame = frame_of(bytes);
  wire::Tokenizer in(frame);
  EXPECT_TRUE(in.skip_word("UPDATE") && in.skip(' '));
  return decode_update(in, context);
}

TEST(Codec, SaysAFlagChangeInFewWords) {
  const MailboxUpdate update{.id = id_of(0x1f),
                             .from = ModSeq(57),
                             .to = ModSeq(58),
                             .last_uid = Uid(1505),
                             .recent_uid = Uid(1500),
                             .purged_modseq = {},
                             .header = {},
                             .items = {StoreItem{.uids = UidSet::of(Uid(5), Uid(5)),
                                                 .modseq = ModSeq(58),
                                                 .op = FlagOp::kAdd,
                                                 .flags = flags_of({"\\Flagged"})}}};
  EXPECT_EQ(text_of(update, {.origin = 0xabc, .last_header = {}}),
            "UPDATE -1f 57+1 1505 1500 0 STORE 5 +(\\Flagged)\r\n");
  EXPECT_EQ(text_of(update).substr(0, 30), "UPDATE 0000000000000abc-1f 57+");
}

TEST(Codec, SaysOfAHeaderWhatDiffersFromTheOneBefore) {
  CodecContext context;
  const IsInline none = [](const AppendItem&) { return false; };
  MailboxUpdate update;
  update.id = id_of(1);
  update.to = ModSeq(1);
  update.header = MailboxHeader{.name = {"bob", "Box001"},
                                .partition = "default",
                                .uidvalidity = UidValidity(1000),
                                .created_s = 2000,
                                .deleted_s = 0,
                                .attributes = {}};
  EXPECT_EQ(encode(update, none, context).front().text,
            "UPDATE 0000000000000abc-1 0+1 0 0 0 HEADER (bob/Box001 PARTITION default "
            "UIDVALIDITY +1000 CREATED +2000)");
  update.id = id_of(2);
  update.header->name.path = "Box002";
  update.header->uidvalidity = UidValidity(1001);
  EXPECT_EQ(encode(update, none, context).front().text,
            "UPDATE -2 0+1 0 0 0 HEADER (/Box002 UIDVALIDITY +1)");
  update.header->deleted_s = 7;
  update.header->attributes = {{"special-use", "\\Sent"}};
  EXPECT_EQ(
      encode(update, none, context).front().text,
      "UPDATE -2 0+1 0 0 0 HEADER (/Box002 DELETED +7 ATTRIBUTES (special-use \"\\\\Sent\"))");
}

TEST(Codec, SaysACopyAsTwoSets) {
  const MailboxUpdate update{
      .id = id_of(3),
      .from = ModSeq(9),
      .to = ModSeq(10),
      .last_uid = Uid(639),
      .recent_uid = {},
      .purged_modseq = {},
      .header = {},
      .items = {AppendFromItem{.uids = UidSet::of(Uid(140), Uid(639)),
                               .modseq = ModSeq(10),
                               .created_modseq = ModSeq(10),
                               .savedate_s = 1'700'000'000,
                               .source = id_of(1),
                               .source_uids = UidSet::of(Uid(996), Uid(1495)),
                               .flags = {}}}};
  EXPECT_EQ(text_of(update, {.origin = 0xabc, .last_header = {}, .savedate_s = 1'699'999'958}),
            "UPDATE -3 9+1 639 0 0 COPY 140:639 +42 -1 996:1495\r\n");
}

// --- round trips ---

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}
  uint64_t below(uint64_t n) { return random_.u64() % n; }

  FlagNames flags() {
    FlagNames out;
    for (const std::string_view name : {"\\Seen", "\\Flagged", "\\Draft", "$Forwarded", "work"})
      if (below(3) == 0) EXPECT_TRUE(out.add(name));
    return out;
  }

  UidSet set() {
    UidSet out;
    for (uint64_t i = 0; i <= below(5); ++i) out.add(Uid(static_cast<uint32_t>(1 + below(1000))));
    out.add(Uid(2000), Uid(static_cast<uint32_t>(2000 + below(9))));
    return out;
  }

  std::string text() {
    constexpr std::string_view kTexts[] = {"plain",
                                           "with blank",
                                           "\"quo\\ted\"",
                                           "",
                                           "Gr\xc3\xbc\xc3\x9f"
                                           "e",
                                           "{5+}",
                                           "NIL",
                                           "line\r\nend"};
    return std::string(kTexts[below(std::size(kTexts))]);
  }

  ModSeq modseq(const MailboxUpdate& update) {
    return below(2) == 0 ? update.to : ModSeq(1 + below(update.to.value));
  }

  ChangeItem item(const MailboxUpdate& update) {
    const uint64_t kind = below(update.mends ? 5 : 4);
    if (kind == 0)
      return StoreItem{.uids = set(),
                       .modseq = modseq(update),
                       .op = static_cast<FlagOp>(below(3)),
                       .flags = flags()};
    if (kind == 4) return DropItem{set()};
    if (kind == 1) return ExpungeItem{.uids = set(), .modseq = modseq(update)};
    if (kind == 2)
      return AppendItem{.uid = Uid(static_cast<uint32_t>(1 + below(1000))),
                        .modseq = modseq(update),
                        .created_modseq = modseq(update),
                        .flags = flags(),
                        .expunged = below(4) == 0,
                        .internaldate_s = time(),
                        .savedate_s = time(),
                        .guid = guid_of(below(1000)),
                        .size = below(20),
                        .crlf_growth = below(3),
                        .uidl = below(3) == 0 ? "u\"(~" + std::to_string(below(1000)) : ""};
    return copy(update);
  }

  AppendFromItem copy(const MailboxUpdate& update) {
    const UidSet uids = set();
    UidSet source;
    source.add(Uid(7), Uid(static_cast<uint32_t>(6 + uids.size())));
    return {.uids = uids,
            .modseq = modseq(update),
            .created_modseq = modseq(update),
            .expunged = below(4) == 0,
            .savedate_s = time(),
            .source = below(3) == 0 ? update.id : id_of(below(5), 1 + below(2)),
            .source_uids = source,
            .flags = below(2) == 0 ? std::optional(flags()) : std::nullopt};
  }

  int64_t time() { return static_cast<int64_t>(below(2'000'000'000)) - 1000; }

  MailboxUpdate update() {
    MailboxUpdate out{.id = id_of(below(9), 1 + below(2)),
                      .from = ModSeq(below(3)),
                      .to = {},
                      .last_uid = Uid(static_cast<uint32_t>(below(2000))),
                      .recent_uid = Uid(static_cast<uint32_t>(below(2000))),
                      .purged_modseq = ModSeq(below(3)),
                      .header = {},
                      .items = {}};
    out.to = ModSeq(out.from.value + 1 + below(100));
    if (!out.from || below(3) == 0) out.header = header();
    if (below(3) == 0) out.mends = Digest{.low = below(1000), .high = below(1000)};
    for (uint64_t i = below(6); i > 0; --i) out.items.push_back(item(out));
    return out;
  }

  Lineage lineage() {
    Lineage out;
    for (uint64_t i = 1; i <= below(4); ++i)
      out.push_back({{.epoch = i, .origin = below(3)}, ModSeq(i * below(9))});
    return out;
  }

  MailboxHeader header() {
    MailboxHeader out{
        .name = {below(2) == 0 ? "ann" : "bob", below(2) == 0 ? "INBOX" : "a b/\xc3\xa9"},
        .partition = below(2) == 0 ? "default" : "fast",
        .uidvalidity = UidValidity(static_cast<uint32_t>(1 + below(0xffffffff))),
        .created_s = time(),
        .deleted_s = below(4) == 0 ? time() : 0,
        .attributes = {},
        .lineage = lineage()};
    for (uint64_t i = below(3); i > 0; --i) out.attributes["k" + text()] = text();
    return out;
  }

 private:
  SeededRandom random_;
};

TEST(Codec, GivesBackWhatWasPutInWhereverItIsCutAndWhicheverCameBefore) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Maker maker(seed);
    CodecContext sender;
    CodecContext receiver;
    for (int i = 0; i < 5; ++i) {
      const MailboxUpdate update = maker.update();
      const uint64_t modulus = 1 + maker.below(2);
      const IsInline some = [&](const AppendItem& item) {
        return item.guid.bytes[1] % modulus == 0;
      };
      const std::string bytes = joined(encode(update, some, sender), update);
      Result<DecodedUpdate> read = decoded(bytes, receiver);
      ASSERT_TRUE(read) << read.error().text << "\n" << bytes;
      // The same value is said the same way.
      CodecContext a;
      CodecContext b;
      EXPECT_EQ(joined(encode(read->update, some, a), update),
                joined(encode(update, some, b), update));
    }
  }
}

TEST(Codec, FindsThePartitionBeforeTheCommandIsWhole) {
  Maker maker(7);
  CodecContext context;
  MailboxUpdate update = maker.update();
  update.header = maker.header();
  const std::string text = text_of(update);
  wire::Tokenizer in(text);
  ASSERT_TRUE(in.skip_word("UPDATE") && in.skip(' '));
  const Result<UpdateTarget> target = decode_target(in, context);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->id, update.id);
  EXPECT_EQ(target->partition, update.header->partition);
}

TEST(Codec, GivesBackUserDataAndRenames) {
  const UserUpdate user{.userid = "ann",
                        .from = ModSeq(3),
                        .to = ModSeq(5),
                        .created_s = 12,
                        .deleted_s = 0,
                        .items = {{"subscription/a b", "", ModSeq(4), false},
                                  {"credential/x", std::string("\0\r\n", 3), ModSeq(5), false},
                                  {"sieve/old", "", ModSeq(5), true}}};
  UserUpdate mending = user;
  mending.mends = Digest{.low = 1, .high = 2};
  mending.lineage = Lineage{{{.epoch = 3, .origin = 4}, ModSeq(2)}};
  mending.drops = {"old", "older one"};
  for (const UserUpdate& update : {user, mending}) {
    const std::string text = encode(update) + "\r\n";
    const wire::Frame frame = frame_of(text);
    wire::Tokenizer in(frame);
    ASSERT_TRUE(in.skip_word("USERDATA") && in.skip(' '));
    const Result<UserUpdate> read = decode_userdata(in);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(encode(*read) + "\r\n", text);
    EXPECT_EQ(read->lineage, update.lineage);
    EXPECT_EQ(read->drops, update.drops);
  }

  CodecContext context;
  const std::vector<RenameItem> renames = {
      {id_of(1), {"ann", "a"}, {"ann", "b"}, "default", ModSeq(2), ModSeq(2)},
      {id_of(2), {"ann", "b"}, {"ann", "a"}, "default", ModSeq(5), ModSeq(6)}};
  const std::string line = encode(renames, context) + "\r\n";
  EXPECT_EQ(line,
            "RENAME (0000000000000abc-1 2+0 ann/a ann/b default) (-2 5+1 ann/b ann/a default)\r\n");
  wire::Tokenizer words(line);
  ASSERT_TRUE(words.skip_word("RENAME") && words.skip(' '));
  context = {};
  const Result<std::vector<RenameItem>> again = decode_rename(words, context);
  ASSERT_TRUE(again) << again.error().text;
  context = {};
  EXPECT_EQ(encode(*again, context) + "\r\n", line);
}

TEST(Codec, RefusesWhatMakesNoSense) {
  for (const std::string_view line : {
           "UPDATE -1 1+1 0 0 0\r\n",                                 // no origin was said yet
           "UPDATE 0000000000000abc-1 0+1 0 0 0\r\n",                 // a new mailbox, no header
           "UPDATE 0000000000000abc-1 0+1 0 0 0 HEADER (ann/x)\r\n",  // no uidvalidity
           "UPDATE 0000000000000abc-1 1+1 0 0 0 STORE 0 ()\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0 0 STORE 1:* ()\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0 0 EXPUNGE 1:4294967295\r\n",  // kUidsMax
           "UPDATE 0000000000000abc-1 1+1 0 0 0 COPY 1:2 0 = 1:3\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0 0 COPY 1 +9223372036854775807 = 1\r\n",
           "UPDATE 0000000000000abc-1 9223372036854775807+1 0 0 0\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0 0 MERGE 1\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0 0 STORE 1 (\\Recent)\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0 0 APPEND 1 0 0 () abc 5\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0 0 DROP 1\r\n",  // without MENDS
           "UPDATE 0000000000000abc-1 1+1 0 0 0 MENDS abc\r\n",
           "UPDATE 0000000000000abc-1 1+1 0 0 0 HEADER (ann/x UIDVALIDITY 1 LINEAGE (1.2@3))\r\n",
       }) {
    CodecContext context;
    EXPECT_FALSE(decoded(line, context)) << line;
  }
}

// --- answers ---

// One of each answer, as it is said.
std::vector<std::string> all_answers() {
  const Digest digest{.low = 1, .high = 2};
  const Lineage lineage = {{{.epoch = 1, .origin = 0xabc}, ModSeq()},
                           {{.epoch = 12, .origin = 0xffffffffffffffff}, ModSeq(99)}};
  Ending changes{.kind = Ending::Kind::kOk, .command = "CHANGES", .next = Uid(7)};
  Ending missing{.kind = Ending::Kind::kNo,
                 .command = "UPDATE",
                 .check = {},
                 .reason = Reason::kMissing,
                 .missing = {guid_of(1), guid_of(2)},
                 .holder = {},
                 .text = "bodies are missing"};
  Ending exists = missing;
  exists.reason = Reason::kExists;
  exists.missing.clear();
  exists.holder = id_of(9);
  Ending stale = missing;
  stale.reason = Reason::kStale;
  stale.missing.clear();
  stale.term = Term{7, 0xab};
  Ending ok{.kind = Ending::Kind::kOk,
            .command = "UPDATE",
            .check = 0xffffffffffffffff,
            .reason = {},
            .missing = {},
            .holder = {},
            .text = {}};
  return {
      encode(MailboxState{id_of(1),
                          {"ann", "a b"},
                          "default",
                          UidValidity(5),
                          Uid(6),
                          ModSeq(7),
                          ModSeq(1),
                          digest,
                          0,
                          lineage}),
      encode(UserState{"ann", ModSeq(3), digest, digest, 12, 0, {}}),
      encode(HeaderState{
          Uid(3), 12, ModSeq(4), {{"acl/a b", {ModSeq(2), "lr"}}, {"x", {ModSeq(3), {}}}}}),
      encode(RecordUids{UidSet::of(Uid(1), Uid(4)), {}}),
      encode(ChangedRecord{RecordRow{Uid(1), ModSeq(2), flags_of({"\\Seen", "x"}), true,
                                     RecordFacts{guid_of(5), 10, -20, 30, ModSeq(1)}},
                           {}}),
      encode(ChangedRecord{RecordRow{Uid(1),
                                     ModSeq(2),
                                     {},
                                     false,
                                     RecordFacts{guid_of(5), 10, -20, 30, ModSeq(1), 2, "u1"}},
                           flags_of({"\\Seen"})}),
      encode(UserItem{"k e\"y", "v\r\n", ModSeq(7), false}),
      encode(UserItem{"key", "", ModSeq(7), true}),
      encode(LostRow{"archive", guid_of(3)}),
      encode_start(BodyRow{.guid = guid_of(4), .size = 0}) + "\r\n",
      encode(RangeRow{{1, 64}, 60, digest}),
      encode(ReserveRow{{guid_of(1), guid_of(2)}}),
      encode(Greeting{1, 1, "replica.example", true, true, true}),
      encode(missing),
      encode(exists),
      encode(stale),
      encode(ReceivedRow()),
      encode(Bye{Term{2, 0xffffffffffffffff}, "this server is the primary now"}),
      encode(Bye{{}, "the server is stopping"}),
      encode(changes),
      encode(ok),
  };
}

TEST(Answers, GiveBackWhatWasPutIn) {
  const std::vector<std::string> lines = all_answers();
  for (const std::string& line : lines) {
    SCOPED_TRACE(line);
    const wire::Frame frame = frame_of(line);
    wire::Tokenizer in(frame);
    const Result<Answer> answer = decode_answer(in);
    ASSERT_TRUE(answer) << answer.error().text;
    const std::string again = std::visit(
        [](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Challenge>)
            return value.base64;
          else if constexpr (std::is_same_v<std::decay_t<decltype(value)>, BodyRow>)
            return encode_start(value) + "\r\n";
          else
            return encode(value);
        },
        *answer);
    EXPECT_EQ(again, line);
  }
  EXPECT_EQ(lines.back(), "OK UPDATE //////////8\r\n");
}

TEST(Answers, NeverAnnounceALiteralWithTheirText) {
  const Ending ending{.kind = Ending::Kind::kBad,
                      .command = "UPDATE",
                      .check = {},
                      .reason = {},
                      .missing = {},
                      .holder = {},
                      .text = "what is {5}"};
  EXPECT_EQ(encode(ending), "BAD UPDATE what is {5 \r\n");
}

}  // namespace
}  // namespace gemel::sync
