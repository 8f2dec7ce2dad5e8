// How much memory a piece of a test needs: what operator new gives, in the whole program.
//
// Threads  any, but what other threads need counts too.
#pragma once

#include <cstdint>

namespace gemel::imap {

class HeapPeak {
 public:
  /// Counts from here.
  HeapPeak();
  /// The most bytes that were needed at once since, beyond what was in use at the start.
  int64_t bytes() const;

 private:
  int64_t before_;
};

}  // namespace gemel::imap
