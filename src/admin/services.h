// What the admin protocol needs of the server around it. gemeld fills it in; tests give their own.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "expire/run.h"
#include "store/mail_store.h"
#include "store/sieve_scripts.h"
#include "store/text_indexer.h"

namespace gemel::admin {

/// One replica's channel as it stands.
struct ChannelStatus {
  struct SetAside {
    std::string entity;  // a mailbox or user by name
    std::string reason;
    int64_t retry_in_s = 0;
  };
  std::string name;
  std::string address;  // "host:port"
  bool connected = false;
  bool paused = false;
  bool is_apart = false;  // nothing is to be sent there now; last_error says why
  uint64_t journal_position = 0;
  uint64_t changes_behind = 0;  // mailboxes and users with changes not yet on the replica
  double lag_s = 0;             // age of the oldest change not yet on the replica
  std::string last_error;       // empty: none since it last worked
  int64_t retry_in_s = 0;       // 0: not waiting
  std::vector<SetAside> set_aside;
  std::string acknowledge = "local";  // what answers to clients wait for
  bool acknowledge_away = false;      // they can't now, as when_away says
  std::string when_away = "degraded";
  uint64_t unacknowledged = 0;  // changes that were not waited for as they should
  uint64_t batches = 0;
  uint64_t round_trips = 0;
  uint64_t bytes_up = 0;  // as on the wire, before TLS
  uint64_t bytes_down = 0;
};

/// Users behind that a status tells of, for each channel.
inline constexpr size_t kUserLagsMax = 1000;
/// What one user's mail on a channel's replica lacks.
struct UserLag {
  std::string user;
  uint64_t changes = 0;  // mailboxes, and the user's own data
  double lag_s = 0;
  uint64_t set_aside = 0;
};

/// A feed of newsgroups to another server; counts are of articles, since the start.
struct NewsFeedStatus {
  std::string name;
  std::string address;  // "host:port"
  bool connected = false;
  bool streaming = false;
  uint64_t offered = 0;
  uint64_t accepted = 0;
  uint64_t refused = 0;
  uint64_t deferred = 0;
  std::string last_error;  // empty: none since it last worked
};

struct Listener {
  std::string service;  // "imap", "imaps", "lmtp", "sync"
  std::string address;  // "127.0.0.1:143" or a socket's path
};

/// What `gemel sync` asks for. Nothing named: everything.
struct SyncRequest {
  enum class Link : uint8_t { kLasting, kFresh };
  enum class Effect : uint8_t { kSend, kDryRun, kVerify, kRepair };
  std::string channel;  // empty: the only one, or all
  std::vector<std::string> users;
  std::vector<MailboxName> mailboxes;
  Link link = Link::kLasting;
  Effect effect = Effect::kSend;
};

struct SyncOutcome {
  Result<void> result;
  std::vector<std::string>
      actions;  // for people, one a mailbox or user; what a dry run would do; what differs
  uint64_t round_trips = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
};

/// One who sends changes to this server.
struct UpstreamStatus {
  std::string channel;  // as it calls itself
  std::string address;
  std::string role;
  std::string term;
  double heard_s = 0;   // ago
  uint64_t unsent = 0;  // mailboxes and users, as it said last
};

/// `gemel promote` and `gemel demote`.
struct RoleRequest {
  enum class Effect : uint8_t { kChange, kDryRun } effect = Effect::kChange;
  enum class Force : uint8_t { kNo, kYes } force = Force::kNo;
  int64_t wait_ms = 1500;  // demote: for the replicas to have everything
};
inline constexpr uint64_t kRoleWaitMsMax = 3'600'000;
struct RoleOutcome {
  Result<void> result;
  std::string role;  // as it is, or would be
  std::string term;
};

/// The pass over all bodies that is under way, or the last one.
struct ScrubStatus {
  bool is_under_way = false;
  double done = 0;      // how much of all, from 0 to 1
  int64_t began_s = 0;  // unix time; 0: never
  int64_t ended_s = 0;
  uint64_t bodies = 0;
  uint64_t bytes = 0;
  uint64_t lost = 0;
  uint64_t bytes_per_s = 0;  // 0: there is no scrub
};

/// A mailbox that each new user gets besides INBOX.
struct DefaultMailbox {
  std::string path;
  std::string special_use;  // "\Sent"; empty: none
};

struct Services {
  MailStore* store = nullptr;
  Clock* clock = &system_clock();
  std::string hostname;
  std::vector<DefaultMailbox> default_mailboxes;
  expire::Defaults expire = {};
  std::string news_prefix = "news";  // of the mailboxes that are newsgroups

  /// The items that let a user log in with `password`.
  std::function<Result<std::vector<MailStore::NewItem>>(std::string_view password)>
      credential_of_password;
  /// The same for an imported crypt(3) hash.
  std::function<Result<std::vector<MailStore::NewItem>>(std::string_view hash)> credential_of_hash;
  /// Have a Sieve script's name and text mistakes? Errors: kInvalid, which.
  std::function<Result<void>(std::string_view name, std::string_view text)> check_script =
      [](std::string_view, std::string_view) { return Result<void>(); };
  ScriptQuota script_quota = {};
  std::function<std::vector<Listener>()> listeners = [] { return std::vector<Listener>(); };
  std::function<std::vector<ChannelStatus>()> channels = [] {
    return std::vector<ChannelStatus>();
  };
  /// Of each channel, the users behind, those who wait longest first.
  std::function<std::map<std::string, std::vector<UserLag>>()> users_behind = [] {
    return std::map<std::string, std::vector<UserLag>>();
  };
  std::function<std::vector<UpstreamStatus>()> upstreams = [] {
    return std::vector<UpstreamStatus>();
  };
  std::function<std::vector<NewsFeedStatus>()> news_feeds = [] {
    return std::vector<NewsFeedStatus>();
  };
  std::function<TextIndexStatus()> text_index = [] { return TextIndexStatus(); };
  std::function<ScrubStatus()> scrub = [] { return ScrubStatus(); };
  /// This server's term, in words.
  std::function<std::string()> term = [] { return std::string(); };
  /// `done` is called once, from any thread. The error of a demotion may come after it: then it
  /// says what was not sent.
  std::function<void(RoleRequest, std::function<void(RoleOutcome)> done)> promote;
  std::function<void(RoleRequest, std::function<void(RoleOutcome)> done)> demote;
  /// Starts a sync; `done` is called once, from any thread.
  std::function<void(SyncRequest, std::function<void(SyncOutcome)> done)> sync;
  /// A paused channel keeps its link but sends only when asked. Errors: kNotFound.
  enum class Flow : uint8_t { kPause, kResume };
  std::function<Result<void>(std::string_view channel, Flow)> set_flow;
};

}  // namespace gemel::admin
