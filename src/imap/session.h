// One IMAP connection: its state, its commands one after another, and what it tells.
//
// Bytes come in by receive(), become frames, and a frame becomes a command; a command answers at
// once or leaves works that make its answer in pieces. Only one command runs at a time; what was
// pipelined waits in the framer, and the connection is not read meanwhile.
//
// Owns     the client's view of the selected mailbox; bytes received and not yet used; output made
//          and not yet taken (about Limits::output_piece_bytes).
// Threads  as wire::Session. The watch of IDLE calls only SessionEnv::wake.
// Source   RFC 3501 §3 (states), §5 (operation), RFC 2177 (IDLE).
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/scratch.h"
#include "imap/append.h"
#include "imap/commands.h"
#include "imap/notify.h"
#include "imap/options.h"
#include "imap/own_changes.h"
#include "imap/search.h"
#include "imap/search_context.h"
#include "imap/view.h"
#include "imap/work.h"
#include "store/ack_gate.h"
#include "wire/framer.h"
#include "wire/session.h"

namespace gemel::imap {

/// What a client has enabled, by ENABLE or by a command that implies it (RFC 7162 §3.1).
struct Features {
  bool condstore = false;
  bool qresync = false;
  bool rev2 = false;     // IMAP4rev2 (RFC 9051)
  bool utf8 = false;     // UTF8=ACCEPT (RFC 6855)
  bool uidonly = false;  // message numbers are neither taken nor told (RFC 9586)
};

class Session final : public wire::Session {
 public:
  Session(std::shared_ptr<const Options> options, wire::SessionEnv env);

  // --- wire::Session ---
  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void wake() override { is_woken_ = true; }
  void tls_started() override;
  wire::Compression compression() const override {
    return is_compressed() ? wire::Compression::kDeflate : wire::Compression::kNone;
  }
  bool is_stranger() const override { return userid_.empty(); }
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override;
  void end_of_input() override { is_input_over_ = true; }
  void shut_down() override { is_shutting_down_ = true; }

  // --- what the commands use ---
  const Options& options() const { return *options_; }
  const wire::SessionEnv& env() const { return env_; }
  MailStore& store() const { return options_->store; }
  State state() const;
  const std::string& userid() const { return userid_; }
  /// Only once somebody has logged in.
  const UserAccess& access() const { return *access_; }
  Features& features() { return features_; }
  /// Has FETCH to tell the UID unasked (RFC 7162 §3.2.4: after CONDSTORE too; RFC 9051 §7.5.2)?
  /// UIDFETCH begins with it.
  bool tells_uid() const { return (features_.condstore || features_.rev2) && !features_.uidonly; }
  /// Does the client look at modseqs (RFC 7162 §3.1)?
  bool tells_modseq() const { return features_.condstore; }
  /// How texts beyond ASCII are written (RFC 9051 §5.1, RFC 6855 §3).
  ImapDialect dialect() const {
    return features_.rev2 || features_.utf8 ? ImapDialect::kUtf8 : ImapDialect::kAscii;
  }
  /// A mailbox's name as the client writes it. Errors: as mailbox_of.
  Result<MailboxName> mailbox_named(std::string_view wire_name) const;
  /// As the first command that asks for modseqs does: the client learns where they are counted
  /// from (RFC 7162 §3.1).
  void enable_condstore();
  /// The words after CAPABILITY, as they are now (RFC 3501 §7.2.1).
  std::string capabilities() const;
  bool may_send_password() const;
  wire::Login::Secrets secrets() const {
    return may_send_password() ? wire::Login::Secrets::kMayShow : wire::Login::Secrets::kHidden;
  }
  wire::Login& login() { return login_; }
  /// Memory for a work that may need much: a file takes what is beyond
  /// Limits::scratch_heap_bytes_max. A work may let ScratchFull pass: it ends the command with NO.
  Scratch::Terms scratch() const;

