#include "imap/thread.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
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

size_t Threader::IdHash::operator()(const IdKey& key) const {
  size_t out = 0;
  std::memcpy(&out, key.data(), sizeof(out));
  return out;
}

ForestNode Threader::make_node() {
  message_of_.push_back(kNoMessage);
  return forest_.add();
}

ForestNode Threader::node_of(const std::string& id) {
  const auto [at, is_new] = nodes_.try_emplace(sha256(id), 0);
  if (is_new) at->second = make_node();
  return at->second;
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
      .uid = uid, .sent_s = facts.internaldate_s, .internaldate_s = facts.internaldate_s};
  const auto read = [&]() -> Result<ThreadIds> {
    Message reader(mailbox, facts.guid);
    TRY(const std::string_view header, reader.known_header());
    BaseSubject subject = subject_of(header);
    message.sent_s = sent_s(header, facts);
    message.subject = std::move(subject.text);
    message.is_reply = subject.is_reply;
    return thread_ids_of(header);
  };
  const Result<ThreadIds> ids = read();
  if (!ids && ids.error().code == Code::kIo) return std::unexpected(ids.error());
  // One message that can't be read must not hide the others: it is a thread of its own.
  if (!ids)
    log::error("imap thread mailbox={} uid={}: {}", mailbox.info().id.text(), uid.value,
               ids.error().text);
  return add(std::move(message), ids.value_or(ThreadIds()));
}

Result<void> Threader::add(ThreadMessage message, const ThreadIds& ids) {
  const auto index = static_cast<uint32_t>(messages_.size());
  messages_.push_back(std::move(message));
  if (algorithm_ == ThreadAlgorithm::kOrderedSubject) return {};
  ForestNode node = ids.own ? node_of(*ids.own) : make_node();
  // RFC 5256 §3: of several messages with one id, the first has it.
  if (!is_dummy(node)) node = make_node();
  message_of_[node] = index;
  link_by_ids(node, ids);
  if (forest_.size() > ids_max_)
    return fail(Code::kLimit, "these messages name too many Message IDs to be threaded");
  return {};
}

void Threader::link_by_ids(ForestNode node, const ThreadIds& ids) {
  ForestNode before = 0;
  for (const std::string& id : ids.references) {
    const ForestNode reference = node_of(id);
    if (before != 0 && forest_.parent_of(reference) == 0) forest_.link(reference, before);
    before = reference;
  }
  // What others said of its parent may have been cut short; the message knows.
  forest_.cut(node);
  if (before != 0) forest_.link(node, before);
}

std::vector<uint32_t> Threader::threads() && {
  if (algorithm_ == ThreadAlgorithm::kOrderedSubject) return by_subject().told();
  ThreadTree tree = by_references();
  tree.sort_children();
  if (algorithm_ == ThreadAlgorithm::kRefs) {
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
  std::vector<uint32_t> order(messages_.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto key = [&](uint32_t i) {
    const ThreadMessage& message = messages_[i];
    return std::tuple(std::string_view(message.subject), message.sent_s, message.uid);
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
  tree.sort_roots_by_sent();
  return tree;
}

// For each node the nearest message above it, or else the dummy on top of its tree: what is between
// is pruned (RFC 5256 §3, step 3). 0 where there is nothing above.
std::vector<ForestNode> Threader::holders() const {
  std::vector<ForestNode> out(message_of_.size(), 0);
  std::vector<bool> is_known(message_of_.size());
  std::vector<ForestNode> path;
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

ThreadTree Threader::by_references() const {
  const std::vector<ForestNode> holder = holders();
  std::vector<uint32_t> children(holder.size());
  for (ForestNode node = 1; node < holder.size(); ++node)
    if (!is_dummy(node) && holder[node] != 0) ++children[holder[node]];
  ThreadTree tree(messages_);
  std::vector<ThreadTree::Node> places(holder.size());  // of messages, and of dummies that stay
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
