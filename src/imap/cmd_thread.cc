// THREAD and UID THREAD (RFC 5256).

#include <fmt/format.h>

#include "imap/search.h"
#include "imap/session.h"
#include "imap/thread.h"

namespace gemel::imap {
namespace {

/// Searches, then collects what ties the messages together, then tells the threads.
class ThreadWork final : public Work {
 public:
  enum class Numbers : uint8_t { kMsn, kUid };
  ThreadWork(Session& session, Search search, ThreadAlgorithm algorithm, Numbers numbers)
      : session_(session),
        search_(std::move(search)),
        scratch_(session.scratch()),
        threader_({.algorithm = algorithm,
                   .absent_ids_max = session.options().limits.thread_absent_ids_max,
                   .salt = session.options().random.u64(),
                   .memory = scratch_}),
        numbers_(numbers),
        walk_(Bitmap()) {}

  std::optional<Done> done() const override {
    return stage_ == Stage::kSearch ? std::optional(search_.done()) : std::nullopt;
  }
  Result<Progress> step(std::string& out) override {
    switch (stage_) {
      case Stage::kSearch: {
        TRY(const bool is_found, search_.go_on());
        if (!is_found) return Progress::kMore;
        threader_.expect(search_.found().cardinality());
        walk_ = BitmapWalk(search_.found());
        stage_ = Stage::kCollect;
        return Progress::kMore;
      }
      case Stage::kCollect:
        TRY_OK(threader_.add(search_.mailbox(), walk_.next(kSliceMessages)));
        if (!walk_.at_end()) return Progress::kMore;
        threads_ = std::move(threader_).threads();
        out += threads_.empty() ? "* THREAD" : "* THREAD ";
        stage_ = Stage::kTell;
        return Progress::kMore;
      case Stage::kTell:
        return put_threads(out);
    }
    return Progress::kDone;
  }

 private:
  enum class Stage : uint8_t { kSearch, kCollect, kTell };

  Progress put_threads(std::string& out) {
    const size_t piece_end = out.size() + session_.options().limits.output_piece_bytes;
    for (; told_ < threads_.size() && out.size() < piece_end; ++told_) put_token(out);
    if (told_ < threads_.size()) return Progress::kMore;
    out += "\r\n";
    return Progress::kDone;
  }

  void put_token(std::string& out) const {
    const auto is_number = [](uint32_t token) {
      return token != ThreadTree::kOpen && token != ThreadTree::kClose;
    };
    const uint32_t token = threads_[told_];
    const bool is_apart = token != ThreadTree::kClose && told_ != 0;
    if (is_apart && is_number(threads_[told_ - 1])) out += ' ';
    if (!is_number(token)) {
      out += token == ThreadTree::kOpen ? '(' : ')';
      return;
    }
    const uint32_t number = numbers_ == Numbers::kUid ? token : session_.view().msn_of(Uid(token));
    fmt::format_to(std::back_inserter(out), "{}", number);
  }

  Session& session_;
  Search search_;
  Scratch scratch_;
  Threader threader_;
  Numbers numbers_;
  Stage stage_ = Stage::kSearch;
  BitmapWalk walk_;
  std::pmr::vector<uint32_t> threads_{&scratch_};
  size_t told_ = 0;
};

}  // namespace

Status cmd_thread(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY(const ThreadAlgorithm algorithm, read_thread_algorithm(args.tokens));
  TRY_OK(args.tokens.space());
  TRY(std::string charset, read_charset(args.tokens));
  TRY_OK(args.tokens.space());
  TRY(SearchNode root, session.read_search(args, std::move(charset)));
  TRY(Search search, session.start_search(std::move(root)));
  session.queue(std::make_unique<ThreadWork>(
      session, std::move(search), algorithm,
      args.has(kUsesUids) ? ThreadWork::Numbers::kUid : ThreadWork::Numbers::kMsn));
  return Completion();
}

}  // namespace gemel::imap
