// What the transcript tests of line protocols share: a file of lines that a client sends and that
// came back, which is replayed and must come out the same.
//
//   # words          a comment; a line that is nothing of what follows is one too
//   O: words         what this server is told before it starts: the player reads it from the text
//   C: line          sent with CRLF; lines that follow each other are sent at once (pipelined)
//   C= text          the same without CRLF; \r \n \0 \t and \xHH are escapes
//   S: line          what came back; bytes that are not printable as \t or \xHH
//
// Letters with other meanings are each protocol's own. GEMEL_REWRITE=1 writes what was said into
// the files; then read the diff.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace gemel {

inline std::string unescape_transcript(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size()) {
      out += from_hex(text.substr(i + 1, 2)).value_or("?");
      i += 2;
    } else {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
    }
  }
  return out;
}

inline std::string escape_transcript(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t')
      out += "\\t";
    else if (byte >= 0x20 && byte < 0x7f)
      out += c;
    else
      out += fmt::format("\\x{:02x}", byte);
  }
  return out;
}

/// `said` as lines of a transcript.
inline std::string transcript_lines(std::string_view prefix, std::string_view said) {
  std::string out;
  while (!said.empty()) {
    const size_t end = std::min(said.find("\r\n"), said.size());
    const std::string line = escape_transcript(said.substr(0, end));
    out += std::string(prefix) + (line.empty() ? "" : " ") + line + "\n";
    said.remove_prefix(std::min(end + 2, said.size()));
  }
  return out;
}

/// What plays the server's part in a transcript.
struct TranscriptPlayer {
  std::function<std::string()> start;  // before the first line that is no comment: a greeting
  std::function<std::string(std::string_view bytes)> send;
  /// For each line that is neither C nor S (# and O too): what stands in its place.
  std::function<std::string(const std::string& line)> other;
};

/// The transcript as it is when its client's lines happen now.
inline std::string replay_transcript(const std::string& text, const TranscriptPlayer& player) {
  std::string out;
  std::string unsent;
  bool has_started = false;
  const auto flush = [&] {
    if (!std::exchange(has_started, true)) out += transcript_lines("S:", player.start());
    if (!unsent.empty()) out += transcript_lines("S:", player.send(std::exchange(unsent, "")));
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const bool is_line = line == "C:" || line.starts_with("C: ");
    const bool is_sent = is_line || line.starts_with("C= ");
    const bool is_before = line.starts_with('#') || line.starts_with("O: ");
    if (has_started ? !is_sent : !is_before) flush();
    if (is_sent) {
      unsent += unescape_transcript(line.substr(std::min<size_t>(line.size(), 3)));
      if (is_line) unsent += "\r\n";
      out += line + "\n";
    } else if (!line.starts_with("S:")) {
      out += player.other(line);
    }
  }
  flush();
  return out;
}

/// Replays every file of `directory`, whole and cut into small pieces.
inline void expect_transcripts(
    const std::string& directory,
    const std::function<std::string(const std::string& text, size_t piece_bytes)>& replay) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    ++files;
    SCOPED_TRACE(entry.path().filename());
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string written{std::istreambuf_iterator<char>(stream), {}};
    const std::string said = replay(written, 1 << 16);
    if (std::getenv("GEMEL_REWRITE") != nullptr)
      std::ofstream(entry.path(), std::ios::binary) << said;
    else
      EXPECT_EQ(said, written);
    for (const size_t piece_bytes : {1, 2, 3, 7})
      EXPECT_EQ(replay(written, piece_bytes), said) << piece_bytes;
  }
  EXPECT_GT(files, 0U);
}

}  // namespace gemel
