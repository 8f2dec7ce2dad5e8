// What bench/run-instructions counts of a bench: its loop alone, so many steps of it.
//
// Threads  a bench's own.
// Source   https://valgrind.org/docs/manual/cl-manual.html, client requests.
#pragma once

#include <benchmark/benchmark.h>
#include <valgrind/callgrind.h>

#include <cstdint>
#include <cstdlib>

namespace gemel {

/// While one is alive callgrind counts, where it runs the bench; else it does nothing.
class Counting {
 public:
  Counting() { CALLGRIND_TOGGLE_COLLECT; }
  ~Counting() { CALLGRIND_TOGGLE_COLLECT; }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
};

/// For BENCHMARK(…)->Apply(): where GEMEL_COUNTED is set the loop has so many steps, however fast
/// the machine is.
template <int64_t kSteps>
void counted(benchmark::internal::Benchmark* bench) {
  if (std::getenv("GEMEL_COUNTED") != nullptr) bench->Iterations(kSteps);
}

}  // namespace gemel
