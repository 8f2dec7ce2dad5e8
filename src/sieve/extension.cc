#include "sieve/extension.h"

#include <algorithm>
#include <bit>

#include "sieve/script.h"

namespace gemel::sieve {
namespace {

bool is_offered(std::string_view name, const CompileOptions& options) {
  return std::ranges::find(options.disabled_extensions, name) == options.disabled_extensions.end();
}

}  // namespace

std::optional<Extension> find_extension(std::string_view name) {
  const auto found = std::ranges::find(kExtensionNames, name);
  if (found == kExtensionNames.end()) return std::nullopt;
  return static_cast<Extension>(found - kExtensionNames.begin());
}

Extension ExtensionSet::first() const { return static_cast<Extension>(std::countr_zero(bits_)); }

ExtensionSet enabled_by(Extension extension) {
  if (extension == Extension::kVacationSeconds) return {extension, Extension::kVacation};
  if (extension == Extension::kSpamtestplus) return {extension, Extension::kSpamtest};
  return {extension};
}

std::span<const std::string_view> all_extensions() { return kExtensionNames; }

std::string sieve_capability(const CompileOptions& options) {
  std::string out;
  for (const std::string_view name : kExtensionNames)
    if (is_offered(name, options)) (out += out.empty() ? "" : " ") += name;
  return out;
}

std::string notify_capability(const CompileOptions& options) {
  return is_offered(name_of(Extension::kEnotify), options) ? "mailto" : "";
}

}  // namespace gemel::sieve
