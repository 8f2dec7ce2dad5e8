// What monitoring reads: the server's state as Prometheus takes it, over the least of HTTP that its
// scraper speaks.
//
// A connection asks once, by GET or HEAD of /metrics, and ends with the answer. There is no login:
// no name of a user and no mail is told.
//
// Threads  as wire::Session.
// Source   RFC 9112 (HTTP/1.1); the Prometheus text format, version 0.0.4.
#pragma once

#include <memory>
#include <string>

#include "admin/services.h"
#include "wire/session.h"

namespace gemel::admin {

/// A request line with its header fields; a longer one is answered with 431.
inline constexpr size_t kHttpRequestBytesMax = 8 << 10;
inline constexpr int64_t kHttpTimeoutMs = 10'000;

/// `services` must outlive the session.
std::unique_ptr<wire::Session> make_metrics_session(const Services& services);

/// The metrics as they are now. Cost: O(channels).
std::string metrics_text(const Services& services);

}  // namespace gemel::admin
