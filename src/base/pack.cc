#include "base/pack.h"

#include <lz4.h>
#include <zstd.h>

#include <memory>

#include "base/bytes.h"
#include "base/check.h"

namespace gemel {
namespace {

// Higher ones take twice the time for a tenth of the bytes.
constexpr int kLevel = 1;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx& packing_context() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  CHECK(context != nullptr);
  return *context;
}

ZSTD_DCtx& unpacking_context() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  CHECK(context != nullptr);
  return *context;
}

}  // namespace

std::string packed(std::string_view bytes) {
  // Room for one byte less than they have: what does not fit is not shorter.
  if (bytes.size() < 2) return {};
  std::string out(bytes.size() - 1, '\0');
  const size_t size = ZSTD_compressCCtx(&packing_context(), out.data(), out.size(), bytes.data(),
                                        bytes.size(), kLevel);
  if (ZSTD_isError(size) != 0) return {};
  out.resize(size);
  return out;
}

Result<std::string> unpacked(std::string_view frame, size_t bytes_max) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > bytes_max)
    return fail(Code::kCorrupt, "packed bytes have no frame around them, or one too large");
  std::string out(size, '\0');
  const size_t got =
      ZSTD_decompressDCtx(&unpacking_context(), out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) != 0 || got != out.size())
    return fail(Code::kCorrupt, "packed bytes can't be unpacked");
  return out;
}

std::string packed_lightly(std::string_view bytes) {
  std::string out;
  put_varint(out, bytes.size());
  const size_t start = out.size();
  if (bytes.size() <= start + 1) return {};
  const size_t room = bytes.size() - 1 - start;
  out.resize(start + room);
  const int size = LZ4_compress_default(bytes.data(), out.data() + start,
                                        static_cast<int>(bytes.size()), static_cast<int>(room));
  if (size <= 0) return {};
  out.resize(start + static_cast<size_t>(size));
  return out;
}

Result<std::string> unpacked_lightly(std::string_view block, size_t bytes_max) {
  Decoder in(block);
  const uint64_t size = in.varint();
  if (!in.ok() || size > bytes_max)
    return fail(Code::kCorrupt, "packed bytes don't say how many they are, or too many");
  const std::string_view rest = in.rest();
  std::string out(size, '\0');
  const int got = LZ4_decompress_safe(rest.data(), out.data(), static_cast<int>(rest.size()),
                                      static_cast<int>(size));
  if (got < 0 || static_cast<uint64_t>(got) != size)
    return fail(Code::kCorrupt, "packed bytes can't be unpacked");
  return out;
}

}  // namespace gemel
