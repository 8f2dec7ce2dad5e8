// The message as a script has it: what came in, with the changes of editheader, replace and
// enclose.
//
// Owns     its changes; the bytes that came in stay in their source, and are asked for only when
//          something looks at the body.
// Threads  one.
// Source   RFC 5293 §7 (edits are seen at once), RFC 5703 §5 and §6.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime_header.h"
#include "mail/mime_structure.h"
#include "sieve/action.h"
#include "sieve/body_texts.h"
#include "sieve/run.h"

namespace gemel::sieve {

/// Where a part is: indexes of children from the message down; empty is the message itself.
using PartPath = std::vector<uint32_t>;

/// Texts of parts are kept for the next test of the body while they are not more than this.
inline constexpr size_t kTextsKeptBytesMax = 1 << 20;

/// A header of more fields is read for each test again.
inline constexpr size_t kFieldsIndexedMax = 2000;

class WorkMessage {
 public:
  using Texts = std::shared_ptr<const std::vector<std::string>>;

  /// Both must outlive it.
  WorkMessage(MessageSource& source, const RunLimits& limits) : source_(source), limits_(limits) {}

  /// Octets of it all.
  Result<uint64_t> size();
  /// As it came in, whatever was done to it.
  Result<std::string_view> original_header() { return source_.header(); }
  /// The message's own header as it is now, its empty line included. Valid until the next change.
  Result<std::string_view> header();
  /// The fields of header() within kHeaderBytesMax, read once; null if they are more than
  /// kFieldsIndexedMax. Valid until the next change.
  Result<const std::vector<HeaderField>*> fields();
  /// Of a part: its header, for the message itself as header() has it.
  Result<std::string_view> header_of(const PartPath& path);
  /// Behind the header's empty line; nothing if the header has none.
  Result<std::optional<std::string_view>> body();
  /// The bytes that structure() and parts have their offsets in. Valid until the next replace.
  Result<std::string_view> bytes();
  /// Nothing if there is no such part. Header edits don't count for it (RFC 5293 §7 lets them).
  Result<const MimePart*> part(const PartPath& path);
  /// What texts_of_part says of the part at `path`; nothing if there is no such part.
  Result<Texts> texts(const PartPath& path, TextForm form);
  /// The next part behind `path`, depth first, within `within`; nothing behind the last.
  Result<std::optional<PartPath>> next_part(const PartPath& path, const PartPath& within);
  /// The same, but what is inside `path` is passed over.
  Result<std::optional<PartPath>> part_behind(const PartPath& path, const PartPath& within);

  /// As it would be delivered now; null if it is as it came in. Errors: kLimit, edited_bytes_max.
  Result<EditedMessage> edited();
  /// The bytes of it all as they are now.
  Result<std::string> whole();
  /// As it would be redirected: `enclose` does not count for that (RFC 5703 §6).
  Result<EditedMessage> redirected();

  Result<void> set_header(std::string header);
  /// Puts `entity`, a header with its empty line and a body, in place of a part.
  Result<void> set_part(const PartPath& path, std::string_view entity);
  /// Another message takes its place, with this one inside.
  Result<void> enclose_in(std::string message);

 private:
  Result<void> load_header();
  Result<void> load_all();
  Result<void> rebase();
  Result<void> take(std::string message);
  /// Errors: kLimit.
  Result<void> count(size_t bytes);

  MessageSource& source_;
  const RunLimits& limits_;
  size_t edited_bytes_ = 0;            // of all copies made
  EditedMessage base_;                 // what replace and enclose made; null: the source's bytes
  std::optional<std::string> header_;  // what editheader made
  std::string_view base_header_;
  std::optional<std::string_view> base_bytes_;
  std::optional<MimePart> structure_;
  std::map<std::pair<PartPath, TextForm>, Texts> texts_;
  size_t texts_bytes_ = 0;
  enum class Index : uint8_t { kNotMade, kMade, kTooMany } index_ = Index::kNotMade;
  std::vector<HeaderField> fields_;
  EditedMessage snapshot_;  // of edited(), until the next change
  struct BeforeEnclosing {
    EditedMessage message;
  };
  std::optional<BeforeEnclosing> before_enclosing_;
  bool has_header_ = false;
};

}  // namespace gemel::sieve
