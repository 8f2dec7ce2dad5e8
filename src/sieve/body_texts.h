// What the body test compares: the texts that a transform takes out of a message.
//
// Source   RFC 5173 §5.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime_structure.h"

namespace gemel::sieve {

/// The parts at and below `part` that are of one of `types`, as RFC 5173 §5.2 has them: decoded, as
/// UTF-8 where they are text; of a multipart its prologue and epilogue, of a message inside its
/// header. Calls `see` for each until it says true or fails.
class ContentTypes {
 public:
  explicit ContentTypes(std::vector<std::string> types);
  bool has(const MimePart& part) const;

 private:
  std::vector<std::string> types_;
};

enum class TextForm : uint8_t {
  kContent,  // decoded
  kPlain,    // and without mark-up (RFC 5173 §5.3)
};

/// The texts of one part by itself, without those inside it.
std::vector<std::string> texts_of_part(std::string_view message, const MimePart& part,
                                       TextForm form);

}  // namespace gemel::sieve
