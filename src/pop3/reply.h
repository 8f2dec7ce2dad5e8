// POP3 replies, and the one place where a Code becomes one.
//
// Source   RFC 1939 §3 (replies), RFC 2449 §8 (response codes), RFC 3206 (AUTH, SYS), RFC 6856 §5.
#pragma once

#include <string>

#include "base/result.h"

namespace gemel::pop3 {

/// `+OK text` with CRLF.
std::string ok_line(std::string_view text);
/// `-ERR [CODE] text` with CRLF.
std::string error_line(const Error& error);

/// Is it the client that did something it can't? Too many such commands end the connection.
bool is_bad(Code code);

}  // namespace gemel::pop3