  /// Only while a mailbox is selected.
  View& view() { return *view_; }
  const View& view() const { return *view_; }
  bool has_view() const { return view_.has_value(); }
  void select(View view);
  void unselect() {
    cancel_contexts();
    view_.reset();
  }
  /// The selected mailbox as it is now.
  Result<MailboxView> look() const { return view_->look(store()); }
  /// The user's rights over the selected mailbox as they are now.
  Result<Rights> rights() const;
  /// Errors: kReadOnly with the reason, unless the selected mailbox takes changes.
  Result<void> check_writable() const;
  /// The same, and kDenied without the rights.
  Result<void> check_writable(Rights needed) const;
  /// The known UIDs that a sequence set names, by message number or UID as the command's traits
  /// say; "$" is what SEARCH saved (RFC 5182 §2.1). Errors: kSyntax, kLimit.
  Result<Bitmap> named(const Args& args, std::string_view set) const;
  /// Those of `uids` that one command may work on: all, or the highest, and then its answer tells
  /// the lowest of them (RFC 9738 §3.1).
  Bitmap within_limit(Bitmap uids);
  /// Has it left some out for the command under way?
  bool is_limited() const { return current_->limited_to.has_value(); }
  /// What is done whole or not at all. Errors: kLimit, with MESSAGELIMIT.
  Result<void> check_limit(uint64_t messages) const;
  Result<void> check_limit(const Bitmap& uids) const;
  /// Reads " set" and gives the same.
  Result<Bitmap> read_named(Args& args) const;
  /// All UIDs that a set of UIDs names and that were ever given, known or not.
  Result<Bitmap> uids_in(std::string_view set) const;
  /// The search keys at the end of a command. Errors: as parse_search.
  Result<SearchNode> read_search(Args& args, std::string charset);
  /// A search of the selected mailbox, or of those of its messages that are in `among`.
  Result<Search> start_search(SearchNode root, const std::optional<Bitmap>& among = {});
  /// Changes of the client's own that NOTIFY does not tell it of.
  OwnChanges& own_changes() const { return *own_changes_; }
  /// The client itself made these messages, so it is not told of what they are (RFC 5465 §5.2).
  void note_made(const UniqueId& mailbox, const UidSet& uids);
  /// Those of the selected mailbox, since it was selected.
  const Bitmap& made() const { return made_; }
  void save_search(Bitmap uids) { saved_search_ = std::move(uids); }
  /// The command under way saves what it finds: nothing, if it is answered by NO (RFC 5182 §2.1).
  void will_save_search() { current_->saves_search = true; }
  const Bitmap& saved_search() const { return saved_search_; }

  // Searches whose results the client is told of as they change.
  bool has_context(std::string_view tag) const;
  size_t context_count() const { return contexts_.size(); }
  void add_context(SearchContext context);
  void cancel_context(std::string_view tag);

  /// Untagged text, behind all that is waiting to be said.
  void say(std::string text);
  void queue(std::unique_ptr<Work> work) { works_.push_back(std::move(work)); }
  /// Looks for news of the selected mailbox and queues what is to be told.
  enum class Expunges : uint8_t { kTell, kHoldBack };
  void learn(Expunges expunges);
  /// The client is shown a message's modseq.
  void note_shown(ModSeq modseq) { shown_ = std::max(shown_, modseq); }
  /// RFC 7162 §3.2: who was shown the modseq of a later change must not believe to be past an
  /// expunge, or another change, of which it was not told. Says up to where it was.
  void say_up_to(std::string& out);
  /// Is the client told of messages of the selected mailbox? It is, unless its last NOTIFY left
  /// them out (RFC 5465 §3.1): then the mailbox stays for it as it is.
  bool hears_of_selected() const;
  /// The selected mailbox takes changes while this server is the primary (RFC 3501 §7.1,
  /// READ-ONLY).
  void notice_role();
  /// FLAGS and PERMANENTFLAGS of the selected mailbox (RFC 3501 §7.2.6, §7.1).
  std::string flags_lines() const;
  /// How many messages there are (RFC 3501 §7.3.1, §7.3.2).
  std::string exists_lines() const;

  /// The command under way goes on with the client's next line; nothing means that it wants
  /// another one.
  using LineTaker = std::function<std::optional<Status>(std::string_view line)>;
  void await_line(LineTaker taker) { line_taker_ = std::move(taker); }
  void watch_mailbox();
  void stop_watching() { watch_ = Watch(); }
  /// From now on the client is told of events without asking (RFC 5465).
  void notify_by(Notifier notifier);
  void stop_notifying();
  /// The client has said by NOTIFY what it wants to be told.
  void choose_news() { chooses_news_ = true; }

