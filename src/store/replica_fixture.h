// A replica in a test: brought up to date by apply(), from nothing but what the primary's contract
// tells. A short, plain counterpart of what sync does over the wire.
#pragma once

#include "store/store_fixture.h"

namespace gemel {

/// The user alice, as a primary's first update says.
void take_alice(TestStore& replica);

class TestReplica {
 public:
  explicit TestReplica(TestStore::On on) : store(on, Role::kReplica) {}

  /// Applies all that `primary` has and this has not.
  void catch_up(TestStore& primary);
  void expect_equal(TestStore& primary);

  TestStore store;

 private:
  void update_user(TestStore& primary, const std::string& userid);
  MailboxUpdate changes(TestStore& primary, const UniqueId& id, ModSeq to);
  void update_mailbox(TestStore& primary, const UniqueId& id);
  void apply(TestStore& primary, MailboxUpdate update);
  ModSeq state_of(const UniqueId& id) const;
  void apply_renames(TestStore& primary, const std::vector<UniqueId>& ids);

  JournalSeq position_;
};

}  // namespace gemel
