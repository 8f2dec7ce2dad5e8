#include "store/partitions.h"

#include <fmt/format.h>

#include <algorithm>

namespace gemel {
namespace {

Result<Partition> open_one(const MailStore::Options& options, std::string_view name,
                           const std::string& path) {
  using Mode = EngineOpener::Mode;
  TRY(auto engine, options.opener->open(path, options.read_only ? Mode::kReadOnly : Mode::kCreate));
  auto space = std::make_shared<DiskSpace>(engine, *options.clock, options.free_bytes_min);
  return Partition{std::string(name), std::move(engine), std::move(space)};
}

}  // namespace

Result<Partitions> Partitions::open(const MailStore::Options& options) {
  Partitions out;
  TRY(Partition index, open_one(options, kDefaultPartition, options.path));
  out.all_.push_back(std::move(index));
  for (const auto& [name, path] : options.partitions) {
    if (name.empty() || name == kDefaultPartition || name.find('\0') != std::string::npos)
      return fail(Code::kInvalid, fmt::format("\"{}\" can't be a further partition", name));
    TRY(Partition partition, open_one(options, name, path));
    out.all_.push_back(std::move(partition));
  }
  return out;
}

Result<uint32_t> Partitions::find(std::string_view name) const {
  const auto at = std::ranges::find(all_, name, &Partition::name);
  if (at == all_.end()) return fail(Code::kNotFound, fmt::format("no partition \"{}\"", name));
  return static_cast<uint32_t>(at - all_.begin());
}

EnginesByName Partitions::by_name() const {
  EnginesByName out;
  for (const Partition& partition : all_) out.emplace(partition.name, partition.engine);
  return out;
}

std::vector<std::shared_ptr<Engine>> Partitions::engines() const {
  std::vector<std::shared_ptr<Engine>> out;
  for (const Partition& partition : all_) out.push_back(partition.engine);
  return out;
}

}  // namespace gemel
