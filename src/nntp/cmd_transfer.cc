// POST and IHAVE (RFC 3977 §6.3), CHECK and TAKETHIS (RFC 4644 §2.4, §2.5).
#include <fmt/format.h>

#include "base/bytes.h"
#include "mail/newsgroup.h"
#include "nntp/reply.h"
#include "nntp/session.h"

namespace gemel::nntp {
namespace {

constexpr size_t kLoggingIdBytes = 8;

/// The claim of an article that the peer offers. Errors: kInvalid, that is no message id;
/// kReadOnly; those of History::claim.
Result<History::Claim> claim_offer(Session& session, std::string_view id) {
  if (!is_netnews_message_id(id)) return fail(Code::kInvalid, "that is no message id of netnews");
  if (!session.is_primary()) return fail(Code::kReadOnly, "this server is a replica");
  return session.options().history.claim(id);
}

std::unique_ptr<Filing> filing_of(Session& session, std::string_view id, History::Claim claim) {
  return std::make_unique<Filing>(session.options(),
                                  Filing::Offer{.peer = *session.peer(),
                                                .address = session.env().peer_address,
                                                .message_id = std::string(id),
                                                .claim = std::move(claim)});
}

}  // namespace

void cmd_post(Session& session, const Words&) {
  if (!session.is_primary())
    return session.say(440, "this server is a replica; post to the primary");
  const Options& options = session.options();
  session.say(340, "send the article");
  session.await_article(
      Session::Verb::kPost,
      std::make_unique<Filing>(
          options, Filing::Post{.user = {options.store, options.access, session.userid()},
                                .logging_data = to_hex(options.random.bytes(kLoggingIdBytes))}));
}

void cmd_ihave(Session& session, const Words& words) {
  auto claim = claim_offer(session, words[1]);
  if (!claim) {
    const Code code = claim.error().code;
    if (code == Code::kInvalid) return session.refuse(501, claim.error().text);
    return session.say(line_of(is_passing(code) ? 436 : 435, claim.error()));
  }
  session.say(335, "send it");
  session.await_article(Session::Verb::kIhave, filing_of(session, words[1], *std::move(claim)));
}

void cmd_check(Session& session, const Words& words) {
  const auto claim = claim_offer(session, words[1]);
  if (claim) return session.say(238, words[1]);
  const Code code = claim.error().code;
  if (code == Code::kInvalid) return session.refuse(501, claim.error().text);
  session.say(is_passing(code) ? 431 : 438, words[1]);
}

void cmd_takethis(Session& session, const Words& words) {
  if (session.peer() == nullptr)
    return session.drop_article(
        line_of(session.userid().empty() ? 480 : 502, "this is for news servers known here"));
  auto claim = claim_offer(session, words[1]);
  if (claim)
    return session.await_article(Session::Verb::kTakethis,
                                 filing_of(session, words[1], *std::move(claim)));
  // RFC 4644 §2.5: 439 means never, and there is no code for later but the end of the connection.
  const Error& error = claim.error();
  if (!is_passing(error.code))
    return session.drop_article(line_of(439, fmt::format("{} {}", words[1], error.text)));
  session.say(line_of(400, error));
  session.close();
}

}  // namespace gemel::nntp
