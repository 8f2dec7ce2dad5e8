// What an article must be to be taken, and what is added to its header: from one who posts
// (injection) and from another server (relaying). Knows no groups and no rights.
//
// Threads  any; pure functions.
// Source   RFC 5536 §3 (fields), RFC 5537 §3.4.1 (proto-articles), §3.5 (injecting agents), §3.6
//          (relaying agents), §3.2 (Path).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "nntp/article_header.h"

namespace gemel::nntp {

/// RFC 5537 §3.5 and §3.6: an article may be dated at most a day ahead.
inline constexpr int64_t kDateAheadSMax = 24 * 60 * 60;
/// From which list no more than this is read.
inline constexpr size_t kFromAddressesMax = 100;

/// What an article says of itself, when it has been found good.
struct ArticleFacts {
  std::string message_id;
  std::vector<std::string> newsgroups;
  std::string control = {};     // the Control field's value, empty: none
  std::string supersedes = {};  // the message id, empty: none
  bool is_approved = false;
};

struct RuleOptions {
  std::string path_identity;       // ours
  std::string complaints_to = {};  // an address for Injection-Info; empty: none
  int64_t now_s = 0;
  int64_t age_s_max = 0;  // older articles are refused: what of them is remembered may be gone
};

/// Who posts, as Injection-Info tells it: `account` is what the log knows the post by.
struct Poster {
  std::string logging_data;
};

/// Checks a proto-article and makes an article of it: adds Message-ID, Date, Injection-Date, Path
/// and Injection-Info as RFC 5537 §3.5 has it. Errors: kInvalid, with a reason for the poster.
Result<ArticleFacts> inject(ArticleHeader& header, const RuleOptions& options, const Poster& poster,
                            Random& random);

/// Who offers an article: `path_name` is what its Path should start with, empty where that is not
/// known; `address` where it comes from.
struct Relayer {
  std::string path_name;
  std::string address;
};

/// Checks an article of another server, takes its Xref off and puts us into its Path.
/// Errors: kInvalid, with a reason; kGone, it is too old.
Result<ArticleFacts> relay(ArticleHeader& header, const RuleOptions& options,
                           const Relayer& relayer);

/// The names in a Path's value; diagnostics (".POSTED") are none (RFC 5536 §3.1.5).
std::vector<std::string> path_identities(std::string_view path);

}  // namespace gemel::nntp
