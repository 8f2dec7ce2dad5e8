#include "imap/thread_tree.h"

#include <algorithm>
#include <ranges>
#include <tuple>

namespace gemel::imap {

ThreadTree::Node ThreadTree::add_dummy() {
  links_.emplace_back();
  return static_cast<Node>(links_.size() - 1);
}

void ThreadTree::hang(Node child, Node parent) {
  links_[child].next = std::exchange(links_[parent].first_child, child);
}

// RFC 5256 §2.2: at equal dates the order in the mailbox decides.
bool ThreadTree::comes_before(const ThreadMessage& a, const ThreadMessage& b) const {
  return std::pair(a.sent_s, a.uid) < std::pair(b.sent_s, b.uid);
}

void ThreadTree::sort_children() {
  std::pmr::vector<Node> siblings(memory());
  for (Node parent = 0; parent < links_.size(); ++parent) {
    siblings.clear();
    for (Node at = links_[parent].first_child; at != kNoNode; at = links_[at].next)
      siblings.push_back(at);
    if (siblings.size() < 2) continue;
    std::ranges::sort(siblings, [&](Node a, Node b) { return comes_before(head(a), head(b)); });
    links_[parent].first_child = kNoNode;
    for (const Node child : siblings | std::views::reverse) hang(child, parent);
  }
}

void ThreadTree::sort_roots_by_sent() {
  std::ranges::sort(roots_, [&](Node a, Node b) { return comes_before(head(a), head(b)); });
}

void ThreadTree::sort_roots_by_newest() {
  struct Row {
    std::pair<int64_t, Uid> newest;
    Node root;
    auto operator<=>(const Row&) const = default;
  };
  std::pmr::vector<Row> rows(memory());
  rows.reserve(roots_.size());
  for (const Node root : roots_) rows.push_back({newest_of(root), root});
  std::ranges::sort(rows);
  std::ranges::transform(rows, roots_.begin(), &Row::root);
}

std::pair<int64_t, Uid> ThreadTree::newest_of(Node root) const {
  std::pair<int64_t, Uid> newest{INT64_MIN, Uid()};
  std::pmr::vector<Node> open({root}, memory());
  while (!open.empty()) {
    const Node node = open.back();
    open.pop_back();
    if (!is_dummy(node))
      newest = std::max(newest, {messages_[node].internaldate_s, messages_[node].uid});
    for (Node child = links_[node].first_child; child != kNoNode; child = links_[child].next)
      open.push_back(child);
  }
  return newest;
}

// Step 5, A and B: which of the roots with one subject keeps it.
ThreadTree::Node ThreadTree::kept_of(std::span<const Node> roots) const {
  Node kept = roots.front();
  for (const Node root : roots.subspan(1)) {
    if (is_dummy(kept)) break;
    if (is_dummy(root) || (messages_[kept].is_reply && !messages_[root].is_reply)) kept = root;
  }
  return kept;
}

// Step 5 C, but for two dummies.
bool ThreadTree::joins_below(Node root, Node kept) const {
  return is_dummy(kept) || (messages_[root].is_reply && !messages_[kept].is_reply);
}

void ThreadTree::join(std::span<const Node> roots, std::pmr::vector<bool>& is_joined) {
  Node kept = kept_of(roots);
  for (const Node root : roots) {
    if (root == kept || is_joined[root]) continue;
    is_joined[root] = true;
    if (is_dummy(root)) {  // a dummy was kept then
      Node child = std::exchange(links_[root].first_child, kNoNode);
      while (child != kNoNode) hang(std::exchange(child, links_[child].next), kept);
    } else if (joins_below(root, kept)) {
      hang(root, kept);
    } else {
      is_joined[kept] = true;
      const Node dummy = add_dummy();
      hang(kept, dummy);
      hang(root, dummy);
      kept = dummy;
    }
  }
}

void ThreadTree::join_by_subject() {
  const size_t count = links_.size();
  const auto subject = [&](Node root) { return head(root).subject; };
  std::pmr::vector<Node> order(memory());
  for (const Node root : roots_)
    if (subject(root) != 0) order.push_back(root);
  std::ranges::sort(order, {}, [&](Node root) {
    const ThreadMessage& message = head(root);
    return std::tuple(message.subject, message.sent_s, message.uid);
  });
  std::pmr::vector<bool> is_joined(count, false, memory());
  for (auto at = order.begin(); at != order.end();) {
    const auto end = std::ranges::upper_bound(at, order.end(), subject(*at), {}, subject);
    join({at, end}, is_joined);
    at = end;
  }
  std::erase_if(roots_, [&](Node root) { return is_joined[root]; });
  for (size_t dummy = count; dummy < links_.size(); ++dummy)
    roots_.push_back(static_cast<Node>(dummy));
}

std::pmr::vector<uint32_t> ThreadTree::told() const {
  std::pmr::vector<uint32_t> out(memory());
  std::pmr::vector<Node> lists(memory());  // that are open, by what each begins with
  // Gives the first of several that hang below.
  const auto open = [&](Node node) {
    lists.push_back(node);
    out.push_back(kOpen);
    for (;;) {
      if (!is_dummy(node)) out.push_back(messages_[node].uid.value);
      const Node child = links_[node].first_child;
      if (child == kNoNode || links_[child].next != kNoNode) return child;
      node = child;
    }
  };
  for (const Node root : roots_) {
    Node next = open(root);
    while (!lists.empty()) {
      if (next != kNoNode) {
        next = open(next);
        continue;
      }
      const Node ended = lists.back();
      lists.pop_back();
      out.push_back(kClose);
      if (!lists.empty()) next = links_[ended].next;
    }
  }
  return out;
}

}  // namespace gemel::imap
