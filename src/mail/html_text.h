// HTML as plain text. Anything is HTML; nothing fails.
//
// Threads  any; pure functions.
#pragma once

#include <string>
#include <string_view>

namespace gemel {

/// What the text is for.
enum class HtmlUse : uint8_t {
  /// To be searched: tags part no words, and what <script> or <style> begins and nothing ends is
  /// hidden to its end.
  kSearch,
  /// To be shown in short: a tag parts words, <head> and <title> are hidden too, and where one is
  /// not ended its content is shown, for broken mail should still say something.
  kPreview,
};

/// The text that a reader sees, roughly: tags, comments, scripts and styles gone, common entities
/// and numbered characters put in, white space kept as it is. Cost: O(bytes).
std::string text_of_html(std::string_view html, HtmlUse use = HtmlUse::kSearch);

}  // namespace gemel
