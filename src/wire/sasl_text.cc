#include "wire/sasl_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/sasl.h"

namespace gemel::wire {

std::string_view cut_off(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view out = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return out;
}

bool is_usable_secret(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<uint8_t>(c) < 0x20 || c == '\x7f';
  });
}

Result<std::string_view> take_attribute(std::string_view& rest, char name) {
  const std::string_view part = cut_off(rest, ',');
  if (part.size() < 3 || part[0] != name || part[1] != '=')
    return fail(Code::kSyntax, fmt::format("SASL message without {}=", name));
  return part.substr(2);
}

// "=2C" stands for a comma, "=3D" for an equals sign, nothing else.
Result<std::string> decode_saslname(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '=') {
      out += name[i];
      continue;
    }
    const std::string_view code = name.substr(i + 1, 2);
    if (code != "2C" && code != "3D") return fail(Code::kSyntax, "SASL name with a stray \"=\"");
    out += code == "2C" ? ',' : '=';
    i += 2;
  }
  return out;
}

std::string encode_saslname(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ',')
      out += "=2C";
    else if (c == '=')
      out += "=3D";
    else
      out += c;
  }
  return out;
}

Result<Gs2Header> take_gs2_header(std::string_view& message) {
  using Flag = Gs2Header::Flag;
  std::string_view rest = message;
  const std::string_view flag = cut_off(rest, ',');
  Gs2Header out;
  if (flag.starts_with("p=") && flag.size() > 2) {
    out.flag = Flag::kBinds;
    out.binding = flag.substr(2);
  } else if (flag == "y") {
    out.flag = Flag::kCouldBind;
  } else if (flag != "n") {
    return fail(Code::kSyntax, "SASL message without a GS2 header");
  }
  if (!rest.contains(',')) return fail(Code::kSyntax, "SASL message with half a GS2 header");
  std::string_view authzid = cut_off(rest, ',');
  out.text = message.substr(0, message.size() - rest.size());
  if (!authzid.empty()) {
    TRY(authzid, take_attribute(authzid, 'a'));
    TRY(out.authzid, decode_saslname(authzid));
  }
  message = rest;
  return out;
}

Result<void> check_sasl_message(std::string_view message) {
  if (message.size() > kSaslMessageBytesMax) return fail(Code::kTooBig, "SASL message too long");
  return {};
}

Result<void> check_sasl_identities(std::string_view authzid, std::string_view userid) {
  if (!is_usable_secret(userid)) return fail(Code::kAuthFailed, "no such user or wrong password");
  if (!authzid.empty() && authzid != userid)
    return fail(Code::kDenied, "acting for another user is not allowed");
  return {};
}

}  // namespace gemel::wire
