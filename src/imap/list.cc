#include "imap/list.h"

#include <algorithm>

#include "imap/session.h"

namespace gemel::imap {
namespace {

void add_attribute(std::string& out, std::string_view attribute) {
  (out += out.empty() ? "" : " ") += attribute;
}

void mark_above(ListTree& tree, const std::string& path) {
  const ListNode& node = tree.at(path);  // a map's nodes stay where they are
  MailboxName name{.owner = {}, .path = path};
  while (const std::optional<MailboxName> above = name.parent()) {
    ListNode& parent = tree[above->path];
    parent.has_children = parent.has_children || node.mailbox;
    parent.has_subscribed_below = parent.has_subscribed_below || node.is_subscribed;
    parent.has_special_below = parent.has_special_below || !node.special_use().empty();
    name = *above;
  }
}

bool is_selected(const ListNode& node, const ListRequest& request) {
  if (request.selects_subscribed && !node.is_subscribed) return false;
  if (request.selects_special_use && node.special_use().empty()) return false;
  // A name without mailbox is one where something is below it, unless only a subscription made it.
  return node.mailbox || node.has_children || request.selects_subscribed;
}

// RFC 5258 §3.5: what is selected below; empty if nothing or not asked for.
std::string child_info(const ListNode& node, const ListRequest& request) {
  std::string options;
  if (!request.selects_recursively) return options;
  if (request.selects_subscribed && node.has_subscribed_below)
    add_attribute(options, "\"SUBSCRIBED\"");
  if (request.selects_special_use && node.has_special_below)
    add_attribute(options, "\"SPECIAL-USE\"");
  return options;
}

std::string attributes_of(const ListNode& node, const ListRequest& request) {
  std::string out;
  // RFC 5258 §3: the first implies the second, which is all that older clients know.
  if (!node.mailbox) out = request.is_extended ? "\\NonExistent" : "\\NonExistent \\Noselect";
  // RFC 5819 §2: what has no STATUS for the user.
  if (!node.is_selectable) add_attribute(out, "\\Noselect");
  add_attribute(out, node.has_children ? "\\HasChildren" : "\\HasNoChildren");
  if (node.is_subscribed && (request.returns_subscribed || request.selects_subscribed))
    add_attribute(out, "\\Subscribed");
  if (const std::string use = node.special_use(); !use.empty()) add_attribute(out, use);
  return out;
}

bool matches(const ListRequest& request, std::string_view path) {
  return std::ranges::any_of(request.patterns,
                             [&](const Pattern& pattern) { return pattern.matches(path); });
}

}  // namespace

std::string ListNode::special_use() const {
  if (!mailbox) return {};
  const auto at = mailbox->attributes.find(std::string(kAttributeSpecialUse));
  return at == mailbox->attributes.end() ? std::string() : at->second;
}

Result<ListTree> load_list_tree(const MailStore& store, const UserAccess& user) {
  ListTree tree;
  TRY(std::vector<MailboxInfo> mailboxes, user.visible());
  TRY(const std::set<std::string> subscribed, subscribed_paths(store, user));
  std::vector<std::string> paths;
  for (MailboxInfo& mailbox : mailboxes) {
    // A client looks for the user's own Sent and Trash by these (RFC 6154 §2).
    if (mailbox.name.owner != user.userid())
      mailbox.attributes.erase(std::string(kAttributeSpecialUse));
    paths.push_back(user.path_of(mailbox.name));
    ListNode& node = tree[paths.back()];
    node.is_selectable = user.rights(mailbox).has(Right::kRead);
    node.mailbox = std::move(mailbox);
  }
  for (const std::string& path : subscribed) {
    paths.push_back(path);
    tree[path].is_subscribed = true;
  }
  for (const std::string& path : paths) mark_above(tree, path);
  return tree;
}

void add_expunged(ListTree& tree, const UserAccess& user) {
  ListTree found;
  for (const auto& [path, node] : tree) {
    if (!node.mailbox || node.mailbox->expunged == 0) continue;
    if (!user.rights(*node.mailbox).has_all(kExpungedReaders)) continue;
    ListNode& of_expunged = found[std::string(kExpungedPrefix) + path];
    of_expunged.mailbox = node.mailbox;
    of_expunged.mailbox->attributes.clear();
    of_expunged.content = Content::kExpunged;
  }
  tree.merge(found);
}

void mark_untold(ListTree& tree, const ListRequest& request) {
  if (!request.selects_recursively) return;
  for (const auto& [path, node] : tree) {
    if (!is_selected(node, request) || matches(request, path)) continue;
    MailboxName name{.owner = {}, .path = path};
    while (const std::optional<MailboxName> above = name.parent()) {
      if (const auto at = tree.find(above->path); at != tree.end())
        at->second.has_untold_below = true;
      name = *above;
    }
  }
}

bool put_list(std::string& out, const ListTree::value_type& node, const ListRequest& request) {
  const auto& [path, what] = node;
  const std::string below = child_info(what, request);
  const bool selected = is_selected(what, request);
  // RFC 5258 §3.5: what is not selected is told only for the sake of what else is not told.
  if (!selected && (below.empty() || !what.has_untold_below)) return false;
  if (!matches(request, path)) return false;
  put_line(out, {"LIST", attributes_of(what, request)}, path, request.dialect);
  if (!below.empty()) ((out += " (\"CHILDINFO\" (") += below) += "))";
  out += "\r\n";
  return selected && what.mailbox;
}

void put_line(std::string& out, const ListLine& line, std::string_view path, ImapDialect dialect) {
  ((out += "* ") += line.command) += " (";
  (out += line.attributes) += ") \"/\" ";
  put_path(out, path, dialect);
}

void put_old_name(std::string& out, std::string_view path, ImapDialect dialect) {
  out += " (\"OLDNAME\" (";
  put_path(out, path, dialect);
  out += "))";
}

void say_canonical(Session& session, std::string_view wire_name, std::string_view path) {
  std::string text;
  put_line(text, {"LIST"}, path, session.dialect());
  const Result<std::string> used = path_of_wire(wire_name, session.dialect());
  if (used && *used != path) put_old_name(text, *used, session.dialect());
  session.say(text + "\r\n");
}

void put_my_rights(std::string& out, std::string_view path, Rights rights, ImapDialect dialect) {
  out += "* MYRIGHTS ";
  put_path(out, path, dialect);
  out += ' ';
  wire::put_astring(out, rights.wire_text());
  out += "\r\n";
}

void put_lsub(std::string& out, const ListTree::value_type& node, const Pattern& pattern,
              const LsubTerms& terms) {
  const auto& [path, what] = node;
  const bool is_above = terms.percent == Percent::kYes && what.has_subscribed_below;
  if ((!what.is_subscribed && !is_above) || !pattern.matches(path)) return;
  put_line(out, {"LSUB", what.is_subscribed ? "" : "\\Noselect"}, path, terms.dialect);
  out += "\r\n";
}

}  // namespace gemel::imap
