// STATUS (RFC 3501 §6.3.10).

#include <algorithm>

#include "imap/names.h"
#include "imap/session.h"
#include "imap/status_items.h"

namespace gemel::imap {

Status cmd_status(Session& session, Args& args) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY_OK(args.tokens.space());
  TRY(const std::vector<StatusItem> items, read_status_items(args.tokens));
  TRY_OK(args.tokens.end());
  TRY(const Named named, find_named(session.access(), wire_name, session.dialect()));
  std::string text;
  TRY_OK(put_status(text, session, named.mailbox,
                    {.items = items,
                     .append_limit = session.options().limits.message_bytes_max,
                     .content = named.content}));
  session.say(std::move(text));
  // RFC 7162 §3.1: whoever asks for it knows what it is.
  if (std::ranges::find(items, StatusItem::kHighestModSeq) != items.end())
    session.enable_condstore();
  return Completion();
}

}  // namespace gemel::imap
