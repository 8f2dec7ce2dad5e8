// One article as it is stored, and as netnews is shown it.
//
// What came by NNTP is stored as an article and is served as it is, but for Xref. What IMAP or LMTP
// put into a group may lack what netnews wants of an article: it is added when it is served, from
// what is the same on every replica.
//
// Owns     the header, and a handle to the body. Memory: the header's size, at most
// kHeaderBytesMax. Threads  one at a time. Reads may wait for the disk. Source   RFC 5536 §3.1
// (mandatory fields), RFC 3977 §8.1 (metadata), doc/decisions/0020.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/mail_store.h"

namespace gemel::nntp {

class Article {
 public:
  /// The article of a record, or of a body whose facts are known. Errors: kNotFound, there is no
  /// live message with this uid; kIo, kCorrupt.
  static Result<Article> open(const MailboxView& view, Uid uid);
  static Result<Article> open(Body body, const RecordFacts& facts);

  /// That of its header, or, where that has none that netnews can use, one made of its guid.
  const std::string& message_id() const { return message_id_; }
  /// The groups that it names; empty if its header names none.
  std::vector<std::string> newsgroups() const;
  /// The first field of that name on one line, as stored.
  std::optional<std::string> field(std::string_view name) const;
  /// Has it been posted or relayed as netnews, and not put here by IMAP or LMTP?
  bool is_netnews() const { return field("Path").has_value(); }

  /// How it is shown in one group.
  struct Setting {
    std::string_view group;
    std::string_view path_identity;
    std::string_view xref;  // the value of that field; empty: none
  };
  /// The header to be sent, every line with its CRLF, without the empty line. Xref comes last.
  std::string header(const Setting& setting) const;

  /// What is behind the header and its empty line.
  uint64_t text_start() const { return text_start_; }
  const Body& body() const { return body_; }
  const RecordFacts& facts() const { return facts_; }

  /// As sent, with CRLF at each line's end and without dot-stuffing. Cost: O(bytes of the body).
  struct Size {
    uint64_t bytes = 0;  // of the whole article with that header (RFC 3977 §8.1.1)
    uint64_t lines = 0;  // of the body (§8.1.2)
  };
  /// Errors: kIo, kCorrupt.
  Result<Size> size(std::string_view header_sent) const;

 private:
  Article(Body body, RecordFacts facts) : body_(std::move(body)), facts_(std::move(facts)) {}
  Result<void> read_header();

  Body body_;
  RecordFacts facts_;
  std::string header_;  // as stored, without the empty line
  uint64_t text_start_ = 0;
  std::string message_id_;
};

/// The message id of an article whose header has none. The domain is one that nobody has (RFC 2606
/// §2): servers that share the store must agree on it, whatever they are called.
std::string made_message_id(const Guid& guid);

}  // namespace gemel::nntp
