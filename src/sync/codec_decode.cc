#include "sync/codec.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

using wire::Tokenizer;

struct Change {
  ModSeq from;
  ModSeq to;
};

Result<Change> read_change(Tokenizer& in) {
  TRY(const ModSeq from, read_modseq(in));
  TRY_OK(in.expect('+'));
  TRY(const uint64_t delta, in.number64());
  const uint64_t to = from.value + delta;  // of two 63-bit numbers: no overflow
  if (to > INT64_MAX) return in.wrong("a smaller modseq before here");
  return Change{from, ModSeq(to)};
}

Result<MailboxName> read_header_name(Tokenizer& in, const MailboxHeader& last) {
  TRY(const std::string_view text, in.astring());
  if (text.starts_with(kHierarchySeparator))
    return MailboxName::make(last.name.owner, text.substr(1));
  return MailboxName::parse(text);
}

// Times and differences of times: far more than any real one, and no sum of two overflows.
constexpr int64_t kTimeMax = int64_t{1} << 60;

Result<int64_t> read_time(Tokenizer& in, int64_t base) {
  TRY(const int64_t difference, read_signed(in));
  if (difference > 2 * kTimeMax || difference < -2 * kTimeMax) return in.wrong("a smaller time");
  const int64_t time = base + difference;
  if (time > kTimeMax || time < -kTimeMax) return in.wrong("a smaller time before here");
  return time;
}

Result<std::map<std::string, std::string>> read_attributes(Tokenizer& in) {
  std::map<std::string, std::string> attributes;
  TRY_OK(in.open());
  while (in.peek() != ')') {
    if (!attributes.empty()) TRY_OK(in.space());
    if (attributes.size() == kAttributesMax) return fail(Code::kLimit, "too many attributes");
    TRY(const std::string_view key, in.astring());
    TRY_OK(in.space());
    TRY(const std::string_view value, in.astring());
    if (!attributes.emplace(key, value).second) return in.wrong("another attribute before here");
  }
  TRY_OK(in.close());
  return attributes;
}

Result<MailboxHeader> read_header(Tokenizer& in, CodecContext& context) {
  MailboxHeader header = context.last_header;
  header.deleted_s = 0;
  header.attributes.clear();
  TRY_OK(in.open());
  TRY(header.name, read_header_name(in, context.last_header));
  while (in.skip(' ')) {
    if (in.skip_word("PARTITION")) {
      TRY_OK(in.space());
      TRY(const std::string_view partition, in.astring());
      header.partition = partition;
    } else if (in.skip_word("UIDVALIDITY")) {
      TRY_OK(in.space());
      TRY(const int64_t value, read_time(in, context.last_header.uidvalidity.value));
      if (value <= 0 || value > UINT32_MAX) return in.wrong("another uidvalidity before here");
      header.uidvalidity = UidValidity(static_cast<uint32_t>(value));
    } else if (in.skip_word("CREATED")) {
      TRY_OK(in.space());
      TRY(header.created_s, read_time(in, context.last_header.created_s));
    } else if (in.skip_word("LINEAGE")) {
      TRY_OK(in.space());
      TRY(header.lineage, read_lineage(in));
    } else if (in.skip_word("DELETED")) {
      TRY_OK(in.space());
      TRY(header.deleted_s, read_time(in, 0));
    } else if (in.skip_word("ATTRIBUTES")) {
      TRY_OK(in.space());
      TRY(header.attributes, read_attributes(in));
    } else {
      return in.wrong("a part of a header");
    }
  }
  TRY_OK(in.close());
  if (!header.uidvalidity) return in.wrong("a header with a uidvalidity before here");
  context.last_header = header;
  return header;
}

Result<std::optional<Digest>> read_mends(Tokenizer& in) {
  if (!in.skip_word(" MENDS")) return std::nullopt;
  TRY_OK(in.space());
  return read_digest(in);
}

