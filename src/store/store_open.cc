// Opening a store, staging and pins, watches.
#include <fmt/format.h>

#include "base/log.h"
#include "store/impl.h"

namespace gemel {
namespace {

uint64_t new_origin(const MailStore::Options& options) {
  uint64_t origin = 0;
  while (origin == 0) origin = options.random->u64();
  return origin;
}

Result<MetaRow> make_meta(const MailStore::Options& options, Engine& index) {
  MetaRow meta;
  meta.origin = new_origin(options);
  if (options.role == Role::kPrimary)
    meta.term = {1, meta.origin};
  else
    meta.role = StoredRole::kReplica;  // without a term, so that it follows any
  meta.heard = meta.term;
  EngineBatch batch;
  batch.push_back({Table::kIndex, std::string(key::kMeta), meta.encode()});
  TRY_OK(index.write(batch, Engine::Durability::kSynced));
  return meta;
}

/// What the source of the copy knew of its own channels is not so of this store's.
Result<void> forget_channels(Engine& index) {
  constexpr size_t kErasedAtOnce = 10'000;
  while (true) {
    EngineBatch batch;
    const auto rows = index.scan(Table::kIndex, "c", "d");
    for (; rows->valid() && batch.size() < kErasedAtOnce; rows->next())
      batch.push_back({Table::kIndex, std::string(rows->key()), std::nullopt});
    TRY_OK(rows->status());
    if (batch.empty()) return {};
    TRY_OK(index.write(batch, Engine::Durability::kLazy));
  }
}

/// A copy that a checkpoint made begins a life of its own, as a replica.
Result<MetaRow> begin_seed(const MailStore::Options& options, MetaRow meta, Engine& index) {
  TRY_OK(forget_channels(index));
  meta.origin = new_origin(options);
  meta.last_mailbox = 0;
  meta.role = StoredRole::kReplica;
  EngineBatch batch;
  batch.push_back({Table::kIndex, std::string(key::kMeta), meta.encode()});
  TRY_OK(index.write(batch, Engine::Durability::kSynced));
  return meta;
}

/// Before anything is written that an older program would read wrongly.
Result<MetaRow> upgrade(MetaRow meta, Engine& index) {
  EngineBatch batch;
  batch.push_back({Table::kIndex, std::string(key::kMeta), meta.encode()});
  TRY_OK(index.write(batch, Engine::Durability::kSynced));
  log::info("store upgraded format={} was={}", kFormatVersion, meta.version);
  meta.version = kFormatVersion;
  return meta;
}

/// The store's own row; made for a store that is empty.
Result<MetaRow> open_meta(const MailStore::Options& options, const std::shared_ptr<Engine>& index) {
  TRY(const auto bytes, index->get(Table::kIndex, key::kMeta));
  if (bytes) {
    TRY(MetaRow meta, MetaRow::decode(*bytes));
    if (meta.version != kFormatVersion && !options.read_only) {
      TRY(meta, upgrade(std::move(meta), *index));
    }
    if (meta.role != StoredRole::kSeed || options.read_only) return meta;
    return begin_seed(options, std::move(meta), *index);
  }
  const SnapshotReader rows(index);
  TRY(const bool any, rows.any_with_prefix("m"));
  if (any) return fail(Code::kCorrupt, "the store has lost its own row: " + options.path);
  if (options.read_only) return fail(Code::kNotFound, "no store at " + options.path);
  return make_meta(options, *index);
}

}  // namespace

MailStore::MailStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MailStore::~MailStore() = default;

Result<std::unique_ptr<MailStore>> MailStore::open(Options options) {
  TRY(Partitions partitions, Partitions::open(options));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(partitions));
  TRY(const MetaRow meta, open_meta(impl->options, impl->partitions.index().engine));
  if (!impl->options.read_only) TRY_OK(sweep_bodies(impl->partitions));
  auto state = std::make_unique<CommitState>(impl->partitions, impl->random, *impl->options.clock,
                                             impl->recent);
  state->meta = meta;
  state->user_mailboxes_max = impl->options.user_mailboxes_max;
  impl->origin = meta.origin;
  impl->committer = std::make_unique<Committer>(std::move(state), *impl->shared_pins, impl->watches,
                                                impl->options);
  if (!impl->options.read_only && !impl->options.inline_commits)
    impl->lost_notes->on_note([its = impl.get()] { its->mark_noted(); });
  return std::unique_ptr<MailStore>(new MailStore(std::move(impl)));
}

uint64_t MailStore::origin() const { return impl_->origin; }

Result<BodyWriter> MailStore::stage(std::string_view partition) {
  if (impl_->options.read_only) return fail(Code::kReadOnly, "the store is open to read only");
  TRY(const uint32_t number, impl_->partitions.find(partition));
  return BodyWriter(std::make_unique<BodyWriter::State>(impl_->partitions.at(number), number,
                                                        impl_->options.message_bytes_max,
                                                        impl_->random.bytes(kStageIdBytes)));
}

Result<MailStore::Pinned> MailStore::reserve(std::string_view partition,
                                             std::span<const Guid> guids) {
  TRY(const uint32_t number, impl_->partitions.find(partition));
  // Pinned before it is asked, so that none can go between.
  std::vector<BodyPlace> places;
  for (const Guid& guid : guids) places.push_back({number, guid});
  for (const BodyPlace& place : places) impl_->shared_pins->add(place);
  std::shared_ptr<void> pin(nullptr,
                            [pins = impl_->shared_pins, places](void*) { pins->release(places); });
  TRY(auto held, impl_->commit<std::vector<Guid>>(
                     Purpose::kRead, [places](Commit& commit) -> Result<std::vector<Guid>> {
                       std::vector<Guid> out;
                       for (const BodyPlace& place : places) {
                         TRY(const auto there, commit.bodies().find(place));
                         if (there) out.push_back(place.guid);
                       }
                       return out;
                     }));
  return Pinned{std::move(held), std::move(pin)};
}

Watch MailStore::watch(const UniqueId& mailbox, std::function<void(const Published&)> on_change) {
  return Watch(impl_->watches.add(mailbox, std::move(on_change)));
}
Watch MailStore::watch_all(std::function<void(const Published&)> on_change) {
  return Watch(impl_->watches.add(std::nullopt, std::move(on_change)));
}

}  // namespace gemel
