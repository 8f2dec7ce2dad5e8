#include "wire/compression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/check.h"

namespace gemel::wire {
namespace {

constexpr int kZstdLevel = 3;
// The first that looks for a match at every byte, and in all that was said: an answer of two words
// and a check is then as short as it can be, whatever was answered before.
constexpr int kAnswersLevel = 6;
constexpr int kDeflateLevel = 6;
constexpr size_t kPieceBytes = 16 << 10;

// Every frame begins with it; between ends that know where frames begin it is left out.
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

class ZstdCompressor final : public Compressor {
 public:
  ZstdCompressor(std::string_view words, int level) : has_words_(!words.empty()) {
    CHECK(stream_ != nullptr);
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_windowLog, kZstdWindowLog);
    if (!has_words_) return;
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_dictIDFlag, 0);
    ZSTD_CCtx_loadDictionary(stream_, words.data(), words.size());
    to_drop_ = kZstdMagic.size();
  }
  ~ZstdCompressor() override { ZSTD_freeCCtx(stream_); }

  void write(std::string_view bytes, Flush flush, std::string& out) override {
    const bool is_short = flush == Flush::kFlush && bytes.size() <= kWordsShortBytes;
    if (has_words_ && is_flushed_ && is_short && frame_bytes_ >= kWordsFrameBytes) begin_anew(out);
    frame_bytes_ += bytes.size();
    pack(bytes, flush == Flush::kFlush ? ZSTD_e_flush : ZSTD_e_continue, out);
    is_flushed_ = flush == Flush::kFlush;
  }

 private:
  void begin_anew(std::string& out) {
    pack("", ZSTD_e_end, out);
    frame_bytes_ = 0;
    to_drop_ = kZstdMagic.size();
  }

  void pack(std::string_view bytes, ZSTD_EndDirective end, std::string& out) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    size_t left = 0;
    do {
      const size_t before = out.size();
      out.resize(before + kPieceBytes);
      ZSTD_outBuffer piece{out.data() + before, kPieceBytes, 0};
      left = ZSTD_compressStream2(stream_, &piece, &in, end);
      CHECK(ZSTD_isError(left) == 0);
      out.resize(before + piece.pos);
      const size_t dropped = std::min(to_drop_, piece.pos);
      out.erase(before, dropped);
      to_drop_ -= dropped;
    } while (in.pos < in.size || (end != ZSTD_e_continue && left > 0));
  }

  const bool has_words_;
  bool is_flushed_ = true;  // nothing waits for what follows
  uint64_t frame_bytes_ = 0;
  size_t to_drop_ = 0;  // of the frame's magic
  ZSTD_CCtx* stream_ = ZSTD_createCCtx();
};

class ZstdDecompressor final : public Decompressor {
 public:
  explicit ZstdDecompressor(std::string_view words) : has_words_(!words.empty()) {
    CHECK(stream_ != nullptr);
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLog);
    if (has_words_) ZSTD_DCtx_loadDictionary(stream_, words.data(), words.size());
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
      if (has_words_ && is_frame_over_ && in.pos < in.size) {
        ZSTD_inBuffer magic{kZstdMagic.data(), kZstdMagic.size(), 0};
        ZSTD_decompressStream(stream_, &piece, &magic);
        is_frame_over_ = false;
      }
      const size_t result = ZSTD_decompressStream(stream_, &piece, &in);
      if (ZSTD_isError(result) != 0) {
        out.resize(before);
        return fail(Code::kCorrupt, "the compressed stream is broken");
      }
      if (piece.pos == made && in.pos == taken) break;
      is_frame_over_ = result == 0;
    }
    input_.erase(0, in.pos);
    out.resize(before + piece.pos);
    return piece.pos;
  }

 private:
  const bool has_words_;
  bool is_frame_over_ = true;
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

std::string_view words_of(Compression kind) {
  const bool has_words = kind == Compression::kZstdWords || kind == Compression::kZstdAnswers;
  return has_words ? kSyncWords : std::string_view();
}

}  // namespace

// What is said most stands last, where it is named shortest.
const std::string_view kSyncWords =
    "* RECEIVED\r\n* USER * MAILBOX NO UPDATE [MODIFIED] LOST USERDATA 1+1 +1700000000 0 PUT 2 "
    "subscription/ DEL 2 sieve/script/ sieve/active seen/ mailbox/ MENDS RENAME (-1 2+0 /\r\n"
    "UPDATE 0+1 0 0 0 HEADER (/INBOX PARTITION default UIDVALIDITY +1700000000 CREATED +1700000000 "
    "DELETED +0 ATTRIBUTES (acl/ lrswipkxtecda quota/storage special-use/ annotation/) LINEAGE "
    "(1.0000000000000000@0)) \r\n"
    "UPDATE -1 1+1 1 0 0 APPEND 1 +0 +0 () GROWS 30 ~{1000+}\r\n"
    " 0 0 STORE 1:2 -($Forwarded)\r\nSYNC\r\n 0 0 STORE 1 +($Forwarded)\r\nSYNC\r\n"
    " 0 0 STORE 1:2 -(\\Draft)\r\nSYNC\r\n 0 0 STORE 1 +(\\Draft)\r\nSYNC\r\n"
    " 0 0 STORE 1:2 -(\\Answered)\r\nSYNC\r\n 0 0 STORE 1 +(\\Answered)\r\nSYNC\r\n"
    " 0 0 STORE 1:2 -(\\Deleted)\r\nSYNC\r\n 0 0 STORE 1 +(\\Deleted)\r\nSYNC\r\n"
    " 0 0 STORE 1:2 -(\\Flagged)\r\nSYNC\r\n 0 0 STORE 1 +(\\Flagged)\r\nSYNC\r\n"
    " 0 0 STORE 1:2 -(\\Seen)\r\nSYNC\r\n 0 0 STORE 1 +(\\Seen)\r\nSYNC\r\n"
    " 0 0 EXPUNGE 1:2\r\nSYNC\r\n\r\n"
    "OK USERDATA \r\nOK RENAME\r\nOK UPDATE \r\nOK SYNC\r\nUPDATE -";

std::unique_ptr<Compressor> make_compressor(Compression kind) {
  CHECK(kind != Compression::kNone);
  if (kind == Compression::kDeflate) return std::make_unique<DeflateCompressor>();
  return std::make_unique<ZstdCompressor>(
      words_of(kind), kind == Compression::kZstdAnswers ? kAnswersLevel : kZstdLevel);
}

std::unique_ptr<Decompressor> make_decompressor(Compression kind) {
  CHECK(kind != Compression::kNone);
  if (kind == Compression::kDeflate) return std::make_unique<DeflateDecompressor>();
  return std::make_unique<ZstdDecompressor>(words_of(kind));
}

}  // namespace gemel::wire
