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

Result<SearchSource> read_source(wire::Tokenizer& tokens) {
  TRY(const std::string_view word, tokens.atom());
  const auto row = std::ranges::find_if(
      kKinds, [&](const KindRow& kind) { return equals_ignoring_case(kind.name, word); });
  if (row == kKinds.end()) return fail(Code::kSyntax, "no such source of mailboxes");
  SearchSource out{.kind = row->kind};
  if (out.kind >= Kind::kSubtree) {
    TRY(out.names, read_mailboxes(tokens));
  }
  return out;
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
  TRY(const std::set<std::string> subscribed, subscribed_paths(store, user));
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
      const std::string top = path_as_seen(user, name, dialect).value_or(name);
      add_where([&](const Visible& it) { return is_within(it.path, top, depth); });
    }
  }
  return out.take();
}

}  // namespace gemel::imap
