// What may stand in a string: encoded characters, and references to variables.
//
// Threads  any; pure functions.
// Source   RFC 5228 §2.4.2.4 (encoded-character), RFC 5229 §3 (variables).
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gemel::sieve {

/// With each ${hex:...} and ${unicode:...} replaced; what does not fit the grammar stays as it is.
/// Errors (a text for people): a well-formed sequence names no Unicode character.
std::expected<std::string, std::string> decode_encoded_characters(std::string_view text);

/// ALPHA or "_", then those and digits (RFC 5228 §8.1).
bool is_identifier(std::string_view text);
/// Digits alone: the name of a match variable (RFC 5229 §3).
bool is_number_name(std::string_view text);

/// A reference "${a.b.c}" in a string.
struct Reference {
  size_t start = 0;                // of its "$"
  size_t size = 0;                 // with "${" and "}"
  std::vector<std::string> names;  // in lower case: namespaces, then the variable
};

/// The first one at or behind `from`.
std::optional<Reference> find_reference(std::string_view text, size_t from);

/// `name` cut at its dots, in lower case; nothing if it is no variable's name (RFC 5229 §3).
std::optional<std::vector<std::string>> parse_variable_name(std::string_view name);

}  // namespace gemel::sieve
