// Results: a value, or an error with a code that programs read and a text that people read.
//
// No exceptions cross modules. An error flows up as a value and becomes a protocol's words in one
// table per protocol. A broken invariant is not an Error but CHECK.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace gemel {

/// What went wrong, as far as a caller may want to act on it.
enum class Code : uint8_t {
  kSyntax,       // the input does not parse
  kNotFound,     // no such user, mailbox, message, body, script
  kDenied,       // it exists, but not for this caller
  kExists,       // the name is taken
  kOverQuota,    // a quota of the user or mailbox
  kTooBig,       // one thing is larger than its limit
  kLimit,        // too many things: depth, count, rate
  kModified,     // a condition on modseq or state does not hold; nothing was written
  kGone,         // asked for changes since a modseq older than what is kept
  kReadOnly,     // this server or mailbox takes no writes now
  kNoSpace,      // the disk is full, or nearly; tried again later it may work
  kIo,           // the disk failed
  kCorrupt,      // stored bytes do not say what they must
  kBusy,         // tried again later it may work
  kAuthFailed,   // wrong credentials
  kUnsupported,  // known, but not here or not in this version
  kUnavailable,  // the other side can't be reached
  kInvalid,      // parses, but makes no sense (a bad name, a bad date)
};
inline constexpr size_t kCodeCount = static_cast<size_t>(Code::kInvalid) + 1;

/// "kNotFound" gives "not-found"; for logs and --json.
std::string_view name_of(Code code);

struct Error {
  Code code;
  std::string text;  // one line, no final dot, names the thing: `no mailbox "Archive"`
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string text) {
  return std::unexpected(Error{code, std::move(text)});
}

}  // namespace gemel

#define GEMEL_CONCAT_(a, b) a##b
#define GEMEL_CONCAT(a, b) GEMEL_CONCAT_(a, b)
#define GEMEL_TRY_(temporary, declaration, expression)                  \
  auto temporary = (expression);                                        \
  if (!temporary) return std::unexpected(std::move(temporary).error()); \
  declaration = std::move(*temporary)

/// TRY(auto mailbox, store.find(name)); declares or assigns the value, or returns the error.
#define TRY(declaration, ...) \
  GEMEL_TRY_(GEMEL_CONCAT(try_result_, __COUNTER__), declaration, (__VA_ARGS__))

/// TRY_OK(store.remove(id)); for a Result<void>.
#define TRY_OK(...)                                             \
  do {                                                          \
    if (auto try_ok_result = (__VA_ARGS__); !try_ok_result)     \
      return std::unexpected(std::move(try_ok_result).error()); \
  } while (false)
