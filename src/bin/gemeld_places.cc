#include "bin/gemeld_places.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/log.h"

namespace gemel::bin {
namespace {

// Of the store, whatever connections come: 512 tables and files of bodies, logs, messages on their
// way in, the text index. If it could open none it would take no writes any more.
constexpr size_t kStoreFiles = 1024;
// For LMTP, replication, metrics, the administrator, and the connections that the server makes.
constexpr size_t kServerPlaces = 1000;
constexpr size_t kPlacesMin = 512;

}  // namespace

Result<ConnectionPlaces> places_with(size_t files, size_t clients_max) {
  if (files < kStoreFiles + kPlacesMin)
    return fail(Code::kLimit,
                fmt::format("only {} files may be open at once, and it takes {} at least: raise "
                            "LimitNOFILE of systemd or \"ulimit -n\"",
                            files, kStoreFiles + kPlacesMin));
  const size_t all = std::min(clients_max + kServerPlaces, files - kStoreFiles);
  // Where there is not room for all, a quarter is still for servers.
  const size_t kept = std::min(kServerPlaces, all / 4);
  return ConnectionPlaces{.clients = std::min(clients_max, all - kept), .all = all};
}

Result<ConnectionPlaces> make_places(size_t clients_max) {
  const rlim_t wanted = clients_max + kServerPlaces + kStoreFiles;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail(Code::kIo, "getrlimit failed");
  if (limit.rlim_cur < wanted) {
    const rlimit raised{.rlim_cur = wanted, .rlim_max = std::max(limit.rlim_max, wanted)};
    const rlimit allowed{.rlim_cur = std::min(limit.rlim_max, wanted), .rlim_max = limit.rlim_max};
    // The first is root's alone.
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0)
      limit = raised;
    else if (::setrlimit(RLIMIT_NOFILE, &allowed) == 0)
      limit = allowed;
  }
  TRY(const ConnectionPlaces places, places_with(limit.rlim_cur, clients_max));
  if (places.clients < clients_max)
    log::warn("only {} files may be open: connections_max is {} instead of {}", limit.rlim_cur,
              places.clients, clients_max);
  return places;
}

}  // namespace gemel::bin
