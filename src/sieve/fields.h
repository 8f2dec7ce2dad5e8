// Header fields as tests see them: by name, in the whole message or in parts, one by index.
//
// Source   RFC 5228 §2.4.2.2, §2.7.2 (values are decoded to UTF-8), RFC 5260 §6 (index), RFC 5703
// §4
//          (mime, anychild).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sieve/machine.h"

namespace gemel::sieve {

/// Raw values, folding kept, of the fields that a test looks at: of the names of `names` in their
/// order, of the message or of what :mime and :anychild say; only one if there is an :index. Valid
/// until the message changes. At most kFieldsMax.
Result<std::vector<std::string_view>> fields_of(Machine& machine, const Node& node,
                                                const std::vector<std::string>& names);
inline constexpr size_t kFieldsMax = 100'000;

/// Raw values of the fields of that name in a header block.
std::vector<std::string_view> fields_in(std::string_view header, std::string_view name);
/// The first one, decoded; nothing if there is none.
Result<std::optional<std::string>> first_field(Machine& machine, std::string_view name);

/// Unfolded, encoded words decoded, white space at both ends taken off.
std::string decoded_value(std::string_view raw);

}  // namespace gemel::sieve
