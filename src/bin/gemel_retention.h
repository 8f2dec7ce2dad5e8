// The tool's commands for what is kept and what goes: expire, holds, undelete. Each returns the
// exit status.
#pragma once

#include <optional>
#include <string>

#include "bin/gemel_commands.h"

namespace gemel::tool {

struct ExpireOptions {
  bool rules = false;
  std::optional<uint64_t> expunged_days = {};
  std::optional<uint64_t> deleted_days = {};
  std::optional<uint64_t> duplicates_days = {};
  std::string archive = {};  // partition
  bool keywords = false;
  bool dry_run = false;
  std::string userid = {};
  std::string mailbox = {};  // "user/path"
};
/// Exit status 2 if nothing is to expire.
int run_expire(const Common& common, const ExpireOptions& options);

/// The server, a user or a mailbox: one of them.
struct HoldOptions {
  bool server = false;
  std::string userid = {};
  std::string mailbox = {};  // "user/path"
  std::string until = {};    // "2030-12-31", or "forever"
};
int run_hold_set(const Common& common, const HoldOptions& options);
int run_hold_lift(const Common& common, const HoldOptions& options);
int run_hold_list(const Common& common);

struct UndeleteOptions {
  std::string userid = {};
  std::string mailbox = {};
  std::string uids = {};  // "1:3,7"; empty: all
  std::string to = {};    // empty: where it was
  std::string id = {};    // of a deleted mailbox; empty: the one deleted last
};
int run_undelete_list(const Common& common, const UndeleteOptions& options);
int run_undelete_messages(const Common& common, const UndeleteOptions& options);
int run_undelete_mailbox(const Common& common, const UndeleteOptions& options);

/// The first second of a day in UTC, "2030-12-31". Errors: kSyntax.
Result<int64_t> parse_day(const std::string& text);

}  // namespace gemel::tool
