#include "imap/thread.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"
#include "imap/message.h"
#include "imap/subject.h"
#include "mail/mime_header.h"

namespace gemel::imap {
namespace {

struct AlgorithmRow {
  std::string_view name;
  ThreadAlgorithm algorithm;
};
constexpr std::array kAlgorithms = {
    AlgorithmRow{"ORDEREDSUBJECT", ThreadAlgorithm::kOrderedSubject},
    AlgorithmRow{"REFERENCES", ThreadAlgorithm::kReferences},
    AlgorithmRow{"REFS", ThreadAlgorithm::kRefs},
};

/// `<"a\"b"@c>` as `a"b@c`; nothing if it can't be one.
std::optional<std::string> normalized_id(std::string_view bracketed) {
  std::string out;
  bool is_quoted = false;
  bool is_escaped = false;
  for (const char c : bracketed.substr(1, bracketed.size() - 2)) {
    if (is_quoted && !is_escaped && c == '\\') {
      is_escaped = true;
    } else if (c == '"' && !is_escaped) {
      is_quoted = !is_quoted;
    } else {
      out += c;
      is_escaped = false;
    }
  }
  const size_t at = out.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == out.size()) return std::nullopt;
  return out;
}

std::vector<std::string> ids_in(std::string_view header, std::string_view field) {
  std::vector<std::string> out;
  for (const std::string& bracketed : message_ids_of(field_text(header, field)))
    if (std::optional<std::string> id = normalized_id(bracketed)) out.push_back(std::move(*id));
  return out;
}

}  // namespace

Result<ThreadAlgorithm> read_thread_algorithm(wire::Tokenizer& tokens) {
  TRY(const std::string_view word, tokens.atom());
  for (const AlgorithmRow& row : kAlgorithms)
    if (equals_ignoring_case(row.name, word)) return row.algorithm;
  return fail(Code::kSyntax, "no such threading algorithm");
}

ThreadIds thread_ids_of(std::string_view header) {
  ThreadIds out;
  std::vector<std::string> own = ids_in(header, "Message-ID");
  if (!own.empty()) out.own = std::move(own.front());
  out.references = ids_in(header, "References");
  if (!out.references.empty()) return out;
  out.references = ids_in(header, "In-Reply-To");
  if (out.references.size() > 1) out.references.resize(1);
  return out;
}

ThreadKey Threader::key_of(std::string_view text) const {
  if (text.empty()) return 0;
  std::string salted(sizeof(terms_.salt), '\0');
  std::memcpy(salted.data(), &terms_.salt, sizeof(terms_.salt));
  const Sha256 hash = sha256(salted.append(text));
  ThreadKey out = 0;
  std::memcpy(&out, hash.data(), sizeof(out));
  return std::max<ThreadKey>(out, 1);
}

ForestNode Threader::make_node(ThreadKey key) {
  message_of_.push_back(kNoMessage);
  key_of_.push_back(key);
  return forest_.add();
}

/// Where the node of that key is, or would be.
size_t Threader::slot_of(ThreadKey key) const {
  const size_t mask = slots_.size() - 1;
  size_t at = key & mask;
  while (slots_[at] != 0 && key_of_[slots_[at]] != key) at = (at + 1) & mask;
  return at;
}

ForestNode Threader::find_or_make(ThreadKey key) {
  if (const ForestNode known = find(key); known != 0) return known;
  make_room();
  return slots_[slot_of(key)] = make_node(key);
}

void Threader::make_room() {
  if (forest_.size() + 1 <= slots_.size() / 4 * 3) return;
  slots_.assign(2 * slots_.size(), 0);
  for (ForestNode node = 1; node < key_of_.size(); ++node)
    if (key_of_[node] != 0) slots_[slot_of(key_of_[node])] = node;
}

Result<void> Threader::add(const MailboxView& mailbox, const UidSet& uids) {
  TRY(const std::vector<RecordFacts> facts, mailbox.facts(uids));
  auto at = facts.begin();
  Result<void> done;
  uids.for_each([&](Uid uid) {
    const RecordFacts& one = *at++;
    if (done) done = add(mailbox, uid, one);
  });
  return done;
}

Result<void> Threader::add(const MailboxView& mailbox, Uid uid, const RecordFacts& facts) {
  ThreadMessage message{
      .sent_s = facts.internaldate_s, .internaldate_s = facts.internaldate_s, .uid = uid};
  const auto read = [&]() -> Result<ThreadIds> {
    Message reader(mailbox, facts.guid);
    TRY(const std::string_view header, reader.known_header());
    const BaseSubject subject = subject_of(header);
    message.sent_s = sent_s(header, facts);
    message.subject = key_of(subject.text);
    message.is_reply = subject.is_reply;
    return thread_ids_of(header);
  };
  const Result<ThreadIds> ids = read();
  if (!ids && ids.error().code == Code::kIo) return std::unexpected(ids.error());
  // One message that can't be read must not hide the others: it is a thread of its own.
  if (!ids)
    log::error("imap thread mailbox={} uid={}: {}", mailbox.info().id.text(), uid.value,
               ids.error().text);
  add(message, ids.value_or(ThreadIds()));
  return {};
}

