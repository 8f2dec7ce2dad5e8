// Checks a store against its invariants by a scan, in bounded steps.
//
// Owns     nothing. Threads  one. The store goes on meanwhile: each mailbox, each user, and the sum
//          over all users are looked at in a snapshot of their own, everything else in one for each
//          step. A snapshot pins what was freed since, so none is kept for longer than its subject.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "store/body_pins.h"
#include "store/digest.h"
#include "store/keys.h"
#include "store/lost_notes.h"
#include "store/partitions.h"
#include "store/row_reader.h"

namespace gemel {

class Verifier final : public MailStore::Verification {
 public:
  using Options = MailStore::VerifyOptions;
  /// `notes` takes bodies that are lost.
  Verifier(const Partitions& partitions, std::shared_ptr<LostNotes> notes, Options options);
  ~Verifier() override;
  Result<bool> step() override;
  const MailStore::VerifyReport& report() const override { return report_; }
  std::string where() const override;

 private:
  struct MailboxCheck;
  struct Phase {
    const char* name;
    /// Does some of it. False: it is done.
    Result<bool> (Verifier::*run)();
    bool of_one_user = false;
  };
  static const std::vector<Phase>& phases();

  void problem(std::string_view invariant, std::string where, std::string what);
  bool all_users() const { return options_.userid.empty(); }
  bool bodies_too() const { return options_.depth == Options::Depth::kBodiesToo; }
  void renew_snapshot() { index_.emplace(partitions_->index().engine); }
  bool spend(uint64_t rows);
  /// Rows that start with `prefix`, from next_ on or from the first, until the step has done
  /// enough. False: that was the last.
  Result<bool> some_rows(const std::string& prefix, std::string& from,
                         const RowReader::Visit& visit);

  // verify_mailboxes.cc
  Result<bool> mailboxes();
  Result<bool> begin_mailbox();
  Result<bool> advance(MailboxCheck& check);
  Result<bool> pages(MailboxCheck& check);
  Result<bool> facts(MailboxCheck& check);
  void page(MailboxCheck& check, std::string_view row_key, std::string_view value);
  Result<void> record_links(const MailboxInfo& info, Uid uid, const RecordFacts& facts);
  Result<void> end_mailbox(MailboxCheck& check);
  Result<void> changes_index(const MailboxCheck& check);
  Result<void> flag_history(const MailboxInfo& info);
  void lineage(const std::string& where, const Lineage& lineage, ModSeq highest);
  Result<void> names(const MailboxInfo& info);
  Result<void> grants(const MailboxInfo& info);
  void counters(const MailboxCheck& check);

  // verify_users.cc
  Result<bool> users();
  Result<void> user(std::string_view userid);
  struct ItemSums {
    Digest digest;
    uint64_t annotation_bytes = 0;
  };
  Result<ItemSums> items(const std::string& userid);
  Result<bool> server();
  Result<bool> name_rows();
  Result<bool> grant_rows();
  Result<bool> journal();
  Result<bool> entities();
  Result<std::optional<JournalSeq>> journal_of(const key::Entity& entity);
  Result<void> entry(const std::string& where, const key::Entity& entity, JournalSeq said);

  // verify_bodies.cc
  Result<bool> body_keys();
  Result<void> unlinked_bodies(uint32_t number);
  Result<void> archived_bodies(uint32_t number);
  Result<void> summaries(uint32_t number);
  Result<void> summary(const BodyPlace& place, std::string_view body);
  void chunks_named(const BodyPlace& place, const BodyRow& row);
  Result<void> body_key(uint32_t partition, const std::string& row_key);
  Result<bool> links();
  Result<void> link(const key::Link& link);
  Result<void> body(const BodyPlace& place);
  Result<bool> is_linked(const BodyPlace& place) const;
  void lost(const BodyPlace& place, std::string what);
  Result<bool> stages();

  const Partitions* partitions_;
  std::shared_ptr<LostNotes> notes_;
  Options options_;
  MailStore::VerifyReport report_;

  size_t phase_ = 0;
  std::string next_;   // where the phase's table goes on; empty: at its start
  uint64_t left_ = 0;  // rows that this step may still look at
  std::optional<SnapshotReader> index_;
  std::unique_ptr<MailboxCheck> mailbox_;  // under way
  Digest users_;                           // their sum so far
  uint32_t partition_ = 0;                 // whose body keys are read
  std::string body_checked_;               // prefix of the links of the body looked at last
  std::optional<uint64_t> body_bytes_;     // its size, where it could be read
  std::set<BodyPlace> checked_bodies_;     // only where one user is verified
  using Stage = std::array<char, kStageIdBytes>;
  std::map<uint32_t, std::set<Stage>> unnamed_stages_;  // by partition: no body was found for them
};

}  // namespace gemel
