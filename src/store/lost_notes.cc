#include "store/lost_notes.h"

namespace gemel {

void LostNotes::add(const BodyPlace& place) {
  {
    const std::lock_guard lock(mutex_);
    if (noted_.size() >= kNotesMax || !noted_.insert(place).second) return;
  }
  const std::lock_guard lock(listener_mutex_);
  if (listener_) listener_();
}

bool LostNotes::any() const {
  const std::lock_guard lock(mutex_);
  return !noted_.empty();
}

std::vector<BodyPlace> LostNotes::take(size_t count_max) {
  const std::lock_guard lock(mutex_);
  std::vector<BodyPlace> out;
  while (!noted_.empty() && out.size() < count_max)
    out.push_back(noted_.extract(noted_.begin()).value());
  return out;
}

void LostNotes::on_note(std::function<void()> listener) {
  const std::lock_guard lock(listener_mutex_);
  listener_ = std::move(listener);
}

}  // namespace gemel
