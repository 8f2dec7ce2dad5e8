// What becomes of an article that comes in: which groups it goes to, or whether it goes to a
// moderator by mail; and the one transaction in which that happens.
//
// Threads  one for each Filing; reads the store.
// Source   RFC 5537 §3.5 (injecting), §3.5.1 (moderated groups), §3.6, §3.7 (relaying and serving);
//          RFC 3977 §6.3; doc/nntp.md.
#pragma once

#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nntp/article_rules.h"
#include "nntp/intake.h"
#include "nntp/options.h"

namespace gemel::nntp {

class Filing {
 public:
  /// An article that somebody posts.
  struct Post {
    UserAccess user;
    std::string logging_data;  // for Injection-Info and the log
  };
  /// An article that another server offers; `message_id` is by which it did.
  struct Offer {
    const Peer& peer;
    std::string address;
    std::string message_id;
    History::Claim claim;
  };
  Filing(const Options& options, Post post) : options_(options), post_(std::move(post)) {}
  Filing(const Options& options, Offer offer) : options_(options), offer_(std::move(offer)) {}

  /// Decides on the header and gives the writers for Intake. Errors: kInvalid, kDenied, kGone, with
  /// a reason for the sender; kExists, the article is here; kBusy; of the store.
  Result<std::vector<BodyWriter>> start(std::string_view header);

  /// Files what the writers made; the future is ready when it is durable.
  using Filed = std::future<Result<MailStore::Filed>>;
  Filed file(std::vector<StagedBody> staged);
  /// Does what the article asks for, when it is durable. `body_head`: see ControlScene.
  void obey(std::string_view body_head) const;

  /// Known after start().
  const std::string& message_id() const { return facts_.message_id; }
  bool goes_to_moderator() const { return !moderator_.empty(); }
  /// Of an offer; of a post empty.
  const std::string& offered_id() const { return offer_ ? offer_->message_id : facts_.message_id; }
  std::string_view logging_data() const { return post_ ? post_->logging_data : std::string_view(); }

 private:
  struct Target {
    std::string group;
    MailboxInfo mailbox;
  };
  Result<void> read_facts(ArticleHeader& header);
  Result<void> choose_targets();
  Result<void> consider_posting(Target target);
  Result<void> consider_offer(Target target);
  Result<void> choose_control_group();
  Result<std::vector<BodyWriter>> open_writers(const ArticleHeader& header);
  Result<BodyWriter> open_mail(const std::string& recipient, const ArticleHeader& header);
  Result<std::vector<MailStore::Filing>> filings(std::vector<StagedBody> staged);

  const Options& options_;
  std::optional<Post> post_;
  std::optional<Offer> offer_;
  std::optional<History::Claim> claim_;
  ArticleFacts facts_;
  std::string from_;
  std::vector<Target> targets_;
  std::string moderator_;
  std::vector<std::string> mailed_to_;
};

}  // namespace gemel::nntp
