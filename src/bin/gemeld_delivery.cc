#include "bin/gemeld_delivery.h"

#include <fmt/format.h>
#include <time.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>

#include "base/log.h"

namespace gemel::bin {
namespace {

constexpr int64_t kDayS = 86'400;
constexpr std::string_view kScriptExtension = ".sieve";
// What a new script may not ask for where no mail leaves the server, and where no scanner's header
// field is known.
constexpr std::array<std::string_view, 4> kNeedOutgoing = {"enotify", "fcc", "vacation",
                                                           "vacation-seconds"};
constexpr std::array<std::string_view, 2> kNeedSpamScore = {"spamtest", "spamtestplus"};
constexpr std::array<std::string_view, 1> kNeedVirusScore = {"virustest"};

Result<std::string> contents_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(Code::kNotFound, fmt::format("the file {} can't be read", path));
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

int32_t zone_minutes(int64_t unix_s) {
  const time_t moment = unix_s;
  struct tm local{};
  localtime_r(&moment, &local);
  return static_cast<int32_t>(local.tm_gmtoff / 60);
}

sieve::ScoreSource score_source(const ScoreConfig& config) {
  using Kind = sieve::ScoreSource::Kind;
  sieve::ScoreSource out;
  out.field = config.field;
  out.kind = config.kind == ScoreConfig::Kind::kNumber       ? Kind::kNumber
             : config.kind == ScoreConfig::Kind::kCharacters ? Kind::kCharacters
                                                             : Kind::kWord;
  out.behind = config.behind;
  out.max = static_cast<double>(config.max);
  for (const auto& [word, score] : config.words)
    out.words.emplace_back(word, static_cast<double>(score));
  return out;
}

delivery::RecipientRules recipient_rules(const LmtpConfig& config) {
  using Rules = delivery::RecipientRules;
  Rules out;
  switch (config.lookup) {
    case LmtpConfig::Lookup::kAddress:
      out.lookup = Rules::Lookup::kAddress;
      break;
    case LmtpConfig::Lookup::kLocalPart:
      out.lookup = Rules::Lookup::kLocalPart;
      break;
    case LmtpConfig::Lookup::kAddressThenLocalPart:
      out.lookup = Rules::Lookup::kAddressThenLocalPart;
      break;
  }
  out.letter_case = config.letter_case == LmtpConfig::LetterCase::kFolded ? Rules::Case::kFolded
                                                                          : Rules::Case::kExact;
  out.detail_separator = config.detail_separator;
  out.postmaster = config.postmaster;
  out.catch_all = config.catch_all;
  return out;
}

delivery::Options delivery_options(const Config& config) {
  delivery::Options out{.hostname = config.hostname, .rules = recipient_rules(config.lmtp)};
  out.duplicates_s = config.lmtp.duplicates_days * kDayS;
  out.limits.redirects_max = config.sieve.redirects_max;
  out.spamtest = score_source(config.sieve.spamtest);
  out.virustest = score_source(config.sieve.virustest);
  out.local_zone_minutes = zone_minutes;
  return out;
}

lmtp::Options lmtp_options(const Config& config) {
  lmtp::Options out{.hostname = config.hostname};
  out.message_bytes_max = config.message_bytes_max;
  out.recipients_max = config.lmtp.recipients_max;
  out.over_quota = config.lmtp.over_quota == LmtpConfig::OverQuota::kPermanent
                       ? lmtp::Options::OverQuota::kPermanent
                       : lmtp::Options::OverQuota::kTemporary;
  out.allow = config.lmtp.allow;
  out.peers = std::make_shared<wire::PeerCount>(config.lmtp.connections_per_address);
  out.auth = config.lmtp.auth == LmtpConfig::Auth::kRequired ? lmtp::Options::Auth::kRequired
                                                             : lmtp::Options::Auth::kOffered;
  return out;
}

}  // namespace

Delivery::Delivery(const Config& config, const Parts& parts)
    : config_(config),
      parts_(parts),
      scripts_({.limits = {.script_bytes_max = config.sieve.script_bytes_max},
                .disabled_extensions = config.sieve.disabled_extensions}) {}

Result<std::unique_ptr<Delivery>> Delivery::make(const Config& config, const Parts& parts) {
  std::unique_ptr<Delivery> out(new Delivery(config, parts));
  if (config.outgoing.is_on())
    out->outbox_ = std::make_unique<Outbox>(parts.store, config.outgoing.queue_max);
  TRY_OK(out->make_login());
  out->make_options();
  TRY_OK(out->load());
  return out;
}

Result<void> Delivery::make_login() {
  if (config_.lmtp.user.empty()) return {};
  TRY(lmtp_credential_, ConfiguredCredential::make(config_.lmtp.user, config_.lmtp.password));
  return {};
}

void Delivery::make_options() {
  compile_.limits.script_bytes_max = config_.sieve.script_bytes_max;
  compile_.disabled_extensions = config_.sieve.disabled_extensions;
  const auto disable = [this](std::span<const std::string_view> extensions) {
    compile_.disabled_extensions.insert(compile_.disabled_extensions.end(), extensions.begin(),
                                        extensions.end());
  };
  if (!outbox_) disable(kNeedOutgoing);
  if (config_.sieve.spamtest.field.empty()) disable(kNeedSpamScore);
  if (config_.sieve.virustest.field.empty()) disable(kNeedVirusScore);
  deliverer_ = std::make_unique<delivery::Deliverer>(delivery::Services{.store = parts_.store,
                                                                        .clock = system_clock(),
                                                                        .access = parts_.access,
                                                                        .aliases = aliases_,
                                                                        .scripts = scripts_,
                                                                        .outbox = outbox_.get()},
                                                     delivery_options(config_));
  lmtp_ = lmtp_options(config_);
  lmtp_.credentials = lmtp_credential_.get();
  lmtp_.server_secret = parts_.server_secret;
  lmtp_.login_guard = parts_.login.guard;
  managesieve_ = std::make_shared<managesieve::Options>(managesieve::Options{
      .store = parts_.store,
      .clock = system_clock(),
      .random = system_random(),
      .credentials = parts_.users,
      .server_secret = parts_.server_secret,
      .login = parts_.login,
      .plaintext_auth = config_.plaintext_auth == Config::PlaintextAuth::kAnywhere
                            ? managesieve::PlaintextAuth::kAnywhere
                            : managesieve::PlaintextAuth::kOnTlsOrLocal,
      .quota = {.scripts_max = config_.sieve.scripts_max,
                .script_bytes_max = config_.sieve.script_bytes_max},
      .compile = compile_,
      .redirects_max = config_.sieve.redirects_max,
      .peers = std::make_shared<wire::PeerCount>(config_.managesieve.connections_per_address),
      .ack_gate = &parts_.ack_gate});
}

Result<void> Delivery::load() {
  delivery::Aliases aliases;
  if (!config_.lmtp.aliases.empty()) {
    TRY(const std::string text, contents_of(config_.lmtp.aliases));
    auto parsed = delivery::Aliases::parse(text);
    if (!parsed)
      return fail(parsed.error().code,
                  fmt::format("{}: {}", config_.lmtp.aliases, parsed.error().text));
    aliases = *std::move(parsed);
  }
  std::map<std::string, std::string, std::less<>> scripts;
  if (!config_.sieve.global_scripts.empty()) {
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(config_.sieve.global_scripts, error)) {
      if (entry.path().extension() != kScriptExtension) continue;
      TRY(scripts[entry.path().stem().string()], contents_of(entry.path().string()));
    }
    if (error) return fail(Code::kNotFound, config_.sieve.global_scripts + ": " + error.message());
  }
  for (const auto& [name, text] : scripts)
    if (const Result<void> checked = check_script(name, text); !checked)
      log::warn("global script \"{}\" has mistakes: {}", name, checked.error().text);
  aliases_.set(std::move(aliases));
  scripts_.set_global(std::move(scripts));
  return {};
}

Result<void> Delivery::check_script(std::string_view name, std::string_view text) const {
  if (!sieve::is_script_name(name)) return fail(Code::kInvalid, "that is no script's name");
  const sieve::Compiled compiled = sieve::compile(text, compile_);
  if (!compiled.script) return fail(Code::kInvalid, sieve::text_of(compiled.errors));
  return {};
}

wire::SessionFactory Delivery::lmtp_sessions() const {
  return lmtp::session_factory(
      {parts_.store, system_clock(), system_random(), *deliverer_, &parts_.ack_gate}, lmtp_);
}

wire::SessionFactory Delivery::managesieve_sessions() const {
  return managesieve::session_factory(managesieve_);
}

void Delivery::start_sending(net::Network& network) {
  if (outbox_)
    outgoing_ = std::make_unique<Outgoing>(parts_.store, *outbox_, network,
                                           OutgoingSetup{config_.outgoing, config_.hostname});
}

void Delivery::stop_sending() {
  if (outgoing_) outgoing_->stop();
}

}  // namespace gemel::bin
