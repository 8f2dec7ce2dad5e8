// A sendmail command: gives it one message on its standard input.
//
// Source   sendmail(1) of Postfix and Exim (-f, -i, --), sysexits.h (what its status means).
#pragma once

#include <string>
#include <vector>

#include "outgoing/queue.h"

namespace gemel::bin {

/// A command that runs longer is ended.
inline constexpr int kSendmailSecondsMax = 300;

/// Runs `command -f SENDER -- RECIPIENT`, and waits. Lines end in LF there, as local mail has them.
/// What the command says on its error output is the outcome's text.
outgoing::Outcome sendmail(const std::vector<std::string>& command, const Outbox::Mail& mail);

}  // namespace gemel::bin
