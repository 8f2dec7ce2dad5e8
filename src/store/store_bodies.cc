// Bodies that were lost: found, marked, told of, restored; and the scrub that looks for them.
#include <fmt/format.h>

#include "store/body_read.h"
#include "store/impl.h"

namespace gemel {
namespace {

/// Of one transaction: each may be read whole on the committer's thread, to be sure that it is
/// lost.
constexpr size_t kMarkedAtOnceMax = 16;

/// Marks those of `places` that a record holds and that are not intact now, and gives them. What a
/// reader saw may have changed since, so each is looked at again.
Result<std::vector<BodyPlace>> mark_lost(Commit& commit, const std::vector<BodyPlace>& places) {
  std::vector<BodyPlace> out;
  CommitBodies& bodies = commit.bodies();
  for (const BodyPlace& place : places) {
    TRY(const bool linked, bodies.is_linked(place));
    if (!linked) continue;
    TRY(const bool known, bodies.is_lost(place));
    if (!known) {
      if (bodies.is_intact(place)) continue;
      bodies.mark_lost(place);
    }
    out.push_back(place);
  }
  return out;
}

/// One pass over bodies of a scrub.
struct Findings {
  std::vector<BodyPlace> suspects;
  std::vector<BodyPlace> marked_but_well;
  std::vector<std::pair<BodyPlace, std::string>> summaries;  // of bodies that have none
  uint64_t bodies = 0;
  uint64_t bytes = 0;
};

Result<void> look_at(const Partitions& partitions, const BodyPlace& place, Findings& out) {
  const Engine& engine = *partitions.at(place.partition).engine;
  ++out.bodies;
  const auto row = read_body_row(engine, nullptr, place.guid);
  const bool intact = row && *row && is_intact(partitions, place, **row);
  if (row && *row) out.bytes += size_of(**row);
  if (!intact) {
    out.suspects.push_back(place);
    return {};
  }
  TRY(const auto mark, engine.get(Table::kIndex, key::lost(place.guid)));
  if (mark) out.marked_but_well.push_back(place);
  if ((*row)->chunked.chunks > 0) return {};
  TRY(const auto summary, engine.get(Table::kIndex, key::summary(place.guid)));
  if (summary && Summary::decode(*summary)) return {};
  if (auto made = summarize((*row)->inline_bytes))
    out.summaries.emplace_back(place, *std::move(made));
  return {};
}

/// What a scrub found becomes marks. Gives what is lost.
Result<std::vector<BodyPlace>> settle_marks(Commit& commit, const Findings& found) {
  CommitBodies& bodies = commit.bodies();
  for (const BodyPlace& place : found.marked_but_well)
    if (bodies.is_intact(place)) bodies.unmark(place);
  for (const auto& [place, summary] : found.summaries) {
    TRY(const bool linked, bodies.is_linked(place));
    if (linked) bodies.put_summary(place, summary);
  }
  return mark_lost(commit, found.suspects);
}

/// How far `guid` is among all: they are evenly spread.
double fraction_of(const Guid& guid) {
  double out = 0;
  for (size_t at = 4; at-- > 0;) out = (out + guid.bytes[at]) / 256;
  return out;
}

/// Where a scrub goes on.
Result<std::string> lower_of(std::string_view cursor) {
  if (cursor.empty()) return "l";
  if (!cursor.starts_with('l') || cursor.size() <= sizeof(Guid::bytes))
    return fail(Code::kInvalid, "a cursor that no scrub gave");
  return key::end_of(std::string(cursor));
}

}  // namespace

std::future<Result<bool>> MailStore::Impl::mark_noted() {
  return submit<bool>(Purpose::kRead, [notes = lost_notes](Commit& commit) -> Result<bool> {
    TRY(const auto marked, mark_lost(commit, notes->take(kMarkedAtOnceMax)));
    return !marked.empty();
  });
}

Result<bool> MailStore::has_lost_bodies() const {
  bool found = false;
  for (uint32_t number = 0; number < impl_->partitions.count() && !found; ++number)
    TRY_OK(SnapshotReader(impl_->partitions.at(number).engine)
               .scan(std::string(key::kLost), key::end_of(std::string(key::kLost)),
                     [&](std::string_view, std::string_view) -> Result<bool> {
                       found = true;
                       return false;
                     }));
  return found;
}

Result<std::vector<MailStore::LostBody>> MailStore::lost_bodies(
    const std::optional<LostBody>& after, size_t count_max) const {
  // Behind what readers asked for; more than once, for the committer takes only some at a time.
  // Where they can't be marked now, the next reader notes them again.
  for (size_t left = LostNotes::kNotesMax; left > 0 && !impl_->options.read_only; --left)
    if (!impl_->mark_noted().get() || !impl_->lost_notes->any()) break;
  std::vector<LostBody> out;
  uint32_t number = 0;
  std::string lower(key::kLost);
  if (after) {
    TRY(number, impl_->partitions.find(after->partition));
    lower = key::lost(after->guid) + '\0';
  }
  for (; number < impl_->partitions.count(); ++number) {
    const Partition& its = impl_->partitions.at(number);
    TRY_OK(SnapshotReader(its.engine)
               .scan(lower, key::end_of(std::string(key::kLost)),
                     [&](std::string_view row_key, std::string_view) -> Result<bool> {
                       if (out.size() == count_max) return false;
                       out.push_back({Guid::from_view(row_key.substr(1)), its.name});
                       return true;
                     }));
    lower = key::kLost;
  }
  return out;
}

Result<std::vector<BodyHolder>> MailStore::holders(const LostBody& body, size_t count_max) const {
  TRY_OK(impl_->partitions.find(body.partition));
  std::vector<BodyHolder> out;
  TRY_OK(impl_->now().scan_prefix(key::links(body.guid, body.partition),
                                  [&](std::string_view row_key, std::string_view) -> Result<bool> {
                                    if (out.size() == count_max) return false;
                                    TRY(const key::Link link, key::decode_link(row_key));
                                    out.push_back({link.holder.mailbox, link.holder.uid});
                                    return true;
                                  }));
  return out;
}

Result<void> MailStore::restore_body(const StagedBody& body, std::string_view partition) {
  TRY(const uint32_t number, impl_->partitions.find(partition));
  const BodyPlace place{number, body.guid()};
  TRY_OK(impl_->commit<bool>(Purpose::kRestore, [place, body](Commit& commit) -> Result<bool> {
    CommitBodies& bodies = commit.bodies();
    TRY(const bool linked, bodies.is_linked(place));
    if (!linked)
      return fail(Code::kNotFound, fmt::format("no record holds body {}", place.guid.text()));
    const bool intact = bodies.is_intact(place);
    TRY(const bool lost, bodies.is_lost(place));
    if (intact && lost) bodies.unmark(place);
    if (intact) return false;
    bodies.mark_lost(place);  // so that store() does not take what is there for the body
    TRY_OK(bodies.store(place.partition, body));
    return true;
  }));
  return {};
}

Result<MailStore::Scrubbed> MailStore::scrub(std::string_view cursor, uint64_t bytes_max) {
  if (impl_->options.read_only) return fail(Code::kReadOnly, "the store is open to read only");
  TRY(std::string lower, lower_of(cursor));
  Scrubbed out;
  Findings found;
  const Partitions& partitions = impl_->partitions;
  while (true) {
    const auto links = partitions.index().engine->scan(Table::kIndex, lower, "m");
    if (!links->valid()) {
      TRY_OK(links->status());
      out.next.clear();
      break;
    }
    if (found.bodies > 0 && (found.bytes >= bytes_max || found.bodies >= kScrubBodiesMax)) {
      out.done = fraction_of(Guid::from_view(lower.substr(1, sizeof(Guid::bytes))));
      break;
    }
    TRY(const key::Link link, key::decode_link(links->key()));
    // A link in a partition that is not configured has no body here that could be read.
    if (const auto number = partitions.find(link.partition))
      TRY_OK(look_at(partitions, {*number, link.guid}, found));
    out.next = link.prefix;
    lower = key::end_of(out.next);
  }
  out.bodies = found.bodies;
  out.bytes = found.bytes;
  if (found.suspects.empty() && found.marked_but_well.empty() && found.summaries.empty())
    return out;
  TRY(const auto lost,
      impl_->commit<std::vector<BodyPlace>>(
          Purpose::kRead, [found](Commit& commit) { return settle_marks(commit, found); }));
  for (const BodyPlace& place : lost)
    out.lost.push_back({place.guid, partitions.at(place.partition).name});
  return out;
}

Result<void> MailStore::reclaim(std::atomic<bool>& stop) const {
  if (impl_->options.read_only) return fail(Code::kReadOnly, "the store is open to read only");
  for (const std::shared_ptr<Engine>& engine : impl_->partitions.engines())
    TRY_OK(engine->reclaim(stop));
  return {};
}

}  // namespace gemel
