// Where fileinto, and the copy of :fcc, go.
//
// Source   RFC 5228 §4.1, RFC 5490 §3.2 (create), RFC 9042 §3 (mailboxid), RFC 8579 §4
// (specialuse),
//          RFC 5232 §5 (flags), RFC 8580 §3 (fcc).
#pragma once

#include "sieve/machine.h"

namespace gemel::sieve {

/// The flags of :flags, else those of the internal variable.
Result<FlagNames> flags_for(Machine& machine, const Node& node);

/// `mailbox` and the tags about it; without flags and message. Errors: kInvalid.
Result<FileInto> target_for(Machine& machine, const Node& node, const Argument& mailbox);

/// The copy of `mail` that :fcc asks for; nothing without it.
Result<std::optional<FileInto>> copy_for(Machine& machine, const Node& node,
                                         const OutgoingMail& mail);

}  // namespace gemel::sieve
