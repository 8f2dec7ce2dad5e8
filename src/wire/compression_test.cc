#include "wire/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <random>
#include <string>

namespace gemel::wire {
namespace {

class Compressed : public testing::TestWithParam<Compression> {};

TEST_P(Compressed, WhatWasFlushedCanBeReadAtOnceWhereverItIsCut) {
  const auto compressor = make_compressor(GetParam());
  const auto decompressor = make_decompressor(GetParam());
  std::string sent;
  std::string received;
  for (int i = 0; i < 200; ++i) {
    const std::string line = "UPDATE " + std::to_string(i * 7919) + " (\\Seen)\r\n";
    sent += line;
    std::string wire;
    compressor->write(line, Compressor::Flush::kFlush, wire);
    for (const char c : wire) {
      decompressor->feed({&c, 1});
      while (*decompressor->read(received, 10) > 0) {
      }
    }
    ASSERT_EQ(received, sent);
  }
}

TEST_P(Compressed, AFewBytesThatStandForManyComeInPieces) {
  std::string wire;
  make_compressor(GetParam())->write(std::string(50 << 20, 'x'), Compressor::Flush::kFlush, wire);
  ASSERT_LT(wire.size(), 100u << 10);
  const auto decompressor = make_decompressor(GetParam());
  decompressor->feed(wire);
  uint64_t total = 0;
  for (std::string piece;; piece.clear()) {
    const Result<size_t> count = decompressor->read(piece, 4096);
    ASSERT_TRUE(count);
    ASSERT_LE(piece.size(), 4096u);
    if (*count == 0) break;
    total += *count;
  }
  EXPECT_EQ(total, uint64_t{50} << 20);
}

TEST_P(Compressed, ABrokenStreamIsAnError) {
  const auto decompressor = make_decompressor(GetParam());
  decompressor->feed("\xff\xff this is no compressed stream");
  std::string out;
  EXPECT_EQ(decompressor->read(out, 100).error().code, Code::kCorrupt);
}

TEST(ZstdWords, FramesBeginAnewWhereverAReadEnds) {
  const auto compressor = make_compressor(Compression::kZstdWords);
  const auto decompressor = make_decompressor(Compression::kZstdWords);
  std::mt19937 random(1);
  std::string sent;
  std::string received;
  while (sent.size() < 3 * kWordsFrameBytes + 100) {
    std::string piece(random() % (random() % 2 == 0 ? 400'000 : 900), '\0');
    for (size_t i = 0; i < piece.size(); i += 4) piece[i] = static_cast<char>(random());
    sent += piece;
    std::string wire;
    compressor->write(piece, Compressor::Flush::kFlush, wire);
    decompressor->feed(wire);
    while (*decompressor->read(received, 1 + random() % 70'000) > 0) {
    }
    ASSERT_TRUE(received == sent) << sent.size();
  }
}

TEST(ZstdWords, AShortLineIsShortWhateverWentBefore) {
  const auto compressor = make_compressor(Compression::kZstdWords);
  std::mt19937 random(1);
  std::string noise(20 << 20, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  std::string wire;
  compressor->write(noise, Compressor::Flush::kFlush, wire);
  wire.clear();
  compressor->write("UPDATE -7 5213+1 5000 0 0 STORE 4711 +(\\Flagged)\r\nSYNC\r\n",
                    Compressor::Flush::kFlush, wire);
  EXPECT_LE(wire.size(), 36U);
}

TEST(ZstdWords, AnAnswerIsShortWhateverWasAnsweredBefore) {
  std::mt19937 random(1);
  // As good as random: each letter takes a byte.
  const auto answer = [&](std::string& out) {
    out += "OK UPDATE ";
    for (int i = 0; i < 11; ++i) out += static_cast<char>('A' + random() % 58);
    out += "\r\n";
  };
  for (int batches = 1; batches < 6; ++batches)
    for (int answers = 1; answers < 100; ++answers) {
      const auto compressor = make_compressor(Compression::kZstdAnswers);
      for (int batch = 0; batch < batches; ++batch) {
        std::string said;
        std::string wire;
        for (int i = 0; i < answers; ++i) answer(said);
        compressor->write(said + "OK SYNC\r\n", Compressor::Flush::kFlush, wire);
      }
      std::string one;
      std::string wire;
      answer(one);
      compressor->write(one + "OK SYNC\r\n", Compressor::Flush::kFlush, wire);
      ASSERT_LE(wire.size(), 24U) << batches << " batches of " << answers;
    }
}

TEST(Zstd, AWindowLargerThanOursIsRefused) {
  const std::string text(32 << 20, 'x');
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     &ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, kZstdWindowLog + 1);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ASSERT_EQ(ZSTD_compressStream2(context.get(), &out, &in, ZSTD_e_flush), 0u);
  const auto decompressor = make_decompressor(Compression::kZstd);
  decompressor->feed(std::string_view(packed).substr(0, out.pos));
  std::string read;
  EXPECT_EQ(decompressor->read(read, 1000).error().code, Code::kCorrupt);
}

TEST(Deflate, TheEndOfTheStreamInsideAConnectionIsAnError) {
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(100, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = 100;
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(100 - stream.avail_out);
  deflateEnd(&stream);
  const auto decompressor = make_decompressor(Compression::kDeflate);
  decompressor->feed(packed);
  std::string read;
  EXPECT_EQ(decompressor->read(read, 100).error().code, Code::kCorrupt);
}

INSTANTIATE_TEST_SUITE_P(, Compressed,
                         testing::Values(Compression::kDeflate, Compression::kZstd,
                                         Compression::kZstdWords, Compression::kZstdAnswers));

}  // namespace
}  // namespace gemel::wire
