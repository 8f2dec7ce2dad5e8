// SHA-256 for identity and secrets, XXH3 for checksums that no secret depends on.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gemel {

using Sha256 = std::array<uint8_t, 32>;

/// A running SHA-256 (OpenSSL EVP). One thread.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void update(std::string_view bytes);
  /// Call once.
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256 sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view message);
/// RFC 8018 §5.2 with HMAC-SHA-256, 32 bytes.
std::string pbkdf2_sha256(std::string_view password, std::string_view salt, uint32_t iterations);
/// Takes the same time wherever the difference is; false at once for other lengths.
bool equals_in_constant_time(std::string_view a, std::string_view b);

/// XXH3, 128 and 64 bits.
struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};
Hash128 xxh128(std::string_view bytes);
uint64_t xxh64(std::string_view bytes);

}  // namespace gemel
