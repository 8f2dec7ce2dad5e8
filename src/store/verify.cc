#include "store/impl.h"
#include "store/verifier.h"

namespace gemel {
namespace {

/// The index comes last: what it names is in the other engines by then.
std::vector<std::shared_ptr<const EngineSnapshot>> snapshots_of(const Partitions& partitions) {
  std::vector<std::shared_ptr<const EngineSnapshot>> out(partitions.count());
  for (uint32_t number = partitions.count(); number-- > 0;)
    out[number] = partitions.at(number).engine->snapshot();
  return out;
}

}  // namespace

Verifier::Verifier(const Partitions& partitions, const Options& options)
    : partitions_(&partitions),
      options_(&options),
      snapshots_(snapshots_of(partitions)),
      index_(partitions.index().engine, snapshots_[kIndexEngine]) {}

void Verifier::problem(std::string_view invariant, std::string where, std::string what) {
  if (report_.problems.size() < MailStore::kProblemsMax)
    report_.problems.push_back({std::string(invariant), std::move(where), std::move(what)});
}

Result<MailStore::VerifyReport> Verifier::run() {
  TRY_OK(mailboxes());
  TRY_OK(users());
  if (all_users()) {
    TRY_OK(name_rows());
    TRY_OK(grant_rows());
    TRY_OK(journal());
    TRY_OK(bodies());
  }
  return std::move(report_);
}

Result<MailStore::VerifyReport> MailStore::verify(const VerifyOptions& options) const {
  return Verifier(impl_->partitions, options).run();
}

}  // namespace gemel
