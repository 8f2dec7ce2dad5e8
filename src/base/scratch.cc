#include "base/scratch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace gemel {
namespace {

size_t in_pages(size_t bytes) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

Scratch::~Scratch() {
  for (const auto& [start, piece] : pieces_) ::munmap(start, piece.bytes);
  if (fd_ >= 0) ::close(fd_);
}

void* Scratch::do_allocate(size_t bytes, size_t alignment) {
  if (bytes > terms_.heap_bytes_max - heap_bytes_) return map_piece(bytes);
  void* start = ::operator new(bytes, std::align_val_t(alignment));
  heap_bytes_ += bytes;
  return start;
}

void Scratch::do_deallocate(void* start, size_t bytes, size_t alignment) {
  if (const auto piece = pieces_.find(start); piece != pieces_.end()) {
    give_back(start, piece->second);
    pieces_.erase(piece);
    return;
  }
  heap_bytes_ -= bytes;
  ::operator delete(start, std::align_val_t(alignment));
}

void Scratch::open_file() {
  std::string path = terms_.directory + "/scratch-XXXXXX";
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0) throw ScratchFull();
  ::unlink(path.c_str());
}

void* Scratch::map_piece(size_t bytes) {
  const Piece piece{.begin = file_end_, .bytes = in_pages(bytes)};
  if (piece.bytes > terms_.file_bytes_max - file_bytes_) throw ScratchFull();
  if (fd_ < 0) open_file();
  const auto begin = static_cast<off_t>(piece.begin);
  // A page for which the disk has no room would end the process when it is written to.
  if (::posix_fallocate(fd_, begin, static_cast<off_t>(piece.bytes)) != 0) throw ScratchFull();
  void* start = ::mmap(nullptr, piece.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, begin);
  if (start == MAP_FAILED) throw ScratchFull();
  file_end_ += piece.bytes;
  file_bytes_ += piece.bytes;
  pieces_.emplace(start, piece);
  return start;
}

void Scratch::give_back(void* start, const Piece& piece) {
  ::munmap(start, piece.bytes);
  // Where a file can't have holes, its room comes back with the others'.
  ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(piece.begin),
              static_cast<off_t>(piece.bytes));
  file_bytes_ -= piece.bytes;
}

}  // namespace gemel
