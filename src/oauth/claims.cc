#include "oauth/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace gemel::oauth {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> refused(std::string why) { return fail(Code::kAuthFailed, std::move(why)); }

Result<Json> parse_object(std::string_view text) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) {
    return depth <= kClaimDepthMax;
  };
  Json out = Json::parse(text, shallow, /*allow_exceptions=*/false);
  if (!out.is_object()) return fail(Code::kSyntax, "no JSON object");
  return out;
}

bool is_text(const Json& object, std::string_view name, std::string_view value) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() &&
         found->get_ref<const std::string&>() == value;
}

// RFC 7519 §4.1.3: one, or an array of them.
bool is_for(const Json& object, std::string_view audience) {
  const auto found = object.find("aud");
  if (found == object.end()) return false;
  if (!found->is_array()) return is_text(object, "aud", audience);
  return std::ranges::any_of(*found, [&](const Json& one) {
    return one.is_string() && one.get_ref<const std::string&>() == audience;
  });
}

// RFC 7519 §2, NumericDate: it may have a fraction.
std::optional<double> date_of(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

Result<void> check_dates(const Json& claims, Lifetime lifetime, int64_t now_s) {
  const auto now = static_cast<double>(now_s);
  const std::optional<double> ends = date_of(claims, "exp");
  if (!ends && (lifetime == Lifetime::kNeeded || claims.contains("exp")))
    return refused("the token has no time at which it ends");
  if (ends && now >= *ends + kClockSkewS) return refused("the token is too old");
  const std::optional<double> begins = date_of(claims, "nbf");
  if (!begins && claims.contains("nbf")) return refused("the token has a wrong nbf");
  if (begins && now < *begins - kClockSkewS) return refused("the token is not valid yet");
  return {};
}

Result<std::string> userid_of(const Json& claims, const ClaimRules& rules, Lifetime lifetime,
                              int64_t now_s) {
  TRY_OK(check_dates(claims, lifetime, now_s));
  if (!rules.issuer.empty() && !is_text(claims, "iss", rules.issuer))
    return refused("the token is of another issuer");
  if (!rules.audience.empty() && !is_for(claims, rules.audience))
    return refused("the token is for another service");
  const auto found = claims.find(rules.userid_claim);
  if (found == claims.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
    return refused(fmt::format("the token has no claim \"{}\"", rules.userid_claim));
  return found->get<std::string>();
}

}  // namespace

Result<std::string> userid_of_claims(std::string_view json, const ClaimRules& rules,
                                     Lifetime lifetime, int64_t now_s) {
  const Result<Json> claims = parse_object(json);
  if (!claims) return refused("the token's claims are no JSON object");
  return userid_of(*claims, rules, lifetime, now_s);
}

Result<std::string> userid_of_introspection(std::string_view json, const ClaimRules& rules,
                                            int64_t now_s) {
  const Result<Json> claims = parse_object(json);
  if (!claims) return fail(Code::kUnavailable, "the introspection's answer is no JSON object");
  const auto active = claims->find("active");
  if (active == claims->end() || !active->is_boolean())
    return fail(Code::kUnavailable, "the introspection's answer does not say active");
  if (!active->get<bool>()) return refused("the token is not active");
  return userid_of(*claims, rules, Lifetime::kIfSaid, now_s);
}

Result<void> check_jose_header(std::string_view json, std::string_view algorithm) {
  const Result<Json> header = parse_object(json);
  if (!header || !is_text(*header, "alg", algorithm))
    return refused("the JWT's algorithm is not ours");
  // RFC 7515 §4.1.11: what must be understood and is not.
  if (header->contains("crit")) return refused("the JWT has critical extensions");
  return {};
}

}  // namespace gemel::oauth
