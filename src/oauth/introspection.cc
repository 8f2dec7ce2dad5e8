#include "oauth/introspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "base/bytes.h"

namespace gemel::oauth {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

// application/x-www-form-urlencoded.
std::string form_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (std::isalnum(octet) != 0 || std::string_view("-._*").contains(c))
      out += c;
    else
      out += fmt::format("%{:02X}", octet);
  }
  return out;
}

std::optional<std::string_view> field_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const size_t end = std::min(head.find(kLineEnd), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + kLineEnd.size(), head.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !equals_ignoring_case(line.substr(0, colon), name))
      continue;
    line.remove_prefix(colon + 1);
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
    while (line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
    return line;
  }
  return std::nullopt;
}

std::unexpected<Error> no_http() { return fail(Code::kUnavailable, "the answer is no HTTP/1.1"); }

Result<uint64_t> chunk_size(std::string_view line) {
  const std::string_view digits = line.substr(0, line.find_first_of("; \t"));
  if (digits.size() > 8) return no_http();
  uint32_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return no_http();
  return size;
}

// RFC 9112 §7.1.
Result<std::optional<std::string>> unchunked(std::string_view rest) {
  std::string out;
  for (;;) {
    const size_t end = rest.find(kLineEnd);
    if (end == std::string_view::npos) return std::nullopt;
    TRY(const uint64_t size, chunk_size(rest.substr(0, end)));
    rest.remove_prefix(end + kLineEnd.size());
    if (size == 0) return out;
    if (size > kAnswerBytesMax) return fail(Code::kTooBig, "the answer is too long");
    if (rest.size() < size + kLineEnd.size()) return std::nullopt;
    out += rest.substr(0, size);
    rest.remove_prefix(size + kLineEnd.size());
  }
}

class Introspection final : public wire::Session {
 public:
  Introspection(const Question& question, std::function<void(Result<std::string>)> done)
      : request_(request_of(question)), timeout_ms_(question.timeout_ms), done_(std::move(done)) {}
  ~Introspection() override { conclude(fail(Code::kUnavailable, "the answer did not come")); }

  void receive(std::string_view bytes) override {
    answer_ += bytes;
    if (answer_.size() > kAnswerBytesMax)
      return conclude(fail(Code::kTooBig, "the answer is too long"));
    look();
  }
  void produce(std::string& out, size_t) override { out += std::exchange(request_, {}); }
  wire::Want want() const override { return is_over_ ? wire::Want::kClose : wire::Want::kInput; }
  std::optional<int64_t> input_timeout_ms() const override { return timeout_ms_; }
  void timed_out() override { conclude(fail(Code::kUnavailable, "no answer in time")); }
  void end_of_input() override { conclude(fail(Code::kUnavailable, "the answer broke off")); }
  void shut_down() override { conclude(fail(Code::kUnavailable, "the server is stopping")); }

 private:
  void look() {
    Result<std::optional<std::string>> body = body_of_answer(answer_);
    if (!body) return conclude(std::unexpected(body.error()));
    if (*body) conclude(**std::move(body));
  }
  void conclude(Result<std::string> outcome) {
    if (std::exchange(is_over_, true)) return;
    done_(std::move(outcome));
  }

  std::string request_;
  const int64_t timeout_ms_;
  std::function<void(Result<std::string>)> done_;
  std::string answer_;
  bool is_over_ = false;
};

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::kInvalid, fmt::format("\"{}\" is no http or https URL", text));
  };
  Url out;
  std::string_view rest = text;
  if (rest.starts_with("http://")) {
    out.scheme = Url::Scheme::kHttp;
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else {
    return wrong();
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  out.path = slash == rest.size() ? "/" : std::string(rest.substr(slash));
  out.port = out.scheme == Url::Scheme::kHttps ? kHttpsPort : kHttpPort;
  // "[::1]:8080" or "host:8080".
  const size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    const Result<uint64_t> port = parse_number(authority.substr(colon + 1));
    if (!port || *port == 0 || *port > 65'535) return wrong();
    out.port = static_cast<uint16_t>(*port);
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']'))
    authority = authority.substr(1, authority.size() - 2);
  const bool is_clean = std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == '\x7f' || c == '#' || c == '@';
  });
  if (authority.empty() || !is_clean) return wrong();
  out.host = authority;
  return out;
}

std::string request_of(const Question& question) {
  const Url& url = question.url;
  const std::string body =
      fmt::format("token={}&token_type_hint=access_token", form_encoded(question.token));
  const bool is_v6 = url.host.contains(':');
  // RFC 6749 §2.3.1: both are encoded before the base64.
  const std::string login =
      to_base64(form_encoded(question.client_id) + ":" + form_encoded(question.client_secret));
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}{}{}:{}\r\nConnection: close\r\nAccept: application/json\r\n"
      "Authorization: Basic {}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Content-Length: {}\r\n\r\n{}",
      url.path, is_v6 ? "[" : "", url.host, is_v6 ? "]" : "", url.port, login, body.size(), body);
}

Result<std::optional<std::string>> body_of_answer(std::string_view bytes) {
  const size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::nullopt;
  std::string_view head = bytes.substr(0, head_end);
  const std::string_view rest = bytes.substr(head_end + 4);
  const std::string_view status = head.substr(0, head.find(kLineEnd));
  head.remove_prefix(std::min(status.size() + kLineEnd.size(), head.size()));
  if (!status.starts_with("HTTP/1.") || status.size() < 12) return no_http();
  const std::string_view code = status.substr(9, 3);
  if (code.starts_with('1')) return body_of_answer(rest);  // RFC 9110 §15.2: the answer follows
  if (code != "200") return fail(Code::kUnavailable, fmt::format("the answer is {}", code));
  if (const auto encoding = field_of(head, "Transfer-Encoding"); encoding) {
    if (!equals_ignoring_case(*encoding, "chunked")) return no_http();
    return unchunked(rest);
  }
  const auto length = field_of(head, "Content-Length");
  if (!length) return no_http();
  const Result<uint64_t> size = parse_number(*length);
  if (!size) return no_http();
  if (*size > kAnswerBytesMax) return fail(Code::kTooBig, "the answer is too long");
  if (rest.size() < *size) return std::nullopt;
  return std::string(rest.substr(0, *size));
}

std::unique_ptr<wire::Session> make_session(const Question& question,
                                            std::function<void(Result<std::string>)> done) {
  return std::make_unique<Introspection>(question, std::move(done));
}

}  // namespace gemel::oauth
