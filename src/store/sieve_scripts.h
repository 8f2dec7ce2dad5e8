// A user's Sieve scripts, as items of the user: so they replicate, and go with the user.
//
//   "sieve/script/NAME"   unix time of the upload in milliseconds, LF, the script's text
//   "sieve/active"        the same time of the choice, LF, NAME; nothing after LF: none
//
// When two servers merge, the newer upload keeps the name (doc/decisions/0006).
//
// Owns     those items. Threads  any.
// Source   RFC 5804 §1.4 (one active script at most), §2.5 to §2.11.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/mail_store.h"

namespace gemel {

inline constexpr std::string_view kUserItemSieveScript = "sieve/script/";
inline constexpr std::string_view kUserItemSieveActive = "sieve/active";
/// What an item's key has room for. RFC 5804 §1.6 wants 128 characters; only those of four octets
/// each are too many.
inline constexpr size_t kScriptNameBytesMax =
    MailStore::kUserItemKeyBytesMax - kUserItemSieveScript.size();

struct ScriptQuota {
  size_t scripts_max = 50;
  size_t script_bytes_max = 1 << 20;
};

class SieveScripts {
 public:
  /// The store must outlive this.
  SieveScripts(MailStore& store, std::string userid) : store_(&store), userid_(std::move(userid)) {}

  struct Script {
    std::string name;
    int64_t uploaded_ms = 0;
    std::string text;
  };
  struct Listed {
    std::string name;
    int64_t uploaded_ms = 0;
    uint64_t bytes = 0;
    bool is_active = false;
  };

  /// By name.
  Result<std::vector<Listed>> list() const;
  /// Errors: kNotFound.
  Result<Script> get(std::string_view name) const;
  /// Nothing if none is active. Cost: two point reads.
  Result<std::optional<Script>> active() const;

  /// May a script of this name and size be put? Errors: kTooBig, of the size; kLimit, of the count;
  /// kInvalid, a name too long to keep.
  Result<void> check_room(std::string_view name, uint64_t bytes, const ScriptQuota& quota) const;
  /// Over what has the name. The caller has checked name, text and room. Errors: kInvalid, it is
  /// empty.
  Result<void> put(std::string_view name, std::string_view text, int64_t now_s);
  /// Empty: none. Errors: kNotFound.
  Result<void> activate(std::string_view name, int64_t now_s);
  /// Errors: kNotFound; kDenied, it is the active one (RFC 5804 §2.10).
  Result<void> remove(std::string_view name);
  /// The active one stays active. Errors: kNotFound; kExists; kInvalid, as check_room.
  Result<void> rename(std::string_view from, std::string_view to, int64_t now_s);

 private:
  Result<std::string> active_name() const;

  MailStore* store_;
  std::string userid_;
};

}  // namespace gemel
