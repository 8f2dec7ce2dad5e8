// What a FETCH asks for.
//
// Threads  any; pure functions.
// Source   RFC 3501 §6.4.5 and §9 (fetch-att), RFC 7162 §3.1.4 (MODSEQ), RFC 8474 §5 (EMAILID,
//          THREADID), RFC 8514 §4.2 (SAVEDATE), RFC 8970 §3 (PREVIEW), RFC 3516 §4.2 (BINARY).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mail/mime_section.h"
#include "wire/tokens.h"

namespace gemel::imap {

struct FetchItem {
  enum class Kind : uint8_t {
    kUid,
    kFlags,
    kModSeq,
    kInternalDate,
    kSaveDate,
    kSize,
    kEmailId,
    kThreadId,
    kEnvelope,
    kBody,  // BODY, without extension data
    kBodyStructure,
    kPreview,
    kSection,  // BODY[...], RFC822 and its like
    kBinary,   // BINARY[...]
    kBinarySize,
  };
  struct Partial {
    uint32_t start;
    uint32_t count;
  };

  Kind kind;
  std::string label = {};  // from kSection on: how the answer calls it, "BODY[TEXT]<0>"
  Section section = {};
  std::optional<Partial> partial = {};
};

struct FetchItems {
  std::vector<FetchItem> items;
  bool sets_seen = false;  // a section without PEEK (RFC 3501 §6.4.5)

  bool has(FetchItem::Kind kind) const;
  /// Puts an item without arguments in front unless it is there.
  void require(FetchItem::Kind kind);
  /// What an item of this request needs beyond a message's state.
  bool needs_facts() const;
};

/// What stands between the brackets of BODY[...]. Errors: kSyntax.
Result<Section> parse_section_spec(std::string_view text);

/// Reads one attribute and puts it to the others. Errors: as parse_fetch_items.
Result<void> add_fetch_item(wire::Tokenizer& tokens, FetchItems& items, size_t items_max);

/// Reads an attribute, a macro, or a list. Errors: kSyntax; kLimit, more than `items_max`.
Result<FetchItems> parse_fetch_items(wire::Tokenizer& tokens, size_t items_max);

}  // namespace gemel::imap
