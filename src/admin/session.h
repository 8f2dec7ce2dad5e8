// The administrator's protocol: JSON lines on a unix socket, whose file permissions are its only
// login.
//
// A request is one line, an object with "command". The answer is any number of rows, a line each,
// and a last line with "ok": true, or false with "code" and "error". An import request is followed
// by its messages: a line {"mailbox", "flags", "internaldate", "bytes": n} and n bytes each, then
// {"end": true}. Requests are answered in turn. doc/operations.md lists commands and fields.
//
// Threads  as wire::Session.
#pragma once

#include <memory>

#include "admin/services.h"
#include "wire/session.h"

namespace gemel::admin {

/// One request line; a longer one ends the connection.
inline constexpr size_t kRequestBytesMax = 64 << 10;

/// `services` must outlive the session.
std::unique_ptr<wire::Session> make_session(const Services& services, wire::SessionEnv env);

}  // namespace gemel::admin
