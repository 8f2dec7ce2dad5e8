// The sending end of the sync link: logs in, then runs cycle after cycle, one batch under way at a
// time, while what is committed meanwhile gathers for the next.
//
// Threads  as wire::Session: one at a time, never a network thread.
// Source   doc/replication-protocol.md.
#pragma once

#include <memory>

#include "wire/session.h"

namespace gemel::sync {

class ChannelCore;

/// Without an answer for so long, the replica counts as gone.
inline constexpr int64_t kAnswerTimeoutMs = 300'000;
/// With nothing to send for so long, an empty batch shows that both ends are there.
inline constexpr int64_t kHeartbeatMs = 15'000;

std::unique_ptr<wire::Session> make_sender(std::shared_ptr<ChannelCore> core, wire::SessionEnv env);

}  // namespace gemel::sync
