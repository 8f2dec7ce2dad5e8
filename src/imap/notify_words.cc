// The words of NOTIFY (RFC 5465 §8).

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "imap/names.h"
#include "imap/notify.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

using Filter = NotifyGroup::Filter;

struct EventName {
  std::string_view name;
  uint8_t event;
};
// MessageNew and MessageExpunge have a bit each until it is checked that both are there.
constexpr uint8_t kNew = kNotifyMessages;
constexpr uint8_t kExpunge = 128;
constexpr std::array kEvents = {
    EventName{"MessageNew", kNew},
    EventName{"MessageExpunge", kExpunge},
    EventName{"FlagChange", kNotifyFlagChange},
    EventName{"MailboxName", kNotifyMailboxName},
    EventName{"SubscriptionChange", kNotifySubscriptionChange},
    EventName{"MailboxMetadataChange", kNotifyMailboxMetadata},
    EventName{"ServerMetadataChange", kNotifyServerMetadata},
};
constexpr uint8_t kOfMessages = kNew | kExpunge | kNotifyFlagChange;

/// AnnotationChange too: there are no annotations of messages (RFC 5465 §3.1).
std::unexpected<Error> bad_event() {
  std::string names;
  for (const EventName& row : kEvents) (names += names.empty() ? "" : " ") += row.name;
  return fail(Code::kUnsupported, "[BADEVENT (" + names + ")] there is no such event here");
}

Result<std::vector<std::string>> read_paths(const Session& session, wire::Tokenizer& tokens) {
  TRY(std::vector<std::string> out, read_mailboxes(tokens));
  for (std::string& name : out) {
    TRY(name, path_as_seen(session.access(), name, session.dialect()));
  }
  return out;
}

Result<void> read_filter(const Session& session, wire::Tokenizer& tokens, NotifyGroup& out) {
  TRY(const std::string_view word, tokens.atom());
  const auto is = [&](std::string_view name) { return equals_ignoring_case(word, name); };
  if (is("selected")) {
    out.filter = Filter::kSelected;
  } else if (is("selected-delayed")) {
    out.filter = Filter::kSelectedDelayed;
  } else if (is("inboxes") || is("personal")) {
    out.filter = Filter::kPersonal;
  } else if (is("subscribed")) {
    out.filter = Filter::kSubscribed;
  } else if (is("subtree") || is("mailboxes")) {
    out.filter = is("subtree") ? Filter::kSubtree : Filter::kMailboxes;
    TRY(out.paths, read_paths(session, tokens));
  } else {
    return fail(Code::kSyntax, "no such mailboxes in NOTIFY");
  }
  return {};
}

// `MessageNew (UID FLAGS)`
Result<void> read_event(const Session& session, wire::Tokenizer& tokens, NotifyGroup& out) {
  TRY(const std::string_view word, tokens.atom());
  const auto row = std::ranges::find_if(
      kEvents, [&](const EventName& event) { return equals_ignoring_case(event.name, word); });
  if (row == kEvents.end()) return bad_event();
  out.events |= row->event;
  if (row->event != kNew || !tokens.skip_text(" (")) return {};
  if (!out.is_of_selected())
    return fail(Code::kSyntax, "only of the selected mailbox more can be told");
  FetchItems& items = out.new_items;
  do {
    TRY_OK(add_fetch_item(tokens, items, session.options().limits.fetch_items_max));
  } while (tokens.skip(' '));
  items.sets_seen = false;  // nobody has read them
  return tokens.expect(')');
}

Result<void> check_events(NotifyGroup& group) {
  const bool has_new = (group.events & kNew) != 0;
  if (has_new != ((group.events & kExpunge) != 0))
    return fail(Code::kSyntax, "MessageNew and MessageExpunge go together");
  if ((group.events & kNotifyFlagChange) != 0 && !has_new)
    return fail(Code::kSyntax, "FlagChange goes with MessageNew and MessageExpunge");
  if (group.is_of_selected() && (group.events & ~kOfMessages) != 0)
    return fail(Code::kSyntax, "of the selected mailbox only messages have events");
  group.events &= static_cast<uint8_t>(~kExpunge);
  return {};
}

// `(personal (MessageNew MessageExpunge))`
Result<NotifyGroup> read_group(const Session& session, wire::Tokenizer& tokens) {
  NotifyGroup out;
  TRY_OK(tokens.open());
  TRY_OK(read_filter(session, tokens, out));
  TRY_OK(tokens.space());
  if (!tokens.skip_word("NONE")) {
    TRY_OK(tokens.open());
    do {
      TRY_OK(read_event(session, tokens, out));
    } while (tokens.skip(' '));
    TRY_OK(tokens.close());
  }
  TRY_OK(tokens.close());
  TRY_OK(check_events(out));
  return out;
}

}  // namespace

Result<NotifyRequest> read_notify(const Session& session, wire::Tokenizer& tokens) {
  NotifyRequest out;
  TRY_OK(tokens.space());
  if (tokens.skip_word("NONE")) {
    TRY_OK(tokens.end());
    return out;
  }
  if (!tokens.skip_word("SET")) return tokens.wrong("SET or NONE");
  TRY_OK(tokens.space());
  out.wants_status = tokens.skip_word("STATUS");
  if (out.wants_status) TRY_OK(tokens.space());
  do {
    if (out.groups.size() == session.options().limits.notify_groups_max)
      return fail(Code::kLimit, "[NOTIFICATIONOVERFLOW] too many groups of events");
    TRY(NotifyGroup group, read_group(session, tokens));
    if (group.is_of_selected() && std::ranges::any_of(out.groups, &NotifyGroup::is_of_selected))
      return fail(Code::kSyntax, "the selected mailbox has one group");
    out.groups.push_back(std::move(group));
  } while (tokens.skip(' '));
  TRY_OK(tokens.end());
  return out;
}

}  // namespace gemel::imap
