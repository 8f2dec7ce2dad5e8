// Promotion and demotion, and the terms of both.
#include <fmt/format.h>

#include <algorithm>

#include "store/impl.h"

namespace gemel {

Role MailStore::role() const { return impl_->committer->role(); }
Term MailStore::term() const { return impl_->committer->terms().own; }
Term MailStore::heard() const { return impl_->committer->terms().heard; }

Result<Term> MailStore::promote(Term above) {
  const std::lock_guard lock(impl_->role_mutex);
  TRY(const Term begun, impl_->commit<Term>(Purpose::kRole, [above](Commit& commit) {
    MetaRow& meta = commit.meta();
    const uint64_t seen = std::max({meta.term.epoch, meta.heard.epoch, above.epoch});
    meta.role = StoredRole::kPrimary;
    meta.term = {seen + 1, meta.origin};
    meta.heard = meta.term;
    commit.put_meta();
    return Result<Term>(meta.term);
  }));
  impl_->committer->admit_writes();
  return begun;
}

Result<void> MailStore::demote(std::optional<Term> heard) {
  const std::lock_guard lock(impl_->role_mutex);
  impl_->committer->refuse_writes();
  TRY_OK(impl_->commit<bool>(Purpose::kRole, [heard](Commit& commit) {
    MetaRow& meta = commit.meta();
    meta.role = StoredRole::kReplica;
    meta.heard = std::max(meta.heard, heard.value_or(Term()));
    commit.put_meta();
    return Result<bool>(true);
  }));
  return {};
}

Result<void> MailStore::follow(Term term) {
  const std::lock_guard lock(impl_->role_mutex);
  if (role() == Role::kPrimary) return fail(Code::kReadOnly, "this server is a primary");
  TRY_OK(impl_->commit<bool>(Purpose::kRole, [term](Commit& commit) -> Result<bool> {
    MetaRow& meta = commit.meta();
    if (meta.role == StoredRole::kReplica && meta.term == term) return true;
    if (term < meta.term)
      return fail(Code::kInvalid, fmt::format("term {} is before {}, which this server follows",
                                              term.epoch, meta.term.epoch));
    meta.role = StoredRole::kReplica;  // a demotion may have met a full disk
    meta.term = term;
    meta.heard = std::max(meta.heard, term);
    commit.put_meta();
    return true;
  }));
  return {};
}

}  // namespace gemel
