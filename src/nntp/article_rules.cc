#include "nntp/article_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "mail/address.h"
#include "mail/header_date.h"
#include "mail/newsgroup.h"
#include "mail/rfc822_lexer.h"

namespace gemel::nntp {
namespace {

constexpr size_t kMadeIdBytes = 12;

Result<std::string> needed(const ArticleHeader& header, std::string_view name) {
  std::optional<std::string> value = header.value(name);
  if (!value) return fail(Code::kInvalid, fmt::format("{} is missing", name));
  if (value->empty()) return fail(Code::kInvalid, fmt::format("{} is empty", name));
  return *std::move(value);
}

/// Errors: kInvalid, kGone.
Result<void> check_date(std::string_view name, std::string_view value, const RuleOptions& options) {
  const auto date = parse_header_date(value);
  if (!date) return fail(Code::kInvalid, fmt::format("{} is no date", name));
  const int64_t at_s = date->utc.time_since_epoch().count();
  if (at_s > options.now_s + kDateAheadSMax)
    return fail(Code::kInvalid, fmt::format("{} is in the future", name));
  if (at_s < options.now_s - options.age_s_max)
    return fail(Code::kGone, fmt::format("{} is too long ago", name));
  return {};
}

// RFC 5536 §3.1.2: a mailbox-list, so somebody at some domain at least.
Result<void> check_from(std::string_view value) {
  const std::vector<Address> addresses = parse_addresses(value);
  const auto is_whole = [](const Address& address) {
    return address.mailbox && !address.mailbox->empty() && address.host && !address.host->empty();
  };
  if (addresses.empty() || addresses.size() > kFromAddressesMax ||
      !std::ranges::all_of(addresses, is_whole))
    return fail(Code::kInvalid, "From has no address of the form local@domain");
  return {};
}

Result<void> check_followup_to(const ArticleHeader& header) {
  const std::optional<std::string> value = header.value("Followup-To");
  if (!value || *value == "poster") return {};
  if (!parse_newsgroups(*value))
    return fail(Code::kInvalid, "Followup-To is neither \"poster\" nor a list of group names");
  return {};
}

/// What injected and relayed articles must have alike.
Result<ArticleFacts> check_common(const ArticleHeader& header) {
  ArticleFacts facts;
  TRY(const std::string from, needed(header, "From"));
  TRY_OK(check_from(from));
  TRY_OK(needed(header, "Subject"));
  TRY(const std::string newsgroups, needed(header, "Newsgroups"));
  auto groups = parse_newsgroups(newsgroups);
  if (!groups) return fail(Code::kInvalid, groups.error().text);
  facts.newsgroups = *std::move(groups);
  facts.is_approved = header.has("Approved");
  facts.control = header.value("Control").value_or("");
  facts.supersedes = header.value("Supersedes").value_or("");
  if (!facts.supersedes.empty() && !is_netnews_message_id(facts.supersedes))
    return fail(Code::kInvalid, "Supersedes is no message id");
  // RFC 5536 §3.2.3: the two exclude each other.
  if (!facts.supersedes.empty() && header.has("Control"))
    return fail(Code::kInvalid, "Control and Supersedes can't be in one article");
  return facts;
}

Result<std::string> checked_message_id(const ArticleHeader& header) {
  TRY(std::string id, needed(header, "Message-ID"));
  if (!is_netnews_message_id(id)) return fail(Code::kInvalid, "Message-ID is no message id");
  return id;
}

// RFC 5537 §3.4.1: a proto-article has been nowhere yet.
Result<void> check_not_injected(const ArticleHeader& header) {
  for (const std::string_view name : {"Injection-Info", "Xref"})
    if (header.has(name))
      return fail(Code::kInvalid, fmt::format("{} is there: it was posted before", name));
  const std::string path = header.value("Path").value_or("");
  if (to_upper(path).find("!.POSTED") != std::string::npos)
    return fail(Code::kInvalid, "Path says that it was posted before");
  return {};
}

/// Errors: kInvalid. Adds what a proto-article may leave out (RFC 5537 §3.5, steps 9 and 11).
Result<void> complete(ArticleHeader& header, const RuleOptions& options, Random& random) {
  const bool had_both = header.has("Message-ID") && header.has("Date");
  const std::string now = header_date_text(options.now_s);
  if (header.has("Date")) TRY_OK(check_date("Date", *header.value("Date"), options));
  if (!header.has("Date")) header.append("Date", now);
  if (!header.has("Message-ID"))
    header.append("Message-ID", fmt::format("<{}@{}>", to_hex(random.bytes(kMadeIdBytes)),
                                            options.path_identity));
  if (header.has("Injection-Date"))
    return check_date("Injection-Date", *header.value("Injection-Date"), options);
  // With both, the poster may have offered the article to other servers too, and all must agree.
  if (!had_both) header.append("Injection-Date", now);
  return {};
}

}  // namespace

Result<ArticleFacts> inject(ArticleHeader& header, const RuleOptions& options, const Poster& poster,
                            Random& random) {
  TRY_OK(check_not_injected(header));
  TRY(ArticleFacts facts, check_common(header));
  TRY_OK(check_followup_to(header));
  TRY_OK(complete(header, options, random));
  TRY(facts.message_id, checked_message_id(header));
  header.prepend_path(options.path_identity + "!.POSTED!", "not-for-mail");
  std::string info =
      fmt::format("{}; logging-data=\"{}\"", options.path_identity, poster.logging_data);
  if (!options.complaints_to.empty())
    info += fmt::format("; mail-complaints-to=\"{}\"", options.complaints_to);
  header.append("Injection-Info", info);
  return facts;
}

Result<ArticleFacts> relay(ArticleHeader& header, const RuleOptions& options,
                           const Relayer& relayer) {
  TRY(ArticleFacts facts, check_common(header));
  TRY(facts.message_id, checked_message_id(header));
  TRY(const std::string path, needed(header, "Path"));
  TRY(const std::string date, needed(header, "Date"));
  const std::optional<std::string> injected = header.value("Injection-Date");
  // RFC 5537 §3.6: the one that was added last counts; Date must be one all the same.
  if (!parse_header_date(date)) return fail(Code::kInvalid, "Date is no date");
  TRY_OK(injected ? check_date("Injection-Date", *injected, options)
                  : check_date("Date", date, options));
  header.remove("Xref");
  const std::string first = path.substr(0, path.find_first_of("! \t"));
  std::string entries = options.path_identity;
  // RFC 5537 §3.2.1: "!!" says that the next one is verified.
  if (relayer.path_name.empty())
    entries += fmt::format("!.SEEN.{}!", relayer.address);
  else if (equals_ignoring_case(first, relayer.path_name))
    entries += "!!";
  else
    entries += fmt::format("!.MISMATCH.{}!", relayer.path_name);
  header.prepend_path(entries, "");
  return facts;
}

std::vector<std::string> path_identities(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const size_t end = std::min(path.find('!'), path.size());
    const std::string_view entry = trim(path.substr(0, end));
    if (!entry.empty() && !entry.starts_with('.')) out.emplace_back(entry);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

}  // namespace gemel::nntp
