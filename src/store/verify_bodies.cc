// verify: each partition's bodies against the links that name them, both in the order of guids.
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "store/body_read.h"
#include "store/verifier.h"

namespace gemel {
namespace {

constexpr size_t kGuidBytes = sizeof(Sha256);

std::string_view guid_of_link(std::string_view row_key) { return row_key.substr(1, kGuidBytes); }
std::string_view partition_of_link(std::string_view row_key) {
  const std::string_view rest = row_key.substr(1 + kGuidBytes);
  return rest.substr(0, rest.find('\0'));
}

/// Sorts after every guid.
const std::string kNoMore(kGuidBytes + 1, '\xff');

}  // namespace

Result<void> Verifier::bodies() {
  for (uint32_t number = 0; number < partitions_->count(); ++number) TRY_OK(partition(number));
  return {};
}

/// Walks links and body rows side by side. Without bodies_too(), only the links.
Result<void> Verifier::partition(uint32_t number) {
  const Partition& its = partitions_->at(number);
  named_stages_.clear();
  existing_stages_.clear();
  const auto links =
      partitions_->index().engine->scan(Table::kIndex, "l", "m", snapshots_[kIndexEngine].get());
  const auto bodies =
      its.engine->scan(Table::kBody, "", bodies_too() ? kNoMore : "", snapshots_[number].get());
  while (true) {
    while (links->valid() && partition_of_link(links->key()) != its.name) links->next();
    while (bodies->valid() && bodies->key().size() != kGuidBytes) {
      existing_stages_.emplace(bodies->key().substr(0, kStageIdBytes));
      bodies->next();
    }
    if (!links->valid() && !bodies->valid()) break;
    const std::string body_guid(bodies->valid() ? bodies->key() : kNoMore);
    const std::string link_guid(links->valid() ? guid_of_link(links->key()) : kNoMore);
    std::optional<BodyRow> row;
    if (body_guid <= link_guid) {
      const BodyPlace place{number, Guid::from_view(body_guid)};
      if (body_guid < link_guid) TRY_OK(body_without_link(place));
      if (auto decoded = BodyRow::decode(std::string(bodies->value())))
        row = std::move(*decoded);
      else
        problem("format", "body " + place.guid.text(), decoded.error().text);
    }
    if (link_guid <= body_guid)
      TRY_OK(
          links_of({number, link_guid, row ? std::optional(size_of(*row)) : std::nullopt}, *links));
    if (body_guid > link_guid) continue;
    if (row) TRY_OK(body_content({number, Guid::from_view(body_guid)}, std::move(*row)));
    bodies->next();
  }
  TRY_OK(links->status());
  TRY_OK(bodies->status());
  return bodies_too() ? stages(number) : Result<void>{};
}

Result<void> Verifier::body_without_link(const BodyPlace& place) {
  const Partition& its = partitions_->at(place.partition);
  TRY(const auto unlinked, its.engine->get(Table::kIndex, key::unlinked(place.guid)));
  if (unlinked) return {};  // pinned, or to be freed soon
  const SnapshotReader newest(partitions_->index().engine);
  TRY(const bool linked, newest.any_with_prefix(key::links(place.guid, its.name)));
  TRY(const auto still, unless_corrupt(read_body_row(*its.engine, nullptr, place.guid)));
  if (!linked && still)
    problem("orphan", "body " + place.guid.text(),
            "no record holds it: it takes space for nothing");
  return {};
}

Result<void> Verifier::links_of(const Linked& linked, EngineCursor& links) {
  const Partition& its = partitions_->at(linked.partition);
  if (bodies_too() && !linked.size) {
    TRY(const auto newest,
        unless_corrupt(read_body_row(*its.engine, nullptr, Guid::from_view(linked.guid))));
    if (!newest) problem("I9", "body " + to_hex(linked.guid), "is missing, but records hold it");
  }
  for (; links.valid() && guid_of_link(links.key()) == linked.guid; links.next())
    if (partition_of_link(links.key()) == its.name) TRY_OK(link(linked, links.key()));
  return {};
}

Result<void> Verifier::link(const Linked& linked, std::string_view row_key) {
  const std::string_view holder = row_key.substr(row_key.size() - 20);
  const UniqueId id = UniqueId::from_key(holder.substr(0, 16));
  const Uid uid(get_be32(holder.substr(16)));
  const std::string where = fmt::format("{} uid {}", id.text(), uid.value);
  TRY(const auto bytes, index_.get(key::facts(id, uid)));
  const auto facts = bytes ? decode_facts(*bytes) : RecordFacts();
  if (!facts || facts->guid.view() != linked.guid) {
    problem("links", where, "a body names it as its record, but it is not");
    return {};
  }
  if (linked.size && *linked.size != facts->size) problem("I9", where, "its body has another size");
  TRY(const auto mailbox, unless_corrupt(read_mailbox(index_, id)));
  if (!mailbox || mailbox->info.partition != partitions_->at(linked.partition).name)
    problem("links", where, "its body is linked in another partition than its mailbox's");
  return {};
}

Result<void> Verifier::body_content(const BodyPlace& place, BodyRow row) {
  ++report_.bodies;
  const std::string where = "body " + place.guid.text();
  Sha256Stream hash;
  if (row.chunked.stage_id.empty()) {
    hash.update(row.inline_bytes);
  } else {
    named_stages_.insert(row.chunked.stage_id);
    for (uint32_t number = 0; number < row.chunked.chunks; ++number) {
      const auto chunk = read_chunk(*partitions_->at(place.partition).engine,
                                    snapshots_[place.partition].get(), row.chunked, number);
      if (!chunk) {
        problem("I9", where, chunk.error().text);
        return {};
      }
      hash.update(*chunk);
    }
  }
  if (Guid{hash.finish()} != place.guid) problem("I9", where, "does not hash to its guid");
  return {};
}

Result<void> Verifier::stages(uint32_t number) {
  const Partition& its = partitions_->at(number);
  for (const std::string& stage_id : existing_stages_) {
    if (named_stages_.contains(stage_id)) continue;
    TRY(const auto staged, its.engine->get(Table::kIndex, key::stage(stage_id)));
    TRY(const auto still, its.engine->get(Table::kBody, key::chunk(stage_id, 0)));
    if (!staged && still)
      problem("orphan", "stage " + to_hex(stage_id), "no body has these chunks");
  }
  return {};
}

}  // namespace gemel
