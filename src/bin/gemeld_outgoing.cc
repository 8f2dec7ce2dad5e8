#include "bin/gemeld_outgoing.h"

#include <atomic>
#include <chrono>

#include "base/log.h"
#include "bin/gemeld_sendmail.h"

namespace gemel::bin {
namespace {

// A replica may be promoted, and nobody says so.
constexpr int64_t kLookMsMax = 5'000;
constexpr auto kTidyInterval = std::chrono::minutes(10);

}  // namespace

Outgoing::Outgoing(MailStore& store, Outbox& outbox, net::Network& network, OutgoingSetup setup)
    : store_(store),
      outbox_(outbox),
      network_(network),
      setup_(std::move(setup)),
      queue_(store, outbox, system_clock(),
             {.hostname = setup_.hostname, .give_up_s = setup_.config.give_up_hours * 3600}),
      relay_options_{.hostname = setup_.hostname,
                     .tls = setup_.config.tls == OutgoingConfig::Tls::kRequired
                                ? outgoing::RelayOptions::Tls::kRequired
                                : outgoing::RelayOptions::Tls::kOff,
                     .user = setup_.config.user,
                     .password = setup_.config.password},
      thread_([this] { run(); }) {}

Outgoing::~Outgoing() {
  stop();
  thread_.join();
}

void Outgoing::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
}

bool Outgoing::is_stopping() {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

void Outgoing::wake() {
  {
    const std::scoped_lock lock(mutex_);
    has_news_ = true;
  }
  woken_.notify_all();
}

// Until something is due or comes. What is watched is the outbox of a primary; on a replica there
// is nothing to watch.
void Outgoing::wait() {
  const int64_t wait_ms = std::min(queue_.due_in_ms().value_or(kLookMsMax), kLookMsMax);
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                  [this] { return stopping_ || has_news_; });
  has_news_ = false;
}

void Outgoing::run() {
  Watch watch;
  bool is_watched = false;
  auto tidied = std::chrono::steady_clock::now();
  for (;;) {
    if (!is_watched && store_.role() == Role::kPrimary) {
      Result<Watch> made = outbox_.watch([this] { wake(); });
      is_watched = made.has_value();
      if (made) watch = *std::move(made);
    }
    wait();
    if (is_stopping()) return;
    if (queue_.due_in_ms() == 0) {
      if (setup_.config.relay)
        relay();
      else
        run_commands();
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - tidied < kTidyInterval) continue;
    tidied = now;
    queue_.tidy();
  }
}

// One connection takes everything that is due; this waits for its end.
void Outgoing::relay() {
  const OutgoingConfig& config = setup_.config;
  net::ConnectOptions options;
  options.host = config.relay->host;
  options.port = config.relay->port;
  if (config.tls == OutgoingConfig::Tls::kRequired)
    options.tls = std::make_unique<net::ConnectOptions::Tls>(net::ConnectOptions::Tls{
        .ca_file = config.ca_file,
        .server_name = config.server_name.empty() ? config.relay->host : config.server_name,
        .when = net::ConnectOptions::Tls::When::kAsked});
  // Shared with what the connection calls at its end, whenever that is.
  auto was_made = std::make_shared<std::atomic<bool>>(false);
  options.session = [this, was_made](wire::SessionEnv env) {
    *was_made = true;
    return std::make_unique<outgoing::RelaySession>(queue_, relay_options_, system_random(),
                                                    std::move(env));
  };
  options.on_end = [this, was_made](const Error& reason) {
    if (!*was_made) queue_.unreachable(reason.text);
    const std::scoped_lock lock(mutex_);
    is_connected_ = false;
    woken_.notify_all();
  };
  std::unique_lock lock(mutex_);
  if (stopping_) return;  // the network may be gone
  is_connected_ = true;
  network_.connect(std::move(options));
  // A network that stops may never say that the connection has ended.
  woken_.wait(lock, [this] { return !is_connected_ || stopping_; });
}

void Outgoing::run_commands() {
  while (const std::optional<outgoing::Feed::Item> item = queue_.next()) {
    queue_.done(*item, sendmail(setup_.config.sendmail, item->mail));
    if (is_stopping()) return;
  }
}

}  // namespace gemel::bin
