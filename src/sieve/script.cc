#include "sieve/script.h"

#include <fmt/format.h>

#include <algorithm>

#include "mail/charset.h"
#include "sieve/checker.h"
#include "sieve/modifiers.h"
#include "sieve/program.h"
#include "sieve/syntax.h"

namespace gemel::sieve {

Script::Script(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Script::~Script() = default;
const std::vector<std::string>& Script::required() const { return program_->required; }
size_t Script::size() const { return program_->text_bytes; }

const Argument* Node::find(Tag tag) const {
  for (const auto& [each, argument] : tags)
    if (each == tag) return &argument;
  return nullptr;
}

std::string text_of(std::span<const Remark> remarks) {
  std::string out;
  for (const Remark& remark : remarks) {
    if (!out.empty()) out += "\r\n";
    out += fmt::format("line {}, column {}: {}", remark.position.line, remark.position.column,
                       remark.text);
  }
  return out;
}

Compiled compile(std::string_view text, const CompileOptions& options) {
  auto syntax = parse_syntax(text, options.limits);
  if (!syntax) return {.script = nullptr, .errors = {std::move(syntax).error()}, .warnings = {}};
  Checker checker(options);
  auto program = checker.check(std::move(*syntax));
  Compiled out = {.script = nullptr, .errors = checker.errors(), .warnings = checker.warnings()};
  for (std::vector<Remark>* remarks : {&out.errors, &out.warnings})
    std::ranges::sort(*remarks, {}, [](const Remark& each) {
      return std::pair(each.position.line, each.position.column);
    });
  if (!out.errors.empty()) return out;
  program->text_bytes = text.size();
  out.script = std::make_shared<const Script>(std::move(program));
  return out;
}

bool is_script_name(std::string_view name) {
  if (name.empty() || !is_utf8(name)) return false;
  if (character_count(name) > kScriptNameCharactersMax) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte < ' ' || byte == 0x7f) return false;
    // RFC 5804 §1.6: nor U+0080 to U+009F, U+2028, U+2029.
    if (byte == 0xc2 && static_cast<unsigned char>(name[i + 1]) < 0xa0) return false;
    if (name.substr(i, 3) == "\xe2\x80\xa8" || name.substr(i, 3) == "\xe2\x80\xa9") return false;
  }
  return true;
}

}  // namespace gemel::sieve
