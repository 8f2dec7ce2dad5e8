// gemeld: the server. Reads the command line and the configuration, runs until a signal.
// Source   doc/operations.md; systemd's sd_notify(3).
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <array>
#include <csignal>
#include <string>
#include <string_view>

#include "base/log.h"
#include "bin/config.h"
#include "bin/gemeld_server.h"

namespace gemel::bin {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitConfig = 78;  // EX_CONFIG of sysexits.h

constexpr const char* kUsage =
    "usage: gemeld [--config FILE] [--check-config]\n"
    "       gemeld --version\n"
    "FILE is /etc/gemel/gemel.toml unless given; see doc/operations.md.\n";

struct CommandLine {
  std::string config = "/etc/gemel/gemel.toml";
  enum class Action : uint8_t { kRun, kCheck, kVersion, kHelp, kWrong } action = Action::kRun;
};

CommandLine parse_command_line(int argc, char** argv) {
  using Action = CommandLine::Action;
  CommandLine out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if ((argument == "--config" || argument == "-c") && i + 1 < argc)
      out.config = argv[++i];
    else if (argument == "--check-config")
      out.action = Action::kCheck;
    else if (argument == "--version")
      out.action = Action::kVersion;
    else if (argument == "--help" || argument == "-h")
      out.action = Action::kHelp;
    else
      return {.action = Action::kWrong};
  }
  return out;
}

sigset_t our_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

void reload(Server& server, const std::string& path) {
  const auto config = load_config(path);
  if (!config) {
    log::error("configuration not taken over: {}", text_of(path, config.error()));
    return;
  }
  if (const Result<void> done = server.reload(*config); !done)
    log::error("configuration taken over but for what is wrong: {}", done.error().text);
  else
    log::info("configuration taken over: log level, aliases, global scripts and certificates");
}

int run(const Config& config, const std::string& path) {
  // Before any thread is started, so that all of them leave these signals to this one.
  const sigset_t signals = our_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  log::set_level(config.log_level);
  Result<std::unique_ptr<Server>> server = Server::start(config);
  if (!server) {
    log::error("can't start: {}", server.error().text);
    return kExitFailed;
  }
  sd_notify(0, "READY=1");
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    sd_notify(0, "RELOADING=1");
    reload(**server, path);
    sd_notify(0, "READY=1");
  }
  sd_notify(0, "STOPPING=1");
  log::info("stopping");
  server->reset();
  log::info("stopped");
  return kExitOk;
}

int main_of(const CommandLine& line) {
  using Action = CommandLine::Action;
  if (line.action == Action::kVersion) {
    fmt::print("gemeld {}\n", GEMEL_VERSION);
    return kExitOk;
  }
  if (line.action == Action::kHelp || line.action == Action::kWrong) {
    fmt::print(line.action == Action::kHelp ? stdout : stderr, "{}", kUsage);
    return line.action == Action::kHelp ? kExitOk : kExitUsage;
  }
  const auto config = load_config(line.config);
  if (!config) {
    fmt::print(stderr, "{}", text_of(line.config, config.error()));
    return kExitConfig;
  }
  return line.action == Action::kCheck ? kExitOk : run(*config, line.config);
}

}  // namespace
}  // namespace gemel::bin

int main(int argc, char** argv) {
  return gemel::bin::main_of(gemel::bin::parse_command_line(argc, argv));
}
