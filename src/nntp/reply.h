// Answers of one line, and the one place where a Code becomes one.
//
// Source   RFC 3977 §3.2 (response codes).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::nntp {

/// One line with CRLF. `text` goes out in one line, whatever it holds.
std::string line_of(int code, std::string_view text);

/// What the client is told where the command has no code of its own for what happened. The text
/// never names what is inside this server.
std::string line_of(const Error& error);
/// The same with the command's own code.
std::string line_of(int code, const Error& error);

/// For an article that was asked for by its message id and not found, or not for our fault.
std::string no_such_article(const Error& error);

/// True where the same article may be taken another time: the sender should keep it.
bool is_passing(Code code);

}  // namespace gemel::nntp
