#include "store/mail_store.h"
namespace gemel {
Result<MailStore::VerifyReport> MailStore::verify(const VerifyOptions&) const {
  return VerifyReport{};
}
}  // namespace gemel
