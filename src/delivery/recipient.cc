#include "delivery/recipient.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "base/log.h"
#include "mail/charset.h"
#include "mail/text.h"
#include "store/access.h"

namespace gemel::delivery {
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

// Outside of ASCII also width and composition don't count.
std::string folded(const std::string& userid) {
  return is_ascii(userid) ? to_lower(userid) : name_fold(userid);
}

std::vector<Candidate> candidates_of(const RecipientRules& rules, const EnvelopeAddress& address) {
  using Lookup = RecipientRules::Lookup;
  const std::vector<Candidate> splits = splits_of(rules, address.local);
  std::vector<Candidate> out;
  const auto add = [&](const std::string& userid, const std::string& detail) {
    out.push_back({userid, detail});
    if (rules.letter_case == RecipientRules::Case::kFolded && folded(userid) != userid)
      out.push_back({folded(userid), detail});
  };
  if (rules.lookup != Lookup::kLocalPart && !address.domain.empty())
    for (const Candidate& split : splits) add(split.userid + "@" + address.domain, split.detail);
  if (rules.lookup != Lookup::kAddress || address.domain.empty())
    for (const Candidate& split : splits) add(split.userid, split.detail);
  return out;
}

// Nothing for a user that does not exist, or that nobody can write to as a whole.
Result<std::optional<LocalRecipient>> local_of(const MailStore& store, const Candidate& candidate) {
  if (!check_userid(candidate.userid) || is_reserved_userid(candidate.userid)) return std::nullopt;
  const Result<UserInfo> user = store.user(candidate.userid);
  if (!user && user.error().code == Code::kNotFound) return std::nullopt;
  TRY_OK(user);
  const bool is_shared = candidate.userid == kSharedOwner;
  if (!candidate.detail.empty()) {
    // A detail that is no mailbox name, or names none, is no reason to lose mail (RFC 5233 §4).
    const Result<MailboxName> name = MailboxName::make(candidate.userid, candidate.detail);
    const Result<MailboxInfo> found =
        name ? store.find(*name) : Result<MailboxInfo>(fail(Code::kNotFound, ""));
    if (!found && found.error().code != Code::kNotFound) return std::unexpected(found.error());
    // What belongs to nobody takes mail only where "anyone" may post.
    if (found && may_deliver(*found, is_shared ? std::string_view() : candidate.userid))
      return LocalRecipient{candidate.userid, found->id, found->partition};
  }
  if (is_shared) return std::nullopt;
  TRY(const MailboxInfo inbox, store.find(MailboxName{.owner = candidate.userid, .path = "INBOX"}));
  return LocalRecipient{candidate.userid, inbox.id, inbox.partition};
}

// One address's way through aliases to users.
class Search {
 public:
  Search(const MailStore& store, const RecipientRules& rules, const Aliases& aliases)
      : store_(store), rules_(rules), aliases_(aliases) {}

  Result<bool> add(const EnvelopeAddress& address, size_t depth) {
    TRY(const bool is_alias, add_alias(address, depth));
    if (is_alias) return true;
    for (const Candidate& candidate : candidates_of(rules_, address)) {
      TRY(std::optional<LocalRecipient> found, local_of(store_, candidate));
      if (!found) continue;
      TRY_OK(count());
      if (std::ranges::find(found_.users, *found) == found_.users.end())
        found_.users.push_back(*std::move(found));
      return true;
    }
    return false;
  }

  Result<bool> add_user(const std::string& userid) {
    if (userid.empty()) return false;
    TRY(std::optional<LocalRecipient> found, local_of(store_, {userid, ""}));
    if (found) found_.users.push_back(*std::move(found));
    return found.has_value();
  }

  Recipient take() { return std::move(found_); }

 private:
  Result<void> count() {
    if (++targets_ > kAliasTargetsMax) return fail(Code::kLimit, "aliases lead to too many");
    return {};
  }

  std::vector<std::string> alias_names(const EnvelopeAddress& address) {
    std::vector<std::string> out;
    for (const Candidate& split : splits_of(rules_, address.local)) {
      if (!address.domain.empty()) out.push_back(to_lower(split.userid + "@" + address.domain));
      out.push_back(to_lower(split.userid));
    }
    return out;
  }

  // False if it is none, or leads to nobody.
  Result<bool> add_alias(const EnvelopeAddress& address, size_t depth) {
    for (const std::string& name : alias_names(address)) {
      const std::vector<std::string>* targets = aliases_.find(name);
      // What led here stands for itself: `ann: ann, bob`.
      if (targets == nullptr || path_.contains(name)) continue;
      if (!done_.insert(name).second) return true;
      if (depth >= kAliasDepthMax) return fail(Code::kLimit, "aliases lead to aliases too often");
      path_.insert(name);
      for (const std::string& target : *targets) TRY_OK(add_target(name, target, depth + 1));
      path_.erase(name);
      return !found_.users.empty() || !found_.forwards.empty();
    }
    return false;
  }

  Result<void> add_target(const std::string& name, const std::string& target, size_t depth) {
    TRY(const EnvelopeAddress parsed, parse_envelope_address(target));
    TRY(const bool is_found, add(parsed, depth));
    if (is_found) return {};
    if (parsed.domain.empty()) {
      log::warn("alias leads to nobody name={} target={}", name, target);
      return {};
    }
    TRY_OK(count());
    found_.forwards.push_back(target);
    return {};
  }

  const MailStore& store_;
  const RecipientRules& rules_;
  const Aliases& aliases_;
  std::set<std::string> path_;  // aliases that led here
  std::set<std::string> done_;  // all that were followed
  size_t targets_ = 0;
  Recipient found_;
};

}  // namespace

Result<Recipient> find_recipient(const MailStore& store, const RecipientRules& rules,
                                 const Aliases& aliases, const EnvelopeAddress& address) {
  Search search(store, rules, aliases);
  TRY(bool is_found, search.add(address, 0));
  if (!is_found && equals_ignoring_case(address.local, "postmaster")) {
    TRY(is_found, search.add_user(rules.postmaster));
  }
  if (!is_found) {
    TRY(is_found, search.add_user(rules.catch_all));
  }
  if (!is_found) return fail(Code::kNotFound, "no such user here");
  return search.take();
}

std::string address_without_detail(const RecipientRules& rules, const EnvelopeAddress& address) {
  const std::string local = splits_of(rules, address.local).back().userid;
  return address.domain.empty() ? local : local + "@" + address.domain;
}

}  // namespace gemel::delivery
