#include "admin/metrics.h"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <string_view>

namespace gemel::admin {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using prometheus::MetricFamily;
using prometheus::MetricType;

// The families of one answer, in the order in which they are first named.
class Families {
 public:
  void gauge(std::string_view name, std::string_view help, Labels labels, double value) {
    add(name, help, MetricType::Gauge, std::move(labels)).gauge.value = value;
  }
  void counter(std::string_view name, std::string_view help, Labels labels, uint64_t value) {
    add(name, help, MetricType::Counter, std::move(labels)).counter.value =
        static_cast<double>(value);
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  prometheus::ClientMetric& add(std::string_view name, std::string_view help, MetricType type,
                                Labels labels) {
    auto at = std::ranges::find(families_, name, &MetricFamily::name);
    if (at == families_.end()) {
      families_.push_back({std::string(name), std::string(help), type, {}});
      at = std::prev(families_.end());
    }
    at->metric.emplace_back().label = std::move(labels);
    return at->metric.back();
  }
  std::vector<MetricFamily> families_;
};

void add_server(const Services& services, Families& out) {
  const MailStore& store = *services.store;
  out.gauge("gemel_info", "The server's version and role; always 1.",
            {{"version", GEMEL_VERSION},
             {"role", store.role() == Role::kPrimary ? "primary" : "replica"}},
            1);
  out.gauge("gemel_term_epoch", "The epoch of the term that the store writes in or follows.", {},
            store.term().epoch);
  out.counter("gemel_journal_head", "Changes of mailboxes and users ever made or taken.", {},
              store.journal_head().value);
}

void add_channel(const ChannelStatus& channel, Families& out) {
  const Labels by_channel = {{"channel", channel.name}};
  out.gauge("gemel_channel_connected", "Whether the link to the replica is up.", by_channel,
            channel.connected ? 1 : 0);
  out.gauge("gemel_channel_standing_by", "Whether nothing is to be sent to that server now.",
            by_channel, channel.is_apart || channel.paused ? 1 : 0);
  out.gauge("gemel_channel_lag_seconds", "Age of the oldest change not yet on the replica.",
            by_channel, channel.lag_s);
  out.gauge("gemel_channel_changes_behind",
            "Mailboxes and users with changes not yet on the replica.", by_channel,
            static_cast<double>(channel.changes_behind));
  out.gauge("gemel_channel_set_aside", "Mailboxes and users that can't be sent now.", by_channel,
            static_cast<double>(channel.set_aside.size()));
  out.gauge("gemel_channel_retry_seconds", "Time to the next attempt to connect; 0: none waits.",
            by_channel, static_cast<double>(channel.retry_in_s));
  out.gauge("gemel_channel_acknowledge_away",
            "Whether answers should wait for the replica and can't.", by_channel,
            channel.acknowledge_away ? 1 : 0);
  out.counter("gemel_channel_unacknowledged_total",
              "Changes that were not waited for as acknowledge says.", by_channel,
              channel.unacknowledged);
  out.counter("gemel_channel_batches_total", "Batches sent.", by_channel, channel.batches);
  out.counter("gemel_channel_round_trips_total", "Turns of the link.", by_channel,
              channel.round_trips);
  out.counter("gemel_channel_bytes_total", "Bytes on the wire, before TLS.",
              {{"channel", channel.name}, {"direction", "up"}}, channel.bytes_up);
  out.counter("gemel_channel_bytes_total", "Bytes on the wire, before TLS.",
              {{"channel", channel.name}, {"direction", "down"}}, channel.bytes_down);
}

void add_upstream(const UpstreamStatus& upstream, Families& out) {
  const Labels by_peer = {{"channel", upstream.channel}, {"address", upstream.address}};
  out.gauge("gemel_upstream_heard_seconds", "Since a sender was heard last.", by_peer,
            upstream.heard_s);
  out.gauge("gemel_upstream_unsent", "Mailboxes and users it had still to send, as it said last.",
            by_peer, static_cast<double>(upstream.unsent));
}

class MetricsSession final : public wire::Session {
 public:
  explicit MetricsSession(const Services& services) : services_(services) {}

  void receive(std::string_view bytes) override {
    if (is_closing_) return;
    request_ += bytes;
    // Only the first line says what is wanted; all of it is read, so that closing loses nothing.
    const size_t end = request_.find("\r\n\r\n");
    if (end > kHttpRequestBytesMax && request_.size() > kHttpRequestBytesMax)
      return answer("431 Request Header Fields Too Large", "the request is too long\n");
    if (end != std::string::npos) run(std::string_view(request_).substr(0, request_.find("\r\n")));
  }
  void produce(std::string& out, size_t bytes_max) override {
    const size_t count = std::min(bytes_max, output_.size());
    out.append(output_, 0, count);
    output_.erase(0, count);
  }
  wire::Want want() const override {
    if (!output_.empty()) return wire::Want::kMore;
    return is_closing_ ? wire::Want::kClose : wire::Want::kInput;
  }
  std::optional<int64_t> input_timeout_ms() const override { return kHttpTimeoutMs; }
  void timed_out() override { is_closing_ = true; }
  void end_of_input() override { is_closing_ = true; }
  void shut_down() override { is_closing_ = true; }

 private:
  // RFC 9112 §3: method SP target SP version.
  void run(std::string_view line) {
    const size_t first = line.find(' ');
    const size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos || !line.substr(second + 1).starts_with("HTTP/1."))
      return answer("400 Bad Request", "not a request of HTTP/1\n");
    const std::string_view method = line.substr(0, first);
    std::string_view target = line.substr(first + 1, second - first - 1);
    target = target.substr(0, target.find('?'));
    is_head_ = method == "HEAD";
    if (method != "GET" && !is_head_)
      return answer("405 Method Not Allowed", "only GET and HEAD\n", "Allow: GET, HEAD\r\n");
    if (target != "/metrics") return answer("404 Not Found", "see /metrics\n");
    answer("200 OK", metrics_text(services_));
  }

  void answer(std::string_view status, std::string_view body, std::string_view more = "") {
    output_ = fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n{}"
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        status, more, body.size());
    if (!is_head_) output_ += body;
    request_.clear();
    is_closing_ = true;
  }

  const Services& services_;
  std::string request_;
  std::string output_;
  bool is_head_ = false;
  bool is_closing_ = false;
};

}  // namespace

std::string metrics_text(const Services& services) {
  Families out;
  add_server(services, out);
  for (const ChannelStatus& channel : services.channels()) add_channel(channel, out);
  for (const UpstreamStatus& upstream : services.upstreams()) add_upstream(upstream, out);
  return out.text();
}

std::unique_ptr<wire::Session> make_metrics_session(const Services& services) {
  return std::make_unique<MetricsSession>(services);
}

}  // namespace gemel::admin
