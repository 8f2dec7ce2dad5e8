// Searches whose results are told of as they change (RFC 5267 §4.3).

#include <algorithm>

#include "imap/session.h"

namespace gemel::imap {

bool Session::has_context(std::string_view tag) const {
  return std::ranges::any_of(contexts_, [&](const auto& context) { return context->tag == tag; });
}

void Session::add_context(SearchContext context) {
  contexts_.push_back(std::make_shared<SearchContext>(std::move(context)));
}

void Session::cancel_context(std::string_view tag) {
  for (const auto& context : contexts_)
    if (context->tag == tag) context->is_cancelled = true;
  std::erase_if(contexts_, [](const auto& context) { return context->is_cancelled; });
}

void Session::cancel_contexts() {
  // An update may be waiting for its turn.
  for (const auto& context : contexts_) context->is_cancelled = true;
  contexts_.clear();
}

// Before the message numbers move (RFC 5267 §4.3.4).
void Session::tell_contexts_of_gone() {
  for (const auto& context : contexts_) {
    const Bitmap went = context->results & view_->gone();
    context->results -= went;
    std::string line;
    put_context_changes(line, *view_, *context, {.came = {}, .went = went});
    if (!line.empty()) say(std::move(line));
  }
}

void Session::note_in_contexts(const Bitmap& changed) {
  for (const auto& context : contexts_) context->touched |= changed;
}

void Session::update_contexts() {
  if (!view_) return;
  std::erase_if(contexts_, [](const auto& context) { return context->is_cancelled; });
  for (const auto& context : contexts_)
    if (context->synced != view_->synced() || !context->touched.isEmpty())
      queue(make_context_update(*this, context));
}

}  // namespace gemel::imap
