// Updates as text and back: UPDATE, USERDATA and RENAME, without the line's end.
//
// Text is kept short by saying what differs from the command before: see CodecContext. Bodies stay
// outside: the encoder says where they go, the decoder which literals they were.
//
// Threads  pure functions; a context belongs to one direction of one connection.
// Source   doc/replication-protocol.md, "Updates".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/change_set.h"
#include "sync/grammar.h"
#include "wire/tokens.h"

namespace gemel::sync {

/// What both ends remember of the commands so far. Encoder and decoder change theirs alike, also
/// when the command is refused afterwards.
struct CodecContext {
  uint64_t origin = 0;        // of the last unique id
  MailboxHeader last_header;  // said last
  int64_t savedate_s = 0;     // said last
};

/// A stretch of a command: `text`, then the body, if any, of which the text announces the size.
struct Piece {
  std::string text;
  std::optional<Guid> body;
};

/// Whether the body of an AppendItem goes along.
using IsInline = std::function<bool(const AppendItem&)>;

/// The items' savedates, ids and so on must be within what the decoder takes, as the store's are.
std::vector<Piece> encode(const MailboxUpdate& update, const IsInline& is_inline,
                          CodecContext& context);
std::string encode(const UserUpdate& update);
std::string encode(const std::vector<RenameItem>& renames, CodecContext& context);

struct DecodedUpdate {
  struct InlineBody {
    Guid guid;
    size_t literal;  // its index in the frame
  };
  MailboxUpdate update;
  std::vector<InlineBody> bodies;
};

/// `in` stands behind the command's name. Errors of each: kSyntax, kLimit; kInvalid for bad names.
/// After an error the context is good for nothing, and so is the connection.
Result<DecodedUpdate> decode_update(wire::Tokenizer& in, CodecContext& context);
Result<UserUpdate> decode_userdata(wire::Tokenizer& in);
Result<std::vector<RenameItem>> decode_rename(wire::Tokenizer& in, CodecContext& context);

/// Just the partition that the header at the start of an UPDATE names, from what there is of it so
/// far; nothing if it has no header. `context` is left alone. Errors: as above.
struct UpdateTarget {
  UniqueId id;
  std::optional<std::string> partition;
};
Result<UpdateTarget> decode_target(wire::Tokenizer& in, CodecContext context);

}  // namespace gemel::sync