void Threader::add(ThreadMessage message, const ThreadIds& ids) {
  const auto index = static_cast<uint32_t>(messages_.size());
  messages_.push_back(message);
  if (terms_.algorithm == ThreadAlgorithm::kOrderedSubject) return;
  ForestNode node = ids.own ? find_or_make(key_of(*ids.own)) : make_node(0);
  // RFC 5256 §3: of several messages with one id, the first has it.
  if (!is_dummy(node)) node = make_node(0);
  message_of_[node] = index;
  link_by_ids(node, ids);
}

void Threader::link_by_ids(ForestNode node, const ThreadIds& ids) {
  ForestNode before = 0;
  for (const std::string& id : ids.references) {
    const ThreadKey key = key_of(id);
    const ForestNode reference = may_add_absent() ? find_or_make(key) : find(key);
    if (reference == 0) continue;
    if (before != 0 && forest_.parent_of(reference) == 0) forest_.link(reference, before);
    before = reference;
  }
  // What others said of its parent may have been cut short; the message knows.
  forest_.cut(node);
  if (before != 0) forest_.link(node, before);
}

std::pmr::vector<uint32_t> Threader::threads() && {
  if (terms_.algorithm == ThreadAlgorithm::kOrderedSubject) return by_subject().told();
  ThreadTree tree = by_references();
  tree.sort_children();
  if (terms_.algorithm == ThreadAlgorithm::kRefs) {
    tree.sort_roots_by_newest();
    return tree.told();
  }
  tree.sort_roots_by_sent();
  tree.join_by_subject();
  tree.sort_children();
  tree.sort_roots_by_sent();
  return tree.told();
}

ThreadTree Threader::by_subject() const {
  ThreadTree tree(messages_);
  auto order = vector_of<uint32_t>(messages_.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto key = [&](uint32_t i) {
    const ThreadMessage& message = messages_[i];
    return std::tuple(message.subject, message.sent_s, message.uid);
  };
  std::ranges::sort(order, {}, key);
  for (size_t i = 0, first = 0; i < order.size(); ++i) {
    if (i != 0 && messages_[order[i]].subject == messages_[order[first]].subject) {
      tree.hang(order[i], order[first]);
      continue;
    }
    first = i;
    tree.add_root(order[i]);
  }
  tree.sort_children();
  tree.sort_roots_by_sent();
  return tree;
}

// For each node the nearest message above it, or else the dummy on top of its tree: what is between
// is pruned (RFC 5256 §3, step 3). 0 where there is nothing above.
std::pmr::vector<ForestNode> Threader::holders() const {
  auto out = vector_of<ForestNode>(message_of_.size());
  auto is_known = vector_of<bool>(message_of_.size());
  auto path = vector_of<ForestNode>();
  for (ForestNode start = 1; start < out.size(); ++start) {
    ForestNode at = start;
    for (; at != 0 && !is_known[at]; at = forest_.parent_of(at)) path.push_back(at);
    for (; !path.empty(); path.pop_back()) {
      const ForestNode node = path.back();
      const ForestNode parent = forest_.parent_of(node);
      const bool is_passed = parent != 0 && is_dummy(parent) && out[parent] != 0;
      out[node] = is_passed ? out[parent] : parent;
      is_known[node] = true;
    }
  }
  return out;
}

// What it needs no more makes room for what is made of it.
ThreadTree Threader::by_references() {
  slots_ = vector_of<ForestNode>();
  key_of_ = vector_of<ThreadKey>();
  const std::pmr::vector<ForestNode> holder = holders();
  forest_ = Forest(terms_.memory);
  auto children = vector_of<uint32_t>(holder.size());
  for (ForestNode node = 1; node < holder.size(); ++node)
    if (!is_dummy(node) && holder[node] != 0) ++children[holder[node]];
  ThreadTree tree(messages_);
  // Of messages, and of dummies that stay.
  auto places = vector_of<ThreadTree::Node>(holder.size());
  for (ForestNode node = 1; node < holder.size(); ++node) {
    if (!is_dummy(node)) {
      places[node] = message_of_[node];
    } else if (holder[node] == 0 && children[node] > 1) {
      places[node] = tree.add_dummy();
      tree.add_root(places[node]);
    }
  }
  for (ForestNode node = 1; node < holder.size(); ++node) {
    if (is_dummy(node)) continue;
    const ForestNode above = holder[node];
    // A single child takes the dummy's place.
    const bool is_root = above == 0 || (is_dummy(above) && children[above] == 1);
    if (is_root)
      tree.add_root(places[node]);
    else
      tree.hang(places[node], places[above]);
  }
  return tree;
}

}  // namespace gemel::imap