// The update up to its items.
Result<MailboxUpdate> read_head(Tokenizer& in, CodecContext& context) {
  MailboxUpdate update;
  TRY(update.id, read_id(in, context.origin));
  TRY_OK(in.space());
  TRY(const Change change, read_change(in));
  update.from = change.from;
  update.to = change.to;
  TRY_OK(in.space());
  TRY(update.last_uid, read_uid(in));
  TRY_OK(in.space());
  TRY(update.recent_uid, read_uid(in));
  TRY_OK(in.space());
  TRY(update.purged_modseq, read_modseq(in));
  TRY(update.mends, read_mends(in));
  while (in.skip_word(" AFTER")) {
    if (update.needs.size() >= kNeedsMax) return in.wrong("fewer mailboxes that it comes after");
    TRY_OK(in.space());
    NeededMailbox& needed = update.needs.emplace_back();
    TRY(needed.id, read_id(in, context.origin));
    TRY_OK(in.space());
    TRY(needed.last_uid, read_uid(in));
  }
  if (!in.skip_word(" HEADER")) return update;
  TRY_OK(in.space());
  TRY(update.header, read_header(in, context));
  return update;
}

struct ItemDecoder {
  Tokenizer& in;
  CodecContext& context;
  DecodedUpdate& decoded;
  struct Stamp {
    ModSeq modseq;
    ModSeq created;
  };
  Result<Stamp> stamp();
  Result<int64_t> savedate();
  Result<ModSeq> set_modseq();
  Result<ChangeItem> store();
  Result<ChangeItem> expunge();
  Result<ChangeItem> append();
  Result<ChangeItem> copy();
  Result<ChangeItem> drop();
  // Behind the item's first word and its space.
  using Reader = Result<ChangeItem> (ItemDecoder::*)();
  Result<ChangeItem> after_word(Reader reader);
  Result<ChangeItem> item();
};

Result<ItemDecoder::Stamp> ItemDecoder::stamp() {
  Stamp stamp{.modseq = decoded.update.to, .created = decoded.update.to};
  if (!in.skip('@')) return stamp;
  TRY(stamp.modseq, read_modseq(in));
  stamp.created = stamp.modseq;
  if (in.skip('/')) {
    TRY(stamp.created, read_modseq(in));
  }
  return stamp;
}

Result<int64_t> ItemDecoder::savedate() {
  TRY_OK(in.space());
  TRY(context.savedate_s, read_time(in, context.savedate_s));
  return context.savedate_s;
}

Result<ModSeq> ItemDecoder::set_modseq() {
  if (!in.skip('@')) return decoded.update.to;
  return read_modseq(in);
}

Result<ChangeItem> ItemDecoder::store() {
  StoreItem item;
  TRY(item.uids, read_uid_set(in));
  TRY(item.modseq, set_modseq());
  TRY_OK(in.space());
  if (in.skip('+'))
    item.op = FlagOp::kAdd;
  else if (in.skip('-'))
    item.op = FlagOp::kRemove;
  TRY(item.flags, read_flags(in));
  return item;
}

Result<ChangeItem> ItemDecoder::expunge() {
  ExpungeItem item;
  TRY(item.uids, read_uid_set(in));
  TRY(item.modseq, set_modseq());
  return item;
}

Result<ChangeItem> ItemDecoder::append() {
  AppendItem item;
  TRY(item.uid, read_uid(in));
  TRY(const Stamp times, stamp());
  item.modseq = times.modseq;
  item.created_modseq = times.created;
  TRY(item.savedate_s, savedate());
  TRY_OK(in.space());
  TRY(item.internaldate_s, read_time(in, item.savedate_s));
  TRY_OK(in.space());
  TRY(item.flags, read_flags(in));
  TRY_OK(in.space());
  // A guid is an atom too, of 43 characters.
  if (in.skip_word("EXPUNGED")) {
    item.expunged = true;
    TRY_OK(in.space());
  }
  TRY_OK(read_pop3_facts(in, item));
  TRY(item.guid, read_guid(in));
  TRY_OK(in.space());
  if (in.peek() != '~') {
    TRY(item.size, in.number64());
    return item;
  }
  TRY(const wire::LiteralArgument literal, in.literal());
  item.size = literal.size;
  decoded.bodies.push_back({.guid = item.guid, .literal = literal.index});
  return item;
}

Result<ChangeItem> ItemDecoder::copy() {
  AppendFromItem item;
  TRY(item.uids, read_uid_set(in));
  TRY(const Stamp times, stamp());
  item.modseq = times.modseq;
  item.created_modseq = times.created;
  TRY(item.savedate_s, savedate());
  TRY_OK(in.space());
  if (in.skip('=')) {
    item.source = decoded.update.id;
  } else {
    TRY(item.source, read_id(in, context.origin));
  }
  TRY_OK(in.space());
  TRY(item.source_uids, read_uid_set(in));
  if (item.source_uids.size() != item.uids.size()) return in.wrong("as many UIDs before here");
  item.expunged = in.skip_word(" EXPUNGED");
  if (!in.skip_word(" FLAGS")) return item;
  TRY_OK(in.space());
  TRY(item.flags, read_flags(in));
  return item;
}

