// Messages as conversations, for THREAD.
//
// Threads  one at a time. Reads may wait for the disk.
// Source   RFC 5256 §3 (THREAD, ORDEREDSUBJECT, REFERENCES), draft-ietf-morg-inthread §4 (REFS).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
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

/// The Message IDs that tie a message to others, quoting undone (RFC 5256 §3).
struct ThreadIds {
  std::optional<std::string> own = {};
  std::vector<std::string> references = {};  // the parent last
};
ThreadIds thread_ids_of(std::string_view header);

/// Collects the messages in ascending order of their uids, then makes the threads. Memory: the
/// subjects, no more than kComparedKeyBytesMax each, and about 100 bytes for each message and each
/// id that is referred to. Cost: O(n log n) in messages and references, whatever they refer to; the
/// stack does not grow with their depth.
class Threader {
 public:
  /// `ids_max`: different Message IDs, those referred to as well.
  Threader(ThreadAlgorithm algorithm, size_t ids_max) : algorithm_(algorithm), ids_max_(ids_max) {}
  /// Errors: kIo; kLimit, more than `ids_max`.
  Result<void> add(const MailboxView& mailbox, const UidSet& uids);
  /// The same for one message.
  Result<void> add(ThreadMessage message, const ThreadIds& ids);

  /// The threads, as ThreadTree::told.
  std::vector<uint32_t> threads() &&;

 private:
  using IdKey = Sha256;
  struct IdHash {
    size_t operator()(const IdKey& key) const;
  };
  Result<void> add(const MailboxView& mailbox, Uid uid, const RecordFacts& facts);
  ForestNode node_of(const std::string& id);
  ForestNode make_node();
  bool is_dummy(ForestNode node) const { return message_of_[node] == kNoMessage; }
  void link_by_ids(ForestNode node, const ThreadIds& ids);
  ThreadTree by_subject() const;
  ThreadTree by_references() const;
  std::vector<ForestNode> holders() const;

  static constexpr uint32_t kNoMessage = UINT32_MAX;
  ThreadAlgorithm algorithm_;
  size_t ids_max_;
  std::vector<ThreadMessage> messages_;
  Forest forest_;
  std::vector<uint32_t> message_of_{kNoMessage};  // by node
  std::unordered_map<IdKey, ForestNode, IdHash> nodes_;
};

}  // namespace gemel::imap
