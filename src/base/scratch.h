// Memory for one piece of work that may need much of it: first the heap's, then that of a file
// which has no name. What is in the file is in memory only as long as there is room, so that work
// on a million messages costs the disk, and not the memory of everybody else.
//
// Owns     what it has given out; the file, which is gone when the process ends, however it does.
// Threads  one at a time.
// Cost     a system call or three for each piece of the file: ask for few large ones.
#pragma once

#include <cstddef>
#include <map>
#include <memory_resource>
#include <new>
#include <string>

namespace gemel {

/// There is no room for a piece: the file would be larger than it may, or its disk is full, or it
/// can't be made.
class ScratchFull : public std::bad_alloc {
 public:
  const char* what() const noexcept override { return "temporary data"; }
};

class Scratch final : public std::pmr::memory_resource {
 public:
  struct Terms {
    std::string directory;  // where the file is made once it is needed
    size_t heap_bytes_max;
    size_t file_bytes_max;
  };
  explicit Scratch(Terms terms) : terms_(std::move(terms)) {}
  ~Scratch() override;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// What is in use.
  size_t heap_bytes() const { return heap_bytes_; }
  size_t file_bytes() const { return file_bytes_; }

 private:
  struct Piece {
    size_t begin;  // in the file
    size_t bytes;
  };
  /// Throws ScratchFull.
  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void* start, size_t bytes, size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
  void* map_piece(size_t bytes);
  void give_back(void* start, const Piece& piece);
  void open_file();

  Terms terms_;
  size_t heap_bytes_ = 0;
  size_t file_bytes_ = 0;
  size_t file_end_ = 0;  // a piece that was given back leaves a hole
  int fd_ = -1;
  std::map<void*, Piece> pieces_;  // of the file
};

}  // namespace gemel