Result<ChangeItem> ItemDecoder::drop() {
  DropItem item;
  if (!decoded.update.mends) return in.wrong("MENDS, as it drops, before here");
  TRY(item.uids, read_uid_set(in));
  return item;
}

Result<ChangeItem> ItemDecoder::after_word(Reader reader) {
  TRY_OK(in.space());
  return (this->*reader)();
}

Result<ChangeItem> ItemDecoder::item() {
  TRY_OK(in.space());
  if (in.skip_word("STORE")) return after_word(&ItemDecoder::store);
  if (in.skip_word("EXPUNGE")) return after_word(&ItemDecoder::expunge);
  if (in.skip_word("APPEND")) return after_word(&ItemDecoder::append);
  if (in.skip_word("COPY")) return after_word(&ItemDecoder::copy);
  if (in.skip_word("DROP")) return after_word(&ItemDecoder::drop);
  return in.wrong("an item");
}

}  // namespace

Result<DecodedUpdate> decode_update(Tokenizer& in, CodecContext& context) {
  DecodedUpdate decoded;
  TRY(decoded.update, read_head(in, context));
  ItemDecoder decoder{in, context, decoded};
  while (!in.at_end()) {
    if (decoded.update.items.size() == kItemsMax) return fail(Code::kLimit, "too many items");
    TRY(ChangeItem item, decoder.item());
    decoded.update.items.push_back(std::move(item));
  }
  if (!decoded.update.from && !decoded.update.header)
    return in.wrong("a header, as the mailbox is new, before here");
  return decoded;
}

Result<UserUpdate> decode_userdata(Tokenizer& in) {
  UserUpdate update;
  TRY(const std::string_view userid, in.astring());
  TRY_OK(check_userid(userid));
  update.userid = userid;
  TRY_OK(in.space());
  TRY(const Change change, read_change(in));
  update.from = change.from;
  update.to = change.to;
  TRY_OK(in.space());
  TRY(update.created_s, read_time(in, 0));
  TRY_OK(in.space());
  TRY(update.deleted_s, read_time(in, 0));
  TRY(update.mends, read_mends(in));
  if (in.skip_word(" LINEAGE")) {
    TRY_OK(in.space());
    TRY(update.lineage, read_lineage(in));
  }
  while (!in.at_end()) {
    if (update.items.size() + update.drops.size() == kItemsMax)
      return fail(Code::kLimit, "too many items");
    TRY_OK(in.space());
    if (in.skip_word("DROP")) {
      TRY_OK(in.space());
      TRY(const std::string_view key, in.astring());
      update.drops.emplace_back(key);
      continue;
    }
    TRY(UserItem item, read_item(in));
    update.items.push_back(std::move(item));
  }
  if (!update.mends && !update.drops.empty()) return in.wrong("MENDS, as it drops, before here");
  return update;
}

Result<std::vector<RenameItem>> decode_rename(Tokenizer& in, CodecContext& context) {
  std::vector<RenameItem> renames;
  do {
    if (renames.size() == kItemsMax) return fail(Code::kLimit, "too many items");
    RenameItem item;
    TRY_OK(in.open());
    TRY(item.id, read_id(in, context.origin));
    TRY_OK(in.space());
    TRY(const Change change, read_change(in));
    item.from = change.from;
    item.to = change.to;
    TRY_OK(in.space());
    TRY(item.old_name, read_name(in));
    TRY_OK(in.space());
    TRY(item.new_name, read_name(in));
    TRY_OK(in.space());
    TRY(const std::string_view partition, in.astring());
    item.partition = partition;
    TRY_OK(in.close());
    renames.push_back(std::move(item));
  } while (in.skip(' '));
  TRY_OK(in.end());
  return renames;
}

Result<UpdateTarget> decode_target(Tokenizer& in, CodecContext context) {
  TRY(const MailboxUpdate update, read_head(in, context));
  UpdateTarget target{.id = update.id, .partition = {}};
  if (update.header) target.partition = update.header->partition;
  return target;
}

}  // namespace gemel::sync
