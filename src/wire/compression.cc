#include "wire/compression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/check.h"

namespace gemel::wire {
namespace {

constexpr int kZstdLevel = 3;
constexpr int kDeflateLevel = 6;
constexpr size_t kPieceBytes = 16 << 10;

class ZstdCompressor final : public Compressor {
 public:
  ZstdCompressor() {
    CHECK(stream_ != nullptr);
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_windowLog, kZstdWindowLog);
  }
  ~ZstdCompressor() override { ZSTD_freeCCtx(stream_); }

  void write(std::string_view bytes, Flush flush, std::string& out) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    const ZSTD_EndDirective end = flush == Flush::kFlush ? ZSTD_e_flush : ZSTD_e_continue;
    size_t left = 0;
    do {
      const size_t before = out.size();
      out.resize(before + kPieceBytes);
      ZSTD_outBuffer piece{out.data() + before, kPieceBytes, 0};
      left = ZSTD_compressStream2(stream_, &piece, &in, end);
      CHECK(ZSTD_isError(left) == 0);
      out.resize(before + piece.pos);
    } while (in.pos < in.size || (flush == Flush::kFlush && left > 0));
  }

 private:
  ZSTD_CCtx* stream_ = ZSTD_createCCtx();
};

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor() {
    CHECK(stream_ != nullptr);
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLog);
  }
  ~ZstdDecompressor() override { ZSTD_freeDCtx(stream_); }

  void feed(std::string_view bytes) override { input_ += bytes; }

  Result<size_t> read(std::string& out, size_t bytes_max) override {
    const size_t before = out.size();
    out.resize(before + bytes_max);
    ZSTD_outBuffer piece{out.data() + before, bytes_max, 0};
    ZSTD_inBuffer in{input_.data(), input_.size(), 0};
    while (piece.pos < piece.size) {
      const size_t made = piece.pos;
      const size_t taken = in.pos;
      const size_t result = ZSTD_decompressStream(stream_, &piece, &in);
      if (ZSTD_isError(result) != 0) {
        out.resize(before);
        return fail(Code::kCorrupt, "the compressed stream is broken");
      }
      if (piece.pos == made && in.pos == taken) break;
    }
    input_.erase(0, in.pos);
    out.resize(before + piece.pos);
    return piece.pos;
  }

 private:
  ZSTD_DCtx* stream_ = ZSTD_createDCtx();
  std::string input_;
};

Bytef* as_input(std::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib does not write there
}

class DeflateCompressor final : public Compressor {
 public:
  DeflateCompressor() {
    CHECK(deflateInit2(&stream_, kDeflateLevel, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) ==
          Z_OK);
  }
  ~DeflateCompressor() override { deflateEnd(&stream_); }

  void write(std::string_view bytes, Flush flush, std::string& out) override {
    stream_.next_in = as_input(bytes);
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      const size_t before = out.size();
      out.resize(before + kPieceBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      stream_.avail_out = kPieceBytes;
      deflate(&stream_, flush == Flush::kFlush ? Z_SYNC_FLUSH : Z_NO_FLUSH);
      out.resize(before + kPieceBytes - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  z_stream stream_{};
};

class DeflateDecompressor final : public Decompressor {
 public:
  DeflateDecompressor() { CHECK(inflateInit2(&stream_, -MAX_WBITS) == Z_OK); }
  ~DeflateDecompressor() override { inflateEnd(&stream_); }

  void feed(std::string_view bytes) override { input_ += bytes; }

  Result<size_t> read(std::string& out, size_t bytes_max) override {
    const size_t before = out.size();
    out.resize(before + bytes_max);
    stream_.next_in = as_input(input_);
    stream_.avail_in = static_cast<uInt>(input_.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(bytes_max);
    const int result = inflate(&stream_, Z_SYNC_FLUSH);
    const size_t made = bytes_max - stream_.avail_out;
    out.resize(before + made);
    input_.erase(0, input_.size() - stream_.avail_in);
    if (result != Z_OK && result != Z_BUF_ERROR)
      return fail(Code::kCorrupt, "the compressed stream is broken");
    return made;
  }

 private:
  z_stream stream_{};
  std::string input_;
};

}  // namespace

std::unique_ptr<Compressor> make_compressor(Compression kind) {
  CHECK(kind != Compression::kNone);
  if (kind == Compression::kZstd) return std::make_unique<ZstdCompressor>();
  return std::make_unique<DeflateCompressor>();
}

std::unique_ptr<Decompressor> make_decompressor(Compression kind) {
  CHECK(kind != Compression::kNone);
  if (kind == Compression::kZstd) return std::make_unique<ZstdDecompressor>();
  return std::make_unique<DeflateDecompressor>();
}

}  // namespace gemel::wire
