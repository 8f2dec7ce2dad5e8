// How much a script may be, and how much it may do. Each has a test that meets it.
//
// Source   doc/sieve.md "Limits"; RFC 5228 §2.10.5 (the least that must be allowed: 15 levels of
//          blocks, of test lists), RFC 5229 §6 (128 variables of 4000 characters).
#pragma once

#include <cstddef>
#include <cstdint>

namespace gemel::sieve {

/// Of a script's text; what is above is an error of the upload.
struct ScriptLimits {
  size_t script_bytes_max = 1 << 20;
  size_t nesting_max = 32;        // blocks in blocks; tests in tests
  size_t nodes_max = 50'000;      // commands, tests, arguments and strings
  size_t list_items_max = 5'000;  // strings of one list
  size_t variables_max = 256;     // a script's own; RFC 5229 §6: at least 128
  size_t errors_max = 20;         // told of one script; compiling ends behind the last
};

/// Of one run, included scripts counted in; what is above ends the run with an error, unless it is
/// said to be cut.
struct RunLimits {
  /// One for each command, test and comparison, and one more for each 64 octets of text handled.
  uint64_t steps_max = 20'000'000;
  size_t actions_max = 32;    // of all kinds
  size_t redirects_max = 4;   // told by ManageSieve as MAXREDIRECTS (RFC 5804 §1.7)
  size_t notifies_max = 4;    // RFC 5435 §8: a script must not flood
  size_t vacations_max = 1;   // RFC 5230 §4.7: more than one is an error
  size_t received_max = 100;  // Received fields; a message with more loops and is not redirected
  size_t globals_max = 256;   // global variables (RFC 6609 §3.4)
  size_t variable_bytes_max = 16'384;   // a longer value is cut (RFC 5229 §3)
  size_t string_bytes_max = 1 << 20;    // one string with its variables put in
  size_t include_depth_max = 10;        // RFC 6609 §3.1: at least 2
  size_t includes_max = 100;            // `include` commands that ran
  size_t edits_max = 100;               // addheader, deleteheader, replace and enclose that ran
  size_t added_bytes_max = 1 << 20;     // by editheader, replace and enclose, to the message
  size_t edited_bytes_max = 256 << 20;  // of all changed copies of the message together
  size_t flags_max = 64;                // of one action
  uint64_t vacation_days_max = 365;     // a longer period counts as this (RFC 5230 §4.1)
  uint64_t duplicate_seconds_max = 30 * 86'400;  // a longer one counts as this (RFC 7352 §3.3)
};

/// ${0} to ${31}; RFC 5229 §6 wants 9. A higher one is an error of the upload.
inline constexpr size_t kMatchValuesMax = 32;
/// Of one pattern of :regex, and of what it is compiled to.
inline constexpr size_t kRegexBytesMax = 8'192;
inline constexpr int64_t kRegexMemoryMax = 1 << 20;

}  // namespace gemel::sieve
