// A body that came by a door which takes any bytes, as those take it who have lines.
//
// Threads  any. Reads may wait for the disk. Memory: as BodyBytes, however large the body.
// Source   mail/binary_encoding.h has the rule.
#pragma once

#include <string_view>

#include "mail/binary_encoding.h"
#include "store/mail_store.h"

namespace gemel {

struct Carriage {
  Carrier carrier = Carrier::kReader;
  uint64_t message_at = 0;  // of the body; what is before it stays as it is
};

/// `body`, or a copy of it with each part in base64 that is binary and that the carrier can't take;
/// staged in `partition`. Cost: nothing for a body that is made of lines, as nearly all are; else
/// the body is read twice, or three times.
/// Errors: as of MailStore::stage and BodyWriter: the copy is larger.
Result<StagedBody> made_of_lines(MailStore& store, std::string_view partition, StagedBody body,
                                 const Carriage& carriage = {});

}  // namespace gemel