  /// Errors: kLimit, the user has too many sessions.
  Result<void> log_in(std::string userid);
  /// As if nobody had logged in yet; what one user left is not there for the next (RFC 8437 §3).
  void log_out();
  /// Errors: kAuthFailed, as `error` is; too many of them end the connection.
  std::unexpected<Error> refuse_login(Error error);
  void start_tls() { is_starting_tls_ = true; }
  /// Both directions, once the command under way has been answered.
  void start_compression() { compression_ = Compressing::kStarts; }
  bool is_compressed() const { return compression_ != Compressing::kNo; }
  /// May another user log in on this connection? Compression would have to end with the first
  /// one's session (RFC 8437 §4.1), on both sides at once, so it is not offered then.
  bool may_unauthenticate() const { return options_->offers_unauthenticate && !is_compressed(); }
  /// `* BYE text` when the command under way has been answered, then the connection ends.
  void leave(std::string_view text);
  /// Ends the connection when the command under way has been answered.
  void close_after_reply() { is_leaving_ = true; }
  /// Ends the connection without another word: the client could not read it.
  void abort();
  /// The messages that came before APPEND or REPLACE was whole, or those that need none of the
  /// client's bytes, read to the end of the command. Errors: as AppendIntake.
  Result<AppendIntake> take_append(Args& args);

 private:
  struct Current {
    std::string tag;
    const Command* command;
    Status status;
    bool told_news = false;
    std::optional<Uid> limited_to = {};  // it worked on no message below
    bool saves_search = false;
    bool has_msns = false;  // in its search keys, though it is a UID command
  };

  // kAsked: the answer is said, and what follows it is compressed.
  enum class Compressing : uint8_t { kNo, kStarts, kAsked, kYes };

  // What a work makes goes to `out`, after what output_ had.
  bool advance(std::string& out);
  void step_work(std::string& out);
  Result<Progress> go_on(std::string& out);
  void tell_progress();
  bool finish_command();
  void tell_limit(Completion& completion, Uid lowest);
  bool resume_login();
  bool next_input();
  void on_frame(wire::Frame frame);
  void on_line(std::string_view line);
  void on_literal(const wire::Literal& literal);
  bool take_message(const Command& command, wire::Tokenizer& tokens, const wire::Literal& literal);
  Result<AppendIntake> start_append(wire::Tokenizer& tokens);
  void refuse_literal(const Error& error, ErrorPlace place);
  void close_if_broken();
  void on_framing_error(Error error);
  void dispatch(const wire::Frame& frame);
  Result<const Command*> read_command(wire::Tokenizer& tokens) const;
  Result<const Command*> read_allowed(wire::Tokenizer& tokens) const;
  Result<void> check_allowed(const Command& command) const;
  void reject(std::string_view tag, const Error& error, ErrorPlace place);
  void count_bad(const Error& error);
  void tell(const News& news, Expunges expunges);
  void tell_changed(Bitmap changed);
  void cancel_contexts();
  void tell_contexts_of_gone();
  void note_in_contexts(const Bitmap& changed);
  void update_contexts();
  void tell_arrived(Uid first);
  /// What NOTIFY asks for of the selected mailbox; null: nothing was said of it.
  const NotifyGroup* notified() const { return notifier_ ? notifier_->selected() : nullptr; }
  void catch_up(Expunges expunges);
  void tell_up_to();
  void close_view();
  bool hear_news();
  void tell_notifications();

  std::shared_ptr<const Options> options_;
  wire::SessionEnv env_;
  wire::Login login_;
  AnswerGate gate_;
  std::shared_ptr<OwnChanges> own_changes_;  // behind gate_
  wire::Framer framer_;
  std::string output_;
  std::list<std::unique_ptr<Work>> works_;  // an empty one has no memory
  std::optional<Current> current_;
  LineTaker line_taker_;
  std::unique_ptr<AppendIntake> append_;
  std::string userid_;
  std::optional<UserAccess> access_;
  Features features_;
  std::optional<View> view_;
  Bitmap saved_search_;
  Bitmap made_;
  std::vector<std::shared_ptr<SearchContext>> contexts_;
  Watch watch_;
  std::unique_ptr<Notifier> notifier_;
  Watch notify_watch_;
  std::optional<std::string> bye_;
  int64_t said_ms_ = 0;  // when the client last heard of the command under way
  size_t commands_ = 0;
  size_t bad_in_a_row_ = 0;
  size_t login_failures_ = 0;
  bool has_greeted_ = false;
  bool has_more_ = false;
  bool awaits_replicas_ = false;
  bool is_woken_ = false;
  bool chooses_news_ = false;
  bool has_held_back_ = false;  // the client was told that there is more before a modseq
  ModSeq shown_;                // the highest that it was shown since it was told up to where
  std::optional<wire::SessionCount::Slot> slot_;
  bool is_starting_tls_ = false;
  Compressing compression_ = Compressing::kNo;
  bool is_input_over_ = false;
  bool is_shutting_down_ = false;
  bool is_leaving_ = false;
  bool is_closing_ = false;
};

}  // namespace gemel::imap
