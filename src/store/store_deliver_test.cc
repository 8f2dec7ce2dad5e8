// Delivery in one transaction, what it remembers, and the outbox.
#include <fmt/format.h>

#include <algorithm>

#include "store/outbox.h"
#include "store/store_fixture.h"

namespace gemel {
namespace {

constexpr int64_t kNow = 1'700'000'000;  // where the clock of a TestStore starts

TEST(UserMemory, RemembersUntilItLapses) {
  const Remembrance what{.userid = "alice", .token = "x", .until_s = 100};
  const std::optional<std::string> first = remembered("", what, 50);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->starts_with("50\n"));  // a merge of two servers goes by it
  EXPECT_FALSE(remembered(*first, what, 99));
  EXPECT_TRUE(remembered(*first, what, 100));
  EXPECT_TRUE(remembered(*first, {.userid = "alice", .token = "y", .until_s = 100}, 99));
}

TEST(UserMemory, ForgetsWhatLapsedWhenItIsWritten) {
  const auto one = remembered("", {.userid = "a", .token = "x", .until_s = 100}, 50);
  const auto two = remembered(*one, {.userid = "a", .token = "y", .until_s = 300}, 200);
  EXPECT_EQ(two->size(), one->size() + 1);  // "200" for "50"; one entry, as before
}

TEST(UserMemory, ABrokenSlotCountsAsForgotten) {
  for (const char* value : {"x", "\n", "1\nshort\n", "1\n0123456789abcdef01234567 word\n"})
    EXPECT_TRUE(remembered(value, {.userid = "a", .token = "x", .until_s = 9}, 1)) << value;
}

TEST(UserMemory, ASlotHasRoomForSoManyAndNoMore) {
  std::string value = "1\n";
  for (size_t i = 0; i < kMemorySlotEntriesMax; ++i)
    value += fmt::format("{:024x} {}\n", i, 1000 + (i == 7 ? -500 : static_cast<int>(i)));
  const auto full = remembered(value, {.userid = "a", .token = "x", .until_s = 9000}, 1);
  EXPECT_EQ(std::ranges::count(*full, '\n'), kMemorySlotEntriesMax + 1);
  EXPECT_EQ(full->find(fmt::format("{:024x} ", 7)), std::string::npos);  // would lapse first
}

class StoreDeliver : public StoreTest {
 protected:
  using Filing = MailStore::Filing;
  MailStore::Append message(const UniqueId& mailbox, std::string_view bytes) {
    return {.mailbox = mailbox, .body = store.stage(bytes), .flags = {}, .internaldate_s = kNow};
  }
  Remembrance once(std::string token, std::string userid = "alice") {
    return {.userid = std::move(userid), .token = std::move(token), .until_s = kNow + 60};
  }
  // "1 -": uids of what was filed.
  std::string deliver(std::vector<Filing> filings) {
    const auto done = store->deliver(std::move(filings));
    if (!done) return std::string(name_of(done.error().code));
    std::string out;
    for (const auto& filed : *done) out += filed ? fmt::format("{} ", filed->uid.value) : "- ";
    return out;
  }
};
GEMEL_ON_BOTH_ENGINES(StoreDeliver);

TEST_P(StoreDeliver, WhatIsRememberedIsFiledOnce) {
  const UniqueId inbox = store.inbox();
  EXPECT_EQ(deliver({{.append = message(inbox, "a"), .once = once("id")}}), "1 ");
  EXPECT_EQ(deliver({{.append = message(inbox, "a"), .once = once("id")}}), "- ");
  EXPECT_EQ(store.info(inbox).highestmodseq, ModSeq(2));  // no change, no new modseq
  // In one transaction too.
  EXPECT_EQ(deliver({{.append = message(inbox, "b"), .once = once("other")},
                     {.append = message(inbox, "b"), .once = once("other")},
                     {.append = message(inbox, "c")}}),
            "2 - 3 ");
  EXPECT_TRUE(remembers(*store, once("id"), kNow).value());
  EXPECT_FALSE(remembers(*store, once("none"), kNow).value());
  store.open();
  EXPECT_EQ(deliver({{.append = message(inbox, "a"), .once = once("id")}}), "- ");
  store.clock.advance_s(60);
  EXPECT_EQ(deliver({{.append = message(inbox, "a"), .once = once("id")}}), "4 ");
}

TEST_P(StoreDeliver, AFullSlotHasOthersBehindIt) {
  constexpr int kThings = 10'000;  // 256 slots of 32 are not enough
  // Those of every so many things that are filed.
  const auto deliver_every = [&](int step) {
    std::vector<Filing> filings;
    for (int i = 0; i < kThings; i += step)
      filings.push_back(
          {.append = message(store.inbox(), "a"), .once = once(fmt::format("{}", i))});
    const auto done = store->deliver(std::move(filings));
    return std::ranges::count_if(*done, [](const auto& one) { return one.has_value(); });
  };
  EXPECT_EQ(deliver_every(1), kThings);
  EXPECT_EQ(deliver_every(10), 0);
  for (int i = 0; i < kThings; i += 100)
    EXPECT_TRUE(remembers(*store, once(fmt::format("{}", i)), kNow).value()) << i;
  size_t entries = 0;
  const std::vector<UserItem> slots = store->user_items("alice", kUserItemDuplicate).value();
  for (const UserItem& slot : slots) {
    const auto lines = static_cast<size_t>(std::ranges::count(slot.value, '\n'));
    EXPECT_LE(lines, kMemorySlotEntriesFull + 1) << slot.key;
    entries += lines - 1;
  }
  EXPECT_EQ(entries, kThings);
  store.clock.advance_s(60);
  EXPECT_EQ(deliver_every(10), kThings / 10);
}

TEST_P(StoreDeliver, NothingIsRememberedOfWhatFailed) {
  const UniqueId inbox = store.inbox();
  ASSERT_TRUE(store->put_user_items("alice", {{"quota/storage", "5"}}));
  EXPECT_EQ(deliver({{.append = message(inbox, "123456"), .once = once("id")}}), "over-quota");
  EXPECT_EQ(deliver({{.append = message(inbox, "12345"), .once = once("id")}}), "1 ");
  EXPECT_EQ(deliver({{.once = once("x", "nobody")}}), "not-found");
}

TEST_P(StoreDeliver, AQuotaCanBeIgnored) {
  const UniqueId inbox = store.inbox();
  ASSERT_TRUE(store->put_user_items("alice", {{"quota/storage", "5"}}));
  EXPECT_EQ(deliver({{.append = message(inbox, "123456"), .quota = Filing::Quota::kIgnored}}),
            "1 ");
  EXPECT_EQ(deliver({{.append = message(inbox, "1")}}), "over-quota");
}

TEST_P(StoreDeliver, AStagedBodyIsReadBeforeItIsTaken) {
  std::string large;
  while (large.size() < 2 * kBodyChunkBytes) large += fmt::format("{} ", large.size());
  for (const std::string& bytes : {std::string("small"), large}) {
    const StagedBody staged = store.stage(bytes);
    EXPECT_EQ(staged.read(0, bytes.size() + 1).value(), bytes);
    EXPECT_EQ(staged.read(bytes.size() - 2, 9).value(), bytes.substr(bytes.size() - 2));
    EXPECT_EQ(staged.read(bytes.size(), 9).value(), "");
  }
}

class OutboxTest : public StoreDeliver {
 protected:
  const OutboxEnvelope envelope_{.sender = "a@example.org", .recipient = "b@example.net"};
  Outbox outbox_{*store, 3};
};
GEMEL_ON_BOTH_ENGINES(OutboxTest);

TEST(OutboxEnvelope, IsReadAsItIsWritten) {
  using Failure = OutboxEnvelope::Failure;
  for (const OutboxEnvelope& envelope :
       {OutboxEnvelope{.sender = "", .recipient = "b@c"},
        OutboxEnvelope{.sender = "a@b", .recipient = "b@c", .failure = Failure::kReturn},
        OutboxEnvelope{
            .sender = "a@b", .recipient = "b@c", .failure = Failure::kFile, .owner = "alice"}}) {
    const std::string text = text_of(envelope).value();
    const auto parsed = parse_outbox_envelope(text + "Subject: x\r\n\r\n");
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->envelope, envelope);
    EXPECT_EQ(parsed->bytes, text.size());
    for (size_t cut = 0; cut < text.size(); ++cut)
      EXPECT_FALSE(parse_outbox_envelope(std::string_view(text).substr(0, cut)));
  }
}

