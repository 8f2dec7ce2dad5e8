// CHECK(condition) << nothing: a broken invariant ends the process with file, line and condition,
// in release builds too, for going on would write what is wrong.
#pragma once

namespace gemel {
[[noreturn]] void check_failed(const char* file, int line, const char* condition);
}  // namespace gemel

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::gemel::check_failed(__FILE__, __LINE__, #condition))
