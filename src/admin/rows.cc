#include "admin/rows.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace gemel::admin {

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json row_of(const UserInfo& user) {
  return {{"type", "user"},
          {"user", user.userid},
          {"modseq", user.modseq.value},
          {"created", user.created_s},
          {"deleted", user.deleted_s},
          {"mailboxes", user.mailboxes},
          {"digest", user.digest.text()}};
}

Json row_of(const MailboxInfo& mailbox) {
  Json attributes = Json::object();
  for (const auto& [name, value] : mailbox.attributes) attributes[name] = value;
  return {{"type", "mailbox"},
          {"mailbox", mailbox.name.text()},
          {"id", mailbox.id.text()},
          {"partition", mailbox.partition},
          {"uidvalidity", mailbox.uidvalidity.value},
          {"last_uid", mailbox.last_uid.value},
          {"highestmodseq", mailbox.highestmodseq.value},
          {"recent_uid", mailbox.recent_uid.value},
          {"purged_modseq", mailbox.purged_modseq.value},
          {"created", mailbox.created_s},
          {"deleted", mailbox.deleted_s},
          {"exists", mailbox.exists},
          {"unseen", mailbox.unseen},
          {"bytes", mailbox.bytes},
          {"expunged", mailbox.expunged},
          {"attributes", std::move(attributes)},
          {"digest", mailbox.digest.text()}};
}

Json row_of(const ChannelStatus& channel) {
  Json set_aside = Json::array();
  for (const ChannelStatus::SetAside& item : channel.set_aside)
    set_aside.push_back(
        {{"entity", item.entity}, {"reason", item.reason}, {"retry_in_seconds", item.retry_in_s}});
  return {{"type", "channel"},
          {"channel", channel.name},
          {"address", channel.address},
          {"connected", channel.connected},
          {"paused", channel.paused},
          {"apart", channel.is_apart},
          {"journal_position", channel.journal_position},
          {"changes_behind", channel.changes_behind},
          {"lag_seconds", channel.lag_s},
          {"last_error", channel.last_error},
          {"retry_in_seconds", channel.retry_in_s},
          {"set_aside", std::move(set_aside)},
          {"acknowledge", channel.acknowledge},
          {"acknowledge_away", channel.acknowledge_away},
          {"when_away", channel.when_away},
          {"unacknowledged", channel.unacknowledged},
          {"batches", channel.batches},
          {"round_trips", channel.round_trips},
          {"bytes_up", channel.bytes_up},
          {"bytes_down", channel.bytes_down}};
}

Json row_of(std::string_view channel, const UserLag& lag) {
  return {{"type", "user_lag"},       {"channel", channel},
          {"user", lag.user},         {"changes_behind", lag.changes},
          {"lag_seconds", lag.lag_s}, {"set_aside", lag.set_aside}};
}

Json row_of(const UpstreamStatus& upstream) {
  return {{"type", "upstream"},          {"channel", upstream.channel},
          {"address", upstream.address}, {"role", upstream.role},
          {"term", upstream.term},       {"heard_seconds_ago", upstream.heard_s},
          {"unsent", upstream.unsent}};
}

Json row_of(const NewsFeedStatus& feed) {
  return {{"type", "feed"},
          {"feed", feed.name},
          {"address", feed.address},
          {"connected", feed.connected},
          {"streaming", feed.streaming},
          {"offered", feed.offered},
          {"accepted", feed.accepted},
          {"refused", feed.refused},
          {"deferred", feed.deferred},
          {"last_error", feed.last_error}};
}

Json row_of(const TextIndexStatus& index) {
  return {{"type", "text_index"},
          {"messages", index.messages},
          {"covered", index.covered},
          {"bytes_per_second", index.bytes_per_s}};
}

Json row_of(const ScrubStatus& scrub) {
  return {{"type", "scrub"},
          {"under_way", scrub.is_under_way},
          {"done", scrub.done},
          {"began", scrub.began_s},
          {"ended", scrub.ended_s},
          {"bodies", scrub.bodies},
          {"bytes", scrub.bytes},
          {"lost", scrub.lost},
          {"bytes_per_second", scrub.bytes_per_s}};
}

Json row_of(std::string_view userid, const UserItem& item) {
  std::string value = item.value;
  if (item.key.starts_with("credential/") && !item.deleted) {
    const Sha256 hash = sha256(value);
    value = "sha256:" + to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
  }
  return {{"type", "item"},
          {"user", userid},
          {"key", item.key},
          {"value", std::move(value)},
          {"modseq", item.modseq.value},
          {"deleted", item.deleted}};
}

Json row_of(const MailboxInfo& mailbox, const Record& record) {
  // Keyword bits may stand in another order on a replica: names, sorted, compare.
  Json row = {{"type", "record"},
              {"mailbox", mailbox.name.text()},
              {"id", mailbox.id.text()},
              {"uid", record.state.uid.value},
              {"modseq", record.state.modseq.value},
              {"created_modseq", record.facts.created_modseq.value},
              {"flags", names_of(record.state.flags, mailbox.keywords).text()},
              {"expunged", record.state.expunged},
              {"internaldate", record.facts.internaldate_s},
              {"savedate", record.facts.savedate_s},
              {"size", record.facts.size},
              {"guid", record.facts.guid.text()}};
  if (record.facts.crlf_growth != 0) row["crlf_growth"] = record.facts.crlf_growth;
  if (!record.facts.uidl.empty()) row["uidl"] = record.facts.uidl;
  return row;
}

Json row_of(const MailStore::Problem& problem) {
  return {{"type", "problem"},
          {"invariant", problem.invariant},
          {"where", problem.where},
          {"what", problem.what}};
}

}  // namespace gemel::admin
