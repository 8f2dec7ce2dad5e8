#include "nntp/feed_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"

namespace gemel::nntp {
namespace {

/// The code that a line begins with; 0 if with none.
int code_of(std::string_view line) {
  if (line.size() < 3) return 0;
  return static_cast<int>(parse_number(line.substr(0, 3)).value_or(0));
}

}  // namespace

FeedSession::FeedSession(Feed& feed, wire::SessionEnv env)
    : feed_(feed), options_(feed.options_), env_(std::move(env)) {
  watch_ = feed_.setup_.store.watch_all([wake = env_.wake](const Published&) { wake(); });
}

FeedSession::~FeedSession() {
  watch_ = Watch();
  save();
}

void FeedSession::receive(std::string_view bytes) {
  if (is_starting_tls_) return;  // in the clear, behind the answer to STARTTLS (RFC 4642 §2.2.2)
  input_ += bytes;
  size_t at = 0;
  for (size_t end = input_.find('\n');
       end != std::string::npos && !is_closing_ && !is_starting_tls_; end = input_.find('\n', at)) {
    std::string_view line = std::string_view(input_).substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    take_line(line);
  }
  input_.erase(0, at);
  if (input_.size() > kFeedLineBytesMax)
    fail_with({Code::kSyntax, "the peer sends a line that is too long"});
}

void FeedSession::tls_started() {
  is_starting_tls_ = false;
  env_.is_tls = true;
  input_.clear();  // what came in the clear is nobody's word (RFC 4642 §2.2.2)
  begin_login();
}

std::optional<int64_t> FeedSession::input_timeout_ms() const {
  if (stage_ != Stage::kFeeding || !asked_.empty()) return kFeedAnswerMsMax;
  return deferred_.empty() ? kFeedIdleMs : kFeedDeferMs;
}

void FeedSession::timed_out() {
  if (stage_ != Stage::kFeeding || !asked_.empty())
    return fail_with({Code::kUnavailable, "the peer does not answer"});
  if (deferred_.empty()) return quit();
  // Those that were to come later have their turn.
  deferred_ms_ = feed_.setup_.clock.monotonic_ms() - kFeedDeferMs;
  has_news_ = true;
}

void FeedSession::fail_with(Error error) {
  feed_.note([&](FeedStatus& status) { status.last_error = std::move(error.text); });
  is_closing_ = true;
}

void FeedSession::quit() {
  if (stage_ == Stage::kQuit || is_closing_) return;
  // In the middle of an article there is no way to say it.
  if (article_) {
    is_closing_ = true;
    return;
  }
  stage_ = Stage::kQuit;
  output_ += "QUIT\r\n";
  feed_.note([](FeedStatus& status) { status.ended_well = true; });
}

void FeedSession::save() {
  const auto saved = feed_.queue_.save();
  if (!saved) log::warn("feed={} position not saved: {}", options_.name, saved.error().text);
}

wire::Want FeedSession::want() const {
  if (is_closing_) return wire::Want::kClose;
  if (has_more_) return wire::Want::kMore;
  return is_starting_tls_ ? wire::Want::kTls : wire::Want::kInput;
}

void FeedSession::produce(std::string& out, size_t bytes_max) {
  const size_t start = out.size();
  has_more_ = false;
  do {
    out += std::exchange(output_, {});
    if (out.size() - start >= bytes_max) {
      has_more_ = true;
      return;
    }
  } while (!is_closing_ && stage_ == Stage::kFeeding && make_output());
  out += std::exchange(output_, {});
}

// --- what the peer says ---

void FeedSession::take_line(std::string_view line) {
  const int code = code_of(line);
  if (stage_ == Stage::kQuit && asked_.empty()) {
    is_closing_ = true;  // 205, or whatever it says
  } else if (code == 400) {
    fail_with({Code::kUnavailable, fmt::format("the peer says {}", line)});
  } else if (stage_ == Stage::kFeeding || stage_ == Stage::kQuit) {
    take_feed_answer(code, line);
  } else {
    take_setup_answer(code, line);
  }
}

void FeedSession::take_setup_answer(int code, std::string_view line) {
  const auto refused = [&] { fail_with({Code::kDenied, fmt::format("the peer says {}", line)}); };
  switch (stage_) {
    case Stage::kGreeting:
      if (code != 200 && code != 201) return refused();
      if (options_.tls == FeedOptions::Tls::kNone) return begin_login();
      stage_ = Stage::kStartTls;
      output_ += "STARTTLS\r\n";
      return;
    case Stage::kStartTls:
      if (code != 382) return refused();
      is_starting_tls_ = true;
      return;
    case Stage::kUser:
      if (code == 281) return begin_feeding();
      if (code != 381) return refused();
      stage_ = Stage::kPass;
      output_ += fmt::format("AUTHINFO PASS {}\r\n", options_.password);
      return;
    case Stage::kPass:
      if (code != 281) return refused();
      return begin_feeding();
    case Stage::kModeStream:
      // RFC 4644 §2.3: who does not stream says so.
      is_streaming_ = code == 203;
      if (!is_streaming_ && code == 480) return refused();
      feed_.note([&](FeedStatus& status) { status.streaming = is_streaming_; });
      stage_ = Stage::kFeeding;
      return;
    case Stage::kFeeding:
    case Stage::kQuit:
      return;
  }
}

void FeedSession::begin_login() {
  if (options_.userid.empty()) return begin_feeding();
  stage_ = Stage::kUser;
  output_ += fmt::format("AUTHINFO USER {}\r\n", options_.userid);
}

void FeedSession::begin_feeding() {
  stage_ = Stage::kModeStream;
  output_ += "MODE STREAM\r\n";
}

// RFC 4644 §2.4, §2.5; RFC 3977 §6.3.2.
bool FeedSession::answers(Ask ask, int code) {
  switch (ask) {
    case Ask::kCheck:
      return code == 238 || code == 431 || code == 438;
    case Ask::kTakethis:
      return code == 239 || code == 439;
    case Ask::kIhave:
      return code == 335 || code == 435 || code == 436;
    case Ask::kIhaveArticle:
      return code == 235 || code == 436 || code == 437;
  }
  return false;
}

void FeedSession::take_feed_answer(int code, std::string_view line) {
  if (asked_.empty())
    return fail_with({Code::kSyntax, fmt::format("the peer says {} unasked", line)});
  Asked asked = std::move(asked_.front());
  asked_.pop_front();
  if (!answers(asked.ask, code))
    return fail_with({Code::kSyntax, fmt::format("the peer says {}", line)});
  switch (code) {
    case 238:  // CHECK: send it
      wanted_.push_back(std::move(asked.item));
      return;
    case 335:  // IHAVE: send it
      asked.ask = Ask::kIhaveArticle;
      return send_article(std::move(asked));
    case 239:
    case 235:
      return settle(asked.item, &FeedStatus::accepted);
    case 438:
    case 439:
    case 435:
    case 437:
      return settle(asked.item, &FeedStatus::refused);
    default:  // 431, 436
      return defer(std::move(asked.item));
  }
}

void FeedSession::settle(const Item& item, uint64_t FeedStatus::* counter) {
  feed_.queue_.settle(item);
  feed_.note([&](FeedStatus& status) { ++(status.*counter); });
  // Not each time: what a crash forgets is offered again.
  if (asked_.empty() && wanted_.empty()) save();
}

void FeedSession::defer(Item item) {
  feed_.note([](FeedStatus& status) { ++status.deferred; });
  deferred_.push_back(std::move(item));
  deferred_ms_ = feed_.setup_.clock.monotonic_ms();
}

// --- what is said to the peer ---

bool FeedSession::make_output() {
  if (feed_.setup_.store.role() != Role::kPrimary) {
    quit();
    return true;
  }
  if (article_) {
    const auto progress = article_->step(output_);
    if (!progress)
      fail_with(progress.error());  // half an article must not pass for a whole one
    else if (*progress == Progress::kDone)
      article_.reset();
    return true;
  }
  if (!is_streaming_ && !asked_.empty()) return false;
  if (!wanted_.empty()) {
    Item item = std::move(wanted_.front());
    wanted_.pop_front();
    send_article({Ask::kTakethis, std::move(item)});
    return true;
  }
  return offer_next();
}

bool FeedSession::offer_next() {
  if (asked_.size() >= kFeedWindowMax || deferred_.size() >= kFeedWindowMax) return false;
  auto item = next_item();
  if (!item) {
    fail_with(item.error());
    return true;
  }
  if (!*item) return false;
  output_ += fmt::format("{} {}\r\n", is_streaming_ ? "CHECK" : "IHAVE", (*item)->message_id);
  feed_.note([](FeedStatus& status) { ++status.offered; });
  asked_.push_back({is_streaming_ ? Ask::kCheck : Ask::kIhave, **std::move(item)});
  return true;
}

Result<std::optional<FeedQueue::Item>> FeedSession::next_item() {
  const int64_t now_ms = feed_.setup_.clock.monotonic_ms();
  if (!deferred_.empty() && now_ms - deferred_ms_ >= kFeedDeferMs) {
    std::optional<Item> item = std::move(deferred_.front());
    deferred_.pop_front();
    return item;
  }
  if (feed_.waiting_) return std::exchange(feed_.waiting_, std::nullopt);
  if (!std::exchange(has_news_, false)) return std::nullopt;
  TRY(auto item, feed_.queue_.next());
  has_news_ = item.has_value();  // there may be more
  if (!item && asked_.empty() && wanted_.empty()) save();
  return item;
}

void FeedSession::send_article(Asked asked) {
  auto opened = feed_.queue_.open(asked.item, feed_.setup_.path_identity);
  if (!opened && opened.error().code == Code::kNotFound) {
    // It was expunged meanwhile. Whoever was told that it comes must get something.
    if (asked.ask == Ask::kIhaveArticle)
      return fail_with({Code::kNotFound, "an article went away while it was offered"});
    return settle(asked.item, &FeedStatus::refused);
  }
  if (!opened) return fail_with(opened.error());
  if (asked.ask == Ask::kTakethis) output_ += fmt::format("TAKETHIS {}\r\n", asked.item.message_id);
  article_ = std::make_unique<ArticleAnswer>(std::move(opened->article), std::move(opened->header),
                                             Parts::kArticle);
  asked_.push_back(std::move(asked));
}

}  // namespace gemel::nntp
