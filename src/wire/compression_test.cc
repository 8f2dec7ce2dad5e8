#include "wire/compression.h"

#include <gtest/gtest.h>

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

INSTANTIATE_TEST_SUITE_P(, Compressed, testing::Values(Compression::kDeflate, Compression::kZstd));

}  // namespace
}  // namespace gemel::wire
