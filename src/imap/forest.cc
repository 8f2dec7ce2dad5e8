#include "imap/forest.h"

#include "base/check.h"

namespace gemel::imap {

ForestNode Forest::add() {
  nodes_.emplace_back();
  return static_cast<ForestNode>(nodes_.size() - 1);
}

bool Forest::link(ForestNode child, ForestNode parent) {
  CHECK(parent_of(child) == 0);
  if (root_of(parent) == child) return false;
  expose(child);
  nodes_[child].up = nodes_[child].parent = parent;
  return true;
}

void Forest::cut(ForestNode child) {
  if (parent_of(child) == 0) return;
  expose(child);
  ForestNode& above = nodes_[child].sides[0];
  nodes_[above].up = 0;
  above = 0;
  nodes_[child].parent = 0;
}

bool Forest::is_top(ForestNode node) const {
  const ForestNode up = nodes_[node].up;
  return up == 0 || (nodes_[up].sides[0] != node && nodes_[up].sides[1] != node);
}

void Forest::rotate(ForestNode node) {
  const ForestNode up = nodes_[node].up;
  const ForestNode over = nodes_[up].up;
  const size_t side = side_of(node);
  const ForestNode inner = nodes_[node].sides[1 - side];
  if (!is_top(up)) nodes_[over].sides[side_of(up)] = node;
  nodes_[node].up = over;
  nodes_[up].sides[side] = inner;
  if (inner != 0) nodes_[inner].up = up;
  nodes_[node].sides[1 - side] = up;
  nodes_[up].up = node;
}

void Forest::splay(ForestNode node) {
  while (!is_top(node)) {
    const ForestNode up = nodes_[node].up;
    if (!is_top(up)) rotate(side_of(up) == side_of(node) ? up : node);
    rotate(node);
  }
}

// Makes the path from the root to `node` one splay tree with `node` on top.
void Forest::expose(ForestNode node) {
  ForestNode below = 0;
  for (ForestNode at = node; at != 0; at = nodes_[at].up) {
    splay(at);
    nodes_[at].sides[1] = below;
    below = at;
  }
  splay(node);
}

ForestNode Forest::root_of(ForestNode node) {
  expose(node);
  while (nodes_[node].sides[0] != 0) node = nodes_[node].sides[0];
  splay(node);  // or else a deep one would be paid for again and again
  return node;
}

}  // namespace gemel::imap
