// One mailbox as a POP3 session sees it: the messages that were there at login, by number.
//
// Numbers and octets stay as they were told, whatever IMAP does meanwhile: a message that is
// expunged can still be read while its tombstone is kept.
//
// Owns     the lock on the maildrop, 16 bytes for each message, and at most 64 KiB of bodies that
//          are read ahead for a client that retrieves in order. No view: that is for one command.
// Threads  one at a time. Calls read the store, and so may wait for the disk.
// Source   RFC 1939 §4 to §7.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pop3/maildrops.h"
#include "store/mail_store.h"

namespace gemel::pop3 {

/// Set where DELE only hides from POP3.
inline constexpr std::string_view kHiddenKeyword = "$Pop3Hidden";

class Maildrop {
 public:
  struct Message {
    uint32_t uid = 0;
    bool is_deleted = false;
    bool has_own_uidl = false;  // brought along from a former server
    uint64_t octets = 0;        // with CRLF as line ends, without dot-stuffing
  };

  /// All live messages but the hidden ones. Cost: O(messages), in blocks. Errors: those of reading.
  static Result<Maildrop> open(const MailStore& store, const UniqueId& id, Maildrops::Lock lock);

  const UniqueId& id() const { return id_; }
  /// As it was called at login.
  const MailboxName& name() const { return name_; }
  const std::string& owner() const { return name_.owner; }
  size_t size() const { return messages_.size(); }
  uint32_t count() const { return count_; }    // those not deleted
  uint64_t octets() const { return octets_; }  // of those
  /// By number, from 1.
  const Message& message(size_t number) const { return messages_[number - 1]; }
  /// Errors: kNotFound, there is none, or it is deleted; kSyntax.
  Result<size_t> number_of(std::string_view text) const;

  void mark_deleted(size_t number);
  void unmark_all();
  UidSet deleted() const;

  /// For messages `first` to `last`, in order; all that are not deleted.
  Result<std::vector<std::pair<size_t, std::string>>> uidls(const MailStore& store, size_t first,
                                                            size_t last) const;
  /// Errors: kGone, it was expunged and purged meanwhile. Cost: where one is read after another, a
  /// view for some 16 small ones; one for each that is archived.
  Result<Body> body(const MailStore& store, size_t number);

 private:
  Maildrop(const MailboxInfo& info, Maildrops::Lock lock)
      : lock_(std::move(lock)), id_(info.id), name_(info.name), uidvalidity_(info.uidvalidity) {}
  Result<void> load(const MailboxView& view);
  std::vector<size_t> run_from(size_t number) const;

  Maildrops::Lock lock_;
  UniqueId id_;
  MailboxName name_;
  UidValidity uidvalidity_;
  std::vector<Message> messages_;
  uint32_t count_ = 0;
  uint64_t octets_ = 0;
  std::map<size_t, Body> ahead_;  // by number
  size_t last_read_ = 0;          // a number
};

}  // namespace gemel::pop3
