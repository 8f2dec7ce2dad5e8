// Cuts a byte stream into commands: lines, and the literals that continue them.
//
// A command is one line, or several joined by literals: `a1 LOGIN {3+}\r\nbob {2+}\r\npw\r\n`.
// Every literal is announced to the user before a byte of it is read, and the user keeps it in
// memory, streams it, or refuses it. So a body never has to sit whole in memory, and a command can
// be refused on its first words. IMAP and the sync protocol both speak this.
//
// A line end is CRLF; a bare LF is taken too. What ends a line as `{n}`, `{n+}` or `~{n}` with 1 to
// 20 digits announces a literal wherever it stands, so whoever writes free text at a line's end
// must not end it so.
//
// Owns     what was fed and not yet taken, and the command collected so far. Memory: at most
//          command_bytes_max, one line, and what was fed while the user did not call next().
// Threads  one at a time.
// Source   RFC 9051 §2.2, §4.3 (literals), RFC 7888 (`{n+}`), RFC 3516 §4.4 (`~{n}`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gemel::wire {

struct FramerLimits {
  size_t line_bytes_max = 8192;           // one line with its end, without literals' bytes
  uint64_t literal_bytes_max = 64 << 20;  // any one literal, by its announcement
  size_t literals_max = 1024;             // in one command
  size_t command_bytes_max = 1 << 20;     // lines and kept literals of one command together
  uint64_t skip_bytes_max = 256 << 20;    // a refused literal larger than this ends the connection
};

/// A literal of a command. `position` is where its bytes stand in Frame::bytes if it is kept, and
/// where they would stand if not.
struct Literal {
  uint64_t size = 0;
  size_t position = 0;
  bool synchronising = false;  // the client waits for "+" before it sends it (RFC 9051 §4.3)
  bool binary = false;         // `~{n}`: may hold NUL (RFC 3516)
  bool kept = false;           // its bytes are in Frame::bytes; else they were streamed
};

/// One command as it came: announcements and line ends included, streamed literals' bytes left out.
struct Frame {
  std::string bytes;
  std::vector<Literal> literals;
};

/// What next() found.
struct Step {
  enum class Kind : uint8_t {
    kCommand,  // `frame` is a whole command
    kLiteral,  // `literal` is announced; frame() ends with it. Call keep, stream or refuse.
    kBytes,    // `bytes` of a streamed literal; at `left` == 0 it is complete
  };
  Kind kind;
  Frame frame = {};
  Literal literal = {};
  std::string_view bytes = {};  // valid until the next call
  uint64_t left = 0;
};

class Framer {
 public:
  explicit Framer(FramerLimits limits) : limits_(limits) {}

  /// From the next line on, as after a login.
  void set_limits(FramerLimits limits) { limits_ = limits; }

  /// Takes bytes in any pieces. Call next() until it gives nothing before feeding more, or memory
  /// grows.
  void feed(std::string_view bytes);

  /// The next step, or nothing until more is fed. A streamed literal of size 0 gives one kBytes
  /// too. Cost: linear in what was fed, wherever it was cut. Errors: kTooBig (line, literal,
  /// command), kLimit (literals). frame() then holds what there was of the command, so that its tag
  /// can be answered; the next call goes on after the broken command. If is_broken(), there is no
  /// way to go on and the connection must be closed.
  Result<std::optional<Step>> next();
  /// True while the rest of a refused line is thrown away, however much comes.
  bool is_skipping_line() const { return state_ == State::kSkipLine; }

  /// The answers to Step::Kind::kLiteral. For a synchronising literal the user sends "+" after
  /// keep() or stream(), and a tagged NO or BAD after refuse(), which ends the command (RFC 9051
  /// §4.3). The bytes of a refused literal that does not wait, and the rest of its command, are
  /// skipped. Errors of keep: kTooBig, the command would outgrow command_bytes_max; it was refused
  /// then.
  Result<void> keep();
  void stream();
  void refuse();

  /// The command collected so far; after an error of next(), what there was of it.
  const Frame& frame() const { return frame_; }
  bool is_broken() const { return state_ == State::kBroken; }

  /// Bytes fed and not taken yet. After STARTTLS these must be dropped: they came in the clear and
  /// would be taken for commands of the secured session (RFC 9051 §6.2.1).
  size_t buffered_bytes() const { return pending_.size() - head_; }
  void drop_buffered() { consume(buffered_bytes()); }

 private:
  enum class State : uint8_t {
    kLine,
    kAnnounced,
    kKeep,
    kStream,
    kSkipLine,
    kSkipLiteral,
    kBroken,
  };
  struct Announcement {
    std::optional<uint64_t> size;  // nothing: the number does not fit 64 bits
    bool synchronising = false;
    bool binary = false;
  };

  static std::optional<Announcement> announcement_of(std::string_view line);
  std::string_view unread() const { return std::string_view(pending_).substr(head_); }
  void consume(size_t count);
  std::optional<std::string_view> whole_line();
  Result<std::optional<Step>> next_line();
  Result<std::optional<Step>> announce(const Announcement& announced);
  std::optional<Step> next_streamed();
  Result<void> skip_line();
  Result<void> skip_after(const std::optional<Announcement>& announced);
  std::unexpected<Error> abandon(Error error, const std::optional<Announcement>& announced);

  FramerLimits limits_;
  State state_ = State::kLine;
  bool forget_frame_ = false;  // the frame was shown after an error; the next step starts afresh
  std::string pending_;
  size_t head_ = 0;     // pending_ before this is taken
  size_t scanned_ = 0;  // of unread(), no line end before this
  uint64_t left_ = 0;   // of the literal being read or skipped
  Frame frame_;
};

}  // namespace gemel::wire
