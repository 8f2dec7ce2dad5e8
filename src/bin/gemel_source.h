// Mail to import, from where other programs keep it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bin/gemel_uidl.h"

namespace gemel::tool {

struct SourceMessage {
  std::string mailbox;  // a path, UTF-8, levels by "/"
  std::vector<std::string> flags;
  int64_t internaldate_s = 0;  // unix time
  std::string bytes;           // lines end in CRLF
  std::string uidl = {};       // of a former server's POP3; empty: not known
};

/// Gives each message of `path` to `on_message`, in the order of names: a Maildir (cur, new, tmp)
/// with its Maildir++ subfolders, a file in mbox format (mboxrd), one .eml file, or a directory of
/// .eml files and mboxes, where a directory below is a mailbox below. Messages of the top go to
/// `mailbox`. Memory: one message. Errors: kNotFound, kIo, kUnsupported (it is none of these);
/// those of on_message and of `uidls`.
struct SourceOptions {
  std::string mailbox;
  UidlFinder& uidls;
};
Result<void> read_source(const std::string& path, const SourceOptions& options,
                         const std::function<Result<void>(SourceMessage)>& on_message);

}  // namespace gemel::tool
