// Checks a store against its invariants by a scan, from one moment's snapshot.
//
// Owns     nothing. Threads  one. The store may go on meanwhile: what looks wrong because it
//          changed between the snapshots of two engines is looked at again in the newest state.
#pragma once

#include <map>
#include <set>

#include "store/body_pins.h"
#include "store/digest.h"
#include "store/keys.h"
#include "store/partitions.h"
#include "store/row_reader.h"

namespace gemel {

class Verifier {
 public:
  using Options = MailStore::VerifyOptions;
  Verifier(const Partitions& partitions, const Options& options);
  /// Errors: kIo.
  Result<MailStore::VerifyReport> run();

 private:
  /// What one mailbox's rows add up to.
  struct Sums {
    MailboxInfo counted;  // only counters
    Digest records;
    UidSet uids;                              // all records
    std::map<uint32_t, ModSeq> page_modseqs;  // by page
  };
  struct OwnerSums {
    Digest mailboxes;
    uint32_t live = 0;
    uint64_t bytes = 0;
    uint64_t messages = 0;
    uint64_t annotation_bytes = 0;
  };

  void problem(std::string_view invariant, std::string where, std::string what);
  bool all_users() const { return options_->userid.empty(); }
  bool bodies_too() const { return options_->depth == Options::Depth::kBodiesToo; }

  // verify_mailboxes.cc
  Result<void> mailboxes();
  Result<void> mailbox(const MailboxRow& row);
  Result<void> pages(const MailboxRow& row, Sums& sums);
  Result<void> facts(const MailboxRow& row, Sums& sums);
  Result<void> record_links(const MailboxInfo& info, Uid uid, const RecordFacts& facts);
  Result<void> changes_index(const MailboxRow& row, const Sums& sums);
  Result<void> flag_history(const MailboxInfo& info);
  void lineage(const std::string& where, const Lineage& lineage, ModSeq highest);
  Result<void> names(const MailboxInfo& info);
  void counters(const MailboxInfo& info, const Sums& sums);

  // verify_users.cc
  Result<void> users();
  Result<Digest> user(const UserRow& row);
  Result<Digest> items(const std::string& userid);
  Result<void> name_rows();
  Result<void> grant_rows();
  Result<void> journal();

  // verify_bodies.cc
  Result<void> bodies();
  Result<void> partition(uint32_t number);
  Result<void> body_without_link(const BodyPlace& place);
  /// Links of one guid, and the size of the body where there is one.
  struct Linked {
    uint32_t partition = 0;
    std::string guid;
    std::optional<uint64_t> size;
  };
  Result<void> links_of(const Linked& linked, EngineCursor& links);
  Result<void> link(const Linked& linked, std::string_view row_key);
  Result<void> body_content(const BodyPlace& place, BodyRow row);
  Result<void> stages(uint32_t number);

  const Partitions* partitions_;
  const Options* options_;
  std::vector<std::shared_ptr<const EngineSnapshot>> snapshots_;  // of each engine
  SnapshotReader index_;
  MailStore::VerifyReport report_;
  std::map<std::string, OwnerSums> owners_;
  std::set<std::string> grants_;        // keys of the rows that there should be
  std::set<BodyPlace> checked_bodies_;  // only where one user is verified
  std::set<std::string> named_stages_;  // of the partition being scanned
  std::set<std::string> existing_stages_;
};

}  // namespace gemel
