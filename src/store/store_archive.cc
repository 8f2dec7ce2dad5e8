// Messages whose bytes go to another partition than their mailbox.
#include <set>

#include "store/impl.h"

namespace gemel {
namespace {

// One transaction's share: enough to be quick, little enough to let others in.
constexpr size_t kArchivedBodiesMax = 256;
constexpr uint64_t kArchivedBytesMax = 8 << 20;

using Messages = std::vector<std::pair<Uid, RecordFacts>>;

Result<Messages> messages_of(const MailboxView& view, const UidSet& uids) {
  TRY(const auto states, view.states(uids, MailboxView::Include::kExpungedToo));
  UidSet existing;
  for (const RecordState& state : states) existing.add(state.uid);
  TRY(std::vector<RecordFacts> facts, view.facts(existing));
  Messages out;
  for (size_t i = 0; i < facts.size(); ++i) out.emplace_back(states[i].uid, std::move(facts[i]));
  return out;
}

}  // namespace

Result<UidSet> MailStore::archive(const UniqueId& mailbox, const UidSet& uids,
                                  std::string_view partition) {
  TRY(const uint32_t to, impl_->partitions.find(partition));
  TRY(const MailboxView view, this->view(mailbox));
  TRY(const uint32_t from, impl_->partitions.find(view.info().partition));
  TRY(const Messages messages, messages_of(view, uids));
  UidSet out;
  for (size_t at = 0; at < messages.size();) {
    const size_t first = at;
    std::vector<BodyPlace> places;
    for (uint64_t bytes = 0;
         at < messages.size() && places.size() < kArchivedBodiesMax && bytes < kArchivedBytesMax;
         ++at) {
      places.push_back({from, messages[at].second.guid});
      bytes += messages[at].second.size;
    }
    TRY(const auto gone, impl_->commit<std::vector<BodyPlace>>(
                             Purpose::kRestore,
                             [places, to, pins = impl_->shared_pins](
                                 Commit& commit) -> Result<std::vector<BodyPlace>> {
                               // A copy would have the row and not the chunks.
                               if (pins->holds_all())
                                 return fail(Code::kBusy, "a checkpoint is under way");
                               return commit.bodies().archive(places, to);
                             }));
    const std::set<BodyPlace> went(gone.begin(), gone.end());
    for (size_t i = first; i < at; ++i)
      if (went.contains({from, messages[i].second.guid})) out.add(messages[i].first);
  }
  return out;
}

}  // namespace gemel
