// Memory of a string, given back: to assign an empty one keeps it.
#pragma once

#include <string>

namespace gemel {

/// Afterwards `text` is empty and has no memory of its own.
inline void give_back(std::string& text) { std::string().swap(text); }

}  // namespace gemel
