#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/test_clock.h"
#include "oauth/claims.h"
#include "oauth/introspection.h"
#include "oauth/jwt.h"

namespace gemel::oauth {
namespace {

constexpr int64_t kNow = 1'764'000'000;
const ClaimRules kRules{.issuer = "https://id.example", .audience = "gemel"};

std::string base64url(std::string_view bytes) {
  std::string out = to_base64(bytes);
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  while (out.ends_with('=')) out.pop_back();
  return out;
}

std::string claims(std::string_view more = "", int64_t exp = kNow + 300) {
  return fmt::format(R"({{"iss":"https://id.example","aud":"gemel","sub":"ann","exp":{}{}}})", exp,
                     more);
}

std::string signed_text(std::string_view algorithm, std::string_view payload) {
  return base64url(fmt::format(R"({{"typ":"JWT","alg":"{}"}})", algorithm)) + "." +
         base64url(payload);
}

/// A key, and tokens that it signs.
class Signer {
 public:
  explicit Signer(EVP_PKEY* key) : key_(key) {}
  ~Signer() { EVP_PKEY_free(key_); }
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  std::string pem() const {
    BIO* const out = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(out, key_);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<size_t>(size));
    BIO_free(out);
    return pem;
  }
  std::string sign(std::string_view text) const {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_);
    std::string out(512, '\0');
    size_t size = out.size();
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    out.resize(size);
    return EVP_PKEY_is_a(key_, "EC") == 1 ? pair_of(out) : out;
  }
  std::string token(std::string_view algorithm, std::string_view payload) const {
    const std::string text = signed_text(algorithm, payload);
    return text + "." + base64url(sign(text));
  }

 private:
  static std::string pair_of(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* const pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string out(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), reinterpret_cast<unsigned char*>(out.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), reinterpret_cast<unsigned char*>(out.data()) + 32, 32);
    ECDSA_SIG_free(pair);
    return out;
  }
  EVP_PKEY* key_;
};

class Oauth : public ::testing::Test {
 protected:
  Result<std::string> check(Algorithm algorithm, const std::string& key, std::string_view token) {
    const auto verifier = JwtVerifier::make(algorithm, {key}, kRules);
    EXPECT_TRUE(verifier);
    return (*verifier)->check(token, clock_);
  }
  ManualClock clock_{kNow};
  Signer rsa_{EVP_RSA_gen(2048)};
  Signer ec_{EVP_EC_gen("P-256")};
};

TEST_F(Oauth, TokensAreGoodByTheirSignature) {  // RFC 7518 §3
  EXPECT_EQ(check(Algorithm::kRs256, rsa_.pem(), rsa_.token("RS256", claims())), "ann");
  EXPECT_EQ(check(Algorithm::kEs256, ec_.pem(), ec_.token("ES256", claims())), "ann");
  const std::string secret(32, 's');
  const std::string text = signed_text("HS256", claims());
  const std::string token = text + "." + base64url(hmac_sha256(secret, text));
  EXPECT_EQ(check(Algorithm::kHs256, secret, token), "ann");
  EXPECT_FALSE(check(Algorithm::kHs256, std::string(32, 't'), token));
  const Signer other(EVP_RSA_gen(2048));
  EXPECT_FALSE(check(Algorithm::kRs256, other.pem(), rsa_.token("RS256", claims())));
  std::string changed = ec_.token("ES256", claims());
  changed.back() = changed.back() == 'A' ? 'Q' : 'A';
  EXPECT_FALSE(check(Algorithm::kEs256, ec_.pem(), changed));
}

TEST_F(Oauth, AnyOfTheKeysWillDo) {
  const Signer next(EVP_EC_gen("P-256"));
  const auto verifier = JwtVerifier::make(Algorithm::kEs256, {ec_.pem(), next.pem()}, kRules);
  EXPECT_EQ((*verifier)->check(next.token("ES256", claims()), clock_), "ann");
}

