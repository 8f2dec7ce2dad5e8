// Asks an authorization server about a bearer token: one HTTP exchange on one connection.
//
// Owns     the bytes of the exchange.
// Threads  one at a time.
// Limits   an answer of more than kAnswerBytesMax is none.
// Source   RFC 7662 §2 (introspection), RFC 6749 §2.3.1 (the client's password), RFC 9112
//          (HTTP/1.1 messages).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/session.h"

namespace gemel::oauth {

inline constexpr size_t kAnswerBytesMax = 64 << 10;

/// Where to ask: "https://id.example/introspect".
struct Url {
  enum class Scheme : uint8_t { kHttp, kHttps } scheme = Scheme::kHttps;
  std::string host;
  uint16_t port = 0;
  std::string path;
};
/// Errors: kInvalid.
Result<Url> parse_url(std::string_view text);

struct Question {
  Url url;
  std::string client_id;
  std::string client_secret;
  std::string token;
  int64_t timeout_ms = 10'000;  // from the connection to the answer's end
};

/// The request as it goes out.
std::string request_of(const Question& question);

/// The body of a whole HTTP answer, `bytes` being all that came until the end of the connection;
/// nothing while more is needed. Errors: kUnavailable, another status than 200, or no HTTP;
/// kTooBig.
Result<std::optional<std::string>> body_of_answer(std::string_view bytes);

/// A session that asks, and closes the connection. `done` is called once, when it knows the
/// answer's body or is destroyed without.
std::unique_ptr<wire::Session> make_session(const Question& question,
                                            std::function<void(Result<std::string>)> done);

}  // namespace gemel::oauth
