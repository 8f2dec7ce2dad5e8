#include "sieve/matching.h"

namespace gemel::sieve {

Result<Matching> Matching::start(Machine& machine, const Node& node, Effect effect) {
  TRY(std::vector<std::string> keys, machine.texts(*node.positional.back()));
  return start(machine, node, std::move(keys), effect);
}

Result<Matching> Matching::start(Machine& machine, const Node& node, std::vector<std::string> keys,
                                 Effect effect) {
  TRY(Keys made, Keys::make(node.match, std::move(keys), machine.budget()));
  return Matching(machine, node.match, std::move(made), effect);
}

Result<bool> Matching::see(std::string_view value) {
  ++count_;
  if (counts()) return false;
  TRY(auto values, keys_.match(value.substr(0, kValueBytesMax)));
  if (!values) return false;
  const bool has_values = spec_.type == MatchType::kMatches || spec_.type == MatchType::kRegex;
  if (has_values && effect_ == Effect::kSetsVariables)
    machine_->set_match_values(std::move(*values));
  return true;
}

Result<bool> Matching::finish() {
  if (!counts()) return false;
  TRY(const auto values, keys_.match(std::to_string(count_)));
  return values.has_value();
}

}  // namespace gemel::sieve
