// Compiled scripts: users' by their text, so that each is compiled once, and the administrator's
// global ones by name.
//
// Owns     at most kCompiledMax compiled scripts, of at most kCompiledBytesMax octets of text;
// those
//          used longest ago go first. Threads  any.
// Source   RFC 6609 §3.2 (:personal and :global scripts).
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "sieve/script.h"

namespace gemel::delivery {

inline constexpr size_t kCompiledMax = 2000;
inline constexpr size_t kCompiledBytesMax = 64 << 20;

class ScriptLibrary {
 public:
  using Compiled = std::shared_ptr<const sieve::Compiled>;

  explicit ScriptLibrary(sieve::CompileOptions options = {}) : options_(std::move(options)) {}

  /// What `text` compiles to, with its errors. Cost: a hash, or a compilation.
  Compiled compile(std::string_view text);

  /// Replaces them all, by name.
  void set_global(std::map<std::string, std::string, std::less<>> texts);
  /// Nothing if there is none of this name.
  std::optional<Compiled> global(std::string_view name);

 private:
  struct Kept {
    Sha256 key;
    size_t bytes;
    Compiled compiled;
  };
  void keep(Kept kept);

  sieve::CompileOptions options_;
  std::mutex mutex_;
  // Under mutex_.
  std::map<std::string, std::string, std::less<>> global_;
  std::list<Kept> kept_;  // the last used first
  std::map<Sha256, std::list<Kept>::iterator> by_text_;
  size_t kept_bytes_ = 0;
};

}  // namespace gemel::delivery
