#include "sieve/tracking.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace gemel::sieve {

std::string tracking_key(char kind, std::initializer_list<std::string_view> parts) {
  std::string counted;
  for (const std::string_view part : parts) put_string(counted, part);
  const Sha256 hash = sha256(counted);
  return kind + to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace gemel::sieve
