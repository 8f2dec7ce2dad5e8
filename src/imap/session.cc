#include "imap/session.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "base/give_back.h"
#include "base/log.h"

namespace gemel::imap {
namespace {

// A search that finds nothing must not keep its thread for ever: after so many steps the session
// lets others run.
constexpr size_t kStepsMax = 64;

constexpr std::string_view kReplicaReason =
    "this server is a replica and takes no changes; make them on the primary";

wire::FramerLimits limits_before_login(const Limits& limits) {
  return {.line_bytes_max = limits.line_bytes_before_login_max,
          .literal_bytes_max = limits.command_bytes_before_login_max,
          .literals_max = limits.literals_max,
          .command_bytes_max = limits.command_bytes_before_login_max,
          .skip_bytes_max = limits.command_bytes_before_login_max};
}

wire::FramerLimits limits_after_login(const Limits& limits) {
  // The size of a message is checked where APPEND can answer for it.
  return {.line_bytes_max = limits.line_bytes_max,
          .literal_bytes_max = UINT64_MAX,
          .literals_max = limits.literals_max,
          .command_bytes_max = limits.command_bytes_max};
}

// RFC 9208 §5: a capability for each resource.
std::string quota_capabilities() {
  std::string out;
  for (const QuotaKind& kind : kQuotaKinds) out += fmt::format(" QUOTA=RES-{}", kind.wire_name);
  return out;
}

// RFC 9738 §3: one or the other.
std::string limit_capability(const Limits& limits) {
  if (limits.messages_per_command_max == 0) return {};
  return fmt::format(" {}={}",
                     limits.limited == Limits::Limited::kAll ? "MESSAGELIMIT" : "SAVELIMIT",
                     limits.messages_per_command_max);
}

/// The lowest of the `count` highest.
uint32_t lowest_of(const Bitmap& uids, uint64_t count) {
  uint32_t lowest = 0;
  uids.select(static_cast<uint32_t>(uids.cardinality() - count), &lowest);
  return lowest;
}

std::shared_ptr<OwnChanges> own_changes_behind(const AnswerGate& gate) {
  const WitnessScope witnessed = gate.scope();
  return std::make_shared<OwnChanges>(current_witness());
}

}  // namespace

std::unique_ptr<wire::Session> make_session(std::shared_ptr<const Options> options,
                                            wire::SessionEnv env) {
  return std::make_unique<Session>(std::move(options), std::move(env));
}

Session::Session(std::shared_ptr<const Options> options, wire::SessionEnv env)
    : options_(std::move(options)),
      env_(std::move(env)),
      login_({.credentials = options_->credentials,
              .random = options_->random,
              .clock = options_->clock,
              .server_secret = options_->server_secret,
              .services = options_->login},
             env_),
      gate_(options_->ack_gate, env_.wake),
      own_changes_(own_changes_behind(gate_)),
      framer_(limits_before_login(options_->limits)) {}

State Session::state() const {
  if (view_) return kSelected;
  return userid_.empty() ? kNotAuthenticated : kAuthenticated;
}

bool Session::may_send_password() const {
  return env_.is_tls || env_.is_local || options_->plaintext_auth == PlaintextAuth::kAnywhere;
}

std::string Session::capabilities() const {
  std::string out = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE";
  if (!userid_.empty())
    return out + limit_capability(options_->limits) +
           " ACL RIGHTS=" + std::string(kNewRightLetters) +
           " NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE CONDSTORE QRESYNC QUOTA QUOTASET" +
           quota_capabilities() +
           " METADATA NOTIFY ESEARCH SEARCHRES WITHIN CONTEXT=SEARCH MULTISEARCH PARTIAL "
           "SEARCH=FUZZY "
           "SORT "
           "SORT=DISPLAY ESORT"
           " THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS I18NLEVEL=1"
           " LIST-EXTENDED LIST-METADATA LIST-MYRIGHTS LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE"
           " STATUS=SIZE BINARY CATENATE MULTIAPPEND OBJECTID PREVIEW REPLACE SAVEDATE "
           "UIDBATCHES UTF8=ACCEPT UIDONLY INPROGRESS" +
           (may_unauthenticate() ? " UNAUTHENTICATE" : "") +
           (is_compressed() ? "" : " COMPRESS=DEFLATE") +
           fmt::format(" APPENDLIMIT={}", options_->limits.message_bytes_max);
  if (env_.can_tls && !env_.is_tls) out += " STARTTLS";
  if (!may_send_password()) out += " LOGINDISABLED";
  return out + " " + login_.mechanisms(secrets(), "AUTH=");
}

void Session::receive(std::string_view bytes) { framer_.feed(bytes); }

wire::Want Session::want() const {
  if (is_closing_) return wire::Want::kClose;
  if (has_more_) return wire::Want::kMore;
  if (awaits_replicas_ || login_.is_waiting()) return wire::Want::kWake;
  if (is_starting_tls_) return wire::Want::kTls;
  if (compression_ == Compressing::kAsked) return wire::Want::kCompression;
  return wire::Want::kInput;
}

std::optional<int64_t> Session::input_timeout_ms() const {
  if (!is_stranger()) return options_->limits.idle_timeout_ms;
  return login_.left_ms(options_->limits.login_timeout_ms);
}

void Session::timed_out() {
  stop_watching();
  stop_notifying();
  output_ += "* BYE nothing heard for too long\r\n";
  is_closing_ = true;
}

void Session::tls_started() {
  is_starting_tls_ = false;
  env_.is_tls = true;
  // What came before the handshake was not protected (RFC 3501 §6.2.1).
  framer_.drop_buffered();
}

void Session::produce(std::string& out, size_t bytes_max) {
  const WitnessScope witnessed(own_changes_);
  const size_t start = out.size();
  if (compression_ == Compressing::kAsked) compression_ = Compressing::kYes;
  if (!std::exchange(has_greeted_, true))
    say(fmt::format("* OK [CAPABILITY {}] {} ready\r\n", capabilities(), options_->hostname));
  has_more_ = false;
  for (size_t steps = 0;; ++steps) {
    out += output_;
    output_.clear();
    if (is_closing_) {
      slot_.reset();  // the connection may linger
      return;
    }
    if (out.size() - start >= bytes_max || steps == kStepsMax) {
      has_more_ = true;
      return;
    }
    if (!advance(out)) break;
  }
  give_back(output_);  // an idle session keeps no room for output
}

bool Session::advance(std::string& out) {
  if (!works_.empty()) {
    step_work(out);
    return true;
  }
  if (current_ && !line_taker_) return finish_command();
  if (is_starting_tls_) return false;
  if (compression_ == Compressing::kStarts) {
    compression_ = Compressing::kAsked;
    return false;
  }
  if (is_shutting_down_) {
    output_ += "* BYE the server is stopping\r\n";
    is_closing_ = true;
    return true;
  }
  if (login_.is_waiting()) return resume_login();
  if (std::exchange(is_woken_, false) && hear_news()) return true;
  if (next_input()) return true;
  is_closing_ = is_closing_ || is_input_over_;
  return false;
}

Scratch::Terms Session::scratch() const {
  return {.directory = options_->scratch_directory,
          .heap_bytes_max = options_->limits.scratch_heap_bytes_max,
          .file_bytes_max = options_->limits.scratch_file_bytes_max};
}

Result<Progress> Session::go_on(std::string& out) {
  try {
    return works_.front()->step(out);
  } catch (const ScratchFull& full) {
    return fail(Code::kNoSpace, full.what());
  }
}

void Session::step_work(std::string& out) {
  const size_t before = out.size();
  const Result<Progress> progress = go_on(out);
  if (out.size() > before || !output_.empty()) said_ms_ = options_->clock.monotonic_ms();
  if (is_closing_) return;
  if (!progress) {
    works_.clear();
    if (current_)
      current_->status = std::unexpected(progress.error());
    else
      log::warn("imap user={} news failed: {}", userid_, progress.error().text);
  } else if (*progress == Progress::kDone) {
    works_.pop_front();
  } else {
    tell_progress();
  }
}

// RFC 9585: a client that waits for long is told that it does not wait in vain.
void Session::tell_progress() {
  const std::optional<Done> done = works_.front()->done();
  const int64_t now_ms = options_->clock.monotonic_ms();
  if (!done || !current_ || now_ms - said_ms_ < options_->limits.progress_every_ms) return;
  said_ms_ = now_ms;
  // RFC 9585 §4: a tag with "]" can't be told in a response code; a goal is not reached yet.
  const std::string& tag = current_->tag;
  output_ += "* OK [INPROGRESS (";
  output_ += tag.contains(']') ? "NIL" : fmt::format("\"{}\"", tag);
  if (done->count < done->goal)
    output_ += fmt::format(" {} {})] still at work\r\n", done->count, done->goal);
  else
    output_ += " NIL NIL)] still at work\r\n";
}

// False: the replicas are still to say that they have what it changed.
bool Session::finish_command() {
  const bool is_opening = (current_->command->traits & kOpens) != 0;
  if (!std::exchange(current_->told_news, true) && view_ && !is_opening) {
    const bool holds_numbers = (current_->command->traits & kUsesMsn) != 0 || current_->has_msns;
    const Expunges expunges = holds_numbers ? Expunges::kHoldBack : Expunges::kTell;
    // The numbers of what is left, and HIGHESTMODSEQ, say something only where all is told.
    const bool tells_all = current_->status && current_->status->tell_modseq == TellModSeq::kYes;
    if (tells_all)
      learn(expunges);
    else
      catch_up(expunges);
    update_contexts();
    if (!tells_all) tell_up_to();
    if (!works_.empty()) return true;
  }
  const std::optional<Result<void>> verdict = gate_.verdict();
  awaits_replicas_ = !verdict;
  if (!verdict) return false;
  if (!*verdict && current_->status) current_->status = std::unexpected(verdict->error());
  Current done = *std::exchange(current_, std::nullopt);
  append_.reset();
  if (done.status) {
    bad_in_a_row_ = 0;
    Completion& completion = *done.status;
    if (completion.tell_modseq == TellModSeq::kYes && features_.condstore && view_)
      completion.code = fmt::format("[HIGHESTMODSEQ {}]", view_->told().value);
    if (done.limited_to) tell_limit(completion, *done.limited_to);
    if (completion.text.empty()) completion.text = fmt::format("{} completed", done.command->name);
    put_ok(output_, done.tag, completion.code, completion.text);
  } else {
    own_changes_->forget();
    if (done.saves_search && !is_bad(done.status.error().code)) saved_search_ = Bitmap();
    reject(done.tag, done.status.error(), done.command->error_place());
  }
  if (bye_) output_ += fmt::format("* BYE {}\r\n", *bye_);
  is_closing_ = is_closing_ || is_leaving_ || bye_;
  return true;
}

// RFC 9738 §3.1: where the answer has another code, it is told before.
void Session::tell_limit(Completion& completion, Uid lowest) {
  std::string code =
      fmt::format("[MESSAGELIMIT {} {}]", options_->limits.messages_per_command_max, lowest.value);
  if (completion.code.empty())
    completion.code = std::move(code);
  else
    output_ += fmt::format("* NO {} this was done for the last messages only\r\n", code);
}

void Session::reject(std::string_view tag, const Error& error, ErrorPlace place) {
  put_error(output_, tag, error, place);
  count_bad(error);
}

void Session::count_bad(const Error& error) {
  if (!is_bad(error.code)) {
    bad_in_a_row_ = 0;
  } else if (++bad_in_a_row_ >= options_->limits.bad_commands_max) {
    output_ += "* BYE too many bad commands\r\n";
    is_closing_ = true;
  }
}

void Session::say(std::string text) {
  if (works_.empty())
    output_ += text;
  else
    queue(std::make_unique<TextWork>(std::move(text)));
}

Result<void> Session::log_in(std::string userid) {
  if (options_->user_sessions != nullptr) {
    slot_ = options_->user_sessions->enter(userid);
    if (!slot_) return fail(Code::kLimit, "this user has too many sessions");
  }
  userid_ = std::move(userid);
  access_.emplace(options_->store, options_->access, userid_);
  framer_.set_limits(limits_after_login(options_->limits));
  return {};
}

void Session::log_out() {
  unselect();
  stop_watching();
  stop_notifying();
  chooses_news_ = false;
  slot_.reset();
  userid_.clear();
  access_.reset();
  features_ = {};
  saved_search_ = Bitmap();
  commands_ = 0;
  login_.begin_anew();
  framer_.set_limits(limits_before_login(options_->limits));
}

// False: what it waits for has not come.
bool Session::resume_login() {
  const std::optional<Result<wire::SaslStep>> step = login_.resume();
  if (!step) return false;
  std::optional<Status> status = take_login_step(*this, *step);
  if (!status) return true;
  line_taker_ = nullptr;
  current_->status = *std::move(status);
  return true;
}

std::unexpected<Error> Session::refuse_login(Error error) {
  log::info("imap login refused peer={} reason={}", env_.peer_address, name_of(error.code));
  if (++login_failures_ >= options_->limits.login_failures_max) leave("too many failed logins");
  // Whether the password or the wish to act for another was wrong is nobody's business.
  if (error.code == Code::kDenied) error.code = Code::kAuthFailed;
  return std::unexpected(std::move(error));
}

void Session::leave(std::string_view text) { bye_ = text; }

void Session::abort() {
  stop_watching();
  stop_notifying();
  is_closing_ = true;
}

void Session::watch_mailbox() {
  if (!view_) return;
  watch_ = store().watch(view_->id(), [wake = env_.wake](const Published&) { wake(); });
  // What came between the last look and the watch is not missed.
  is_woken_ = true;
}

Result<void> Session::check_writable() const {
  // It may have become a replica since the mailbox was selected.
  if (store().role() == Role::kReplica) return fail(Code::kReadOnly, std::string(kReplicaReason));
  if (view_->is_read_only()) return fail(Code::kReadOnly, "the mailbox was opened by EXAMINE");
  return {};
}

Result<Rights> Session::rights() const {
  TRY(const MailboxInfo mailbox, store().find(view_->id()));
  return access_->rights(mailbox);
}

Result<void> Session::check_writable(Rights needed) const {
  TRY_OK(check_writable());
  TRY_OK(access_->find(view_->id(), needed));
  return {};
}

Result<void> Session::check_allowed(const Command& command) const {
  if ((command.states & state()) == 0)
    return fail(Code::kSyntax, fmt::format("{} can't be used in this state", command.name));
  if (features_.uidonly && (command.traits & kNumbers) != 0) return uid_required();
  if ((command.traits & kWrites) != 0 && store().role() == Role::kReplica)
    return fail(Code::kReadOnly, std::string(kReplicaReason));
  return {};
}

Result<Bitmap> Session::named(const Args& args, std::string_view set) const {
  if (set == "$") return saved_search_ & view_->known();
  TRY(const Sequence sequence, parse_sequence(set, options_->limits.sequence_ranges_max));
  if (args.has(kUsesUids)) return view_->by_uid(sequence);
  return view_->by_msn(sequence);
}

Bitmap Session::within_limit(Bitmap uids) {
  const Limits& limits = options_->limits;
  const uint64_t count = uids.cardinality();
  if (limits.messages_per_command_max == 0 || limits.limited == Limits::Limited::kSaving ||
      count <= limits.messages_per_command_max)
    return uids;
  const uint32_t lowest = lowest_of(uids, limits.messages_per_command_max);
  current_->limited_to = Uid(lowest);
  return members_between(uids, lowest, UINT32_MAX);
}

Result<void> Session::check_limit(uint64_t messages) const {
  const uint64_t most = options_->limits.messages_per_command_max;
  if (most == 0 || messages <= most) return {};
  return fail(Code::kLimit, fmt::format("[MESSAGELIMIT {}] too many messages", most));
}

Result<void> Session::check_limit(const Bitmap& uids) const {
  const uint64_t most = options_->limits.messages_per_command_max;
  if (most == 0 || uids.cardinality() <= most) return {};
  return fail(Code::kLimit,
              fmt::format("[MESSAGELIMIT {} {}] too many messages", most, lowest_of(uids, most)));
}

Result<Bitmap> Session::read_named(Args& args) const {
  TRY_OK(args.tokens.space());
  TRY(const std::string_view set, args.tokens.sequence());
  return named(args, set);
}

Result<SearchNode> Session::read_search(Args& args, std::string charset) {
  const Limits& limits = options_->limits;
  TRY(SearchNode root, parse_search(args.tokens,
                                    {.keys_max = limits.search_keys_max,
                                     .depth_max = limits.search_depth_max,
                                     .ranges_max = limits.sequence_ranges_max,
                                     .text_bytes_max = limits.search_text_bytes_max},
                                    std::move(charset)));
  current_->has_msns = root.contains(SearchNode::Numbers::kMsn);
  if (features_.uidonly && current_->has_msns) return uid_required();
  return root;
}

Result<Search> Session::start_search(SearchNode root, const std::optional<Bitmap>& among) {
  // RFC 7162 §3.1: whoever searches for modseqs knows what they are.
  if (root.contains(SearchNode::Kind::kModSeq)) enable_condstore();
  bind_numbers(root, *view_, saved_search_);
  TRY(MailboxView mailbox, look());
  TRY(Search search,
      Search::start(
          std::move(root), *view_, std::move(mailbox),
          {.now_s = options_->clock.unix_s(), .text_index = options_->text_index, .among = among}));
  const Limits& limits = options_->limits;
  if (among || limits.limited == Limits::Limited::kSaving) return search;
  if (current_->command->run == cmd_search) {
    search.limit_to(within_limit(search.to_look_at()));
  } else {  // RFC 9738 §3.3: an order of some of them would be of no use
    TRY_OK(check_limit(search.found().cardinality() + search.to_look_at().cardinality()));
  }
  return search;
}

Result<MailboxName> Session::mailbox_named(std::string_view wire_name) const {
  return mailbox_of(*access_, wire_name, dialect());
}

void Session::enable_condstore() {
  if (std::exchange(features_.condstore, true) || !view_) return;
  say(fmt::format("* OK [HIGHESTMODSEQ {}] changes are counted from here\r\n",
                  view_->told().value));
}

Result<Bitmap> Session::uids_in(std::string_view set) const {
  if (set == "$") return saved_search_;
  TRY(const Sequence sequence, parse_sequence(set, options_->limits.sequence_ranges_max));
  // "*" goes up to the last one, so that it is told if that is gone.
  return view_->uids_up_to(view_->last_uid(), sequence);
}

}  // namespace gemel::imap
