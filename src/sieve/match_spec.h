// How a test compares: the match type, the comparator, the part of an address.
//
// Source   RFC 5228 §2.7, RFC 5231 §4 (count, value), RFC 5233 §4 (user, detail).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gemel::sieve {

enum class Comparator : uint8_t { kAsciiCasemap, kAsciiNumeric, kOctet, kUnicodeCasemap };
enum class MatchType : uint8_t { kIs, kContains, kMatches, kRegex, kCount, kValue };
enum class Relation : uint8_t { kGt, kGe, kLt, kLe, kEq, kNe };
enum class AddressPart : uint8_t { kAll, kLocalpart, kDomain, kUser, kDetail };

struct MatchSpec {
  MatchType type = MatchType::kIs;
  Relation relation = Relation::kEq;  // of kCount and kValue
  Comparator comparator = Comparator::kAsciiCasemap;
  AddressPart part = AddressPart::kAll;
};

/// "i;octet" and its like, in that case; "gt" and its like, in any case.
std::optional<Comparator> find_comparator(std::string_view name);
std::string_view name_of(Comparator comparator);
std::optional<Relation> find_relation(std::string_view name);

}  // namespace gemel::sieve
