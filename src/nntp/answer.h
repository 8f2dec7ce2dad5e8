// An answer that is made in pieces, so that a long one costs no more memory than a short one.
//
// Threads  one at a time. A step may wait for the disk; no snapshot is held between steps.
// Source   RFC 3977 §3.1.1 (multi-line data blocks).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nntp/article.h"
#include "nntp/shelf.h"
#include "wire/dot_stuffing.h"

namespace gemel::nntp {

enum class Progress : uint8_t { kMore, kDone };

class Answer {
 public:
  virtual ~Answer() = default;
  /// Appends the next piece, about 64 KiB at most. After an error the connection must end, for what
  /// was sent can't be taken back.
  virtual Result<Progress> step(std::string& out) = 0;
};

/// An article, its header, its body. The line with the code was said.
enum class Parts : uint8_t { kArticle, kHead, kBody };
class ArticleAnswer final : public Answer {
 public:
  ArticleAnswer(Article article, std::string header, Parts parts);
  Result<Progress> step(std::string& out) override;

 private:
  Result<void> fill_window();

  Article article_;
  std::string header_;  // not yet sent
  uint64_t at_;         // of the body: what is not yet sent
  std::string window_;  // a chunk of the body
  size_t window_used_ = 0;
  bool has_body_;
  wire::DotStuffer stuffer_;
};

/// A line for each article of a range of a group, in the order of their numbers. Articles that are
/// gone by then are passed over.
class RangeAnswer final : public Answer {
 public:
  /// The line, without its end; nothing to leave the article out. It must not begin with a dot.
  using MakeLine = std::function<Result<std::optional<std::string>>(const Found& found)>;
  RangeAnswer(Shelf shelf, GroupRange range, MakeLine make_line)
      : shelf_(std::move(shelf)), range_(std::move(range)), make_line_(std::move(make_line)) {}
  Result<Progress> step(std::string& out) override;

 private:
  Shelf shelf_;
  GroupRange range_;
  MakeLine make_line_;
};

/// The numbers of a range's articles alone: LISTGROUP.
class NumbersAnswer final : public Answer {
 public:
  NumbersAnswer(Shelf shelf, GroupRange range)
      : shelf_(std::move(shelf)), range_(std::move(range)) {}
  Result<Progress> step(std::string& out) override;

 private:
  Shelf shelf_;
  GroupRange range_;
};

/// A line for each of many things known by a string, as groups by their names.
class NamesAnswer final : public Answer {
 public:
  /// Appends lines, dot-stuffed where they could need it.
  using PutLines = std::function<Result<void>(const std::string& name, std::string& out)>;
  NamesAnswer(std::vector<std::string> names, PutLines put_lines)
      : names_(std::move(names)), put_lines_(std::move(put_lines)) {}
  Result<Progress> step(std::string& out) override;

 private:
  std::vector<std::string> names_;
  PutLines put_lines_;
  size_t next_ = 0;
};

}  // namespace gemel::nntp
