#include "wire/dot_stuffing.h"

#include <gtest/gtest.h>

#include <utility>

namespace gemel::wire {
namespace {

// What comes out, and what is left, in brackets; "..." at the end if there was none.
std::string unstuffed(std::string_view bytes, size_t piece_bytes) {
  DotUnstuffer unstuffer;
  std::string out;
  while (!bytes.empty() && !unstuffer.done()) {
    const std::string_view piece = bytes.substr(0, piece_bytes);
    const size_t taken = unstuffer.take(piece, out);
    EXPECT_TRUE(taken == piece.size() || unstuffer.done());
    bytes.remove_prefix(taken);
  }
  return out + "[" + std::string(bytes) + "]" + (unstuffer.done() ? "" : "...");
}

TEST(DotUnstuffer, GivesTheSameWhereverTheBytesAreCut) {  // RFC 5321 §4.5.2
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"a\r\n.\r\nQUIT", "a\r\n[QUIT]"},
      {".\r\nQUIT", "[QUIT]"},
      {"..\r\n.\r\n", ".\r\n[]"},
      {"..a\r\n.b\r\n...\r\n.\r\n", ".a\r\nb\r\n..\r\n[]"},
      {"a\r\n", "a\r\n[]..."},
      {"a\r\n.", "a\r\n[]..."},
      // Nothing but CR LF . CR LF is an end.
      {"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n[]"},
      {"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n[]"},
      {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n[]"},
      {"a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n[]"},
      {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n[]"},
      {"a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n[]"},
      {"a\r\r\n.\r\n", "a\r\r\n[]"},
  };
  for (const auto& [bytes, expected] : kCases) {
    SCOPED_TRACE(expected);
    for (const size_t piece_bytes : {1, 2, 3, 4, 5, 100})
      EXPECT_EQ(unstuffed(bytes, piece_bytes), expected) << piece_bytes;
  }
}

TEST(DotStuffer, GivesTheSameWhereverTheBytesAreCut) {  // RFC 1939 §3
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"", ".\r\n"},
      {"a", "a\r\n.\r\n"},
      {"a\r\n", "a\r\n.\r\n"},
      {".", "..\r\n.\r\n"},
      {"..\r\n.\r\n.a", "...\r\n..\r\n..a\r\n.\r\n"},
      {"a\n.\n\n.b", "a\r\n..\r\n\r\n..b\r\n.\r\n"},
      {"\n\r\n", "\r\n\r\n.\r\n"},
      {"a\r.\r", "a\r.\r\r\n.\r\n"},
      {"\r\r\n", "\r\r\n.\r\n"},
      {"one\r\ntwo\r\n.three\r\n\r\n..\r\nfour\n.five\nsix\r\n.\r\n",
       "one\r\ntwo\r\n..three\r\n\r\n...\r\nfour\r\n..five\r\nsix\r\n..\r\n.\r\n"},
  };
  for (const auto& [text, expected] : kCases) {
    for (size_t piece_bytes = 1; piece_bytes <= text.size() + 1; ++piece_bytes) {
      DotStuffer stuffer;
      std::string out;
      for (size_t at = 0; at < text.size(); at += piece_bytes)
        stuffer.put(text.substr(at, piece_bytes), out);
      stuffer.finish(out);
      EXPECT_EQ(out, expected) << piece_bytes;
    }
  }
}

}  // namespace
}  // namespace gemel::wire
