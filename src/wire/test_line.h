// One end of a line to a session, for tests: bytes go in cut into pieces, and what the session says
// comes back as text, with a line of its own for what is no text.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "wire/session.h"

namespace gemel::wire {

class TestLine {
 public:
  explicit TestLine(size_t piece_bytes) : piece_bytes_(piece_bytes) {}

  void connect(std::unique_ptr<Session> session) {
    closed_ = false;
    session_ = std::move(session);
  }

  std::string send(std::string_view bytes) {
    std::string out;
    while (!bytes.empty()) {
      if (session_->want() != Want::kInput) return out + "(not listening)\r\n";
      const std::string_view piece = bytes.substr(0, piece_bytes_);
      session_->receive(piece);
      bytes.remove_prefix(piece.size());
      out += settle();
    }
    return out;
  }

  /// timeout, end-of-input, shutdown or tls happens; nothing for other words.
  void happen(std::string_view event) {
    if (event == "timeout") session_->timed_out();
    if (event == "end-of-input") session_->end_of_input();
    if (event == "shutdown") session_->shut_down();
    if (event != "tls") return;
    EXPECT_EQ(session_->want(), Want::kTls);
    session_->tls_started();
  }

  /// What the session has to say.
  std::string settle() {
    std::string out;
    do {
      session_->produce(out, 4096);
    } while (session_->want() == Want::kMore);
    if (session_->want() == Want::kClose && !std::exchange(closed_, true)) out += "(closed)\r\n";
    return out;
  }

 private:
  size_t piece_bytes_;
  std::unique_ptr<Session> session_;
  bool closed_ = false;
};

}  // namespace gemel::wire
