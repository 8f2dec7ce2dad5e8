// The engines of a store: the index with the bodies of "default", and one for each further
// partition.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/disk_space.h"
#include "store/mail_store.h"

namespace gemel {

inline constexpr std::string_view kDefaultPartition = "default";
inline constexpr uint32_t kIndexEngine = 0;

struct Partition {
  std::string name;
  std::shared_ptr<Engine> engine;
  std::shared_ptr<DiskSpace> space;
};

/// Never changes once the store is open. Any thread.
class Partitions {
 public:
  /// Errors: those of EngineOpener::open; kInvalid, a partition named "default" or "".
  static Result<Partitions> open(const MailStore::Options& options);

  /// The number of `name`, which is its engine's. Errors: kNotFound.
  Result<uint32_t> find(std::string_view name) const;
  const Partition& at(uint32_t number) const { return all_[number]; }
  const Partition& index() const { return all_[kIndexEngine]; }
  uint32_t count() const { return static_cast<uint32_t>(all_.size()); }
  std::vector<std::shared_ptr<Engine>> engines() const;
  EnginesByName by_name() const;

 private:
  std::vector<Partition> all_;
};

}  // namespace gemel