TEST_F(Oauth, TheAlgorithmIsNotTheTokensToSay) {  // RFC 8725 §3.1
  // The public key taken for a secret, and no signature at all.
  const std::string text = signed_text("HS256", claims());
  EXPECT_FALSE(
      check(Algorithm::kRs256, rsa_.pem(), text + "." + base64url(hmac_sha256(rsa_.pem(), text))));
  EXPECT_FALSE(check(Algorithm::kRs256, rsa_.pem(), signed_text("none", claims()) + "."));
  EXPECT_FALSE(check(Algorithm::kRs256, rsa_.pem(), rsa_.token("ES256", claims())));
  const std::string critical =
      base64url(R"({"alg":"RS256","crit":["x"],"x":1})") + "." + base64url(claims());
  EXPECT_FALSE(
      check(Algorithm::kRs256, rsa_.pem(), critical + "." + base64url(rsa_.sign(critical))));
  for (const char* bad : {"", ".", "..", "a.b.c", "a.b", "a.b.c.d"})
    EXPECT_EQ(check(Algorithm::kRs256, rsa_.pem(), bad).error().code, Code::kAuthFailed) << bad;
}

TEST_F(Oauth, ClaimsMustBeForUsAndNow) {  // RFC 7519 §4.1
  const auto code = [](std::string_view json) {
    const auto userid = userid_of_claims(json, kRules, Lifetime::kNeeded, kNow);
    return userid ? *userid : std::string("refused");
  };
  EXPECT_EQ(code(claims()), "ann");
  EXPECT_EQ(code(claims("", kNow - kClockSkewS + 1)), "ann");
  EXPECT_EQ(code(claims("", kNow - kClockSkewS)), "refused");
  EXPECT_EQ(code(claims(fmt::format(",\"nbf\":{}", kNow + kClockSkewS))), "ann");
  EXPECT_EQ(code(claims(fmt::format(",\"nbf\":{}", kNow + kClockSkewS + 1))), "refused");
  EXPECT_EQ(code(claims(",\"nbf\":\"soon\"")), "refused");
  EXPECT_EQ(code(R"({"iss":"https://id.example","aud":["x","gemel"],"sub":"ann","exp":1e11})"),
            "ann");
  EXPECT_EQ(code(R"({"iss":"https://id.example","aud":["x"],"sub":"ann","exp":1e11})"), "refused");
  EXPECT_EQ(code(R"({"iss":"https://id.example","sub":"ann","exp":1e11})"), "refused");
  EXPECT_EQ(code(R"({"iss":"other","aud":"gemel","sub":"ann","exp":1e11})"), "refused");
  EXPECT_EQ(code(R"({"iss":"https://id.example","aud":"gemel","sub":"ann"})"), "refused");
  EXPECT_EQ(code(R"({"iss":"https://id.example","aud":"gemel","sub":7,"exp":1e11})"), "refused");
  EXPECT_EQ(code(R"({"iss":"https://id.example","aud":"gemel","exp":1e11})"), "refused");
  for (const char* bad : {"", "[]", "{", "7", "null"}) EXPECT_EQ(code(bad), "refused") << bad;
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(code("{\"x\":" + deep + "}"), "refused");
}

TEST_F(Oauth, AnIntrospectionSaysWhetherATokenIsActive) {  // RFC 7662 §2.2
  const ClaimRules any{.userid_claim = "username"};
  const auto code = [&](std::string_view json) {
    const auto userid = userid_of_introspection(json, any, kNow);
    return userid ? *userid : std::string(name_of(userid.error().code));
  };
  EXPECT_EQ(code(R"({"active":true,"username":"ann"})"), "ann");
  EXPECT_EQ(code(R"({"active":true,"username":"ann","exp":1})"), "auth-failed");
  EXPECT_EQ(code(R"({"active":false,"username":"ann"})"), "auth-failed");
  EXPECT_EQ(code(R"({"active":true})"), "auth-failed");
  EXPECT_EQ(code(R"({"active":"true","username":"ann"})"), "unavailable");
  EXPECT_EQ(code("<html>"), "unavailable");
}

TEST_F(Oauth, KeysThatAreNotGoodAreRefusedAtOnce) {
  const Signer small(EVP_RSA_gen(1024));
  const Signer other(EVP_EC_gen("P-384"));
  const auto error = [](Algorithm algorithm, const std::string& key) {
    const auto made = JwtVerifier::make(algorithm, {key}, kRules);
    return made ? "" : made.error().text;
  };
  EXPECT_EQ(error(Algorithm::kRs256, rsa_.pem()), "");
  EXPECT_TRUE(error(Algorithm::kRs256, small.pem()).contains("2048"));
  EXPECT_TRUE(error(Algorithm::kRs256, ec_.pem()).contains("RSA"));
  EXPECT_TRUE(error(Algorithm::kEs256, other.pem()).contains("P-256"));
  EXPECT_TRUE(error(Algorithm::kEs256, rsa_.pem()).contains("P-256"));
  EXPECT_TRUE(error(Algorithm::kEs256, "hello").contains("PEM"));
  EXPECT_TRUE(error(Algorithm::kHs256, "short").contains("32"));
  EXPECT_FALSE(JwtVerifier::make(Algorithm::kRs256, {}, kRules));
  const std::vector<std::string> many(kJwtKeysMax + 1, rsa_.pem());
  EXPECT_FALSE(JwtVerifier::make(Algorithm::kRs256, many, kRules));
}

TEST_F(Oauth, UrlsAreTakenApart) {
  const Url url = *parse_url("https://id.example/a/b?c=d");
  EXPECT_EQ(url.host, "id.example");
  EXPECT_EQ(url.port, 443);
  EXPECT_EQ(url.path, "/a/b?c=d");
  EXPECT_EQ(parse_url("http://127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_url("http://127.0.0.1:8080")->path, "/");
  EXPECT_EQ(parse_url("http://[::1]:99/x")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]/x")->port, 80);
  for (const char* bad : {"", "ftp://x/", "https://", "https:///x", "https://a:0/", "https://a:b/",
                          "https://a b/", "https://u@a/", "https://a/\r\nX: y"})
    EXPECT_FALSE(parse_url(bad)) << bad;
}

const Question kQuestion{.url = {.host = "id.example", .port = 443, .path = "/introspect"},
                         .client_id = "gem el",
                         .client_secret = "s:ä",
                         .token = "a+b/c="};

TEST_F(Oauth, TheQuestionIsEncoded) {  // RFC 7662 §2.1, RFC 6749 §2.3.1
  const std::string request = request_of(kQuestion);
  EXPECT_TRUE(request.starts_with("POST /introspect HTTP/1.1\r\nHost: id.example:443\r\n"));
  EXPECT_TRUE(request.contains("Basic " + to_base64("gem%20el:s%3A%C3%A4") + "\r\n"));
  EXPECT_TRUE(request.ends_with("\r\n\r\ntoken=a%2Bb%2Fc%3D&token_type_hint=access_token"));
}

TEST_F(Oauth, AnAnswerIsReadHoweverItIsFramed) {  // RFC 9112 §6
  const std::string sized = "HTTP/1.1 200 OK\r\ncontent-length:  2\r\n\r\n{}";
  const std::string chunked =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1;x=y\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
  EXPECT_EQ(**body_of_answer(sized), "{}");
  EXPECT_EQ(**body_of_answer(chunked), "{}");
  for (size_t cut = 0; cut < sized.size(); ++cut)
    EXPECT_FALSE(*body_of_answer(sized.substr(0, cut)));
  for (size_t cut = 0; cut + 4 < chunked.size(); ++cut)
    EXPECT_FALSE(*body_of_answer(chunked.substr(0, cut))) << cut;
  for (const char* bad :
       {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"})
    EXPECT_EQ(body_of_answer(bad).error().code, Code::kUnavailable) << bad;
  EXPECT_EQ(body_of_answer("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n").error().code,
            Code::kTooBig);
}

TEST_F(Oauth, TheExchangeTellsItsOutcomeOnce) {
  std::vector<std::string> told;
  const auto session = [&] {
    return make_session(kQuestion, [&](const Result<std::string>& body) {
      told.push_back(body ? *body : std::string(name_of(body.error().code)));
    });
  };
  const auto good = session();
  std::string out;
  good->produce(out, 1 << 20);
  EXPECT_EQ(out, request_of(kQuestion));
  good->receive("HTTP/1.1 200 OK\r\nContent-Le");
  EXPECT_EQ(good->want(), wire::Want::kInput);
  good->receive("ngth: 2\r\n\r\n{}");
  EXPECT_EQ(good->want(), wire::Want::kClose);
  good->end_of_input();
  session()->end_of_input();
  session()->timed_out();
  session()->receive(std::string(kAnswerBytesMax + 1, 'x'));
  session().reset();
  EXPECT_EQ(told, (std::vector<std::string>{"{}", "unavailable", "unavailable", "too-big",
                                            "unavailable"}));
}

}  // namespace
}  // namespace gemel::oauth
