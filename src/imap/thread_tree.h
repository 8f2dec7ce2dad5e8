// The trees that a THREAD answer tells: sorted, and joined by subject where that is asked for.
//
// Owns     the trees. Memory: 12 bytes for each message, and 12 more for what is told, from where
//          the messages have theirs.
// Threads  one at a time.
// Source   RFC 5256 §3 (REFERENCES, steps 4 to 6), §4 (THREAD response).
// Cost     O(n log n) in messages for each call at most. No call recurses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <utility>
#include <vector>

#include "mail/ids.h"

namespace gemel::imap {

/// What stands for a text where only equality counts; 0: no text.
using ThreadKey = uint64_t;

/// A message as threading sees it.
struct ThreadMessage {
  int64_t sent_s = 0;
  int64_t internaldate_s = 0;
  ThreadKey subject = 0;  // of the base subject, folded
  Uid uid;
  bool is_reply = false;  // or a forward, by its subject
};
using ThreadMessages = std::pmr::vector<ThreadMessage>;

class ThreadTree {
 public:
  /// A message by its place in `messages`, or, from their number on, a dummy: what several
  /// messages have in common though it is not there. Dummies are roots, of at least two.
  using Node = uint32_t;

  /// Nothing hangs together yet, and there are no roots. `messages` must outlive the tree.
  explicit ThreadTree(const ThreadMessages& messages)
      : messages_(messages), links_(messages.size(), Links(), memory()), roots_(memory()) {}
  Node add_dummy();
  void add_root(Node node) { roots_.push_back(node); }
  /// Before its siblings, where sort_children does not say otherwise.
  void hang(Node child, Node parent);

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
  std::pmr::vector<uint32_t> told() const;

 private:
  static constexpr Node kNoNode = UINT32_MAX;
  struct Links {
    Node first_child = kNoNode;
    Node next = kNoNode;  // sibling; says nothing of a root
  };
  bool is_dummy(Node node) const { return node >= messages_.size(); }
  /// The message that stands for a root.
  const ThreadMessage& head(Node node) const {
    return messages_[is_dummy(node) ? links_[node].first_child : node];
  }
  bool comes_before(const ThreadMessage& a, const ThreadMessage& b) const;
  std::pair<int64_t, Uid> newest_of(Node root) const;
  Node kept_of(std::span<const Node> roots) const;
  bool joins_below(Node root, Node kept) const;
  void join(std::span<const Node> roots, std::pmr::vector<bool>& is_joined);
  std::pmr::memory_resource* memory() const { return messages_.get_allocator().resource(); }

  const ThreadMessages& messages_;
  std::pmr::vector<Links> links_;
  std::pmr::vector<Node> roots_;
};

}  // namespace gemel::imap
