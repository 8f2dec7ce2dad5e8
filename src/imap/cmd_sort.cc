// SORT and UID SORT (RFC 5256).

#include <fmt/format.h>

#include "imap/search.h"
#include "imap/session.h"
#include "imap/sort.h"

namespace gemel::imap {
namespace {

// Messages looked at before others get their turn.
constexpr size_t kSliceMessages = 50;

/// Searches, then collects what the order needs, then tells it.
class SortWork final : public Work {
 public:
  enum class Numbers : uint8_t { kMsn, kUid };
  SortWork(Session& session, Search search, std::vector<SortKey> keys, Numbers numbers)
      : session_(session),
        search_(std::move(search)),
        sorter_(std::move(keys)),
        numbers_(numbers),
        walk_(Bitmap()) {}

  std::optional<Done> done() const override {
    return stage_ == Stage::kSearch ? std::optional(search_.done()) : std::nullopt;
  }
  Result<Progress> step(std::string& out) override {
    switch (stage_) {
      case Stage::kSearch: {
        TRY(const bool is_found, search_.go_on(kSliceMessages));
        if (!is_found) return Progress::kMore;
        walk_ = BitmapWalk(search_.found());
        stage_ = Stage::kCollect;
        return Progress::kMore;
      }
      case Stage::kCollect:
        TRY_OK(sorter_.add(search_.mailbox(), walk_.next(kSliceMessages)));
        if (!walk_.at_end()) return Progress::kMore;
        sorted_ = std::move(sorter_).sorted();
        out += "* SORT";
        stage_ = Stage::kTell;
        return Progress::kMore;
      case Stage::kTell:
        return put_numbers(out);
    }
    return Progress::kDone;
  }

 private:
  enum class Stage : uint8_t { kSearch, kCollect, kTell };

  Progress put_numbers(std::string& out) {
    const size_t piece_end = out.size() + session_.options().limits.output_piece_bytes;
    for (; told_ < sorted_.size() && out.size() < piece_end; ++told_) {
      const Uid uid = sorted_[told_];
      fmt::format_to(std::back_inserter(out), " {}",
                     numbers_ == Numbers::kUid ? uid.value : session_.view().msn_of(uid));
    }
    if (told_ < sorted_.size()) return Progress::kMore;
    out += "\r\n";
    return Progress::kDone;
  }

  Session& session_;
  Search search_;
  Sorter sorter_;
  Numbers numbers_;
  Stage stage_ = Stage::kSearch;
  BitmapWalk walk_;
  std::vector<Uid> sorted_;
  size_t told_ = 0;
};

}  // namespace

Status cmd_sort(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY(std::vector<SortKey> keys, read_sort_keys(args.tokens));
  TRY_OK(args.tokens.space());
  TRY(std::string charset, read_charset(args.tokens));
  TRY_OK(args.tokens.space());
  TRY(SearchNode root, session.read_search(args, std::move(charset)));
  TRY(Search search, session.start_search(std::move(root)));
  session.queue(std::make_unique<SortWork>(
      session, std::move(search), std::move(keys),
      args.has(kUsesUids) ? SortWork::Numbers::kUid : SortWork::Numbers::kMsn));
  return Completion();
}

}  // namespace gemel::imap
