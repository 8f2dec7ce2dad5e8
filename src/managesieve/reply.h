// The last line of an answer, and the one place where a Code becomes one.
//
// Source   RFC 5804 §1.2, §1.3 (response codes).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::managesieve {

/// `OK (CODE) "text"`.
struct Reply {
  std::string code = {};  // "WARNINGS", `TAG "x"`; empty: none
  std::string text = {};  // UTF-8; may have several lines. Empty: none
};

std::string line_of(const Reply& reply);
/// `NO (CODE) "text"`.
std::string line_of(const Error& error);
/// `BYE "text"`.
std::string bye_line(std::string_view text);

/// What a client's mistake was: it counts against the connection.
bool is_bad(const Error& error);

}  // namespace gemel::managesieve
