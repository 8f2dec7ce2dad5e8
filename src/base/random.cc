#include "base/random.h"

#include <openssl/rand.h>

#include <cstring>

#include "base/check.h"

namespace gemel {
namespace {

class SystemRandom final : public Random {
 public:
  uint64_t u64() override {
    uint64_t value = 0;
    CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value) == 1);
    return value;
  }
};

}  // namespace

std::string Random::bytes(size_t count) {
  std::string out(count, '\0');
  for (size_t at = 0; at < count; at += sizeof(uint64_t)) {
    const uint64_t value = u64();
    std::memcpy(out.data() + at, &value, std::min(sizeof value, count - at));
  }
  return out;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

// splitmix64 (Steele, Lea, Flood 2014).
uint64_t SeededRandom::u64() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace gemel
