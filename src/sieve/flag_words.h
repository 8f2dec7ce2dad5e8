// Lists of IMAP flags as scripts write them.
//
// Threads  any; pure functions.
// Source   RFC 5232 §2: parted by spaces, in any case, what is no flag is ignored.
#pragma once

#include <string>
#include <vector>

#include "mail/flags.h"

namespace gemel::sieve {

/// All `texts` cut at their spaces.
std::vector<std::string> split_words(const std::vector<std::string>& texts);
/// The flags of all `texts`, each once, in the order of their first use.
std::vector<std::string> flag_words(const std::vector<std::string>& texts);
/// The same as names; flags above `count_max` are ignored.
FlagNames flag_names(const std::vector<std::string>& texts, size_t count_max);
/// Parted by spaces.
std::string joined(const std::vector<std::string>& words);

}  // namespace gemel::sieve
