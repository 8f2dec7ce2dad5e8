// A Sieve script, checked once when it is uploaded and run for each message.
//
// Threads  any. A Script never changes.
// Source   RFC 5228 (language), RFC 5804 §1.7, §2.6, §2.12 (what ManageSieve says of scripts and of
//          their errors); doc/rfc-map.md has each extension.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sieve/limits.h"

namespace gemel::sieve {

struct Position {
  uint32_t line = 1;    // from 1
  uint32_t column = 1;  // from 1, in octets
  bool operator==(const Position&) const = default;
};

/// One mistake, or one doubt.
struct Remark {
  Position position;
  std::string text;  // one line, no final dot
  bool operator==(const Remark&) const = default;
};

/// "line 3, column 14: unknown command "fileinfo"", one line for each, joined by CRLF: what
/// ManageSieve puts into its NO or into OK (WARNINGS).
std::string text_of(std::span<const Remark> remarks);

struct CompileOptions {
  ScriptLimits limits = {};
  /// Extensions of all_extensions() that this server doesn't offer (an administrator's choice, or
  /// spamtest without a configuration): `require` refuses them, ihave says no.
  std::vector<std::string> disabled_extensions = {};
};

/// The checked tree. Holds all it needs; the text may go.
class Script {
 public:
  struct Program;
  explicit Script(std::unique_ptr<const Program> program);
  ~Script();
  const Program& program() const { return *program_; }
  /// Capabilities that its `require`s name, sorted.
  const std::vector<std::string>& required() const;
  /// Octets of the text it was made of.
  size_t size() const;

 private:
  std::unique_ptr<const Program> program_;
};

struct Compiled {
  std::shared_ptr<const Script> script;  // null if there are errors
  std::vector<Remark> errors;            // in the order of the text
  std::vector<Remark> warnings;          // what is allowed but can't be meant
};

/// Reads and checks `text`: lines end with CRLF or LF. Included scripts are not looked at, for they
/// may be uploaded later (RFC 6609 §3.2). Cost: O(bytes), within the limits.
Compiled compile(std::string_view text, const CompileOptions& options = {});

/// All capabilities that `require` may name here, sorted: "body", "comparator-i;ascii-numeric"...
std::span<const std::string_view> all_extensions();
/// The same without those disabled, parted by spaces: ManageSieve's "SIEVE".
std::string sieve_capability(const CompileOptions& options = {});
/// Methods of notification, parted by spaces: ManageSieve's "NOTIFY"; empty if enotify is disabled.
std::string notify_capability(const CompileOptions& options = {});

/// RFC 5804 §1.6: 1 to 128 characters of UTF-8, no controls, no line or paragraph separators.
/// Is `name` such a name?
inline constexpr size_t kScriptNameCharactersMax = 128;
bool is_script_name(std::string_view name);

}  // namespace gemel::sieve
