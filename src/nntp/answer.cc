#include "nntp/answer.h"

namespace gemel::nntp {
namespace {

constexpr size_t kPieceBytes = 64 << 10;
constexpr size_t kArticlesAtOnce = 64;
constexpr size_t kNumbersAtOnce = 8192;

/// RFC 3977 §3.1.1: a block has no NUL, and CR and LF as ends of lines alone. What mail or IMAP put
/// into a group may have them; a space stands for each, but for an LF, which ends its line.
/// `text` does not end between a CR and its LF.
std::string as_block(std::string text) {
  for (size_t at = text.find('\0'); at != std::string::npos; at = text.find('\0', at + 1))
    text[at] = ' ';
  for (size_t at = text.find('\r'); at != std::string::npos; at = text.find('\r', at + 1))
    if (at + 1 == text.size() || text[at + 1] != '\n') text[at] = ' ';
  return text;
}

}  // namespace

ArticleAnswer::ArticleAnswer(Article article, std::string header, Parts parts)
    : article_(std::move(article)),
      header_(std::move(header)),
      at_(article_.text_start()),
      has_body_(parts != Parts::kHead) {
  if (parts == Parts::kArticle) header_ += "\r\n";
  if (parts == Parts::kBody) header_.clear();
}

Result<Progress> ArticleAnswer::step(std::string& out) {
  if (!header_.empty()) {
    stuffer_.put(as_block(std::exchange(header_, {})), out);
    return Progress::kMore;
  }
  const uint64_t end = article_.body().size();
  if (has_body_ && at_ < end) {
    TRY_OK(fill_window());
    std::string_view piece = std::string_view(window_).substr(window_used_, kPieceBytes);
    // Only with what comes behind it is it known what a CR is.
    if (piece.size() > 1 && piece.ends_with('\r') && at_ + piece.size() < end)
      piece.remove_suffix(1);
    stuffer_.put(as_block(std::string(piece)), out);
    window_used_ += piece.size();
    at_ += piece.size();
    if (at_ < end) return Progress::kMore;
  }
  stuffer_.finish(out);
  return Progress::kDone;
}

Result<void> ArticleAnswer::fill_window() {
  const std::string_view left = std::string_view(window_).substr(window_used_);
  const bool is_all = at_ + left.size() == article_.body().size();
  if (!left.empty() && (left != "\r" || is_all)) return {};
  // The store reads whole chunks, so a piece at a time would read each chunk many times.
  TRY(window_, article_.body().read(at_, kBodyChunkBytes));
  window_used_ = 0;
  if (window_.empty()) return fail(Code::kCorrupt, "a stored body is shorter than it says");
  return {};
}

Result<Progress> RangeAnswer::step(std::string& out) {
  const auto view = shelf_.view(range_.mailbox);
  UidSet uids;
  if (view) {
    TRY(uids, live_uids(*view, range_.next, range_.last, kArticlesAtOnce));
  } else if (view.error().code != Code::kNotFound) {
    return std::unexpected(view.error());
  }
  // A group that is gone, or closed to this reader, has no more articles.
  const size_t start = out.size();
  for (const UidSet::Range& range : uids.ranges()) {
    for (uint64_t uid = range.first; uid <= range.last; ++uid) {
      TRY(Article article, Article::open(*view, Uid(static_cast<uint32_t>(uid))));
      TRY(const auto line,
          make_line_({range_.group, Uid(static_cast<uint32_t>(uid)), std::move(article)}));
      if (line) out += *line + "\r\n";
      range_.next = uid + 1;
      if (out.size() - start >= kPieceBytes) return Progress::kMore;
    }
  }
  if (uids.size() == kArticlesAtOnce) return Progress::kMore;
  out += ".\r\n";
  return Progress::kDone;
}

Result<Progress> NumbersAnswer::step(std::string& out) {
  const auto view = shelf_.view(range_.mailbox);
  UidSet uids;
  if (view) {
    TRY(uids, live_uids(*view, range_.next, range_.last, kNumbersAtOnce));
  } else if (view.error().code != Code::kNotFound) {
    return std::unexpected(view.error());
  }
  uids.for_each([&](Uid uid) { out += std::to_string(uid.value) + "\r\n"; });
  if (uids.size() == kNumbersAtOnce) {
    range_.next = uids.last().value + uint64_t{1};
    return Progress::kMore;
  }
  out += ".\r\n";
  return Progress::kDone;
}

Result<Progress> NamesAnswer::step(std::string& out) {
  const size_t start = out.size();
  for (; next_ < names_.size(); ++next_) {
    if (out.size() - start >= kPieceBytes) return Progress::kMore;
    TRY_OK(put_lines_(names_[next_], out));
  }
  out += ".\r\n";
  return Progress::kDone;
}

}  // namespace gemel::nntp
