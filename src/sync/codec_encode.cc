#include "sync/codec.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

void put_change(std::string& out, ModSeq from, ModSeq to) {
  put_number(out, from.value);
  out += '+';
  put_number(out, to.value - from.value);
}

void put_id_in(std::string& out, const UniqueId& id, CodecContext& context) {
  put_id(out, id, context.origin);
  context.origin = id.origin;
}

void put_difference(std::string& out, std::string_view word, int64_t difference) {
  if (difference == 0) return;
  out += word;
  put_signed(out, difference);
}

void put_mends(std::string& out, const std::optional<Digest>& mends) {
  if (!mends) return;
  out += " MENDS ";
  put_digest(out, *mends);
}

void put_header(std::string& out, const MailboxHeader& header, CodecContext& context) {
  const MailboxHeader& last = context.last_header;
  out += " HEADER (";
  put_text(out, header.name.owner == last.name.owner ? kHierarchySeparator + header.name.path
                                                     : header.name.text());
  if (header.partition != last.partition) {
    out += " PARTITION ";
    put_text(out, header.partition);
  }
  put_difference(out, " UIDVALIDITY ",
                 int64_t{header.uidvalidity.value} - int64_t{last.uidvalidity.value});
  put_difference(out, " CREATED ", header.created_s - last.created_s);
  if (header.lineage != last.lineage) {
    out += " LINEAGE ";
    put_lineage(out, header.lineage);
  }
  if (header.deleted_s != 0) {
    out += " DELETED ";
    put_signed(out, header.deleted_s);
  }
  if (!header.attributes.empty()) {
    out += " ATTRIBUTES (";
    for (const auto& [key, value] : header.attributes) {
      if (!out.ends_with('(')) out += ' ';
      put_text(out, key);
      out += ' ';
      put_text(out, value);
    }
    out += ')';
  }
  out += ')';
  context.last_header = header;
}

struct ItemEncoder {
  const MailboxUpdate& update;
  const IsInline& is_inline;
  CodecContext& context;
  std::vector<Piece>& pieces;
  std::string& out();
  void put_set(const UidSet& uids, ModSeq modseq);
  void put_stamp(ModSeq modseq, ModSeq created);
  void put_savedate(int64_t savedate_s);
  void operator()(const StoreItem& item);
  void operator()(const ExpungeItem& item);
  void operator()(const AppendItem& item);
  void operator()(const AppendFromItem& item);
  void operator()(const DropItem& item);
};

std::string& ItemEncoder::out() { return pieces.back().text; }

void ItemEncoder::put_set(const UidSet& uids, ModSeq modseq) {
  out() += uids.text();
  if (modseq != update.to) {
    out() += '@';
    put_number(out(), modseq.value);
  }
}

void ItemEncoder::put_stamp(ModSeq modseq, ModSeq created) {
  if (modseq == update.to && created == modseq) return;
  out() += '@';
  put_number(out(), modseq.value);
  if (created == modseq) return;
  out() += '/';
  put_number(out(), created.value);
}

void ItemEncoder::put_savedate(int64_t savedate_s) {
  out() += ' ';
  put_signed(out(), savedate_s - context.savedate_s);
  context.savedate_s = savedate_s;
}

void ItemEncoder::operator()(const StoreItem& item) {
  out() += " STORE ";
  put_set(item.uids, item.modseq);
  out() += ' ';
  if (item.op == FlagOp::kAdd) out() += '+';
  if (item.op == FlagOp::kRemove) out() += '-';
  put_flags(out(), item.flags);
}

void ItemEncoder::operator()(const ExpungeItem& item) {
  out() += " EXPUNGE ";
  put_set(item.uids, item.modseq);
}

void ItemEncoder::operator()(const AppendItem& item) {
  out() += " APPEND ";
  put_number(out(), item.uid.value);
  put_stamp(item.modseq, item.created_modseq);
  put_savedate(item.savedate_s);
  out() += ' ';
  put_signed(out(), item.internaldate_s - item.savedate_s);
  out() += ' ';
  put_flags(out(), item.flags);
  if (item.expunged) out() += " EXPUNGED";
  put_pop3_facts(out(), item.crlf_growth, item.uidl);
  out() += ' ';
  put_guid(out(), item.guid);
  out() += ' ';
  if (!is_inline(item)) return put_number(out(), item.size);
  // Bodies may hold NUL, and the tilde tells them from strings before the command is whole.
  out() += '~';
  wire::put_literal_start(out(), item.size, wire::LiteralStyle::kNonSynchronising);
  pieces.back().body = item.guid;
  pieces.emplace_back();
}

void ItemEncoder::operator()(const AppendFromItem& item) {
  out() += " COPY ";
  out() += item.uids.text();
  put_stamp(item.modseq, item.created_modseq);
  put_savedate(item.savedate_s);
  out() += ' ';
  if (item.source == update.id)
    out() += '=';
  else
    put_id_in(out(), item.source, context);
  out() += ' ';
  out() += item.source_uids.text();
  if (item.expunged) out() += " EXPUNGED";
  if (!item.flags) return;
  out() += " FLAGS ";
  put_flags(out(), *item.flags);
}

void ItemEncoder::operator()(const DropItem& item) { (out() += " DROP ") += item.uids.text(); }

}  // namespace

std::vector<Piece> encode(const MailboxUpdate& update, const IsInline& is_inline,
                          CodecContext& context) {
  std::vector<Piece> pieces(1);
  std::string& out = pieces.back().text;
  out += "UPDATE ";
  put_id_in(out, update.id, context);
  out += ' ';
  put_change(out, update.from, update.to);
  out += ' ';
  put_number(out, update.last_uid.value);
  out += ' ';
  put_number(out, update.recent_uid.value);
  out += ' ';
  put_number(out, update.purged_modseq.value);
  put_mends(out, update.mends);
  for (const NeededMailbox& needed : update.needs) {
    out += " AFTER ";
    put_id_in(out, needed.id, context);
    out += ' ';
    put_number(out, needed.last_uid.value);
  }
  if (update.header) put_header(out, *update.header, context);
  ItemEncoder encoder{update, is_inline, context, pieces};
  for (const ChangeItem& item : update.items) std::visit(encoder, item);
  return pieces;
}

std::string encode(const UserUpdate& update) {
  std::string out = "USERDATA ";
  put_text(out, update.userid);
  out += ' ';
  put_change(out, update.from, update.to);
  out += ' ';
  put_signed(out, update.created_s);
  out += ' ';
  put_signed(out, update.deleted_s);
  put_mends(out, update.mends);
  if (update.lineage) {
    out += " LINEAGE ";
    put_lineage(out, *update.lineage);
  }
  for (const UserItem& item : update.items) {
    out += ' ';
    put_item(out, item);
  }
  for (const std::string& key : update.drops) {
    out += " DROP ";
    put_text(out, key);
  }
  return out;
}

std::string encode(const std::vector<RenameItem>& renames, CodecContext& context) {
  std::string out = "RENAME";
  for (const RenameItem& item : renames) {
    out += " (";
    put_id_in(out, item.id, context);
    out += ' ';
    put_change(out, item.from, item.to);
    out += ' ';
    put_name(out, item.old_name);
    out += ' ';
    put_name(out, item.new_name);
    out += ' ';
    put_text(out, item.partition);
    out += ')';
  }
  return out;
}

}  // namespace gemel::sync
