// One mailbox while verify looks at it.
#pragma once

#include <map>

#include "store/verifier.h"

namespace gemel {

struct Verifier::MailboxCheck {
  explicit MailboxCheck(MailboxRow its) : row(std::move(its)) {}

  MailboxRow row;
  enum class Part : uint8_t { kPages, kFacts, kRest } part = Part::kPages;
  std::string next;  // where the part's table goes on
  FlagsDigests flags;
  std::optional<Page> page;  // that of the record before, most often
  UidSet with_facts;

  // What the rows add up to.
  MailboxInfo counted;  // only counters
  Digest records;
  UidSet uids;                              // all records
  std::map<uint32_t, ModSeq> page_modseqs;  // by page
};

}  // namespace gemel
