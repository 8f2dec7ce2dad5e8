// A copy of the running store, from which a replica may begin.
#include <fmt/format.h>

#include "store/impl.h"

namespace gemel {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::string directory_of(const Partition& partition, uint32_t number) {
  if (number == kIndexEngine) return "/index";
  std::string out = "/partition-";
  for (const char c : partition.name)
    out += is_plain(c) ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  return out;
}

/// The index is first, and no body is freed until the last partition is copied: so all that it
/// names is there. Bodies that come meanwhile have no link in it, and go when it is opened. While
/// `hold` is held.
Result<void> copy_engines(const Partitions& partitions, const std::string& to) {
  for (uint32_t number = 0; number < partitions.count(); ++number) {
    const Partition& its = partitions.at(number);
    TRY_OK(its.engine->checkpoint(to + directory_of(its, number)));
  }
  return {};
}

/// From now on the copy is no primary, whoever opens it.
Result<void> make_seed(EngineOpener& opener, const std::string& index_path) {
  TRY(const auto index, opener.open(index_path, EngineOpener::Mode::kCreate));
  TRY(const auto bytes, index->get(Table::kIndex, key::kMeta));
  if (!bytes) return fail(Code::kCorrupt, "the copy has no row of its own: " + index_path);
  TRY(MetaRow meta, MetaRow::decode(*bytes));
  meta.role = StoredRole::kSeed;
  EngineBatch batch;
  batch.push_back({Table::kIndex, std::string(key::kMeta), meta.encode()});
  return index->write(batch, Engine::Durability::kSynced);
}

}  // namespace

Result<void> MailStore::checkpoint(const std::string& directory) const {
  if (impl_->options.read_only) return fail(Code::kReadOnly, "the store is open to read only");
  EngineOpener& opener = *impl_->options.opener;
  // It has another name until it is whole and a seed, so that nobody takes it for one before.
  const std::string part = directory + ".part";
  TRY_OK(opener.make_directory(part));
  Result<void> done = opener.make_directory(directory);
  if (!done) {
    opener.remove(part);
    return done;
  }
  {
    const std::shared_ptr<void> hold = impl_->shared_pins->hold_all();
    // Behind what is under way: no body goes to another partition from now on.
    const auto behind =
        impl_->commit<bool>(Purpose::kRead, [](Commit&) -> Result<bool> { return true; });
    done = behind ? copy_engines(impl_->partitions, part) : std::unexpected(behind.error());
  }
  if (done) done = make_seed(opener, part + "/index");
  if (done) done = opener.rename(part, directory);
  if (!done) {
    opener.remove(part);
    opener.remove(directory);
  }
  return done;
}

}  // namespace gemel
