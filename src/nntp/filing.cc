#include "nntp/filing.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "mail/newsgroup.h"
#include "store/newsgroups.h"

namespace gemel::nntp {
namespace {

constexpr Rights kMayPost = {Right::kPost, Right::kInsert};

Filing::Filed failed(Error error) {
  std::promise<Result<std::vector<std::optional<MailStore::Appended>>>> promise;
  promise.set_value(std::unexpected(std::move(error)));
  return promise.get_future();
}

}  // namespace

Result<std::vector<BodyWriter>> Filing::start(std::string_view block) {
  auto parsed = ArticleHeader::parse(block);
  if (!parsed) return fail(Code::kInvalid, parsed.error().text);
  ArticleHeader& header = *parsed;
  TRY_OK(read_facts(header));
  TRY_OK(facts_.control.empty() ? choose_targets() : choose_control_group());
  return open_writers(header);
}

Result<void> Filing::read_facts(ArticleHeader& header) {
  const RuleOptions rules{.path_identity = options_.path_identity,
                          .complaints_to = options_.complaints_to,
                          .now_s = options_.clock.unix_s(),
                          .age_s_max = options_.article_age_s_max};
  from_ = header.value("From").value_or("");
  if (post_) {
    TRY(facts_, inject(header, rules, {.logging_data = post_->logging_data}, options_.random));
    TRY(claim_, options_.history.claim(facts_.message_id));
    return {};
  }
  TRY(facts_,
      relay(header, rules, {.path_name = offer_->peer.path_name, .address = offer_->address}));
  if (facts_.message_id != offer_->message_id)
    return fail(Code::kInvalid, "it has another message id than the one that was offered");
  return {};
}

Result<void> Filing::choose_targets() {
  for (const std::string& group : facts_.newsgroups) {
    auto mailbox = find_newsgroup(options_.store, options_.prefix, group);
    if (!mailbox && mailbox.error().code == Code::kNotFound) continue;
    TRY_OK(mailbox);
    Target target{group, *std::move(mailbox)};
    TRY_OK(post_ ? consider_posting(std::move(target)) : consider_offer(std::move(target)));
  }
  if (goes_to_moderator()) targets_.clear();
  if (!targets_.empty() || goes_to_moderator()) return {};
  return fail(Code::kInvalid,
              post_ ? "none of these newsgroups is here" : "none of these newsgroups is wanted");
}

Result<void> Filing::consider_posting(Target target) {
  const Rights rights = post_->user.rights(target.mailbox);
  // A group that the poster may not know of is one that is not here.
  if (!rights.has(Right::kLookup)) return {};
  const NewsgroupStatus status = newsgroup_status(target.mailbox);
  if (!rights.has_any(kMayPost) || status == NewsgroupStatus::kNoPosting)
    return fail(Code::kDenied, fmt::format("you can't post to {}", target.group));
  if (status == NewsgroupStatus::kModerated) {
    if (facts_.is_approved && !rights.has(Right::kInsert))
      return fail(Code::kDenied, fmt::format("only a moderator approves for {}", target.group));
    if (!facts_.is_approved) {
      // RFC 5537 §3.5.1: to the moderator of the first group that has one, and to no group.
      if (goes_to_moderator()) return {};
      moderator_ = std::string(newsgroup_attribute(target.mailbox, kAttributeNewsgroupModerator));
      if (moderator_.empty() || options_.outbox == nullptr)
        return fail(Code::kDenied,
                    fmt::format("{} is moderated, and its moderator can't be reached from here",
                                target.group));
      return {};
    }
  }
  targets_.push_back(std::move(target));
  return {};
}

Result<void> Filing::consider_offer(Target target) {
  if (!offer_->peer.groups.matches(target.group)) return {};
  // RFC 5537 §3.7: never into a moderated group without approval.
  if (newsgroup_status(target.mailbox) == NewsgroupStatus::kModerated && !facts_.is_approved)
    return fail(Code::kInvalid, fmt::format("not approved for {}", target.group));
  targets_.push_back(std::move(target));
  return {};
}

// Control messages go to "control.VERB" or "control", not to the groups they are about, whose
// readers don't want them; where there is neither, they are obeyed and not kept.
Result<void> Filing::choose_control_group() {
  const std::string verb = to_lower(facts_.control.substr(0, facts_.control.find_first_of(" \t")));
  if (post_) {
    const auto request = parse_control(facts_.control);
    if (!request) return fail(Code::kDenied, "such control messages are not taken");
    const bool is_of_group = request->kind != ControlRule::Kind::kCancel;
    if (is_of_group && !post_->user.is_admin())
      return fail(Code::kDenied, "only administrators make and remove newsgroups");
    // RFC 5537 §5.2.
    if (is_of_group && !facts_.is_approved)
      return fail(Code::kDenied, "newgroup and rmgroup need an Approved field");
  }
  for (const std::string& group : {"control." + verb, std::string("control")}) {
    auto mailbox = find_newsgroup(options_.store, options_.prefix, group);
    if (mailbox) {
      targets_.push_back({group, *std::move(mailbox)});
      return {};
    }
    const Code code = mailbox.error().code;
    if (code != Code::kNotFound && code != Code::kInvalid) return std::unexpected(mailbox.error());
  }
  return {};
}

Result<std::vector<BodyWriter>> Filing::open_writers(const ArticleHeader& header) {
  std::vector<BodyWriter> out;
  if (goes_to_moderator()) {
    mailed_to_.push_back(moderator_);
    TRY(BodyWriter mail, open_mail(moderator_, header));
    out.push_back(std::move(mail));
    return out;
  }
  if (targets_.empty()) return out;
  TRY(BodyWriter article, options_.store.stage(targets_.front().mailbox.partition));
  TRY_OK(article.append(header.text()));
  out.push_back(std::move(article));
  for (const Target& target : targets_) {
    const std::string address(newsgroup_attribute(target.mailbox, kAttributeNewsgroupGateway));
    if (address.empty() || std::ranges::find(mailed_to_, address) != mailed_to_.end()) continue;
    if (options_.outbox == nullptr) continue;
    mailed_to_.push_back(address);
    TRY(BodyWriter mail, open_mail(address, header));
    out.push_back(std::move(mail));
  }
  return out;
}

Result<BodyWriter> Filing::open_mail(const std::string& recipient, const ArticleHeader& header) {
  ArticleHeader mail = header;
  // A moderator injects it anew, and mail has no Path.
  for (const std::string_view name : {"Path", "Injection-Info", "Injection-Date"})
    mail.remove(name);
  if (!mail.has("To")) mail.append("To", recipient);
  TRY(BodyWriter writer,
      options_.outbox->stage({.sender = options_.mail_sender, .recipient = recipient}));
  TRY_OK(writer.append(mail.text()));
  return writer;
}

Result<std::vector<MailStore::Filing>> Filing::filings(std::vector<StagedBody> staged) {
  const int64_t now_s = options_.clock.unix_s();
  std::vector<MailStore::Filing> out;
  size_t at = 0;
  if (!targets_.empty()) {
    const StagedBody& article = staged[at++];
    for (const Target& target : targets_)
      out.push_back({.append = MailStore::Append{.mailbox = target.mailbox.id,
                                                 .body = article,
                                                 .flags = {},
                                                 .internaldate_s = now_s}});
  }
  for (; at < staged.size(); ++at) {
    TRY(MailStore::Append mail, options_.outbox->entry(std::move(staged[at]), now_s));
    out.push_back({.append = std::move(mail)});
  }
  return out;
}

Filing::Filed Filing::file(std::vector<StagedBody> staged) {
  auto steps = filings(std::move(staged));
  if (!steps) return failed(std::move(steps).error());
  return options_.store.begin_delivery(*std::move(steps));
}

void Filing::obey(std::string_view body_head) const {
  // What is kept nowhere must be known all the same, or each peer brings it once more.
  if (targets_.empty() && !goes_to_moderator()) options_.history.refuse(facts_.message_id);
  std::optional<ControlRequest> request = parse_control(facts_.control);
  if (!facts_.supersedes.empty())
    request = ControlRequest{.kind = ControlRule::Kind::kSupersedes, .target = facts_.supersedes};
  if (!request || goes_to_moderator()) return;
  const ControlScene scene{.store = options_.store,
                           .history = options_.history,
                           .prefix = options_.prefix,
                           .rules = options_.control_rules,
                           .from = from_,
                           .is_approved = facts_.is_approved,
                           .body_head = body_head};
  const auto done = nntp::obey(scene, *request);
  if (!done)
    log::warn("nntp control id={} failed: {}", facts_.message_id, done.error().text);
  else if (!done->empty())
    log::info("nntp control id={} {}", facts_.message_id, *done);
}

}  // namespace gemel::nntp
