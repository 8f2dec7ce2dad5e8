#include "sieve/keyword.h"

#include <algorithm>

#include "sieve/checks.h"
#include "sieve/commands.h"

namespace gemel::sieve {
namespace {

using E = Extension;
using T = Tag;

// Numbers of the groups of which one at most may be given.
enum Group : uint8_t {
  kAny,
  kMatch,
  kPart,
  kZoneGroup,
  kTransform,
  kLimit,
  kLocation,
  kCase,
  kCaseFirst,
  kQuote,
  kPeriod,
  kUnique,
  kMimePart,
  kTarget,
};

constexpr std::array kMatchTags = {
    TagUse{T::kIs, {}, kMatch},
    TagUse{T::kContains, {}, kMatch},
    TagUse{T::kMatches, {}, kMatch},
    TagUse{T::kRegex, E::kRegex, kMatch},
    TagUse{T::kCount, E::kRelational, kMatch},
    TagUse{T::kValue, E::kRelational, kMatch},
    TagUse{T::kComparator},
};
constexpr std::array kPartTags = {
    TagUse{T::kAll, {}, kPart},
    TagUse{T::kLocalpart, {}, kPart},
    TagUse{T::kDomain, {}, kPart},
    TagUse{T::kUser, E::kSubaddress, kPart},
    TagUse{T::kDetail, E::kSubaddress, kPart},
};
constexpr std::array kIndexTags = {
    TagUse{T::kIndex, E::kIndex},
    TagUse{T::kLast, E::kIndex, kAny, T::kIndex},
};
// editheader has :index without the index extension (RFC 5293 §5).
constexpr std::array kFieldnoTags = {TagUse{T::kIndex}, TagUse{T::kLast, {}, kAny, T::kIndex}};
constexpr std::array kMimeTags = {
    TagUse{T::kMime, E::kMime},
    TagUse{T::kAnychild, E::kMime, kAny, T::kMime},
};
constexpr std::array kMimePartTags = {
    TagUse{T::kType, E::kMime, kMimePart, T::kMime},
    TagUse{T::kSubtype, E::kMime, kMimePart, T::kMime},
    TagUse{T::kContenttype, E::kMime, kMimePart, T::kMime},
    TagUse{T::kParam, E::kMime, kMimePart, T::kMime},
};
constexpr std::array kBodyTags = {
    TagUse{T::kRaw, {}, kTransform},
    TagUse{T::kContent, {}, kTransform},
    TagUse{T::kText, {}, kTransform},
};
constexpr std::array kZoneTags = {TagUse{T::kZone, {}, kZoneGroup}};
constexpr std::array kDateTags = {TagUse{T::kZone, {}, kZoneGroup},
                                  TagUse{T::kOriginalzone, {}, kZoneGroup}};
constexpr std::array kSizeTags = {TagUse{T::kOver, {}, kLimit}, TagUse{T::kUnder, {}, kLimit}};
constexpr std::array kKeepTags = {TagUse{T::kFlags, E::kImap4flags}};
constexpr std::array kFileintoTags = {
    TagUse{T::kCopy, E::kCopy},
    TagUse{T::kFlags, E::kImap4flags},
    TagUse{T::kCreate, E::kMailbox},
    TagUse{T::kMailboxid, E::kMailboxid, kTarget},
    TagUse{T::kSpecialuse, E::kSpecialUse, kTarget},
};
// RFC 8580 §3: the arguments of fileinto, for the copy.
constexpr std::array kFccTags = {
    TagUse{T::kFcc, E::kFcc},
    TagUse{T::kFlags, E::kImap4flags, kAny, T::kFcc},
    TagUse{T::kCreate, E::kMailbox, kAny, T::kFcc},
    TagUse{T::kMailboxid, E::kMailboxid, kTarget, T::kFcc},
    TagUse{T::kSpecialuse, E::kSpecialUse, kTarget, T::kFcc},
};
constexpr std::array kRedirectTags = {TagUse{T::kCopy, E::kCopy}};
constexpr std::array kVacationTags = {
    TagUse{T::kDays, {}, kPeriod},
    TagUse{T::kSeconds, E::kVacationSeconds, kPeriod},
    TagUse{T::kSubject},
    TagUse{T::kFrom},
    TagUse{T::kAddresses},
    TagUse{T::kMime},
    TagUse{T::kHandle},
};
constexpr std::array kNotifyTags = {TagUse{T::kFrom}, TagUse{T::kImportance}, TagUse{T::kOptions},
                                    TagUse{T::kMessage}};
constexpr std::array kIncludeTags = {TagUse{T::kPersonal, {}, kLocation},
                                     TagUse{T::kGlobal, {}, kLocation}, TagUse{T::kOnce},
                                     TagUse{T::kOptional}};
constexpr std::array kModifierTags = {
    TagUse{T::kLower, {}, kCase},           TagUse{T::kUpper, {}, kCase},
    TagUse{T::kLowerfirst, {}, kCaseFirst}, TagUse{T::kUpperfirst, {}, kCaseFirst},
    TagUse{T::kQuotewildcard, {}, kQuote},  TagUse{T::kQuoteregex, E::kRegex, kQuote},
    TagUse{T::kEncodeurl, E::kEnotify},     TagUse{T::kLength},
};
constexpr std::array kLastTag = {TagUse{T::kLast}};
constexpr std::array kNameTag = {TagUse{T::kName}};
constexpr std::array kFirstTag = {TagUse{T::kFirst}};
constexpr std::array kPercentTag = {TagUse{T::kPercent, E::kSpamtestplus}};
constexpr std::array kReplaceTags = {TagUse{T::kMime}, TagUse{T::kSubject}, TagUse{T::kFrom}};
constexpr std::array kEncloseTags = {TagUse{T::kSubject}, TagUse{T::kHeaders}};
constexpr std::array kDuplicateTags = {
    TagUse{T::kHandle},
    TagUse{T::kHeader, {}, kUnique},
    TagUse{T::kUniqueid, {}, kUnique},
    TagUse{T::kSeconds},
    TagUse{T::kLast},
};

constexpr auto kTest = Keyword::Kind::kTest;
constexpr auto kOneTest = Keyword::Tests::kOne;
constexpr auto kTestList = Keyword::Tests::kList;
constexpr auto kBlock = Keyword::Block::kNeeded;
using Chain = Keyword::Chain;

constexpr std::array kKeywords = {
    Keyword{.name = "addflag",
            .needs = {E::kImap4flags},
            .positional = "s?S",
            .check = check_flag_action,
            .run = run_addflag},
    Keyword{.name = "addheader",
            .needs = {E::kEditheader},
            .positional = "ss",
            .tags = {kLastTag},
            .check = check_addheader,
            .run = run_addheader},
    Keyword{.name = "address",
            .kind = kTest,
            .positional = "SS",
            .tags = {kMatchTags, kPartTags, kIndexTags, kMimeTags},
            .check = check_address,
            .test = test_address},
    Keyword{.name = "allof", .kind = kTest, .tests = kTestList, .test = test_allof},
    Keyword{.name = "anyof", .kind = kTest, .tests = kTestList, .test = test_anyof},
    Keyword{.name = "body",
            .kind = kTest,
            .needs = {E::kBody},
            .positional = "S",
            .tags = {kMatchTags, kBodyTags},
            .test = test_body},
    Keyword{.name = "break",
            .needs = {E::kForeverypart},
            .tags = {kNameTag},
            .check = check_break,
            .run = run_break},
    Keyword{.name = "currentdate",
            .kind = kTest,
            .needs = {E::kDate},
            .positional = "sS",
            .tags = {kMatchTags, kZoneTags},
            .check = check_currentdate,
            .test = test_currentdate},
    Keyword{.name = "date",
            .kind = kTest,
            .needs = {E::kDate},
            .positional = "ssS",
            .tags = {kMatchTags, kDateTags, kIndexTags},
            .check = check_date,
            .test = test_date},
    Keyword{.name = "deleteheader",
            .needs = {E::kEditheader},
            .positional = "sS?",
            .tags = {kMatchTags, kFieldnoTags},
            .check = check_deleteheader,
            .run = run_deleteheader},
    Keyword{.name = "discard", .run = run_discard},
    Keyword{.name = "duplicate",
            .kind = kTest,
            .needs = {E::kDuplicate},
            .tags = {kDuplicateTags},
            .test = test_duplicate},
    Keyword{.name = "else", .block = kBlock, .chain = Chain::kElse},
    Keyword{.name = "elsif", .tests = kOneTest, .block = kBlock, .chain = Chain::kElsif},
    Keyword{.name = "enclose",
            .needs = {E::kEnclose},
            .positional = "s",
            .tags = {kEncloseTags},
            .check = check_enclose,
            .run = run_enclose},
    Keyword{.name = "envelope",
            .kind = kTest,
            .needs = {E::kEnvelope},
            .positional = "SS",
            .tags = {kMatchTags, kPartTags},
            .check = check_envelope,
            .test = test_envelope},
    Keyword{.name = "environment",
            .kind = kTest,
            .needs = {E::kEnvironment},
            .positional = "sS",
            .tags = {kMatchTags},
            .test = test_environment},
    Keyword{.name = "ereject", .needs = {E::kEreject}, .positional = "s", .run = run_ereject},
    Keyword{.name = "error", .needs = {E::kIhave}, .positional = "s", .run = run_error},
    Keyword{.name = "exists",
            .kind = kTest,
            .positional = "S",
            .tags = {kMimeTags},
            .check = check_exists,
            .test = test_exists},
    Keyword{.name = "extracttext",
            .needs = {E::kExtracttext, E::kVariables},
            .positional = "s",
            .tags = {kModifierTags, kFirstTag},
            .check = check_extracttext,
            .run = run_extracttext},
    Keyword{.name = "false", .kind = kTest, .test = test_false},
    Keyword{.name = "fileinto",
            .needs = {E::kFileinto},
            .positional = "s",
            .tags = {kFileintoTags},
            .check = check_fileinto,
            .run = run_fileinto},
    Keyword{.name = "foreverypart",
            .needs = {E::kForeverypart},
            .tags = {kNameTag},
            .block = kBlock,
            .check = check_foreverypart,
            .run = run_foreverypart},
    Keyword{.name = "global",
            .needs = {E::kInclude, E::kVariables},
            .positional = "S",
            .check = check_global,
            .run = run_nothing},
    Keyword{.name = "hasflag",
            .kind = kTest,
            .needs = {E::kImap4flags},
            .positional = "S?S",
            .tags = {kMatchTags},
            .check = check_hasflag,
            .test = test_hasflag},
    Keyword{.name = "header",
            .kind = kTest,
            .positional = "SS",
            .tags = {kMatchTags, kIndexTags, kMimeTags, kMimePartTags},
            .check = check_header,
            .test = test_header},
    Keyword{.name = "if", .tests = kOneTest, .block = kBlock, .chain = Chain::kIf},
    Keyword{.name = "ihave",
            .kind = kTest,
            .needs = {E::kIhave},
            .positional = "S",
            .check = check_ihave,
            .test = test_ihave},
    Keyword{.name = "include",
            .needs = {E::kInclude},
            .positional = "s",
            .tags = {kIncludeTags},
            .check = check_include,
            .run = run_include},
    Keyword{.name = "keep", .tags = {kKeepTags}, .run = run_keep},
    Keyword{.name = "mailboxexists",
            .kind = kTest,
            .needs = {E::kMailbox},
            .positional = "S",
            .test = test_mailboxexists},
    Keyword{.name = "mailboxidexists",
            .kind = kTest,
            .needs = {E::kMailboxid},
            .positional = "S",
            .test = test_mailboxidexists},
    Keyword{.name = "metadata",
            .kind = kTest,
            .needs = {E::kMboxmetadata},
            .positional = "ssS",
            .tags = {kMatchTags},
            .test = test_metadata},
    Keyword{.name = "metadataexists",
            .kind = kTest,
            .needs = {E::kMboxmetadata},
            .positional = "sS",
            .test = test_metadataexists},
    Keyword{.name = "not", .kind = kTest, .tests = kOneTest, .test = test_not},
    Keyword{.name = "notify",
            .needs = {E::kEnotify},
            .positional = "s",
            .tags = {kNotifyTags, kFccTags},
            .check = check_notify,
            .run = run_notify},
    Keyword{.name = "notify_method_capability",
            .kind = kTest,
            .needs = {E::kEnotify},
            .positional = "ssS",
            .tags = {kMatchTags},
            .test = test_notify_method_capability},
    Keyword{.name = "redirect",
            .positional = "s",
            .tags = {kRedirectTags},
            .check = check_redirect,
            .run = run_redirect},
    Keyword{.name = "reject", .needs = {E::kReject}, .positional = "s", .run = run_reject},
    Keyword{.name = "removeflag",
            .needs = {E::kImap4flags},
            .positional = "s?S",
            .check = check_flag_action,
            .run = run_removeflag},
    Keyword{.name = "replace",
            .needs = {E::kReplace},
            .positional = "s",
            .tags = {kReplaceTags},
            .check = check_replace,
            .run = run_replace},
    Keyword{.name = "require", .positional = "S", .check = check_require, .run = run_nothing},
    Keyword{.name = "return", .needs = {E::kInclude}, .run = run_return},
    Keyword{.name = "servermetadata",
            .kind = kTest,
            .needs = {E::kServermetadata},
            .positional = "sS",
            .tags = {kMatchTags},
            .test = test_servermetadata},
    Keyword{.name = "servermetadataexists",
            .kind = kTest,
            .needs = {E::kServermetadata},
            .positional = "S",
            .test = test_servermetadataexists},
    Keyword{.name = "set",
            .needs = {E::kVariables},
            .positional = "ss",
            .tags = {kModifierTags},
            .check = check_set,
            .run = run_set},
    Keyword{.name = "setflag",
            .needs = {E::kImap4flags},
            .positional = "s?S",
            .check = check_flag_action,
            .run = run_setflag},
    Keyword{.name = "size",
            .kind = kTest,
            .positional = "n",
            .tags = {kSizeTags},
            .check = check_size,
            .test = test_size},
    Keyword{.name = "spamtest",
            .kind = kTest,
            .needs = {E::kSpamtest},
            .positional = "s",
            .tags = {kMatchTags, kPercentTag},
            .test = test_spamtest},
    Keyword{.name = "specialuse_exists",
            .kind = kTest,
            .needs = {E::kSpecialUse},
            .positional = "s?S",
            .check = check_specialuse_exists,
            .test = test_specialuse_exists},
    Keyword{.name = "stop", .run = run_stop},
    Keyword{.name = "string",
            .kind = kTest,
            .needs = {E::kVariables},
            .positional = "SS",
            .tags = {kMatchTags},
            .test = test_string},
    Keyword{.name = "true", .kind = kTest, .test = test_true},
    Keyword{.name = "vacation",
            .needs = {E::kVacation},
            .positional = "s",
            .tags = {kVacationTags, kFccTags},
            .check = check_vacation,
            .run = run_vacation},
    Keyword{.name = "valid_notify_method",
            .kind = kTest,
            .needs = {E::kEnotify},
            .positional = "S",
            .test = test_valid_notify_method},
    Keyword{.name = "virustest",
            .kind = kTest,
            .needs = {E::kVirustest},
            .positional = "s",
            .tags = {kMatchTags},
            .test = test_virustest},
};
static_assert(std::ranges::is_sorted(kKeywords, {}, &Keyword::name));  // found by binary search

}  // namespace

const TagUse* Keyword::find(Tag tag) const {
  for (const Tags& group : tags)
    for (const TagUse& use : group)
      if (use.tag == tag) return &use;
  return nullptr;
}

const Keyword* find_keyword(std::string_view name) {
  const auto found = std::ranges::lower_bound(kKeywords, name, {}, &Keyword::name);
  return found != kKeywords.end() && found->name == name ? &*found : nullptr;
}

std::optional<Tag> find_tag(std::string_view name) {
  const auto found = std::ranges::lower_bound(kTags, name, {}, &TagRow::name);
  if (found == kTags.end() || found->name != name) return std::nullopt;
  return static_cast<Tag>(found - kTags.begin());
}

static_assert(std::ranges::is_sorted(kTags, {}, &TagRow::name));

}  // namespace gemel::sieve
