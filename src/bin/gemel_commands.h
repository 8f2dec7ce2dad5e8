// What the tool does, apart from reading its command line. Each returns the exit status.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/rows.h"
#include "bin/gemel_print.h"
#include "bin/gemel_uidl.h"

namespace gemel::tool {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;       // the server or store refused, and said why
inline constexpr int kExitUsage = 2;        // the command line makes no sense
inline constexpr int kExitUnavailable = 3;  // no server answers
inline constexpr int kExitProblems = 4;     // verify found problems, or bodies are lost

enum class Format : uint8_t { kPeople, kJson };

struct Common {
  std::string socket;
  Format format = Format::kPeople;
};

/// A store that no server has open.
struct StoppedStore {
  std::string path;
  std::map<std::string, std::string> partitions;
};

/// Sends one request; shows its rows as a table of `columns`, or `done` if there are none.
int run_request(const Common& common, const admin::Json& request,
                const std::vector<Column>& columns, const std::string& done);
int run_status(const Common& common, const admin::Json& request);
int run_sync(const Common& common, const admin::Json& request);
/// promote and demote.
int run_role(const Common& common, const admin::Json& request);

struct ImportOptions {
  std::string userid;
  std::string mailbox = "INBOX";
  std::vector<std::string> paths;
  UidlOptions uidls;
};
int run_import(const Common& common, const ImportOptions& options);

struct ScriptOptions {
  std::string userid;
  std::string name;
  std::string path;  // of the text to put; empty or "-": standard input
};
int run_sieve_get(const Common& common, const ScriptOptions& options);
int run_sieve_put(const Common& common, const ScriptOptions& options);

/// `store`: open it instead of asking a server.
int run_dump(const Common& common, const std::string& userid,
             const std::optional<StoppedStore>& store);
enum class VerifyDepth : uint8_t { kIndex, kBodiesToo };
int run_verify(const Common& common, const std::string& userid, VerifyDepth depth,
               const std::optional<StoppedStore>& store);

/// `request`: "scrub", or with "known" a list of what is known to be lost.
int run_scrub(const Common& common, const admin::Json& request);

/// Reads a password: the first line of `file`; without one, of standard input, which is asked for
/// twice without echo if it is a terminal. Errors: kIo; kInvalid, empty or not the same twice.
Result<std::string> read_password(const std::string& file);

/// Says what went wrong on standard error (or as JSON) and gives the exit status.
int report(const Common& common, const Error& error);

}  // namespace gemel::tool
