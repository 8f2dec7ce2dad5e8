#include "imap/search_sources.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/bytes.h"

namespace gemel::imap {
namespace {

using Kind = SearchSource::Kind;

struct KindRow {
  std::string_view name;
  Kind kind;
};
constexpr std::array kKinds = {
    KindRow{"inboxes", Kind::kPersonal},       KindRow{"mailboxes", Kind::kMailboxes},
    KindRow{"personal", Kind::kPersonal},      KindRow{"selected", Kind::kSelected},
    KindRow{"subscribed", Kind::kSubscribed},  KindRow{"subtree", Kind::kSubtree},
    KindRow{"subtree-one", Kind::kSubtreeOne},
};

// one-or-more-mailbox: ` INBOX`, or ` (INBOX Lists)`.
Result<std::vector<std::string>> read_names(wire::Tokenizer& tokens) {
  std::vector<std::string> out;
  TRY_OK(tokens.space());
  const bool is_list = tokens.peek() == '(';
  if (is_list) TRY_OK(tokens.open());
  do {
    TRY(const std::string_view name, tokens.astring());
    out.emplace_back(name);
  } while (is_list && tokens.skip(' '));
  if (is_list) TRY_OK(tokens.close());
  return out;
}

Result<SearchSource> read_source(wire::Tokenizer& tokens) {
  TRY(const std::string_view word, tokens.atom());
  const auto row = std::ranges::find_if(
      kKinds, [&](const KindRow& kind) { return equals_ignoring_case(kind.name, word); });
  if (row == kKinds.end()) return fail(Code::kSyntax, "no such source of mailboxes");
  SearchSource out{.kind = row->kind};
  if (out.kind >= Kind::kSubtree) {
    TRY(out.names, read_names(tokens));
  }
  return out;
}

/// A name as the user sees it; that there is such a mailbox is not needed.
std::string path_named(const UserAccess& user, std::string_view wire_name, ImapDialect dialect) {
  const Result<std::string> path = path_of_wire(wire_name, dialect);
  if (!path) return std::string(wire_name);
  const Result<MailboxName> name = user.name_of(*path);
  return name ? user.path_of(*name) : *path;
}

/// The mailboxes of one list, each once.
class Collector {
 public:
  void add(const MailboxInfo& mailbox, Content content) {
    if (!ids_.insert(object_id(mailbox, content)).second) return;
    found_.push_back({mailbox, content});
  }
  std::vector<Named> take() { return std::move(found_); }

 private:
  std::set<std::string> ids_;
  std::vector<Named> found_;
};

struct Visible {
  MailboxInfo info;
  std::string path;
};

/// With `l`, which visible() sees to, and `r`.
Result<std::vector<Visible>> readable(const UserAccess& user) {
  TRY(std::vector<MailboxInfo> visible, user.visible());
  std::vector<Visible> out;
  for (MailboxInfo& info : visible) {
    if (!user.rights(info).has(Right::kRead)) continue;
    std::string path = user.path_of(info.name);
    out.push_back({std::move(info), std::move(path)});
  }
  return out;
}

Result<std::set<std::string>> subscriptions(const MailStore& store, const UserAccess& user) {
  TRY(const std::vector<UserItem> items, store.user_items(user.userid(), kUserItemSubscription));
  std::set<std::string> out;
  for (const UserItem& item : items) out.insert(item.key.substr(kUserItemSubscription.size()));
  return out;
}

}  // namespace

Result<std::vector<SearchSource>> read_sources(wire::Tokenizer& tokens, size_t names_max) {
  std::vector<SearchSource> out;
  if (!tokens.skip_word("IN")) return std::vector<SearchSource>{SearchSource()};
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  size_t names = 0;
  do {
    TRY(out.emplace_back(), read_source(tokens));
    names += std::max<size_t>(1, out.back().names.size());
    if (names > names_max) return fail(Code::kLimit, "too many mailboxes are named");
  } while (tokens.skip(' '));
  TRY_OK(tokens.close());
  TRY_OK(tokens.space());
  return out;
}

bool names_selected(const std::vector<SearchSource>& sources) {
  return std::ranges::find(sources, Kind::kSelected, &SearchSource::kind) != sources.end();
}

Result<std::vector<Named>> resolve_sources(const MailStore& store, const UserAccess& user,
                                           const std::vector<SearchSource>& sources,
                                           ImapDialect dialect) {
  Collector out;
  TRY(const std::vector<Visible> visible, readable(user));
  TRY(const std::set<std::string> subscribed, subscriptions(store, user));
  const auto add_where = [&](const auto& is_wanted) {
    for (const Visible& mailbox : visible)
      if (is_wanted(mailbox)) out.add(mailbox.info, Content::kLive);
  };
  for (const SearchSource& source : sources) {
    if (source.kind == Kind::kPersonal)
      add_where([&](const Visible& it) { return it.info.name.owner == user.userid(); });
    if (source.kind == Kind::kSubscribed)
      add_where([&](const Visible& it) { return subscribed.contains(it.path); });
    const Depth depth = source.kind == Kind::kSubtree ? Depth::kAll : Depth::kChildren;
    for (const std::string& name : source.names) {
      if (source.kind == Kind::kMailboxes) {
        // Named by the user, it needs no `l`.
        if (const Result<Named> found = find_named(user, name, dialect))
          out.add(found->mailbox, found->content);
        continue;
      }
      const std::string top = path_named(user, name, dialect);
      add_where([&](const Visible& it) { return is_within(it.path, top, depth); });
    }
  }
  return out.take();
}

}  // namespace gemel::imap
