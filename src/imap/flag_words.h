// Flags as clients write them.
//
// Threads  any; pure functions.
// Source   RFC 3501 §2.3.2, §9 (flag, flag-list).
#pragma once

#include "mail/flags.h"
#include "wire/tokens.h"

namespace gemel::imap {

/// `(flag flag)` of APPEND, where \Recent is passed over, for clients that send back what they got:
/// a new message is recent anyway. Errors: kSyntax; kInvalid, a flag that can't be stored; kTooBig.
Result<FlagNames> read_append_flags(wire::Tokenizer& tokens);
/// Those of STORE, without parentheses too (RFC 3501 §9, store-att-flags). \Recent can't be stored
/// (§2.3.2): left out, it would make another command of this one. Errors: as above.
Result<FlagNames> read_store_flags(wire::Tokenizer& tokens);

/// Has `flags` a keyword that `known` lacks? Case does not count.
bool has_new_keyword(const FlagNames& flags, const std::vector<std::string>& known);

}  // namespace gemel::imap
