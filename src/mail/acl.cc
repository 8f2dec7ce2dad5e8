#include "mail/acl.h"

#include "mail/record.h"

namespace gemel {
namespace {

Rights members(std::string_view letters) {
  Rights out;
  for (const char letter : letters)
    out = out | Rights{static_cast<Right>(kRightLetters.find(letter))};
  return out;
}

}  // namespace

std::string Rights::text() const {
  std::string out;
  for (size_t i = 0; i < kRightLetters.size(); ++i)
    if (has(static_cast<Right>(i))) out += kRightLetters[i];
  return out;
}

std::string Rights::wire_text() const {
  std::string out = text();
  if (has_any(members(kCreateLetters))) out += 'c';
  if (has_any(members(kDeleteLetters))) out += 'd';
  return out;
}

Result<Rights> Rights::parse(std::string_view letters) {
  Rights out;
  for (const char letter : letters) {
    if (letter == 'c') {
      out = out | members(kCreateLetters);
    } else if (letter == 'd') {
      out = out | members(kDeleteLetters);
    } else if (kRightLetters.contains(letter)) {
      out = out | members({&letter, 1});
    } else {
      return fail(Code::kSyntax, "there is no such right");
    }
  }
  return out;
}

Rights RightsChange::of(Rights was) const {
  switch (op) {
    case Op::kSet:
      return rights;
    case Op::kAdd:
      return was | rights;
    case Op::kRemove:
      return was - rights;
  }
  return was;
}

Result<RightsChange> RightsChange::parse(std::string_view text) {
  RightsChange out;
  if (text.starts_with('+')) out.op = Op::kAdd;
  if (text.starts_with('-')) out.op = Op::kRemove;
  if (out.op != Op::kSet) text.remove_prefix(1);
  TRY(out.rights, Rights::parse(text));
  return out;
}

Result<void> check_acl_identifier(std::string_view identifier) {
  if (identifier.starts_with('-')) identifier.remove_prefix(1);
  return check_userid(identifier);  // "anyone" and "authenticated" have the form of userids
}

Acl Acl::of(const std::map<std::string, std::string>& attributes) {
  Acl out;
  for (auto at = attributes.lower_bound(std::string(kAttributeAcl));
       at != attributes.end() && at->first.starts_with(kAttributeAcl); ++at) {
    // What a later version may have written and this one can't read gives nothing.
    const Result<Rights> rights = Rights::parse(at->second);
    out.entries_[at->first.substr(kAttributeAcl.size())] = rights.value_or(Rights());
  }
  return out;
}

Rights Acl::entry(std::string_view identifier) const {
  const auto at = entries_.find(std::string(identifier));
  return at == entries_.end() ? Rights() : at->second;
}

Rights Acl::rights_of(std::string_view userid, std::string_view owner) const {
  Rights given = entry(kAnyone);
  Rights taken = entry("-" + std::string(kAnyone));
  if (!userid.empty()) {
    for (const std::string_view identifier : {kAuthenticated, userid}) {
      given = given | entry(identifier);
      taken = taken | entry("-" + std::string(identifier));
    }
  }
  if (userid.empty() || userid != owner) return given - taken;
  if (!entries_.contains(std::string(owner))) given = Rights::all();
  return (given - taken) | kOwnerRightsMin;
}

}  // namespace gemel
