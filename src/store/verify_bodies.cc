// verify: the links of each body, its bytes, and bodies and chunks that nothing names.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "store/body_read.h"
#include "store/verifier.h"

namespace gemel {
namespace {

constexpr size_t kKeysAtOnce = 1000;
constexpr uint64_t kBytesPerRow = 4096;  // as much time as a row takes, more or less

}  // namespace

/// By keys alone: what can't be read is found by its links.
Result<bool> Verifier::body_keys() {
  if (!bodies_too() || partition_ == partitions_->count()) return false;
  const Partition& its = partitions_->at(partition_);
  const auto keys = its.engine->keys(Table::kBody, next_, kKeysAtOnce);
  if (!keys) {
    problem("format", "partition " + its.name, "its keys can't be read: " + keys.error().text);
  } else {
    for (const std::string& row_key : *keys) TRY_OK(body_key(partition_, row_key));
    spend(keys->size());
    if (!keys->empty()) next_ = keys->back() + '\0';
  }
  if (keys && keys->size() == kKeysAtOnce) return true;
  next_.clear();
  if (++partition_ < partitions_->count()) return true;
  // Behind the keys of all, for an archived body's chunks are in another partition.
  for (uint32_t number = 0; number < partitions_->count(); ++number) {
    TRY_OK(unlinked_bodies(number));
    TRY_OK(archived_bodies(number));
    TRY_OK(summaries(number));
  }
  return true;
}

/// Bodies that may have no link yet: the links would not lead to their chunks. One that has a link
/// by now, and so no such row any more, is found by it.
Result<void> Verifier::unlinked_bodies(uint32_t number) {
  const Partition& its = partitions_->at(number);
  return SnapshotReader(its.engine)
      .scan_prefix(std::string(key::kUnlinked),
                   [&](std::string_view row_key, std::string_view) -> Result<bool> {
                     const Guid guid = Guid::from_view(row_key.substr(key::kUnlinked.size()));
                     const auto row = read_body_row(*its.engine, nullptr, guid);
                     if (row && *row) chunks_named({number, guid}, **row);
                     return true;
                   });
}

/// Rows in the place of bodies that nothing holds.
Result<void> Verifier::archived_bodies(uint32_t number) {
  const Engine& engine = *partitions_->at(number).engine;
  return SnapshotReader(partitions_->at(number).engine)
      .scan_prefix(std::string(key::kArchived),
                   [&](std::string_view row_key, std::string_view) -> Result<bool> {
                     const BodyPlace place{number,
                                           Guid::from_view(row_key.substr(key::kArchived.size()))};
                     TRY(const bool linked, is_linked(place));
                     TRY(const auto unlinked, engine.get(Table::kIndex, key::unlinked(place.guid)));
                     TRY(const auto still, engine.get(Table::kIndex, key::archived(place.guid)));
                     if (!linked && !unlinked && still)
                       problem("orphan", "body " + place.guid.text(),
                               "no record holds it: it takes space for nothing in an archive");
                     return true;
                   });
}

/// Beside bodies that nothing holds.
Result<void> Verifier::summaries(uint32_t number) {
  const Engine& engine = *partitions_->at(number).engine;
  return SnapshotReader(partitions_->at(number).engine)
      .scan_prefix(std::string(key::kSummaries),
                   [&](std::string_view row_key, std::string_view) -> Result<bool> {
                     const BodyPlace place{number,
                                           Guid::from_view(row_key.substr(key::kSummaries.size()))};
                     TRY(const bool linked, is_linked(place));
                     TRY(const auto unlinked, engine.get(Table::kIndex, key::unlinked(place.guid)));
                     if (linked || unlinked) return true;
                     // It may have been freed, or got a link, since its key was read.
                     TRY(const bool linked_now, is_linked(place));
                     TRY(const auto still, engine.get(Table::kIndex, row_key));
                     if (!linked_now && still)
                       problem("orphan", "summary " + place.guid.text(), "it is of no body");
                     return true;
                   });
}

/// Against the bytes of the body, which hash to its guid.
Result<void> Verifier::summary(const BodyPlace& place, std::string_view body) {
  const Engine& engine = *partitions_->at(place.partition).engine;
  TRY(const auto bytes, engine.get(Table::kIndex, key::summary(place.guid)));
  if (bytes && Summary::decode(*bytes) && summarize(body) != *bytes)
    problem("summary", "body " + place.guid.text(), "what is kept of it is not what it says");
  return {};
}

void Verifier::chunks_named(const BodyPlace& place, const BodyRow& row) {
  if (row.chunked.stage_id.empty()) return;
  const auto number = chunk_partition(*partitions_, place, row);
  if (!number) return;
  Stage stage{};
  std::ranges::copy(row.chunked.stage_id, stage.begin());
  unnamed_stages_[*number].erase(stage);
}

Result<void> Verifier::body_key(uint32_t partition, const std::string& row_key) {
  const Engine& engine = *partitions_->at(partition).engine;
  if (row_key.size() != sizeof(Guid::bytes)) {
    Stage stage{};
    std::copy_n(row_key.begin(), std::min(row_key.size(), stage.size()), stage.begin());
    if (unnamed_stages_[partition].contains(stage)) return {};
    TRY(const auto arriving, engine.get(Table::kIndex, key::stage({stage.data(), stage.size()})));
    if (!arriving) unnamed_stages_[partition].insert(stage);
    return {};
  }
  const BodyPlace place{partition, Guid::from_view(row_key)};
  TRY(const bool linked, is_linked(place));
  if (linked) return {};
  TRY(const auto unlinked, engine.get(Table::kIndex, key::unlinked(place.guid)));
  if (unlinked) {  // pinned, or to be freed soon
    ++report_.bodies;
    return {};
  }
  // It may have been freed, or got a link, since its key was read.
  TRY(const bool linked_now, is_linked(place));
  const auto still = engine.get(Table::kBody, row_key);
  if (!linked_now && (!still || *still))
    problem("orphan", "body " + place.guid.text(),
            "no record holds it: it takes space for nothing");
  return {};
}

Result<bool> Verifier::is_linked(const BodyPlace& place) const {
  const SnapshotReader newest(partitions_->index().engine);
  return newest.any_with_prefix(key::links(place.guid, partitions_->at(place.partition).name));
}

Result<bool> Verifier::links() {
  renew_snapshot();
  return some_rows("l", next_, [&](std::string_view row_key, std::string_view) -> Result<bool> {
    const auto its = key::decode_link(row_key);
    if (!its) {
      problem("format", to_hex(row_key), its.error().text);
      return true;
    }
    if (its->prefix != body_checked_) {
      body_checked_ = its->prefix;
      body_bytes_.reset();
      const auto number = partitions_->find(its->partition);
      if (number && bodies_too()) TRY_OK(body({*number, its->guid}));
    }
    TRY_OK(link(*its));
    return true;
  });
}

Result<void> Verifier::link(const key::Link& link) {
  const auto& [id, uid] = link.holder;
  const std::string where = fmt::format("{} uid {}", id.text(), uid.value);
  TRY(const auto bytes, index_->get(key::facts(id, uid)));
  const auto facts = bytes ? decode_facts(*bytes) : RecordFacts();
  if (!facts || facts->guid != link.guid) {
    problem("links", where, "a body names it as its record, but it is not");
    return {};
  }
  if (body_bytes_ && *body_bytes_ != facts->size) problem("I9", where, "its body has another size");
  TRY(const auto mailbox, unless_corrupt(read_mailbox(*index_, id)));
  if (!mailbox || mailbox->info.partition != link.partition)
    problem("links", where, "its body is linked in another partition than its mailbox's");
  return {};
}

/// A linked body, in the newest state. Sets body_bytes_.
Result<void> Verifier::body(const BodyPlace& place) {
  body_bytes_.reset();
  const Engine& engine = *partitions_->at(place.partition).engine;
  const auto row = read_body_row(engine, nullptr, place.guid);
  if (!row || !*row) {
    TRY(const bool linked, is_linked(place));
    if (linked)
      lost(place, row ? "is missing, but records hold it" : "can't be read: " + row.error().text);
    return {};
  }
  ++report_.bodies;
  body_bytes_ = size_of(**row);
  spend(*body_bytes_ / kBytesPerRow);
  chunks_named(place, **row);
  if (is_intact(*partitions_, place, **row))
    return (*row)->chunked.chunks == 0 ? summary(place, (*row)->inline_bytes) : Result<void>();
  TRY(const bool linked, is_linked(place));
  if (linked) lost(place, "does not hash to its guid, or a part of it can't be read");
  return {};
}

void Verifier::lost(const BodyPlace& place, std::string what) {
  problem("I9", "body " + place.guid.text(), std::move(what));
  notes_->add(place);
}

Result<bool> Verifier::stages() {
  for (const auto& [partition, stages] : unnamed_stages_) {
    const Engine& engine = *partitions_->at(partition).engine;
    for (const Stage& stage : stages) {
      const std::string_view id(stage.data(), stage.size());
      TRY(const auto arriving, engine.get(Table::kIndex, key::stage(id)));
      const auto still = engine.get(Table::kBody, key::chunk(id, 0));
      if (!arriving && (!still || *still))
        problem("orphan", "stage " + to_hex(id), "no body has these chunks");
    }
  }
  return false;
}

}  // namespace gemel