TEST(OutboxEnvelope, TakesNoLineEndsAndNoLongWords) {
  EXPECT_FALSE(text_of({.sender = "a\r\nto x", .recipient = "b"}));
  EXPECT_FALSE(text_of({.sender = "a", .recipient = ""}));
  EXPECT_TRUE(text_of({.sender = "a", .recipient = std::string(kOutboxAddressBytesMax, 'x')}));
  EXPECT_FALSE(text_of({.sender = "a", .recipient = std::string(kOutboxAddressBytesMax + 1, 'x')}));
  EXPECT_LT(text_of({.sender = std::string(kOutboxAddressBytesMax, 's'),
                     .recipient = std::string(kOutboxAddressBytesMax, 'r'),
                     .failure = OutboxEnvelope::Failure::kFile,
                     .owner = std::string(kUserIdBytesMax, 'o')})
                ->size(),
            kOutboxEnvelopeBytesMax);
}

TEST_P(OutboxTest, HoldsMailUntilItIsRemoved) {
  EXPECT_TRUE(outbox_.entries()->empty());
  int changes = 0;
  const auto watch = outbox_.watch([&] { ++changes; });
  ASSERT_TRUE(watch);
  ASSERT_TRUE(outbox_.put(envelope_, "Subject: x\r\n\r\nhello", kNow));
  EXPECT_EQ(changes, 1);
  store.open();
  Outbox outbox(*store, 3);
  const auto entries = outbox.entries();
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_EQ(entries->front().queued_s, kNow);
  const auto mail = outbox.open(entries->front().uid);
  ASSERT_TRUE(mail);
  EXPECT_EQ(mail->envelope, envelope_);
  EXPECT_EQ(mail->body.read(mail->message_at, 1000).value(), "Subject: x\r\n\r\nhello");
  ASSERT_TRUE(outbox.remove(entries->front().uid));
  EXPECT_TRUE(outbox.entries()->empty());
  EXPECT_EQ(outbox.open(entries->front().uid).error().code, Code::kNotFound);
  ASSERT_TRUE(outbox.tidy());
  EXPECT_EQ(store->find(MailboxName{std::string(kOutboxUserId), "INBOX"})->expunged, 0U);
}

TEST_P(OutboxTest, HasRoomForSoManyAndNoMore) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(outbox_.put(envelope_, "x", kNow));
  EXPECT_EQ(outbox_.put(envelope_, "x", kNow).error().code, Code::kLimit);
  ASSERT_TRUE(outbox_.remove(outbox_.entries()->front().uid));
  EXPECT_TRUE(outbox_.put(envelope_, "x", kNow));
}

TEST_P(OutboxTest, MailEntersItWithTheDeliveryThatAskedForIt) {
  BodyWriter writer = outbox_.stage(envelope_).value();
  ASSERT_TRUE(writer.append("reply"));
  const MailStore::Append entry = outbox_.entry(writer.finish().value(), kNow).value();
  ASSERT_TRUE(store->put_user_items("alice", {{"quota/storage", "1"}}));
  EXPECT_EQ(deliver({{.append = entry}, {.append = message(store.inbox(), "too big")}}),
            "over-quota");
  EXPECT_TRUE(outbox_.entries()->empty());
  EXPECT_EQ(deliver({{.append = entry}, {.append = message(store.inbox(), "1")}}), "1 1 ");
  EXPECT_EQ(outbox_.entries()->size(), 1U);
}

}  // namespace
}  // namespace gemel
