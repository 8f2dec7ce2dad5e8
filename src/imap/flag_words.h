// Flags as clients write them.
//
// Threads  any; pure functions.
// Source   RFC 3501 §2.3.2, §9 (flag, flag-list).
#pragma once

#include "mail/flags.h"
#include "wire/tokens.h"

namespace gemel::imap {

/// `(flag flag)`; \Recent is passed over, for clients that send back what they got. Errors:
/// kSyntax; kInvalid, a flag that can't be stored; kTooBig.
Result<FlagNames> read_flags(wire::Tokenizer& tokens);
/// The same without parentheses too, as STORE allows (RFC 3501 §9, store-att-flags).
Result<FlagNames> read_store_flags(wire::Tokenizer& tokens);

/// Has `flags` a keyword that `known` lacks? Case does not count.
bool has_new_keyword(const FlagNames& flags, const std::vector<std::string>& known);

}  // namespace gemel::imap
