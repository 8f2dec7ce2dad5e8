#include "lmtp/recipient.h"

#include <vector>

#include "base/bytes.h"

namespace gemel::lmtp {
namespace {

struct Candidate {
  std::string userid;
  std::string detail;
};

// The local part as it is, then split: a userid may hold the separator itself.
std::vector<Candidate> splits_of(const RecipientRules& rules, const std::string& local) {
  std::vector<Candidate> out = {{local, ""}};
  const size_t at =
      rules.detail_separator.empty() ? std::string::npos : local.find(rules.detail_separator);
  if (at != std::string::npos && at > 0)
    out.push_back({local.substr(0, at), local.substr(at + rules.detail_separator.size())});
  return out;
}

std::vector<Candidate> candidates_of(const RecipientRules& rules, const Address& address) {
  using Lookup = RecipientRules::Lookup;
  const std::vector<Candidate> splits = splits_of(rules, address.local);
  std::vector<Candidate> out;
  const auto add = [&](std::string userid, const std::string& detail) {
    out.push_back({userid, detail});
    if (rules.letter_case == RecipientRules::Case::kFolded && to_lower(userid) != userid)
      out.push_back({to_lower(userid), detail});
  };
  if (rules.lookup != Lookup::kLocalPart && !address.domain.empty())
    for (const Candidate& split : splits) add(split.userid + "@" + address.domain, split.detail);
  if (rules.lookup != Lookup::kAddress || address.domain.empty())
    for (const Candidate& split : splits) add(split.userid, split.detail);
  return out;
}

Result<MailboxInfo> mailbox_of(const MailStore& store, const Candidate& candidate) {
  if (!candidate.detail.empty()) {
    // A detail that is no mailbox name, or names none, is no reason to lose mail (RFC 5233 §4).
    const Result<MailboxName> name = MailboxName::make(candidate.userid, candidate.detail);
    if (name) {
      Result<MailboxInfo> found = store.find(*name);
      if (found || found.error().code != Code::kNotFound) return found;
    }
  }
  return store.find(MailboxName{.owner = candidate.userid, .path = "INBOX"});
}

}  // namespace

Result<Recipient> find_recipient(const MailStore& store, const RecipientRules& rules,
                                 const Address& address) {
  for (const Candidate& candidate : candidates_of(rules, address)) {
    if (!check_userid(candidate.userid)) continue;
    const Result<UserInfo> user = store.user(candidate.userid);
    if (!user && user.error().code == Code::kNotFound) continue;
    if (!user) return std::unexpected(user.error());
    TRY(const MailboxInfo mailbox, mailbox_of(store, candidate));
    return Recipient{candidate.userid, mailbox.id, mailbox.partition};
  }
  return fail(Code::kNotFound, "no such user here");
}

}  // namespace gemel::lmtp
