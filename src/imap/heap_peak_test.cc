#include "imap/heap_peak.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory_resource>
#include <new>
#include <string>
#include <vector>

namespace {

std::atomic<int64_t> in_use = 0;
std::atomic<int64_t> most = 0;

void* take(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  const int64_t now = in_use += static_cast<int64_t>(malloc_usable_size(memory));
  for (int64_t before = most; before < now && !most.compare_exchange_weak(before, now);) {
  }
  return memory;
}

void give_up(void* memory) {
  if (memory == nullptr) return;
  in_use -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return take(std::malloc(std::max<size_t>(size, 1))); }
void* operator new(size_t size, std::align_val_t alignment) {
  void* memory = nullptr;
  const size_t at_least = std::max(static_cast<size_t>(alignment), sizeof(void*));
  return take(::posix_memalign(&memory, at_least, std::max<size_t>(size, 1)) == 0 ? memory
                                                                                  : nullptr);
}

void operator delete(void* memory) noexcept { give_up(memory); }
void operator delete(void* memory, size_t) noexcept { give_up(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_up(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { give_up(memory); }

namespace gemel::imap {

HeapPeak::HeapPeak() : before_(in_use) { most = before_; }
int64_t HeapPeak::bytes() const { return most - before_; }

TEST(HeapPeak, CountsWhatIsInUseAtOnce) {
  constexpr int64_t kBytes = 100'000;
  HeapPeak peak;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(std::string(kBytes, 'x').size(), kBytes);
  EXPECT_GE(peak.bytes(), kBytes);
  EXPECT_LT(peak.bytes(), 2 * kBytes);
}

TEST(HeapPeak, CountsWhatIsAligned) {
  constexpr int64_t kBytes = 100'000;
  HeapPeak peak;
  const std::pmr::vector<char> bytes(kBytes, 'x', std::pmr::new_delete_resource());
  EXPECT_EQ(bytes.size(), kBytes);
  EXPECT_GE(peak.bytes(), kBytes);
}

}  // namespace gemel::imap
