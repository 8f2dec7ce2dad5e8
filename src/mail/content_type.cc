#include "mail/content_type.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/rfc822_lexer.h"
#include "mail/transfer_encoding.h"

namespace gemel {
namespace {

/// One "name=value"; nothing if what stands there has no '='. Always moves on.
std::optional<MimeParameter> read_parameter(Rfc822Lexer& lexer) {
  MimeParameter out;
  out.name = to_lower(lexer.until(" \t\r\n;="));
  lexer.skip_cfws();
  if (!lexer.at('=')) return std::nullopt;
  lexer.skip();
  lexer.skip_cfws();
  // Unquoted values may hold any bytes but white space and ';': boundaries with '=' and '/' in them
  // are common, although RFC 2045 §5.1 wants them quoted.
  out.value = lexer.at('"') ? lexer.quoted_string() : std::string(lexer.until(" \t\r\n;"));
  if (out.name.empty()) return std::nullopt;
  return out;
}

/// The bytes of one RFC 2231 §4 piece, and the charset if it is the first and encoded.
struct Piece {
  std::string bytes;
  std::string charset;
};

enum class PiecePlace { kFirst, kLater };

Piece decode_piece(const MimeParameter& parameter, PiecePlace place) {
  if (!parameter.name.ends_with('*')) return {.bytes = parameter.value, .charset = {}};
  std::string_view value = parameter.value;
  Piece out;
  if (place == PiecePlace::kFirst) {
    const size_t charset_end = value.find('\'');
    const size_t language_end =
        charset_end == std::string_view::npos ? charset_end : value.find('\'', charset_end + 1);
    if (language_end != std::string_view::npos) {
      out.charset = value.substr(0, charset_end);
      value.remove_prefix(language_end + 1);
    }
  }
  out.bytes = decode_percent(value);
  return out;
}

const MimeParameter* find_parameter(const std::vector<MimeParameter>& parameters,
                                    std::string_view name) {
  const auto found = std::ranges::find(parameters, name, &MimeParameter::name);
  return found == parameters.end() ? nullptr : &*found;
}

/// The piece called `stem` ("name*0"), or the encoded one of that place ("name*0*").
const MimeParameter* find_piece(const std::vector<MimeParameter>& parameters,
                                const std::string& stem) {
  const MimeParameter* plain = find_parameter(parameters, stem);
  return plain != nullptr ? plain : find_parameter(parameters, stem + "*");
}

std::string decode_whole(const MimeParameter& parameter) {
  const Piece piece = decode_piece(parameter, PiecePlace::kFirst);
  return to_utf8(piece.bytes, piece.charset);
}

struct Joined {
  std::string text;  // UTF-8
  size_t pieces;     // 0: there is no first one
};
Joined join(const std::vector<MimeParameter>& parameters, std::string_view stem) {
  std::string bytes;
  std::string charset;
  const std::string start = std::string(stem) + "*";
  for (size_t number = 0;; ++number) {
    const MimeParameter* found = find_piece(parameters, start + std::to_string(number));
    if (found == nullptr) return {.text = to_utf8(bytes, charset), .pieces = number};
    Piece piece = decode_piece(*found, number == 0 ? PiecePlace::kFirst : PiecePlace::kLater);
    bytes += piece.bytes;
    if (number == 0) charset = std::move(piece.charset);
  }
}

/// Octets that were encoded may be such as no line has.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

/// What `parameter` is among the others in IMAP4rev2; nothing if it went into one before it.
std::optional<MimeParameter> joined(const std::vector<MimeParameter>& parameters,
                                    const MimeParameter& parameter) {
  const size_t star = parameter.name.find('*');
  if (star == std::string::npos) return parameter;
  const std::string stem = parameter.name.substr(0, star);
  std::string_view number = std::string_view(parameter.name).substr(star + 1);
  const bool is_encoded = parameter.name.ends_with('*');
  if (number.empty()) return MimeParameter{parameter.name, one_line(decode_whole(parameter))};
  number.remove_suffix(is_encoded ? 1 : 0);
  Joined whole = join(parameters, stem);
  if (number == "0")
    return MimeParameter{is_encoded ? stem + "*" : stem, one_line(std::move(whole.text))};
  const Result<uint64_t> place = parse_number(number);
  if (place && *place < whole.pieces) return std::nullopt;
  return parameter;
}

}  // namespace

ParameterizedValue parse_parameterized(std::string_view text) {
  ParameterizedValue out;
  Rfc822Lexer lexer(text);
  lexer.skip_cfws();
  while (!lexer.at_end() && !lexer.at(';')) {
    out.value += to_lower(lexer.until(" \t\r\n;(/"));
    if (lexer.at('/')) {
      out.value += '/';
      lexer.skip();
    }
    lexer.skip_cfws();
    // Another word may only follow a slash ("text / plain"); else a ';' is missing before it.
    if (!lexer.at('/') && !out.value.ends_with('/')) break;
  }
  while (!lexer.at_end() && out.parameters.size() < kParametersMax) {
    if (lexer.at(';')) lexer.skip();
    lexer.skip_cfws();
    if (lexer.at_end() || lexer.at(';')) continue;
    if (auto parameter = read_parameter(lexer)) out.parameters.push_back(std::move(*parameter));
    lexer.skip_cfws();
  }
  return out;
}

std::optional<std::string> parameter_of(const std::vector<MimeParameter>& parameters,
                                        std::string_view name) {
  const std::string stem(name);
  if (const MimeParameter* plain = find_parameter(parameters, name)) return plain->value;
  if (const MimeParameter* encoded = find_parameter(parameters, stem + "*"))
    return decode_whole(*encoded);
  Joined whole = join(parameters, stem);
  if (whole.pieces == 0) return std::nullopt;
  return std::move(whole.text);
}

std::vector<MimeParameter> joined_parameters(const std::vector<MimeParameter>& parameters) {
  std::vector<MimeParameter> out;
  for (const MimeParameter& parameter : parameters) {
    std::optional<MimeParameter> made = joined(parameters, parameter);
    if (made && find_parameter(out, made->name) == nullptr) out.push_back(*std::move(made));
  }
  return out;
}

}  // namespace gemel
