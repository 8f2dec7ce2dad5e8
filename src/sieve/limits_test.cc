// Every limit of limits.h, met by a script that stays within it and by one that does not.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "sieve/memory_environment.h"
#include "sieve/work_message.h"

namespace gemel::sieve {
namespace {

using testing::HasSubstr;

constexpr std::string_view kMessage =
    "From: a@example.org\r\nTo: user@example.com\r\nSubject: hello world\r\n\r\nbody\r\n";

std::string times(size_t count, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

/// The first mistake of a script under `limits`; "" if it has none.
std::string mistake(std::string_view text, const ScriptLimits& limits = {}) {
  const Compiled compiled = compile(text, {.limits = limits});
  EXPECT_EQ(compiled.script == nullptr, !compiled.errors.empty());
  return compiled.errors.empty() ? "" : compiled.errors.front().text;
}

Outcome run(std::string_view text, const RunLimits& limits, std::string_view message = kMessage,
            MemoryEnvironment* environment = nullptr) {
  MemoryEnvironment own;
  const Compiled compiled = compile(text);
  EXPECT_TRUE(compiled.script) << text_of(compiled.errors);
  if (compiled.script == nullptr) return {};
  MessageInMemory source(message);
  Delivery delivery;
  delivery.envelope = {.from = "a@example.org", .to = "user@example.com"};
  delivery.limits = limits;
  return execute(*compiled.script, source, delivery, environment != nullptr ? *environment : own);
}

/// What ended a run; "" if nothing did. A run that ends has one action, a keep.
std::string ended_by(std::string_view text, const RunLimits& limits,
                     std::string_view message = kMessage,
                     MemoryEnvironment* environment = nullptr) {
  const Outcome outcome = run(text, limits, message, environment);
  if (!outcome.error) return "";
  EXPECT_EQ(outcome.actions.size(), 1U);
  EXPECT_EQ(std::get<Keep>(outcome.actions.front()).reason, Keep::Reason::kError);
  EXPECT_TRUE(outcome.tracked.empty());
  return outcome.error->text;
}

TEST(ScriptLimits, Bytes) {
  EXPECT_EQ(mistake("keep;", {.script_bytes_max = 5}), "");
  EXPECT_THAT(mistake("keep; ", {.script_bytes_max = 5}), HasSubstr("larger than 5 octets"));
  EXPECT_EQ(mistake("keep; #" + std::string(ScriptLimits().script_bytes_max - 7, 'x')), "");
}

TEST(ScriptLimits, NestingOfBlocksAndTests) {
  const auto blocks = [](size_t depth) { return times(depth, "if true {") + times(depth, "}"); };
  EXPECT_EQ(mistake(blocks(4), {.nesting_max = 4}), "");
  EXPECT_THAT(mistake(blocks(5), {.nesting_max = 4}), HasSubstr("more than 4 levels"));
  const auto tests = [](size_t depth) {
    return "if " + times(depth, "anyof (") + "true" + times(depth, ")") + " {}";
  };
  EXPECT_EQ(mistake(tests(3), {.nesting_max = 4}), "");  // the outermost test is one
  EXPECT_THAT(mistake(tests(4), {.nesting_max = 4}), HasSubstr("more than 4 levels"));
  // RFC 5228 §2.10.7: fifteen of each.
  EXPECT_EQ(mistake(times(15, "if true {") + tests(15) + times(15, "}")), "");
  EXPECT_NE(mistake(blocks(100'000)), "");
  EXPECT_NE(mistake("if " + times(100'000, "not ") + "true {}"), "");
}

TEST(ScriptLimits, Nodes) {
  EXPECT_EQ(mistake("keep; keep;", {.nodes_max = 2}), "");
  EXPECT_THAT(mistake("keep; keep; keep;", {.nodes_max = 2}), HasSubstr("more than 2 commands"));
  EXPECT_NE(mistake("if exists [\"a\", \"b\"] {}", {.nodes_max = 3}), "");
}

TEST(ScriptLimits, ItemsOfAList) {
  EXPECT_EQ(mistake("if exists [\"a\", \"b\"] {}", {.list_items_max = 2}), "");
  EXPECT_THAT(mistake("if exists [\"a\", \"b\", \"c\"] {}", {.list_items_max = 2}),
              HasSubstr("more than 2 strings"));
}

TEST(ScriptLimits, Variables) {
  const auto sets = [](size_t count) {
    std::string out = "require \"variables\";";
    for (size_t i = 0; i < count; ++i) out += fmt::format("set \"v{}\" \"x\";", i);
    return out;
  };
  EXPECT_EQ(mistake(sets(3), {.variables_max = 3}), "");
  EXPECT_THAT(mistake(sets(4), {.variables_max = 3}), HasSubstr("more than 3 variables"));
  EXPECT_EQ(mistake(sets(128)), "");  // RFC 5229 §6
}

TEST(ScriptLimits, Errors) {
  const Compiled compiled = compile(times(50, "explode;"), {.limits = {.errors_max = 7}});
  EXPECT_EQ(compiled.errors.size(), 7U);
}

TEST(ScriptLimits, Regex) {
  const auto script = [](size_t size) {
    return "require \"regex\"; if header :regex \"x\" \"" + std::string(size, 'a') + "\" {}";
  };
  EXPECT_EQ(mistake(script(kRegexBytesMax)), "");
  EXPECT_THAT(mistake(script(kRegexBytesMax + 1)), HasSubstr("longer than"));
  EXPECT_THAT(mistake("require \"regex\"; if header :regex \"x\" \"((a{100}){100}){100}\" {}"),
              HasSubstr("regular expression"));
}

TEST(RunLimits, Steps) {
  const std::string script = times(100, "if header \"subject\" \"x\" {}");
  const uint64_t steps = run(script, {}).steps;
  EXPECT_EQ(ended_by(script, {.steps_max = steps}), "");
  EXPECT_EQ(ended_by(script, {.steps_max = steps - 1}), "the script takes too long");
}

TEST(RunLimits, StepsOfALargeBody) {
  const std::string message = std::string(kMessage) + times(1 << 16, "aaaaaaaaaaaaaaaa");
  const std::string script =
      "require \"body\"; if body :raw :matches \"*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab*\" {}";
  const Outcome outcome = run(script, {.steps_max = 100'000}, message);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->text, "the script takes too long");
}

TEST(RunLimits, StepsOfARegex) {
  const std::string message = std::string(kMessage) + std::string(1 << 20, 'a');
  const std::string script =
      "require [\"body\", \"regex\"]; if body :raw :regex \"(a*)*(a*)*(a|b){100}c\" {}";
  EXPECT_EQ(ended_by(script, {.steps_max = 10'000}, message), "the script takes too long");
  EXPECT_EQ(ended_by(script, {}, message), "");
}

TEST(RunLimits, Actions) {
  const std::string script = R"(require "fileinto"; fileinto "1"; fileinto "2"; fileinto "3";)";
  EXPECT_EQ(ended_by(script, {.actions_max = 3}), "");
  EXPECT_EQ(ended_by(script, {.actions_max = 2}), "more than 2 actions");
}

TEST(RunLimits, Redirects) {
  const std::string script = R"(redirect "a@x.org"; redirect "b@x.org"; redirect "A@x.org";)";
  EXPECT_EQ(ended_by(script, {.redirects_max = 2}), "");  // one address counts once
  EXPECT_EQ(ended_by(script, {.redirects_max = 1}), "more than 1 redirects");
}

TEST(RunLimits, Notifications) {
  const std::string script =
      R"(require "enotify"; notify "mailto:a@x.org"; notify "mailto:b@x.org";)";
  EXPECT_EQ(ended_by(script, {.notifies_max = 2}), "");
  EXPECT_EQ(ended_by(script, {.notifies_max = 1}), "more than 1 notifications");
}

TEST(RunLimits, Vacations) {  // RFC 5230 §4.7
  const std::string script = R"(require "vacation"; if true { vacation "a"; } vacation "b";)";
  EXPECT_EQ(ended_by(script, {.vacations_max = 2}), "");
  EXPECT_NE(ended_by(script, {}), "");
}

TEST(RunLimits, Received) {
  const auto message = [](size_t count) {
    return times(count, "Received: by x; Sat, 28 Nov 2026 18:33:19 +0100\r\n") +
           std::string(kMessage);
  };
  EXPECT_EQ(ended_by(R"(redirect "a@x.org";)", {.received_max = 3}, message(3)), "");
  EXPECT_THAT(ended_by(R"(redirect "a@x.org";)", {.received_max = 3}, message(4)),
              HasSubstr("loop"));
  EXPECT_EQ(ended_by("keep;", {.received_max = 3}, message(4)), "");
}

TEST(RunLimits, GlobalVariables) {
  const std::string script =
      R"(require ["include", "variables"]; set "global.a" "1"; set "global.b" "2";
         set "global.a" "3";)";
  EXPECT_EQ(ended_by(script, {.globals_max = 2}), "");
  EXPECT_EQ(ended_by(script, {.globals_max = 1}), "more than 1 global variables");
}

TEST(RunLimits, AVariableIsCutBetweenCharacters) {  // RFC 5229 §6: and that is no error
  const std::string script =
      R"(require ["variables", "fileinto"]; set "a" "12äö"; fileinto "${a}";)";
  const auto mailbox = [&](size_t bytes_max) {
    const Outcome outcome = run(script, {.variable_bytes_max = bytes_max});
    return std::get<FileInto>(outcome.actions.front()).mailbox;
  };
  EXPECT_EQ(mailbox(6), "12äö");
  EXPECT_EQ(mailbox(5), "12ä");
  EXPECT_EQ(mailbox(4), "12ä");
  EXPECT_EQ(mailbox(3), "12");
}

TEST(RunLimits, AVariableHolds4000Characters) {  // RFC 5229 §6
  const std::string script = "require [\"variables\", \"fileinto\"]; set \"a\" \"" +
                             times(4000, "ä") +
                             "\"; set :length \"n\" \"${a}\"; fileinto \"${n}\";";
  EXPECT_EQ(std::get<FileInto>(run(script, {}).actions.front()).mailbox, "4000");
}

TEST(RunLimits, AStringWithItsVariables) {
  const std::string script =
      R"(require "variables"; set "a" "1234567890"; set "b" "${a}${a}${a}";)";
  EXPECT_EQ(ended_by(script, {.string_bytes_max = 30}), "");
  EXPECT_EQ(ended_by(script, {.string_bytes_max = 29}), "a string of more than 29 octets");
  const std::string list = R"(require "variables"; if string ["1234567890", "1234567890"] "x" {})";
  EXPECT_EQ(ended_by(list, {.string_bytes_max = 20}), "");
  EXPECT_EQ(ended_by(list, {.string_bytes_max = 19}), "a list of more than 19 octets");
}

TEST(RunLimits, Includes) {
  MemoryEnvironment environment;
  environment.scripts[{ScriptLocation::kPersonal, "a"}] = R"(require "include"; include "b";)";
  environment.scripts[{ScriptLocation::kPersonal, "b"}] = "keep;";
  const std::string script = R"(require "include"; include "a"; include "b";)";
  EXPECT_EQ(ended_by(script, {.include_depth_max = 2}, kMessage, &environment), "");
  EXPECT_EQ(ended_by(script, {.include_depth_max = 1}, kMessage, &environment),
            "scripts included more than 1 deep");
  EXPECT_EQ(ended_by(script, {.includes_max = 3}, kMessage, &environment), "");
  EXPECT_EQ(ended_by(script, {.includes_max = 2}, kMessage, &environment), "more than 2 includes");
}

TEST(RunLimits, Edits) {
  const std::string script =
      R"(require "editheader"; addheader "X" "1"; deleteheader "Y"; addheader "X" "2";)";
  EXPECT_EQ(ended_by(script, {.edits_max = 3}), "");
  EXPECT_EQ(ended_by(script, {.edits_max = 2}), "more than 2 changes of the message");
  EXPECT_EQ(ended_by(script, {.added_bytes_max = 12}), "");  // "X: 1" with its end, twice
  EXPECT_EQ(ended_by(script, {.added_bytes_max = 11}), "more than 11 octets added to the message");
}

TEST(RunLimits, EditedCopies) {
  const std::string script = R"(require ["editheader", "fileinto"];
    addheader "X" "1"; fileinto "a"; addheader "X" "2"; fileinto "b";)";
  const size_t copies = 2 * kMessage.size() + 6 + 12;
  EXPECT_EQ(ended_by(script, {.edited_bytes_max = copies}), "");
  EXPECT_THAT(ended_by(script, {.edited_bytes_max = copies - 1}), HasSubstr("changed copies"));
}

TEST(RunLimits, EnclosingInALoopEnds) {
  const std::string script =
      R"(require ["foreverypart", "enclose"]; foreverypart { enclose "x"; })";
  EXPECT_NE(ended_by(script, {}), "");
}

TEST(RunLimits, Flags) {  // more are ignored: RFC 5232 §2
  const Outcome outcome = run(R"(require "imap4flags"; setflag "a b c d";)", {.flags_max = 3});
  EXPECT_EQ(std::get<Keep>(outcome.actions.front()).flags.text(), "a b c");
}

TEST(RunLimits, PeriodsAreCut) {
  const Outcome outcome = run(R"(require ["vacation", "duplicate"]; vacation :days 50 "x";
             if not duplicate :handle "h" :uniqueid "i" :seconds 5000 {})",
                              {.vacation_days_max = 10, .duplicate_seconds_max = 60});
  EXPECT_EQ(std::get<Vacation>(outcome.actions.front()).sent->expires_s, 10 * 86'400);
  EXPECT_EQ(outcome.tracked.front().expires_s, 60);
}

TEST(RunLimits, MatchVariables) {  // RFC 5229 §6: more wildcards are no error
  std::string pattern = times(40, "?");
  const std::string script = "require [\"variables\", \"fileinto\"]; if string :matches \"" +
                             std::string(40, 'x') + "\" \"" + pattern +
                             "\" { fileinto \"${31}${0}\"; }";
  const Outcome outcome = run(script, {});
  EXPECT_EQ(std::get<FileInto>(outcome.actions.front()).mailbox, "x" + std::string(40, 'x'));
}

// A longer header is read for each test again, and the tests say the same.
TEST(RunLimits, FieldsThatAreIndexed) {
  for (const size_t fields : {kFieldsIndexedMax, kFieldsIndexedMax + 1}) {
    const std::string message =
        times(fields - 2, "X-Many: a\r\n") + "X-Rest: b\r\nx-rest: c\r\n\r\n";
    const Outcome outcome =
        run(R"(require ["editheader", "relational", "comparator-i;ascii-numeric"];
        if not header :is "x-rest" "c" { discard; stop; }
        if not header :count "eq" :comparator "i;ascii-numeric" "X-Rest" "2" { discard; stop; }
        deleteheader :index 1 "X-Rest";
        addheader :last "X-New" "d";
        if header "X-Rest" "b" { discard; stop; }
        if header "X-New" "d" { keep; })",
            {}, message);
    ASSERT_EQ(outcome.actions.size(), 1U);
    EXPECT_EQ(std::get<Keep>(outcome.actions.front()).reason, Keep::Reason::kExplicit) << fields;
  }
}

// What is more is decoded for each test again, and the tests say the same.
TEST(RunLimits, TextsOfPartsThatAreKept) {
  for (const size_t bytes : {kTextsKeptBytesMax, kTextsKeptBytesMax + 1}) {
    const std::string message = "Content-Transfer-Encoding: base64\r\n\r\n" +
                                to_base64(std::string(bytes - 6, 'x') + "needle");
    const Outcome outcome = run(R"(require ["body", "mime", "foreverypart", "replace"];
        if not body :contains "needle" { discard; stop; }
        if body :contains "thread" { discard; stop; }
        if not body :content "text" :contains "needle" { discard; stop; }
        replace "thread";
        if body :contains "needle" { discard; stop; }
        if body :contains "thread" { keep; })",
                                {}, message);
    ASSERT_EQ(outcome.actions.size(), 1U);
    EXPECT_EQ(std::get<Keep>(outcome.actions.front()).reason, Keep::Reason::kExplicit) << bytes;
  }
}

}  // namespace
}  // namespace gemel::sieve
