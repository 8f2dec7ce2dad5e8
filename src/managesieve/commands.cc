// The commands that are about scripts, and those about nothing (RFC 5804 §2.3 to §2.13).
#include <fmt/format.h>

#include "base/log.h"
#include "mail/charset.h"
#include "managesieve/session.h"

namespace gemel::managesieve {
namespace {

// " NAME": a script's name as it may be given. Errors: kSyntax; kInvalid.
Result<std::string> read_name(wire::Tokenizer& args) {
  TRY_OK(args.space());
  TRY(const std::string_view name, args.string());
  if (!sieve::is_script_name(name)) return fail(Code::kInvalid, "that is no script's name");
  return std::string(name);
}

// A script's mistakes, or what it may not mean. Errors: kInvalid, the mistakes, a line each.
Result<Reply> check(std::string_view text, const sieve::CompileOptions& options) {
  if (!is_utf8(text)) return fail(Code::kInvalid, "the script is not UTF-8");  // RFC 5228 §2.1
  const sieve::Compiled compiled = sieve::compile(text, options);
  if (!compiled.script) return fail(Code::kInvalid, sieve::text_of(compiled.errors));
  if (compiled.warnings.empty()) return Reply();
  return Reply{.code = "WARNINGS", .text = sieve::text_of(compiled.warnings)};
}

}  // namespace

Result<Reply> Session::cmd_capability(wire::Tokenizer& args) {
  TRY_OK(args.end());
  output_ += capabilities();
  return Reply();
}

Result<Reply> Session::cmd_logout(wire::Tokenizer& args) {
  TRY_OK(args.end());
  is_closing_ = true;
  return Reply{.text = "goodbye"};
}

Result<Reply> Session::cmd_noop(wire::Tokenizer& args) {
  if (!args.skip(' ')) {
    TRY_OK(args.end());
    return Reply{.text = "done"};
  }
  TRY(const std::string_view tag, args.string());
  TRY_OK(args.end());
  std::string code = "TAG ";
  wire::put_string(code, tag);
  return Reply{.code = std::move(code), .text = "done"};
}

Result<Reply> Session::cmd_havespace(wire::Tokenizer& args) {
  TRY(const std::string name, read_name(args));
  TRY_OK(args.space());
  TRY(const uint64_t bytes, args.number64());
  TRY_OK(args.end());
  TRY_OK(scripts().check_room(name, bytes, options_->quota));
  return Reply();
}

Result<Reply> Session::cmd_putscript(wire::Tokenizer& args) {
  TRY(const std::string name, read_name(args));
  TRY_OK(args.space());
  TRY(const std::string_view text, args.string());
  TRY_OK(args.end());
  TRY_OK(scripts().check_room(name, text.size(), options_->quota));
  TRY(Reply reply, check(text, options_->compile));
  TRY_OK(scripts().put(name, text, options_->clock.unix_s()));
  log::info("managesieve put user={} script=\"{}\" bytes={}", userid_, name, text.size());
  return reply;
}

Result<Reply> Session::cmd_checkscript(wire::Tokenizer& args) {
  TRY_OK(args.space());
  TRY(const std::string_view text, args.string());
  TRY_OK(args.end());
  return check(text, options_->compile);
}

Result<Reply> Session::cmd_listscripts(wire::Tokenizer& args) {
  TRY_OK(args.end());
  TRY(const std::vector<SieveScripts::Listed> all, scripts().list());
  for (const SieveScripts::Listed& script : all) {
    wire::put_string(output_, script.name);
    output_ += script.is_active ? " ACTIVE\r\n" : "\r\n";
  }
  return Reply();
}

// RFC 5804 §2.8: the empty name leaves none active.
Result<Reply> Session::cmd_setactive(wire::Tokenizer& args) {
  TRY_OK(args.space());
  TRY(const std::string_view name, args.string());
  TRY_OK(args.end());
  TRY_OK(scripts().activate(name, options_->clock.unix_s()));
  log::info("managesieve active user={} script=\"{}\"", userid_, name);
  return Reply();
}

Result<Reply> Session::cmd_getscript(wire::Tokenizer& args) {
  TRY_OK(args.space());
  TRY(const std::string_view name, args.string());
  TRY_OK(args.end());
  TRY(const SieveScripts::Script script, scripts().get(name));
  wire::put_literal_start(output_, script.text.size());
  output_ += script.text + "\r\n";
  return Reply();
}

Result<Reply> Session::cmd_deletescript(wire::Tokenizer& args) {
  TRY_OK(args.space());
  TRY(const std::string_view name, args.string());
  TRY_OK(args.end());
  TRY_OK(scripts().remove(name));
  log::info("managesieve delete user={} script=\"{}\"", userid_, name);
  return Reply();
}

Result<Reply> Session::cmd_renamescript(wire::Tokenizer& args) {
  TRY_OK(args.space());
  TRY(const std::string_view from, args.string());
  TRY(const std::string to, read_name(args));
  TRY_OK(args.end());
  TRY_OK(scripts().rename(from, to, options_->clock.unix_s()));
  return Reply();
}

}  // namespace gemel::managesieve
