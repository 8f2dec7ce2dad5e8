#include "store/body_pins.h"

#include <utility>

#include "base/check.h"

namespace gemel {

void BodyPins::add(const BodyPlace& place) {
  const std::lock_guard lock(mutex_);
  ++pins_[place];
}

void BodyPins::release(const std::vector<BodyPlace>& places) {
  const std::lock_guard lock(mutex_);
  for (const BodyPlace& place : places) {
    const auto pin = pins_.find(place);
    CHECK(pin != pins_.end());
    if (--pin->second > 0) continue;
    pins_.erase(pin);
    released_.push_back(place);
  }
  any_released_.store(!released_.empty());
  if (!released_.empty() && listener_) listener_();
}

bool BodyPins::has(const BodyPlace& place) const {
  const std::lock_guard lock(mutex_);
  return pins_.contains(place);
}

bool BodyPins::holds_back(const BodyPlace& place) {
  const std::lock_guard lock(mutex_);
  if (holds_ > 0) held_back_.insert(place);
  return holds_ > 0;
}

bool BodyPins::holds_all() const {
  const std::lock_guard lock(mutex_);
  return holds_ > 0;
}

std::shared_ptr<void> BodyPins::hold_all() {
  const std::lock_guard lock(mutex_);
  ++holds_;
  return {this, [](BodyPins* pins) { pins->end_hold(); }};
}

void BodyPins::end_hold() {
  const std::lock_guard lock(mutex_);
  if (--holds_ > 0 || held_back_.empty()) return;
  released_.insert(released_.end(), held_back_.begin(), held_back_.end());
  held_back_.clear();
  any_released_.store(true);
  if (listener_) listener_();
}

std::vector<BodyPlace> BodyPins::take_released() {
  const std::lock_guard lock(mutex_);
  any_released_.store(false);
  return std::exchange(released_, {});
}

void BodyPins::on_release(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

}  // namespace gemel
