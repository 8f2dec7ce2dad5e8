// Any bytes to the framer and the tokenizer: the steps don't depend on where the bytes are cut,
// what is kept stays within its limits, every read moves within the command, and what is written
// reads back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "wire/compression.h"
#include "wire/dot_stuffing.h"
#include "wire/framer.h"
#include "wire/sasl.h"
#include "wire/tokens.h"

namespace {

using namespace gemel;
using namespace gemel::wire;

constexpr FramerLimits kLimits{.line_bytes_max = 128,
                               .literal_bytes_max = 256,
                               .literals_max = 4,
                               .command_bytes_max = 512,
                               .skip_bytes_max = 1024};

// What to do with a literal follows from its size alone, so that every cut decides alike.
void decide(Framer& framer, const Literal& literal) {
  if (literal.size % 3 == 0)
    static_cast<void>(framer.keep());
  else if (literal.size % 3 == 1)
    framer.stream();
  else
    framer.refuse();
}

void read_back(std::string_view text) {
  std::string written;
  put_string(written, text, LiteralStyle::kNonSynchronising);
  written += ' ';
  put_astring(written, text);
  Tokenizer tokens(written);
  CHECK(tokens.string() == text && tokens.space() && tokens.astring() == text && tokens.at_end());
}

// Reads the frame by the choices of `script`, a read a byte, until one fails.
void read_words(const Frame& frame, std::string_view script) {
  Tokenizer tokens(frame);
  for (const char choice : script) {
    bool went_well = false;
    switch (static_cast<uint8_t>(choice) % 14) {
      case 0:
        went_well = tokens.tag().has_value();
        break;
      case 1:
        went_well = tokens.atom("[").has_value();
        break;
      case 2:
        went_well = tokens.number64().has_value();
        break;
      case 3:
        went_well = tokens.sequence().has_value();
        break;
      case 4:
        went_well = tokens.flag_list().has_value();
        break;
      case 5:
        went_well = tokens.nstring().has_value();
        break;
      case 6:
        went_well = tokens.list_mailbox().has_value();
        break;
      case 7:
        went_well = tokens.literal().has_value();
        break;
      case 8:
        went_well = tokens.open().has_value();
        break;
      case 9:
        went_well = tokens.close().has_value();
        break;
      case 10:
        went_well = tokens.skip_value().has_value();
        break;
      case 11:
        went_well = tokens.space().has_value();
        break;
      case 12:
        went_well = tokens.skip_word("NIL");
        break;
      default:
        if (const Result<std::string_view> text = tokens.astring()) {
          went_well = true;
          read_back(*text);
        }
    }
    if (!went_well) break;
  }
  CHECK(tokens.rest().size() <= frame.bytes.size());
  CHECK(tokens.at_end());
}

std::string steps_of(std::string_view input, size_t piece, std::string_view script) {
  Framer framer(kLimits);
  std::string seen;
  while (!framer.is_broken()) {
    const Result<std::optional<Step>> step = framer.next();
    CHECK(framer.frame().bytes.size() <= kLimits.command_bytes_max);
    CHECK(framer.frame().literals.size() <= kLimits.literals_max);
    if (!step) {
      seen += 'E';
      seen += name_of(step.error().code);
    } else if (!*step) {
      if (input.empty()) break;
      framer.feed(input.substr(0, piece));
      input.remove_prefix(std::min(piece, input.size()));
    } else if ((*step)->kind == Step::Kind::kCommand) {
      seen += 'C';
      seen += (*step)->frame.bytes;
      CHECK((*step)->frame.bytes.size() <= kLimits.command_bytes_max);
      read_words((*step)->frame, script);
    } else if ((*step)->kind == Step::Kind::kLiteral) {
      seen += 'L';
      read_words(framer.frame(), script);
      decide(framer, (*step)->literal);
    } else {
      seen += (*step)->bytes;
    }
  }
  return seen;
}

void try_the_others(std::string_view input) {
  DotUnstuffer unstuffer;
  std::string text;
  CHECK(unstuffer.take(input, text) <= input.size());
  CHECK(text.size() <= input.size());
  for (const Compression kind : {Compression::kDeflate, Compression::kZstd}) {
    const auto decompressor = make_decompressor(kind);
    decompressor->feed(input);
    for (int pieces = 0; pieces < 8; ++pieces) {
      std::string out;
      const Result<size_t> count = decompressor->read(out, 4096);
      CHECK(out.size() <= 4096);
      if (!count || *count == 0) break;
    }
  }
  static_cast<void>(parse_scram_credential(input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kHead = 17;  // a piece size, and the reads to try
  if (size < kHead) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view input = bytes.substr(kHead);
  const std::string_view script = bytes.substr(1, kHead - 1);
  const std::string whole = steps_of(input, SIZE_MAX, script);
  CHECK(steps_of(input, 1, script) == whole);
  CHECK(steps_of(input, static_cast<size_t>(data[0] % 64) + 2, script) == whole);
  try_the_others(input);
  return 0;
}
