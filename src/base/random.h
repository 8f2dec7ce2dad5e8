// Randomness as a parameter, so that a simulated world can repeat itself.
#pragma once

#include <cstdint>
#include <string>

namespace gemel {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t u64() = 0;
  /// `count` random bytes.
  std::string bytes(size_t count);
};

/// The operating system's generator by OpenSSL; fit for secrets. Any thread.
Random& system_random();

/// Repeats itself for the same seed; for tests and simulation only. One thread.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t u64() override;

 private:
  uint64_t state_;
};

}  // namespace gemel
