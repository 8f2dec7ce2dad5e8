// Control messages: articles that ask a server to do something. Nothing is done unless a rule of
// the administrator's says so.
//
// Threads  any.
// Source   RFC 5537 §5 (newgroup §5.2.1, rmgroup §5.2.2, cancel §5.3, Supersedes §5.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nntp/history.h"
#include "nntp/wildmat.h"
#include "store/mail_store.h"

namespace gemel::nntp {

struct ControlRule {
  enum class Kind : uint8_t { kCancel, kSupersedes, kNewgroup, kRmgroup } kind = Kind::kCancel;
  std::string from = "*";           // a pattern for the sender's address
  Wildmat groups = Wildmat::all();  // that it may touch
};

/// What a Control field or a Supersedes field asks for.
struct ControlRequest {
  ControlRule::Kind kind = ControlRule::Kind::kCancel;
  std::string target;         // a message id, or a group's name
  bool is_moderated = false;  // of newgroup
};
/// Nothing where `control` (the field's value) is no request that a rule could allow.
std::optional<ControlRequest> parse_control(std::string_view control);

/// Where it came from, and what is at hand to do it with.
struct ControlScene {
  MailStore& store;
  History& history;
  std::string_view prefix;
  const std::vector<ControlRule>& rules;
  std::string_view from;       // the From field's value
  bool is_approved;            // there is an Approved field
  std::string_view body_head;  // the first bytes of the body, for newgroup's description
};

/// Does what is asked, if a rule allows it. A message is cancelled only by an article with the same
/// sender as its own. One that is not here yet will be refused when it comes, if there is a rule
/// for this sender. Groups are made and removed by what is approved alone. Returns what was done,
/// for the log; empty: nothing.
Result<std::string> obey(const ControlScene& scene, const ControlRequest& request);

/// Bytes of a body that are kept for obey().
inline constexpr size_t kControlBodyBytesMax = 4096;

}  // namespace gemel::nntp
