#include "imap/thread_tree.h"

#include <algorithm>
#include <ranges>

namespace gemel::imap {

ThreadTree::Node ThreadTree::add_dummy() {
  children_.emplace_back();
  return static_cast<Node>(children_.size() - 1);
}

// RFC 5256 §2.2: at equal dates the order in the mailbox decides.
bool ThreadTree::comes_before(const ThreadMessage& a, const ThreadMessage& b) const {
  return std::pair(a.sent_s, a.uid) < std::pair(b.sent_s, b.uid);
}

void ThreadTree::sort_children() {
  for (std::vector<Node>& siblings : children_)
    std::ranges::sort(siblings, [&](Node a, Node b) { return comes_before(head(a), head(b)); });
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
  std::vector<Row> rows;
  rows.reserve(roots_.size());
  for (const Node root : roots_) rows.push_back({newest_of(root), root});
  std::ranges::sort(rows);
  std::ranges::transform(rows, roots_.begin(), &Row::root);
}

std::pair<int64_t, Uid> ThreadTree::newest_of(Node root) const {
  std::pair<int64_t, Uid> newest{INT64_MIN, Uid()};
  std::vector<Node> open{root};
  while (!open.empty()) {
    const Node node = open.back();
    open.pop_back();
    if (!is_dummy(node))
      newest = std::max(newest, {messages_[node].internaldate_s, messages_[node].uid});
    open.insert(open.end(), children_[node].begin(), children_[node].end());
  }
  return newest;
}

// Step 5, A and B: which root keeps each subject.
ThreadTree::SubjectTable ThreadTree::roots_by_subject() const {
  SubjectTable table;
  for (const Node root : roots_) {
    const ThreadMessage& message = head(root);
    if (message.subject.empty()) continue;
    const auto [at, is_new] = table.try_emplace(message.subject, root);
    if (is_new || is_dummy(at->second)) continue;
    if (is_dummy(root) || (messages_[at->second].is_reply && !message.is_reply)) at->second = root;
  }
  return table;
}

// Step 5 C, but for two dummies.
bool ThreadTree::joins_below(Node root, Node kept) const {
  return is_dummy(kept) || (messages_[root].is_reply && !messages_[kept].is_reply);
}

void ThreadTree::join_by_subject() {
  SubjectTable table = roots_by_subject();
  const size_t count = children_.size();
  std::vector<bool> is_joined(count);
  for (const Node root : roots_) {
    const auto at = table.find(head(root).subject);
    if (at == table.end() || at->second == root || is_joined[root]) continue;
    const Node kept = at->second;
    is_joined[root] = true;
    if (is_dummy(root)) {  // a dummy was kept then
      for (const Node child : std::exchange(children_[root], {})) hang(child, kept);
    } else if (joins_below(root, kept)) {
      hang(root, kept);
    } else {
      is_joined[kept] = true;
      at->second = add_dummy();
      hang(kept, at->second);
      hang(root, at->second);
    }
  }
  std::erase_if(roots_, [&](Node root) { return is_joined[root]; });
  for (size_t dummy = count; dummy < children_.size(); ++dummy)
    roots_.push_back(static_cast<Node>(dummy));
}

std::vector<uint32_t> ThreadTree::told() const {
  std::vector<uint32_t> out;
  struct Step {
    uint32_t token;  // kOpen, kClose, or else `node`
    Node node;
  };
  std::vector<Step> open;
  const auto put_apart = [&](Node node) {
    open.insert(open.end(), {{kClose, 0}, {1, node}, {kOpen, 0}});
  };
  for (const Node root : roots_ | std::views::reverse) put_apart(root);
  while (!open.empty()) {
    const Step step = open.back();
    open.pop_back();
    if (step.token == kOpen || step.token == kClose) {
      out.push_back(step.token);
      continue;
    }
    if (!is_dummy(step.node)) out.push_back(messages_[step.node].uid.value);
    const std::vector<Node>& children = children_[step.node];
    if (children.size() == 1) {
      open.push_back({1, children.front()});
      continue;
    }
    for (const Node child : children | std::views::reverse) put_apart(child);
  }
  return out;
}

}  // namespace gemel::imap
