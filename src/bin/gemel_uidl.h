// What a former server's POP3 called its messages, for `gemel import`.
//
// Owns     the lists it has read: one entry a message of a list, or of one Maildir.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::tool {

/// Where UIDLs are to be found; empty: nowhere there.
struct UidlOptions {
  std::string header;          // the name of a header field
  std::string list;            // a file of lines "FILE UIDL"
  std::string dovecot_format;  // read each Maildir's dovecot-uidlist; "%08Xu%08Xv" if it says none
};

/// `format` as Dovecot has it: %u is the uid, %v the uidvalidity; between % and letter may stand a
/// width, with a 0 before it for zeros, and X for hexadecimal in lower case. Errors: kInvalid.
Result<std::string> format_uidl(std::string_view format, uint32_t uid, uint32_t uidvalidity);

class UidlFinder {
 public:
  /// Reads the list. Errors: kNotFound, kIo, kSyntax, kInvalid.
  static Result<UidlFinder> make(const UidlOptions& options);

  /// Before the messages of a Maildir. Errors: kSyntax, its dovecot-uidlist does not parse; kIo.
  Result<void> enter_maildir(const std::string& path);

  /// Empty: nothing says. A Maildir's file is named without what stands behind ":2,".
  std::string find(std::string_view file_name, std::string_view message) const;

 private:
  UidlOptions options_;
  std::map<std::string, std::string, std::less<>> list_;
  std::map<std::string, std::string, std::less<>> maildir_;
};

}  // namespace gemel::tool
