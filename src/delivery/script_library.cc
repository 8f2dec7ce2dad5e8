#include "delivery/script_library.h"

namespace gemel::delivery {

ScriptLibrary::Compiled ScriptLibrary::compile(std::string_view text) {
  const Sha256 key = sha256(text);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = by_text_.find(key); found != by_text_.end()) {
      kept_.splice(kept_.begin(), kept_, found->second);
      return kept_.front().compiled;
    }
  }
  auto compiled = std::make_shared<const sieve::Compiled>(sieve::compile(text, options_));
  const std::scoped_lock lock(mutex_);
  // Another thread may have been as quick.
  if (!by_text_.contains(key)) keep({key, text.size(), compiled});
  return compiled;
}

void ScriptLibrary::keep(Kept kept) {
  kept_bytes_ += kept.bytes;
  kept_.push_front(std::move(kept));
  by_text_[kept_.front().key] = kept_.begin();
  while (kept_.size() > kCompiledMax || (kept_bytes_ > kCompiledBytesMax && kept_.size() > 1)) {
    kept_bytes_ -= kept_.back().bytes;
    by_text_.erase(kept_.back().key);
    kept_.pop_back();
  }
}

void ScriptLibrary::set_global(std::map<std::string, std::string, std::less<>> texts) {
  const std::scoped_lock lock(mutex_);
  global_ = std::move(texts);
}

std::optional<ScriptLibrary::Compiled> ScriptLibrary::global(std::string_view name) {
  std::string text;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = global_.find(name);
    if (found == global_.end()) return std::nullopt;
    text = found->second;
  }
  return compile(text);
}

}  // namespace gemel::delivery
