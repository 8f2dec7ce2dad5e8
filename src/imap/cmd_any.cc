// CAPABILITY, NOOP, LOGOUT (RFC 3501 §6.1), ID (RFC 2971), COMPRESS (RFC 4978).

#include <fmt/format.h>

#include "base/bytes.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

// RFC 2971 §3.3: at most 30 pairs.
constexpr size_t kIdPairsMax = 30;

Result<void> skip_id_parameters(wire::Tokenizer& tokens) {
  if (tokens.skip_word("NIL")) return {};
  TRY_OK(tokens.open());
  for (size_t pairs = 0; tokens.peek() != ')'; ++pairs) {
    if (pairs == kIdPairsMax) return fail(Code::kLimit, "too many ID parameters");
    if (pairs > 0) TRY_OK(tokens.space());
    TRY_OK(tokens.string());
    TRY_OK(tokens.space());
    TRY_OK(tokens.nstring());
  }
  return tokens.close();
}

}  // namespace

Status cmd_capability(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  session.say(fmt::format("* CAPABILITY {}\r\n", session.capabilities()));
  return Completion();
}

Status cmd_compress(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY(const std::string_view mechanism, args.tokens.atom());
  TRY_OK(args.tokens.end());
  if (!equals_ignoring_case(mechanism, "DEFLATE"))
    return fail(Code::kUnsupported, "only DEFLATE is here");
  // RFC 4978 §3: with COMPRESSIONACTIVE, a NO.
  if (session.is_compressed()) return fail(Code::kBusy, "compression is on already");
  session.start_compression();
  return Completion{.text = "what follows is compressed"};
}

// The news that NOOP and CHECK are for is told at the end of every command.
Status cmd_noop(Session&, Args& args) {
  TRY_OK(args.tokens.end());
  return Completion();
}

Status cmd_logout(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  session.unselect();
  // RFC 3501 §6.1.3: BYE comes before the tagged OK.
  session.say("* BYE goodbye\r\n");
  session.close_after_reply();
  return Completion();
}

Status cmd_id(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY_OK(skip_id_parameters(args.tokens));
  TRY_OK(args.tokens.end());
  session.say("* ID (\"name\" \"Gemel\" \"version\" \"" GEMEL_VERSION "\")\r\n");
  return Completion();
}

}  // namespace gemel::imap
