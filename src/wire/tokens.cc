#include "wire/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"

namespace gemel::wire {
namespace {

enum Class : uint8_t {
  kAtom = 1,      // ATOM-CHAR
  kAstring = 2,   // ASTRING-CHAR
  kList = 4,      // list-char
  kSequence = 8,  // of a sequence-set
  kDigit = 16,
  kTag = 32,
};

constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> out{};
  for (int c = 0x21; c < 0x7f; ++c) out[static_cast<size_t>(c)] = kAtom | kAstring | kList | kTag;
  for (const char c : std::string_view("(){\"\\")) out[static_cast<uint8_t>(c)] = 0;
  for (const char c : std::string_view("%*")) out[static_cast<uint8_t>(c)] = kList;
  out[']'] = kAstring | kList | kTag;
  out['+'] &= static_cast<uint8_t>(~kTag);
  for (int c = '0'; c <= '9'; ++c) out[static_cast<size_t>(c)] |= kSequence | kDigit;
  for (const char c : std::string_view(":,*$")) out[static_cast<uint8_t>(c)] |= kSequence;
  return out;
}

constexpr std::array<uint8_t, 256> kClasses = make_classes();

bool is(char c, uint8_t classes) { return (kClasses[static_cast<uint8_t>(c)] & classes) != 0; }

// A longer string is quicker read, and written, as a literal.
constexpr size_t kQuotedBytesMax = 1024;

bool can_be_quoted(std::string_view text) {
  return text.size() <= kQuotedBytesMax && std::ranges::all_of(text, [](char c) {
           return c != '\0' && c != '\r' && c != '\n' && static_cast<uint8_t>(c) < 0x80;
         });
}

bool all_are(std::string_view text, uint8_t classes) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) { return is(c, classes); });
}

}  // namespace

Tokenizer::Tokenizer(const Frame& frame) : text_(frame.bytes), frame_(&frame) {}
Tokenizer::Tokenizer(std::string_view line) : text_(line) {}

size_t Tokenizer::line_end_at(size_t position) const {
  const std::string_view rest = text_.substr(position);
  if (rest.starts_with('\n')) return 1;
  return rest.starts_with("\r\n") ? 2 : 0;
}

bool Tokenizer::at_end() const { return cursor_ + line_end_at(cursor_) == text_.size(); }

bool Tokenizer::skip(char c) {
  if (cursor_ >= text_.size() || text_[cursor_] != c) return false;
  ++cursor_;
  return true;
}

bool Tokenizer::next_is(std::string_view text) const {
  return equals_ignoring_case(text_.substr(cursor_).substr(0, text.size()), text);
}

bool Tokenizer::skip_text(std::string_view text) {
  if (!next_is(text)) return false;
  cursor_ += text.size();
  return true;
}

bool Tokenizer::skip_word(std::string_view word) {
  const std::string_view rest = text_.substr(cursor_);
  if (!equals_ignoring_case(rest.substr(0, word.size()), word)) return false;
  if (rest.size() > word.size() && is(rest[word.size()], kAtom)) return false;
  cursor_ += word.size();
  return true;
}

std::unexpected<Error> Tokenizer::wrong(std::string_view what) const {
  return fail(Code::kSyntax, fmt::format("expected {} at column {}", what, cursor_ + 1));
}

Result<void> Tokenizer::expect(char c) {
  if (skip(c)) return {};
  return c == ' ' ? wrong("a space") : wrong(fmt::format("\"{}\"", c));
}

Result<void> Tokenizer::end() {
  if (!at_end()) return wrong("the end of the line");
  return {};
}

Result<std::string_view> Tokenizer::run_of(uint8_t classes, std::string_view what) {
  const size_t start = cursor_;
  while (cursor_ < text_.size() && is(text_[cursor_], classes)) ++cursor_;
  if (cursor_ == start) return wrong(what);
  return text_.substr(start, cursor_ - start);
}

Result<std::string_view> Tokenizer::tag() { return run_of(kTag, "a tag"); }

Result<std::string_view> Tokenizer::atom(std::string_view stops) {
  const size_t start = cursor_;
  while (cursor_ < text_.size() && is(text_[cursor_], kAtom) && !stops.contains(text_[cursor_]))
    ++cursor_;
  if (cursor_ == start) return wrong("an atom");
  return text_.substr(start, cursor_ - start);
}

Result<uint64_t> Tokenizer::number_up_to(uint64_t max) {
  const char* const first = text_.data() + cursor_;
  uint64_t value = 0;
  const auto [stop, error] = std::from_chars(first, text_.data() + text_.size(), value);
  if (error != std::errc() || stop == first || value > max) return wrong("a number");
  cursor_ += static_cast<size_t>(stop - first);
  return value;
}

Result<uint32_t> Tokenizer::number() {
  TRY(const uint64_t value, number_up_to(UINT32_MAX));
  return static_cast<uint32_t>(value);
}

Result<uint32_t> Tokenizer::nz_number() {
  const size_t start = cursor_;
  TRY(const uint32_t value, number());
  if (value > 0) return value;
  cursor_ = start;
  return wrong("a number above zero");
}

Result<uint64_t> Tokenizer::number64() { return number_up_to(INT64_MAX); }

Result<std::string_view> Tokenizer::sequence() { return run_of(kSequence, "a sequence set"); }

Result<std::string_view> Tokenizer::flag() {
  const size_t start = cursor_;
  if (skip('\\') && skip('*')) return text_.substr(start, 2);
  TRY_OK(atom());
  return text_.substr(start, cursor_ - start);
}

