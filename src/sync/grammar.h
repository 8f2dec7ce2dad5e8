// The numbers of the sync protocol: its version, and the most of everything that one end takes from
// the other.
//
// Source   doc/replication-protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/framer.h"

namespace gemel::sync {

inline constexpr uint32_t kProtocolVersion = 1;

/// One UPDATE holds the flag changes of one transaction at least, so its line may be long: a STORE
/// on every other message of a million is a set of 4 MB.
inline constexpr size_t kLineBytesMax = 16 << 20;
inline constexpr size_t kCommandBytesMax = 32 << 20;
/// Before login nobody is owed memory.
inline constexpr size_t kLoginLineBytesMax = 16 << 10;
/// Bodies in one UPDATE.
inline constexpr size_t kLiteralsMax = 65'536;
/// A message; the store may take less. Anything else is bounded by the command.
inline constexpr uint64_t kBodyBytesMax = uint64_t{1} << 30;
/// Items of one UPDATE, USERDATA or RENAME.
inline constexpr size_t kItemsMax = 1'000'000;
/// Ranges, and UIDs, of one set.
inline constexpr size_t kRangesMax = 1'000'000;
inline constexpr uint64_t kUidsMax = 16'000'000;
inline constexpr size_t kAttributesMax = 10'000;
/// Mailboxes that one UPDATE may have to come after.
inline constexpr size_t kNeedsMax = 1000;
inline constexpr size_t kFlagsMax = 256;
/// Rows of one USERS.
inline constexpr size_t kUsersRowsMax = 100'000;
/// Answers of one batch beyond which CHANGES stops, for the sender to ask on in the next one.
inline constexpr size_t kChangesBytesMax = 16 << 20;
/// Guids of one BODIES line.
inline constexpr size_t kBodiesGuidsMax = 10'000;
/// Guids of one RESERVE line, and all that a session pins.
inline constexpr size_t kReserveGuidsMax = 10'000;
inline constexpr size_t kPinnedGuidsMax = 4'000'000;

/// For the receiver before login, after it, and for the sender.
inline constexpr wire::FramerLimits kLoginLimits = {.line_bytes_max = kLoginLineBytesMax,
                                                    .literal_bytes_max = 0,
                                                    .literals_max = 0,
                                                    .command_bytes_max = kLoginLineBytesMax,
                                                    .skip_bytes_max = 0};
inline constexpr wire::FramerLimits kLimits = {.line_bytes_max = kLineBytesMax,
                                               .literal_bytes_max = kBodyBytesMax,
                                               .literals_max = kLiteralsMax,
                                               .command_bytes_max = kCommandBytesMax,
                                               .skip_bytes_max = 0};

}  // namespace gemel::sync
