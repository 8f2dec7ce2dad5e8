#include "bin/gemeld_sendmail.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

namespace gemel::bin {
namespace {

using outgoing::Outcome;
using Clock = std::chrono::steady_clock;

constexpr size_t kPieceBytes = 64 << 10;
constexpr size_t kOutputBytesMax = 4096;
constexpr auto kWaitStep = std::chrono::milliseconds(5);

// A file in memory that goes with its descriptor: so nobody waits on a pipe that is full.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : descriptor_(memfd_create(name, MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int descriptor() const { return descriptor_; }
  Result<void> write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0) return fail(Code::kIo, std::strerror(errno));
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return {};
  }
  void rewind() const { lseek(descriptor_, 0, SEEK_SET); }
  std::string start() const {
    std::string out(kOutputBytesMax, '\0');
    const ssize_t count = pread(descriptor_, out.data(), out.size(), 0);
    out.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return out;
  }

 private:
  int descriptor_;
};

// Refused for good, by sysexits.h; anything else may go better later.
Outcome::Kind kind_of(int status) {
  if (status == EX_OK) return Outcome::Kind::kSent;
  for (const int refused : {EX_DATAERR, EX_NOUSER, EX_NOHOST, EX_UNAVAILABLE, EX_NOPERM})
    if (status == refused) return Outcome::Kind::kRefused;
  return Outcome::Kind::kLater;
}

// CRLF as LF, in pieces cut anywhere. A CR alone is content, and stays.
class LocalLines {
 public:
  std::string take(std::string_view piece) {
    std::string out;
    for (const char c : piece) {
      if (std::exchange(has_cr_, c == '\r') && c != '\n') out += '\r';
      if (!has_cr_) out += c;
    }
    return out;
  }
  std::string_view rest() const { return has_cr_ ? "\r" : ""; }

 private:
  bool has_cr_ = false;  // the last one, not given yet
};

// All of the message, before the command is started: one that breaks off must not be sent.
Result<void> copy_message(const Outbox::Mail& mail, const MemoryFile& to) {
  LocalLines lines;
  for (uint64_t at = mail.message_at; at < mail.body.size(); at += kPieceBytes) {
    TRY(const std::string piece, mail.body.read(at, kPieceBytes));
    TRY_OK(to.write(lines.take(piece)));
  }
  TRY_OK(to.write(lines.rest()));
  to.rewind();
  return {};
}

Result<pid_t> start(const std::vector<std::string>& words, const MemoryFile& input,
                    const MemoryFile& output) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.descriptor(), STDIN_FILENO);
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_adddup2(&actions, output.descriptor(), descriptor);
  // Not the sockets of others, nor the store's files.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  // The server blocks and ignores signals that its children must hear.
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed = posix_spawn(&child, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return fail(Code::kUnavailable, std::strerror(failed));
  return child;
}

// The status as waitpid(2) gives it.
int wait_for(pid_t child) {
  const Clock::time_point end = Clock::now() + std::chrono::seconds(kSendmailSecondsMax);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (Clock::now() > end) kill(child, SIGKILL);
    std::this_thread::sleep_for(kWaitStep);
  }
  return status;
}

}  // namespace

Outcome sendmail(const std::vector<std::string>& command, const Outbox::Mail& mail) {
  const MemoryFile input("message");
  const MemoryFile output("output");
  if (const Result<void> copied = copy_message(mail, input); !copied)
    return {Outcome::Kind::kLater, copied.error().text};
  std::vector<std::string> words = command;
  const std::string& sender = mail.envelope.sender;
  words.insert(words.end(), {"-f", sender.empty() ? "<>" : sender, "--", mail.envelope.recipient});
  const Result<pid_t> child = start(words, input, output);
  if (!child)
    return {Outcome::Kind::kLater, fmt::format("{}: {}", words.front(), child.error().text)};
  const int status = wait_for(*child);
  if (!WIFEXITED(status)) return {Outcome::Kind::kLater, "the command was ended"};
  return {kind_of(WEXITSTATUS(status)),
          fmt::format("status {} {}", WEXITSTATUS(status), output.start())};
}

}  // namespace gemel::bin
