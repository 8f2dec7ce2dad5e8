// An Environment of plain values, for tests, fuzzers and `gemel sieve test`.
//
// Threads  one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sieve/run.h"

namespace gemel::sieve {

class MemoryEnvironment final : public Environment {
 public:
  struct Mailbox {
    std::string id;
    std::set<std::string> special_uses;           // "\\junk", in lower case
    std::map<std::string, std::string> metadata;  // by annotation in lower case
  };
  std::map<std::string, Mailbox> mailboxes = {{"INBOX", {}}};  // by name
  std::map<std::string, std::string> server_metadata;          // by annotation in lower case
  std::map<std::pair<ScriptLocation, std::string>, std::string> scripts;  // their texts
  std::set<std::string> tracked;
  CompileOptions compile_options;

  Result<bool> mailbox_exists(std::string_view mailbox) override;
  Result<bool> mailbox_id_exists(std::string_view id) override;
  Result<bool> has_special_use(std::optional<std::string_view> mailbox,
                               std::string_view use) override;
  Result<std::optional<std::string>> metadata(std::optional<std::string_view> mailbox,
                                              std::string_view annotation) override;
  Result<std::shared_ptr<const Script>> script(ScriptLocation location,
                                               std::string_view name) override;
  Result<bool> is_tracked(std::string_view key) override;

 private:
  const Mailbox* find(std::string_view mailbox) const;
};

}  // namespace gemel::sieve
