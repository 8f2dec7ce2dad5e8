// How many files the process may have open, and how many connections that leaves room for.
//
// Source   getrlimit(2); doc/operations.md, "How many connections".
#pragma once

#include <cstddef>

#include "base/result.h"

namespace gemel::bin {

struct ConnectionPlaces {
  size_t clients;  // of IMAP, POP3, NNTP and ManageSieve
  size_t all;      // with those of other servers and the administrator
};

/// What `files` leave room for beside the store's files, `clients_max` at most.
/// Errors: kLimit, they are too few for a server; says how many it takes.
Result<ConnectionPlaces> places_with(size_t files, size_t clients_max);

/// Raises the process's limit as far as `clients_max` needs and the system allows.
/// Errors: as places_with.
Result<ConnectionPlaces> make_places(size_t clients_max);

}  // namespace gemel::bin
