// Messages as conversations, for THREAD.
//
// Threads  one at a time. Reads may wait for the disk.
// Source   RFC 5256 §3 (THREAD, ORDEREDSUBJECT, REFERENCES), draft-ietf-morg-inthread §4 (REFS).
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

#include "imap/forest.h"
#include "imap/thread_tree.h"
#include "store/mail_store.h"
#include "wire/tokens.h"

namespace gemel::imap {

enum class ThreadAlgorithm : uint8_t {
  kOrderedSubject,
  kReferences,
  kRefs,  // as kReferences, but subjects join nothing, and the thread with the newest mail is last
};

/// The name of an algorithm. Errors: kSyntax; RFC 5256 §5 leaves room for others.
Result<ThreadAlgorithm> read_thread_algorithm(wire::Tokenizer& tokens);

/// The Message IDs that tie a message to others, quoting undone (RFC 5256 §3); of a long list of
/// references those that message_ids_of gives.
struct ThreadIds {
  std::optional<std::string> own = {};
  std::vector<std::string> references = {};  // the parent last
};
ThreadIds thread_ids_of(std::string_view header);

/// Collects the messages in ascending order of their uids, then makes the threads. Memory: at most
/// 80 bytes for each message, and 60 for each Message ID of one that is not there; for a moment,
/// while there come to be more of these than of messages, twice that. Cost: O(n log n) in messages
/// and references, whatever they refer to; the stack does not grow with their depth.
class Threader {
 public:
  struct Terms {
    ThreadAlgorithm algorithm;
    /// Message IDs of messages that are not there: so many may join others, and one more for each
    /// message. What else is referred to is left out, as if References had been shortened.
    size_t absent_ids_max;
    /// Makes the places of Message IDs in a table such that no sender knows.
    uint64_t salt;
    /// Is asked for all that grows with the messages; must outlive the threader and what it gives.
    std::pmr::memory_resource& memory;
  };
  explicit Threader(const Terms& terms) : terms_(terms) {}
  /// So many messages are to come.
  void expect(size_t messages) { messages_.reserve(messages); }
  /// Errors: kIo.
  Result<void> add(const MailboxView& mailbox, const UidSet& uids);
  /// The same for one message.
  void add(ThreadMessage message, const ThreadIds& ids);
  /// 0 for an empty text, and no other.
  ThreadKey key_of(std::string_view text) const;

  /// The threads, as ThreadTree::told.
  std::pmr::vector<uint32_t> threads() &&;

 private:
  Result<void> add(const MailboxView& mailbox, Uid uid, const RecordFacts& facts);
  ForestNode make_node(ThreadKey key);
  size_t slot_of(ThreadKey key) const;
  ForestNode find(ThreadKey key) const { return slots_[slot_of(key)]; }
  ForestNode find_or_make(ThreadKey key);
  void make_room();
  bool is_dummy(ForestNode node) const { return message_of_[node] == kNoMessage; }
  bool may_add_absent() const {
    return forest_.size() - messages_.size() < terms_.absent_ids_max + messages_.size();
  }
  void link_by_ids(ForestNode node, const ThreadIds& ids);
  ThreadTree by_subject() const;
  ThreadTree by_references();
  std::pmr::vector<ForestNode> holders() const;
  /// Empty ones, or of so many.
  template <class T>
  std::pmr::vector<T> vector_of(size_t count = 0) const {
    return std::pmr::vector<T>(count, T(), &terms_.memory);
  }

  static constexpr uint32_t kNoMessage = UINT32_MAX;
  Terms terms_;
  ThreadMessages messages_{&terms_.memory};
  Forest forest_{terms_.memory};
  // By node; no key: it has no Message ID.
  std::pmr::vector<uint32_t> message_of_ =
      std::pmr::vector<uint32_t>(1, kNoMessage, &terms_.memory);
  std::pmr::vector<ThreadKey> key_of_ = vector_of<ThreadKey>(1);
  // A hash table of nodes by their keys, found by looking further from where one should be; its
  // size is a power of two, and a quarter of it is free.
  std::pmr::vector<ForestNode> slots_ = vector_of<ForestNode>(16);
};

}  // namespace gemel::imap
