// Fields that several sections of the configuration have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bin/config.h"

namespace gemel::bin {

/// The value of a key that names a file to be read.
std::string existing_file(ConfigTable& table, std::string_view key);
/// `password`, or the first line of the file that `password_file` names.
std::string password_of(ConfigTable& table);
std::vector<Endpoint> endpoints_of(ConfigTable& table, std::string_view key);
/// `mode`: "0600", as chmod(1) takes it.
unsigned file_mode_of(ConfigTable& table, std::string_view fallback);

}  // namespace gemel::bin
