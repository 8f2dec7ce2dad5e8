#include "nntp/control.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "mail/address.h"
#include "mail/newsgroup.h"
#include "mail/rfc822_lexer.h"
#include "nntp/article.h"
#include "store/access.h"
#include "store/newsgroups.h"

namespace gemel::nntp {
namespace {

using Kind = ControlRule::Kind;

/// The first address of a From field as "local@domain", in lower case.
std::string sender_of(std::string_view from) {
  for (const Address& address : parse_addresses(from))
    if (address.mailbox && address.host)
      return to_lower(fmt::format("{}@{}", *address.mailbox, *address.host));
  return "";
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!(text = trim(text)).empty()) {
    const size_t end = std::min(text.find_first_of(" \t"), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

/// Is there a rule for this request by this sender that covers the group, or any group?
bool is_allowed(const ControlScene& scene, Kind kind, std::optional<std::string_view> group = {}) {
  const std::string sender = sender_of(scene.from);
  return std::ranges::any_of(scene.rules, [&](const ControlRule& rule) {
    return rule.kind == kind && (!group || rule.groups.matches(*group)) &&
           matches_pattern(to_lower(rule.from), sender, PatternKind::kPlain);
  });
}

/// Expunges the message at one place if it is the asker's. Returns whether it did.
Result<bool> cancel_at(const ControlScene& scene, const ControlRequest& request,
                       const History::Place& place) {
  const Result<MailboxView> view = scene.store.view(place.mailbox);
  if (!view) return false;
  const MailboxInfo& mailbox = view->info();
  const auto group = newsgroup_of_path(scene.prefix, mailbox.name.path);
  if (mailbox.is_deleted() || mailbox.name.owner != kSharedOwner || !group) return false;
  if (!is_allowed(scene, request.kind, *group)) return false;
  const Result<Article> article = Article::open(*view, place.uid);
  if (!article || article->message_id() != request.target) return false;
  // RFC 5537 §5.3: only its author may take it back; that is all that can be checked here.
  const std::string author = sender_of(article->field("From").value_or(""));
  if (author.empty() || author != sender_of(scene.from)) return false;
  TRY(const auto expunged, scene.store.expunge(place.mailbox, UidSet::of(place.uid, place.uid)));
  return !expunged.uids.empty();
}

Result<std::string> cancel(const ControlScene& scene, const ControlRequest& request) {
  if (!is_allowed(scene, request.kind)) return "";
  TRY(const std::vector<History::Place> places, scene.history.places(request.target));
  if (places.empty()) {
    // RFC 5537 §5.3: it may come later than what takes it back.
    scene.history.refuse(request.target);
    return fmt::format("will refuse {}", request.target);
  }
  size_t count = 0;
  for (const History::Place& place : places) {
    TRY(const bool done, cancel_at(scene, request, place));
    count += done ? 1 : 0;
  }
  return count == 0 ? "" : fmt::format("cancelled {} in {} groups", request.target, count);
}

/// RFC 5537 §4.2: the line behind "For your newsgroups file:" is "NAME description".
std::string description_in(std::string_view body, std::string_view group) {
  const size_t at = to_lower(body).find("for your newsgroups file:");
  if (at == std::string::npos) return "";
  std::string_view rest = body.substr(at);
  rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
  const std::string_view line = trim(rest.substr(0, rest.find('\n')));
  if (!line.starts_with(group)) return "";
  const std::string text(trim(line.substr(group.size())));
  return check_newsgroup_text(text) ? text : "";
}

Result<std::string> newgroup(const ControlScene& scene, const ControlRequest& request) {
  NewNewsgroup group{.name = request.target};
  if (request.is_moderated) group.status = NewsgroupStatus::kModerated;
  group.description = description_in(scene.body_head, request.target);
  group.creator = sender_of(scene.from);
  const auto made = create_newsgroup(scene.store, scene.prefix, group);
  if (made) return fmt::format("made group {}", request.target);
  if (made.error().code != Code::kExists) return std::unexpected(made.error());
  // RFC 5537 §5.2.1: for a group that is there it sets the status.
  TRY(const MailboxInfo there, find_newsgroup(scene.store, scene.prefix, request.target));
  const std::string status(1, static_cast<char>(group.status));
  TRY_OK(scene.store.set_attributes(there.id, {{std::string(kAttributeNewsgroupStatus), status}}));
  return fmt::format("set status {} of group {}", status, request.target);
}

Result<std::string> rmgroup(const ControlScene& scene, const ControlRequest& request) {
  const auto there = find_newsgroup(scene.store, scene.prefix, request.target);
  if (!there) return "";
  TRY_OK(scene.store.remove(there->id));
  return fmt::format("removed group {}", request.target);
}

}  // namespace

std::optional<ControlRequest> parse_control(std::string_view control) {
  const std::vector<std::string_view> words = words_of(control);
  if (words.size() < 2) return std::nullopt;
  const std::string verb = to_lower(words[0]);
  ControlRequest out{.target = std::string(words[1])};
  if (verb == "cancel" && is_netnews_message_id(words[1])) return out;
  if (!is_newsgroup(words[1])) return std::nullopt;
  if (verb == "newgroup") {
    out.kind = Kind::kNewgroup;
    out.is_moderated = words.size() > 2 && equals_ignoring_case(words[2], "moderated");
    return out;
  }
  if (verb != "rmgroup") return std::nullopt;
  out.kind = Kind::kRmgroup;
  return out;
}

Result<std::string> obey(const ControlScene& scene, const ControlRequest& request) {
  if (request.kind == Kind::kCancel || request.kind == Kind::kSupersedes)
    return cancel(scene, request);
  // RFC 5537 §5.2: what asks for a group is approved.
  if (!scene.is_approved || !is_allowed(scene, request.kind, request.target)) return "";
  return request.kind == Kind::kNewgroup ? newgroup(scene, request) : rmgroup(scene, request);
}

}  // namespace gemel::nntp
