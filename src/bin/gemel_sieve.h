// gemel sieve: what a script would do, and what is wrong with it. Needs no server and no store.
//
// Source   doc/sieve.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bin/gemel_commands.h"

namespace gemel::tool {

inline constexpr double kVirusScoreMax = 5;  // RFC 5235 §3.3

struct SieveOptions {
  std::string script;   // a file; "-" is standard input
  std::string message;  // a file; "-" is standard input
  std::string from = "sender@example.org";
  std::string to = "user@example.org";
  std::vector<std::string> addresses;     // of the user
  std::vector<std::string> mailboxes;     // that exist besides INBOX
  std::vector<std::string> special_uses;  // "\\Junk=Spam"
  std::string personal;                   // a directory of NAME.sieve
  std::string global;
  std::optional<double> spam_percent;  // of spamtest; none: not tested
  std::optional<double> virus_score;   // of virustest
  bool shows_changes = false;
};

/// Tells of mistakes and doubts. Fails if there are mistakes.
int run_sieve_compile(const Common& common, const SieveOptions& options);
/// Runs it and says what would be done; nothing is. Fails if the script has mistakes or the run
/// ends with an error.
int run_sieve_test(const Common& common, const SieveOptions& options);

}  // namespace gemel::tool
