// The aliases table: addresses that stand for others.
//
// A file as /etc/aliases has it: `NAME: TARGET, TARGET`, lines that begin with white space go on
// the one before, `#` begins a comment line. NAME is an address or a local part, in any case. A
// TARGET is a user or an address; commands, files and `:include:` are not taken.
//
// Threads  Aliases: a value. AliasTable: any.
// Source   aliases(5) of sendmail and Postfix, for the form; doc/delivery.md.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gemel::delivery {

inline constexpr size_t kAliasesMax = 100'000;
inline constexpr size_t kAliasTargetsMax = 1000;  // of one alias, and of one address through all
inline constexpr size_t kAliasDepthMax = 10;      // aliases that lead to aliases

class Aliases {
 public:
  /// Errors: kSyntax, kLimit, naming the line.
  static Result<Aliases> parse(std::string_view text);

  /// The targets of `name`, in any case; null if it is no alias.
  const std::vector<std::string>* find(std::string_view name) const;
  size_t size() const { return targets_.size(); }

 private:
  Result<void> add(std::string_view entry);
  std::map<std::string, std::vector<std::string>, std::less<>> targets_;
};

/// The table that holds now; sessions go on with the one they have.
class AliasTable {
 public:
  std::shared_ptr<const Aliases> current() const {
    const std::scoped_lock lock(mutex_);
    return aliases_;
  }
  void set(Aliases aliases) {
    auto made = std::make_shared<const Aliases>(std::move(aliases));
    const std::scoped_lock lock(mutex_);
    aliases_ = std::move(made);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Aliases> aliases_ = std::make_shared<const Aliases>();
};

}  // namespace gemel::delivery
