#include "wire/compression.h"

#include <thread>

#include "net/network.h"
#include "net/test_world.h"

namespace gemel::net {
namespace {

using testing::echo;
using testing::Echo;
using testing::Peer;
using wire::Compression;

class CompressedTest : public ::testing::TestWithParam<Compression> {
 protected:
  void SetUp() override {
    EXPECT_EQ(peer_.read_line(), "hello 127.0.0.1\n");
    const std::string ask = GetParam() == Compression::kZstd ? "zstd\n" : "deflate\n";
    peer_.send(ask);
    EXPECT_EQ(peer_.read_line(), ask);
  }
  std::string packed(std::string_view text) {
    std::string out;
    compressor_->write(text, wire::Compressor::Flush::kFlush, out);
    return out;
  }
  /// Up to `count` bytes of what was compressed; fewer at the end.
  std::string read(size_t count) {
    std::string out;
    while (out.size() < count) {
      if (decompressor_->read(out, count - out.size()).value() > 0) continue;
      const std::string piece = peer_.read_some(64 << 10);
      if (piece.empty()) break;
      decompressor_->feed(piece);
    }
    return out;
  }

  Echo::Watch watch_;
  Network network_{{.workers = 2}};
  Peer peer_{network_.listen({.host = "127.0.0.1", .session = echo(watch_)}).value()};
  std::unique_ptr<wire::Compressor> compressor_ = wire::make_compressor(GetParam());
  std::unique_ptr<wire::Decompressor> decompressor_ = wire::make_decompressor(GetParam());
};

TEST_P(CompressedTest, BothDirectionsAreCompressed) {
  for (const std::string line : {"one\n", "two\n", "three\n"}) {
    peer_.send(packed(line));
    EXPECT_EQ(read(line.size()), line);
  }
  peer_.send(packed("bye\n"));
  EXPECT_EQ(read(100), "bye\n");
}

TEST_P(CompressedTest, FewBytesThatStandForManyComeInPieces) {
  const std::string text(20 << 20, 'x');
  const std::string bomb = packed(text);
  ASSERT_LT(bomb.size(), 64u << 10);
  peer_.send(bomb);
  EXPECT_EQ(read(text.size()).size(), text.size());
  EXPECT_LE(watch_.largest_input.load(), size_t{64} << 10);
  peer_.send_end();  // behind all that the bomb held
  EXPECT_EQ(read(100), "end\n");
}

TEST_P(CompressedTest, TheEndComesAfterWhatIsStillPacked) {
  const std::string text(1 << 20, 'x');
  peer_.send(packed(text));
  peer_.send_end();
  EXPECT_TRUE(read(2 << 20) == text + "end\n");
}

TEST_P(CompressedTest, ABrokenStreamEndsTheConnection) {
  peer_.send(std::string(100, '\xff'));
  EXPECT_EQ(peer_.read_to_end(), "");
}

TEST_P(CompressedTest, StoppingSaysGoodbyeCompressed) {
  peer_.send(packed("line\n"));
  EXPECT_EQ(read(5), "line\n");
  std::string rest;
  std::thread reader([&] { rest = read(100); });
  network_.stop(60'000);
  reader.join();
  EXPECT_EQ(rest, "stopping\n");
}

INSTANTIATE_TEST_SUITE_P(, CompressedTest,
                         ::testing::Values(Compression::kDeflate, Compression::kZstd));

}  // namespace
}  // namespace gemel::net