Result<std::vector<std::string_view>> Tokenizer::flag_list() {
  std::vector<std::string_view> flags;
  TRY_OK(open());
  while (peek() != ')') {
    if (!flags.empty()) TRY_OK(space());
    TRY(flags.emplace_back(), flag());
  }
  TRY_OK(close());
  return flags;
}

Result<std::string_view> Tokenizer::quoted() {
  TRY_OK(expect('"'));
  const size_t start = cursor_;
  std::string* unescaped = nullptr;
  for (; cursor_ < text_.size(); ++cursor_) {
    char c = text_[cursor_];
    if (c == '"') {
      const std::string_view plain = text_.substr(start, cursor_++ - start);
      return unescaped != nullptr ? std::string_view(*unescaped) : plain;
    }
    if (c == '\r' || c == '\n' || c == '\0') break;
    if (c == '\\') {
      if (unescaped == nullptr)
        unescaped = &unescaped_.emplace_back(text_.substr(start, cursor_ - start));
      c = cursor_ + 1 < text_.size() ? text_[cursor_ + 1] : '\0';
      if (c != '"' && c != '\\') break;
      ++cursor_;
    }
    if (unescaped != nullptr) *unescaped += c;
  }
  return wrong("the rest of a quoted string");
}

Result<LiteralArgument> Tokenizer::literal() {
  LiteralArgument out{.index = next_literal_, .binary = skip('~')};
  TRY_OK(expect('{'));
  TRY(out.size, number_up_to(UINT64_MAX));
  skip('+');
  TRY_OK(expect('}'));
  const size_t line_end = line_end_at(cursor_);
  if (line_end == 0) return wrong("a literal's line end");
  const size_t position = cursor_ + line_end;
  if (frame_ != nullptr) {
    if (next_literal_ >= frame_->literals.size() ||
        frame_->literals[next_literal_].position != position)
      return wrong("a literal");
    out.kept = frame_->literals[next_literal_].kept;
  } else {
    out.kept = true;
  }
  if (out.kept && out.size > text_.size() - position) return wrong("a whole literal");
  cursor_ = position;
  ++next_literal_;
  if (!out.kept) return out;
  out.bytes = text_.substr(position, out.size);
  cursor_ += out.size;
  return out;
}

Result<std::string_view> Tokenizer::string() {
  if (peek() == '"') return quoted();
  if (peek() != '{' && peek() != '~') return wrong("a string");
  const size_t start = cursor_;
  TRY(const LiteralArgument read, literal());
  if (read.kept) return read.bytes;
  cursor_ = start;
  --next_literal_;
  return wrong("a string that is not streamed");
}

void Tokenizer::resume(const Mark& mark) {
  cursor_ = mark.cursor;
  next_literal_ = mark.next_literal;
  depth_ = mark.depth;
}

Result<std::string_view> Tokenizer::astring() {
  if (peek() == '"' || peek() == '{') return string();
  return run_of(kAstring, "a string");
}

Result<std::string_view> Tokenizer::list_mailbox() {
  if (peek() == '"' || peek() == '{') return string();
  return run_of(kList, "a mailbox pattern");
}

Result<std::optional<std::string_view>> Tokenizer::nstring() {
  if (skip_word("NIL")) return std::nullopt;
  TRY(const std::string_view text, string());
  return text;
}

Result<void> Tokenizer::open() {
  TRY_OK(expect('('));
  if (++depth_ > kListDepthMax) return fail(Code::kLimit, "lists are nested too deep");
  return {};
}

Result<void> Tokenizer::close() {
  TRY_OK(expect(')'));
  if (depth_ > 0) --depth_;
  return {};
}

Result<void> Tokenizer::skip_value() {
  const size_t outside = depth_;
  do {
    if (peek() == '(') {
      TRY_OK(open());
      if (peek() != ')') continue;
    } else if (peek() == '"') {
      TRY_OK(quoted());
    } else if (peek() == '{' || text_.substr(cursor_).starts_with("~{")) {
      TRY_OK(literal());
    } else {
      skip('\\');
      TRY_OK(run_of(kAstring | kList, "a value"));
    }
    while (depth_ > outside && peek() == ')') TRY_OK(close());
    if (depth_ > outside) TRY_OK(space());
  } while (depth_ > outside);
  return {};
}

std::string_view Tokenizer::rest() {
  std::string_view out = text_.substr(cursor_);
  cursor_ = text_.size();
  if (out.ends_with('\n')) {
    out.remove_suffix(1);
    --cursor_;
    if (out.ends_with('\r')) {
      out.remove_suffix(1);
      --cursor_;
    }
  }
  return out;
}

void put_literal_start(std::string& out, uint64_t size, LiteralStyle style) {
  fmt::format_to(std::back_inserter(out), "{{{}{}}}\r\n", size,
                 style == LiteralStyle::kNonSynchronising ? "+" : "");
}

void put_string(std::string& out, std::string_view text, LiteralStyle style) {
  if (!can_be_quoted(text)) {
    put_literal_start(out, text.size(), style);
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void put_nstring(std::string& out, std::optional<std::string_view> text, LiteralStyle style) {
  if (text)
    put_string(out, *text, style);
  else
    out += "NIL";
}

void put_astring(std::string& out, std::string_view text, LiteralStyle style) {
  if (all_are(text, kAstring) && !equals_ignoring_case(text, "NIL"))
    out += text;
  else
    put_string(out, text, style);
}

bool is_atom(std::string_view text) { return all_are(text, kAtom); }

}  // namespace gemel::wire
