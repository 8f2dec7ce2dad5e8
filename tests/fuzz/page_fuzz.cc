// Any bytes as a stored page: refused, or a page that keeps its rules and encodes to itself again.
#include "base/check.h"
#include "store/page.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using gemel::Page;
  const auto page = Page::decode(1, {reinterpret_cast<const char*>(data), size});
  if (!page) return 0;
  CHECK(page->expunged.is_within(page->present));
  const auto again = Page::decode(1, page->encode());
  CHECK(again.has_value());
  CHECK(again->max_modseq == page->max_modseq && again->present == page->present &&
        again->expunged == page->expunged && again->modseqs == page->modseqs &&
        again->flags == page->flags);
  return 0;
}
