// The trees that a THREAD answer tells: sorted, and joined by subject where that is asked for.
//
// Owns     the trees. Memory: about 30 bytes for each message.
// Threads  one at a time.
// Source   RFC 5256 §3 (REFERENCES, steps 4 to 6), §4 (THREAD response).
// Cost     O(n log n) in messages for each call at most. No call recurses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/ids.h"

namespace gemel::imap {

/// A message as threading sees it.
struct ThreadMessage {
  Uid uid;
  int64_t sent_s = 0;
  int64_t internaldate_s = 0;
  std::string subject = {};  // base subject, folded
  bool is_reply = false;     // or a forward, by its subject
};

class ThreadTree {
 public:
  /// A message by its place in `messages`, or, from their number on, a dummy: what several
  /// messages have in common though it is not there. Dummies are roots, of at least two.
  using Node = uint32_t;

  /// Nothing hangs together yet, and there are no roots. `messages` must outlive the tree.
  explicit ThreadTree(const std::vector<ThreadMessage>& messages)
      : messages_(messages), children_(messages.size()) {}
  Node add_dummy();
  void add_root(Node node) { roots_.push_back(node); }
  void hang(Node child, Node parent) { children_[parent].push_back(child); }
  size_t child_count(Node node) const { return children_[node].size(); }
  Node first_child(Node node) const { return children_[node].front(); }

  /// Each message's children by sent date, then by uid.
  void sort_children();
  /// The same for roots; a dummy goes where its first child would (steps 4 and 6). Children must
  /// be sorted.
  void sort_roots_by_sent();
  /// The root with the newest message in its thread comes last.
  void sort_roots_by_newest();
  /// Joins roots of one subject (step 5). Roots and children must be sorted, and are to be sorted
  /// again.
  void join_by_subject();

  /// The trees as they are told: uids of parent and child one after another, and each of several
  /// siblings between kOpen and kClose.
  static constexpr uint32_t kOpen = 0;
  static constexpr uint32_t kClose = UINT32_MAX;
  std::vector<uint32_t> told() const;

 private:
  using SubjectTable = std::map<std::string_view, Node>;
  bool is_dummy(Node node) const { return node >= messages_.size(); }
  /// The message that stands for a root.
  const ThreadMessage& head(Node node) const {
    return messages_[is_dummy(node) ? first_child(node) : node];
  }
  bool comes_before(const ThreadMessage& a, const ThreadMessage& b) const;
  std::pair<int64_t, Uid> newest_of(Node root) const;
  SubjectTable roots_by_subject() const;
  bool joins_below(Node root, Node kept) const;

  const std::vector<ThreadMessage>& messages_;
  std::vector<std::vector<Node>> children_;
  std::vector<Node> roots_;
};

}  // namespace gemel::imap
