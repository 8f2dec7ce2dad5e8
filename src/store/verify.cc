// verify: its phases, and how far a step goes.
#include "store/impl.h"
#include "store/verifier.h"
#include "store/verify_mailbox.h"

namespace gemel {
namespace {

constexpr uint64_t kStepRows = 4000;

}  // namespace

const std::vector<Verifier::Phase>& Verifier::phases() {
  // Keys of bodies come before links: whatever chunks are there then have a body that the links
  // lead to, unless they are freed before the stages are looked at again.
  static const std::vector<Phase> all = {
      {"mailbox", &Verifier::mailboxes, true},
      {"users", &Verifier::users, true},
      {"digest", &Verifier::server},
      {"names", &Verifier::name_rows},
      {"rights", &Verifier::grant_rows},
      {"journal", &Verifier::journal},
      {"journal", &Verifier::entities},
      {"keys of bodies", &Verifier::body_keys},
      {"bodies", &Verifier::links},
      {"large bodies", &Verifier::stages},
  };
  return all;
}

Verifier::Verifier(const Partitions& partitions, std::shared_ptr<LostNotes> notes, Options options)
    : partitions_(&partitions), notes_(std::move(notes)), options_(std::move(options)) {}

Verifier::~Verifier() = default;

void Verifier::problem(std::string_view invariant, std::string where, std::string what) {
  if (report_.problems.size() < MailStore::kProblemsMax)
    report_.problems.push_back({std::string(invariant), std::move(where), std::move(what)});
}

/// Whether there is more to spend in this step.
bool Verifier::spend(uint64_t rows) {
  left_ -= std::min(left_, rows);
  return left_ > 0;
}

Result<bool> Verifier::some_rows(const std::string& prefix, std::string& from,
                                 const RowReader::Visit& visit) {
  bool more = false;
  const std::string lower = from.empty() ? prefix : from;
  TRY_OK(index_->scan(lower, key::end_of(prefix),
                      [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                        if (left_ == 0) {
                          from = row_key;
                          more = true;
                          return false;
                        }
                        spend(1);
                        return visit(row_key, value);
                      }));
  if (!more) from.clear();
  return more;
}

Result<bool> Verifier::step() {
  left_ = kStepRows;
  while (left_ > 0 && phase_ < phases().size()) {
    const Phase& phase = phases()[phase_];
    bool more = false;
    if (phase.of_one_user || all_users()) {
      TRY(more, (this->*phase.run)());
    }
    if (more) continue;
    ++phase_;
    next_.clear();
    index_.reset();
  }
  return phase_ < phases().size();
}

std::string Verifier::where() const {
  if (phase_ == phases().size()) return "done";
  const std::string name = phases()[phase_].name;
  return mailbox_ ? name + " " + mailbox_->row.info.name.text() : name;
}

std::unique_ptr<MailStore::Verification> MailStore::begin_verify(VerifyOptions options) const {
  return std::make_unique<Verifier>(impl_->partitions, impl_->lost_notes, std::move(options));
}

Result<MailStore::VerifyReport> MailStore::verify(const VerifyOptions& options) const {
  const std::unique_ptr<Verification> under_way = begin_verify(options);
  while (true) {
    TRY(const bool more, under_way->step());
    if (!more) return under_way->report();
  }
}

}  // namespace gemel
