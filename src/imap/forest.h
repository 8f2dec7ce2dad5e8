// Trees in which a node can be hung below another, and taken off again, without ever making a loop.
//
// Owns     the nodes. Memory: 16 bytes each.
// Threads  one at a time, as any value.
// Cost     O(log nodes) for each call, over all calls together, however deep the trees are (a
//          link-cut tree: Sleator and Tarjan, 1983). No call recurses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace gemel::imap {

/// 0 is no node.
using ForestNode = uint32_t;

class Forest {
 public:
  /// `memory` must outlive the forest.
  explicit Forest(std::pmr::memory_resource& memory) : nodes_(1, Node(), &memory) {}
  /// A tree of its own.
  ForestNode add();
  size_t size() const { return nodes_.size() - 1; }
  /// 0 for a root.
  ForestNode parent_of(ForestNode node) const { return nodes_[node].parent; }
  /// `child` must be a root. False, and nothing is done, where it would make a loop.
  bool link(ForestNode child, ForestNode parent);
  /// `child` becomes a root; nothing if it is one.
  void cut(ForestNode child);

 private:
  // Each path from a node towards its root is a splay tree by depth, `sides` its children there;
  // `up` is the parent there, or from its top the node in the path above.
  struct Node {
    ForestNode parent = 0;
    ForestNode up = 0;
    std::array<ForestNode, 2> sides = {};
  };

  bool is_top(ForestNode node) const;
  size_t side_of(ForestNode node) const { return nodes_[nodes_[node].up].sides[1] == node; }
  void rotate(ForestNode node);
  void splay(ForestNode node);
  void expose(ForestNode node);
  ForestNode root_of(ForestNode node);

  std::pmr::vector<Node> nodes_;
};

}  // namespace gemel::imap
