#include "store/witness.h"

#include <utility>

namespace gemel {
namespace {

std::shared_ptr<CommitWitness>& slot() {
  static thread_local std::shared_ptr<CommitWitness> witness;
  return witness;
}

}  // namespace

WitnessScope::WitnessScope(std::shared_ptr<CommitWitness> witness)
    : before_(std::exchange(slot(), std::move(witness))) {}

WitnessScope::~WitnessScope() { slot() = std::move(before_); }

std::shared_ptr<CommitWitness> current_witness() { return slot(); }

}  // namespace gemel
