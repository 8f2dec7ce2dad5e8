// What comes in: lines, commands, articles.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "nntp/reply.h"
#include "nntp/session.h"

namespace gemel::nntp {
namespace {

Words words_of(std::string_view line) {
  Words out;
  constexpr std::string_view kBlanks = " \t";
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty()) return out;
    const size_t end = std::min(line.find_first_of(kBlanks), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

}  // namespace

bool Session::next_input() {
  if (head_ == input_.size()) return false;
  if (intake_) {
    take_article();
    return true;
  }
  const std::optional<std::string_view> line = next_line();
  if (!line) return false;
  if (const LineTaker taker = std::exchange(line_taker_, nullptr))
    taker(*this, *line);
  else
    run_line(*line);
  return true;
}

std::optional<std::string_view> Session::next_line() {
  while (head_ < input_.size()) {
    const std::string_view unread = std::string_view(input_).substr(head_);
    const size_t end = unread.find('\n');
    const size_t size = end == std::string_view::npos ? unread.size() : end + 1;
    if (size > options_->limits.line_bytes_max && !skipping_line_) {
      skipping_line_ = true;
      line_taker_ = nullptr;
      refuse(501, "the line is too long");
      if (is_closing_) return std::nullopt;
    }
    if (end == std::string_view::npos && !skipping_line_) return std::nullopt;
    head_ += size;
    if (end == std::string_view::npos) return std::nullopt;
    if (std::exchange(skipping_line_, false)) continue;
    std::string_view line = unread.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  return std::nullopt;
}

void Session::run_line(std::string_view line) {
  const Words words = words_of(line);
  if (words.empty()) return refuse(500, "there is no command");
  const Command* const command = find_command(words[0]);
  if (command == nullptr) return refuse(500, "unknown command");
  if (words.size() < command->words_min || words.size() > command->words_max)
    return refuse(501, fmt::format("{} does not take {} words", command->name, words.size() - 1));
  // RFC 4643 §2.1: 480 says that a login would help.
  if (command->needs == Needs::kLogin && !may_use_server()) return refuse(480, "log in first");
  if (command->needs == Needs::kPeer && peer() == nullptr)
    return refuse(userid_.empty() ? 480 : 502, "this is for news servers that are known here");
  const size_t bad_before = bad_in_a_row_;
  command->run(*this, words);
  if (bad_in_a_row_ == bad_before) bad_in_a_row_ = 0;
}

void Session::await_article(Verb verb, std::unique_ptr<Filing> filing) {
  verb_ = verb;
  filing_ = std::move(filing);
  const Intake::Limits limits{.header_bytes_max = options_->limits.header_bytes_max,
                              .article_bytes_max = options_->limits.article_bytes_max};
  intake_ = std::make_unique<Intake>(
      limits, [filing = filing_.get()](std::string_view header) { return filing->start(header); });
}

void Session::drop_article(std::string text) {
  filing_.reset();
  dropped_reply_ = std::move(text);
  // Nothing fits, so everything is dropped.
  intake_ = std::make_unique<Intake>(Intake::Limits{0, 0}, nullptr);
}

void Session::take_article() {
  head_ += intake_->take(std::string_view(input_).substr(head_));
  if (intake_->done()) finish_article();
}

void Session::finish_article() {
  const std::unique_ptr<Intake> intake = std::move(intake_);
  std::unique_ptr<Filing> filing = std::move(filing_);
  if (!filing) return say(std::exchange(dropped_reply_, {}));
  auto staged = intake->finish();
  if (!staged) return say(reply_to(verb_, *filing, std::unexpected(staged.error())));
  AnswerGate gate(options_->ack_gate, env_.wake);
  Filing::Filed filed = [&] {
    const WitnessScope witnessed = gate.scope();
    return filing->file(*std::move(staged));
  }();
  awaited_.push_back({.verb = verb_,
                      .filing = std::move(filing),
                      .gate = std::move(gate),
                      .filed = std::move(filed),
                      .body_head = std::string(intake->body_head())});
}

/// Only a streaming peer goes on without the answer.
bool Session::may_take_input() const {
  if (answer_ || is_closing_ || is_starting_tls_ || is_starting_compression_) return false;
  return awaited_.empty() || (awaited_.back().verb == Verb::kTakethis &&
                              awaited_.size() < options_->limits.filings_max);
}

void Session::settle_ready() {
  while (!awaited_.empty() &&
         (awaited_.front().result ||
          awaited_.front().filed.wait_for(std::chrono::seconds(0)) == std::future_status::ready))
    if (!settle_first()) return;
}

void Session::await_disk(Awaited& awaited) {
  if (awaited.result) return;
  const auto filed = awaited.filed.get();
  awaited.result = filed ? Result<void>() : std::unexpected(filed.error());
  const WitnessScope witnessed = awaited.gate.scope();
  if (filed) awaited.filing->obey(awaited.body_head);
}

/// No answer goes out any more; what the articles ask for is done all the same.
void Session::end_awaited() {
  for (Awaited& awaited : awaited_) await_disk(awaited);
  awaited_.clear();
}

/// Waits for the disk. False: the replicas are still to say that they have the article.
bool Session::settle_first() {
  Awaited& first = awaited_.front();
  await_disk(first);
  const std::optional<Result<void>> replicated = first.gate.verdict();
  awaits_replicas_ = !replicated;
  if (!replicated) return false;
  const Awaited done = std::move(awaited_.front());
  awaited_.pop_front();
  const bool was_closing = is_closing_;
  output_ += reply_to(done.verb, *done.filing, *done.result ? *replicated : *done.result);
  // Nothing comes behind a 400.
  if (is_closing_ == was_closing) output_ += done.said;
  return true;
}

std::string Session::reply_to(Verb verb, const Filing& filing, const Result<void>& result) {
  const bool may_come_again = !result && is_passing(result.error().code);
  if (verb == Verb::kPost) {
    log::info("nntp post user={} peer={} id={} logging-data={} result={}", userid_,
              env_.peer_address, filing.message_id(), filing.logging_data(),
              result ? "ok" : result.error().text);
    if (!result) return line_of(441, result.error());
    return line_of(240, filing.goes_to_moderator() ? "sent to the moderator" : "posted");
  }
  const std::string& id = filing.offered_id();
  // What is no good now never will be: no other peer need send it.
  if (!result && !may_come_again && result.error().code != Code::kExists)
    options_->history.refuse(id);
  if (verb == Verb::kIhave) {
    if (result) return line_of(235, "taken");
    return line_of(may_come_again ? 436 : 437, result.error());
  }
  if (result) return line_of(239, id);
  if (!may_come_again) return line_of(439, fmt::format("{} {}", id, result.error().text));
  // RFC 4644 §2.5: there is no code for "later", so the peer must come again.
  is_closing_ = true;
  end_awaited();
  return line_of(400, result.error());
}

}  // namespace gemel::nntp
