// A body, stored or staged, for who walks through it: a piece of it in memory at a time.
//
// Owns     that piece. Memory: two times kBodyChunkBytes at most, however large the body.
// Threads  one at a time. Reads may wait for the disk.
#pragma once

#include <functional>
#include <string>

#include "mail/message_bytes.h"
#include "store/mail_store.h"

namespace gemel {

class BodyBytes final : public MessageBytes {
 public:
  explicit BodyBytes(Body body);
  /// From `start` on: its offset 0 is here.
  explicit BodyBytes(StagedBody body, uint64_t start = 0);

  size_t size() const override { return size_; }
  /// As of MessageBytes; what can't be read is told by failure().
  std::string_view from(size_t start) override;
  /// These bytes alone, fewer at the end, past the piece. Errors: kIo, kCorrupt.
  Result<std::string> read(uint64_t offset, uint64_t count) const { return read_(offset, count); }
  /// Why from() gave nothing, once it did; then it gives nothing any more. Errors: kIo, kCorrupt.
  Result<void> failure() const { return failure_; }

 private:
  std::function<Result<std::string>(uint64_t offset, uint64_t count)> read_;
  uint64_t size_;
  std::string window_;
  uint64_t window_start_ = 0;
  Result<void> failure_;
};

}  // namespace gemel
