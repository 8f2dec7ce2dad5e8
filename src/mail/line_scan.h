// What the lines of a message are like: whether a protocol of lines can carry its bytes.
//
// Owns     a few counters. Threads  one at a time.
// Source   RFC 2045 §2.8 (lines end in CRLF; no CR, LF or NUL beside it), RFC 5321 §2.3.8, RFC 3977
//          §3.1.1 (the same on the wire).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gemel {

class LineScan {
 public:
  /// Takes the next bytes, cut anywhere. Cost: linear.
  void add(std::string_view bytes);

  bool has_nul() const { return has_nul_; }
  /// A CR that no LF follows.
  bool has_bare_cr() const { return crs_ != crlfs_; }
  /// A LF that has no CR.
  bool has_bare_lf() const { return bare_lfs_ != 0; }
  /// Bytes, without the line's end.
  uint64_t longest_line() const { return std::max(longest_line_, line_bytes_); }
  /// What the bytes would grow by with CRLF as their line ends: a CR for each LF that has none, and
  /// a CRLF at the end where there is neither.
  uint64_t crlf_growth() const { return bare_lfs_ + (last_ == '\n' ? 0 : 2); }

 private:
  bool has_nul_ = false;
  uint64_t crs_ = 0;
  uint64_t crlfs_ = 0;
  uint64_t bare_lfs_ = 0;
  uint64_t longest_line_ = 0;
  uint64_t line_bytes_ = 0;  // of the line under way
  char last_ = '\n';         // so that nothing grows by nothing
};

}  // namespace gemel
