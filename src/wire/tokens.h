// Reads and writes the words of a command: atoms, numbers, strings, lists, literals.
//
// Owns     the strings whose escapes had to be undone; everything else is a view of the command. So
//          what is read lives as long as the tokenizer and the frame.
// Threads  one at a time.
// Source   RFC 9051 §4 (data formats), §9 (grammar), RFC 7888, RFC 3516.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/framer.h"

namespace gemel::wire {

/// How deep lists may nest: deeper than any real command, and small enough for recursive readers.
inline constexpr size_t kListDepthMax = 32;

/// A literal as an argument. One that was streamed, or is still to be decided on, has no `bytes`
/// here; `index` counts the literals of the frame, so the user finds what it made of it.
struct LiteralArgument {
  std::string_view bytes = {};
  uint64_t size = 0;
  size_t index = 0;
  bool binary = false;
  bool kept = false;
};

/// A cursor over one command. Every read takes exactly what it names and no space around it; on an
/// error the cursor stays where the trouble is. Cost: each byte is looked at once.
///
/// Errors of every read: kSyntax, with the column and what was expected but never the text itself,
/// for it may be a password. kLimit from open() beyond kListDepthMax.
class Tokenizer {
 public:
  /// `frame` must outlive the tokenizer and stay unchanged. It may end in a literal not yet decided
  /// on.
  explicit Tokenizer(const Frame& frame);
  /// For one line that holds no literal or holds all of them; not for Framer's frames.
  explicit Tokenizer(std::string_view line);

  /// True before the final line end, or at the end of a frame that has none yet.
  bool at_end() const;
  /// The next character, '\0' at the end.
  char peek() const { return cursor_ < text_.size() ? text_[cursor_] : '\0'; }
  /// Takes `c` if it is next.
  bool skip(char c);
  /// Takes `word` if it is next, in any case, and ends there (the next character belongs to no
  /// atom).
  bool skip_word(std::string_view word);
  /// Is `text` next, in any case, whatever follows it?
  bool next_is(std::string_view text) const;
  /// Takes it then.
  bool skip_text(std::string_view text);
  Result<void> expect(char c);
  Result<void> space() { return expect(' '); }
  Result<void> end();

  /// 1*<any ASTRING-CHAR except "+"> (RFC 9051 §9, tag).
  Result<std::string_view> tag();
  /// 1*ATOM-CHAR, stopping also before any of `stops`: `atom("[")` reads BODY of `BODY[TEXT]`.
  Result<std::string_view> atom(std::string_view stops = {});
  /// 32 and 63 bits (RFC 9051 §9, number and number64); a sign or a leading blank is refused.
  Result<uint32_t> number();
  Result<uint64_t> number64();
  /// Like number(), but zero is refused (nz-number).
  Result<uint32_t> nz_number();
  /// The characters of a sequence set, not checked further: digits, ":", ",", "*", "$".
  Result<std::string_view> sequence();
  /// `\Seen`, `keyword`, and `\*` (RFC 9051 §9, flag-perm).
  Result<std::string_view> flag();
  /// `(flag flag)`, may be empty.
  Result<std::vector<std::string_view>> flag_list();

  /// Quoted, or a literal that was kept.
  Result<std::string_view> string();
  /// string, or 1*ASTRING-CHAR: the mailbox name, userid, and so on.
  Result<std::string_view> astring();
  /// As astring, with the wildcards "%" and "*" too (list-mailbox).
  Result<std::string_view> list_mailbox();
  /// string, or NIL as nothing.
  Result<std::optional<std::string_view>> nstring();
  Result<LiteralArgument> literal();

  /// "(" and ")"; between them `peek() == ')'` says that the list is over.
  Result<void> open();
  Result<void> close();
  /// Passes over one value of any kind: atom, flag, string, literal (streamed too), or a whole
  /// list.
  Result<void> skip_value();

  /// Where the cursor stands, for a later tokenizer of the same frame, which may have grown.
  struct Mark {
    size_t cursor = 0;
    size_t next_literal = 0;
    size_t depth = 0;
  };
  Mark mark() const { return {cursor_, next_literal_, depth_}; }
  void resume(const Mark& mark);

  /// What is left of the line, without its end; for texts and base64.
  std::string_view rest();
  /// An error that names the place: `expected <what> at column 7`.
  std::unexpected<Error> wrong(std::string_view what) const;

 private:
  Result<std::string_view> run_of(uint8_t classes, std::string_view what);
  Result<uint64_t> number_up_to(uint64_t max);
  Result<std::string_view> quoted();
  size_t line_end_at(size_t position) const;

  std::string_view text_;
  const Frame* frame_ = nullptr;
  size_t cursor_ = 0;
  size_t next_literal_ = 0;
  size_t depth_ = 0;
  std::list<std::string> unescaped_;
};

/// How a written literal is announced: `{n}` by servers, `{n+}` by those who don't wait (RFC 7888).
enum class LiteralStyle : uint8_t { kPlain, kNonSynchronising };

/// Appends `{n}` or `{n+}` and CRLF; the n bytes come next.
void put_literal_start(std::string& out, uint64_t size, LiteralStyle style = LiteralStyle::kPlain);
/// Appends `text` quoted, or as a literal if it holds CR, LF, NUL or a byte above 127, or is long.
void put_string(std::string& out, std::string_view text, LiteralStyle style = LiteralStyle::kPlain);
/// NIL for nothing.
void put_nstring(std::string& out, std::optional<std::string_view> text,
                 LiteralStyle style = LiteralStyle::kPlain);
/// As an atom where that is possible and can't be taken for NIL.
void put_astring(std::string& out, std::string_view text,
                 LiteralStyle style = LiteralStyle::kPlain);

/// True if `text` can be sent as an atom.
bool is_atom(std::string_view text);

}  // namespace gemel::wire
