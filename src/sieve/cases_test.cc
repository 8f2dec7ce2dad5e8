// The corpus: tests/sieve/cases/*.txt, each a list of scripts, messages and what must come of them.
// GEMEL_REWRITE=1 writes what comes of them into the files; read the diff then.
//
//   @case NAME        begins one
//   @script           the script, in the lines that follow
//   @include NAME     a personal script to include; @global NAME: a global one
//   @message NAME     tests/sieve/messages/NAME.eml; without NAME, the lines that follow
//   @with KEY VALUE   see Case::set
//   @differs WHY      for tests/sieve/compare-with-pigeonhole.py
//   @expect           what must come of it
//
// Other lines before the first @case, and those that begin with "@#", are comments.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "sieve/memory_environment.h"
#include "sieve/report.h"

namespace gemel::sieve {
namespace {

constexpr int64_t kNow = 1'796'000'000;  // Mon, 30 Nov 2026 00:53:20 UTC

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string with_crlf_lines(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\r') continue;
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

/// One case being read, then run.
class Case {
 public:
  std::string name;
  std::string script;
  std::string message;

  Case() {
    delivery_.envelope = {.from = "sender@example.org", .to = "user@example.com"};
    delivery_.now_s = kNow;
    delivery_.hostname = "mail.example.com";
    delivery_.unique = "u";
  }

  void add_script(ScriptLocation location, const std::string& script_name, std::string text) {
    environment_.scripts[{location, script_name}] = std::move(text);
  }

  void set(const std::string& key, const std::string& value) {
    const std::vector<std::string> words = words_of(value);
    if (key == "from") {
      delivery_.envelope.from = value == "<>" ? "" : value;
    } else if (key == "to") {
      delivery_.envelope.to = value;
    } else if (key == "address") {
      delivery_.user_addresses.push_back(value);
    } else if (key == "mailbox") {
      set_mailbox(value);
    } else if (key == "metadata") {  // MAILBOX ANNOTATION VALUE
      environment_.mailboxes[words.at(0)].metadata[words.at(1)] = words.at(2);
    } else if (key == "servermetadata") {
      environment_.server_metadata[words.at(0)] = words.at(1);
    } else if (key == "name") {
      delivery_.script_name = value;
    } else if (key == "again") {
      again_ = true;
    } else if (key == "changes") {
      options_.changes = ReportOptions::Changes::kShown;
    } else if (key == "disabled") {
      environment_.compile_options.disabled_extensions.push_back(value);
    } else if (key == "zone") {
      const int32_t minutes = std::stoi(value);
      delivery_.local_zone_minutes = [minutes](int64_t) { return minutes; };
    } else if (key == "spam" || key == "virus") {
      set_score(key == "spam" ? delivery_.spamtest : delivery_.virustest, words);
    } else if (key == "host") {
      delivery_.remote_host = words.at(0);
      delivery_.remote_ip = words.at(1);
      delivery_.domain = words.at(2);
    } else {
      ADD_FAILURE() << "no option " << key;
    }
  }

  std::string run() {
    const Compiled compiled = compile(script, environment_.compile_options);
    std::string out;
    for (const Remark& remark : compiled.errors)
      out += fmt::format("compile error {}\n", text_of({&remark, 1}));
    for (const Remark& remark : compiled.warnings)
      out += fmt::format("warning {}\n", text_of({&remark, 1}));
    if (compiled.script == nullptr) return out;
    Outcome outcome = run_once(*compiled.script);
    if (again_) {
      remember(outcome);
      outcome = run_once(*compiled.script);
    }
    options_.now_s = kNow;
    return out + report_of(outcome, options_);
  }

 private:
  // "NAME", or "NAME id=F1 use=\Junk"; "_" in the name is a space.
  void set_mailbox(const std::string& value) {
    MemoryEnvironment::Mailbox mailbox;
    const std::vector<std::string> words = words_of(value);
    for (size_t i = 1; i < words.size(); ++i) {
      if (words[i].starts_with("id=")) mailbox.id = words[i].substr(3);
      if (words[i].starts_with("use=")) mailbox.special_uses.insert(to_lower(words[i].substr(4)));
    }
    std::string mailbox_name = words.at(0);
    std::ranges::replace(mailbox_name, '_', ' ');
    environment_.mailboxes[mailbox_name] = mailbox;
  }

  // FIELD number|characters|word MAX [WORD=SCORE...]
  void set_score(ScoreSource& source, const std::vector<std::string>& words) {
    source.field = words.at(0);
    source.kind = words.at(1) == "number"       ? ScoreSource::Kind::kNumber
                  : words.at(1) == "characters" ? ScoreSource::Kind::kCharacters
                                                : ScoreSource::Kind::kWord;
    source.max = std::stod(words.at(2));
    for (size_t i = 3; i < words.size(); ++i) {
      const size_t equals = words[i].find('=');
      if (words[i].starts_with("behind="))
        source.behind = words[i].substr(7) + "=";
      else
        source.words.emplace_back(words[i].substr(0, equals),
                                  std::stod(words[i].substr(equals + 1)));
    }
  }

  Outcome run_once(const Script& compiled) {
    MessageInMemory source(message);
    return execute(compiled, source, delivery_, environment_);
  }

  void remember(const Outcome& outcome) {
    for (const Tracked& each : outcome.tracked) environment_.tracked.insert(each.key);
    for (const Action& each : outcome.actions)
      if (const auto* vacation = std::get_if<Vacation>(&each);
          vacation != nullptr && vacation->sent)
        environment_.tracked.insert(vacation->sent->key);
  }

  MemoryEnvironment environment_;
  Delivery delivery_;
  ReportOptions options_;
  bool again_ = false;
};

const std::filesystem::path kRoot = std::filesystem::path(GEMEL_SOURCE_DIR) / "tests/sieve";

/// Reads a file of cases, runs each, and writes the file anew with what came of them.
class CaseFile {
 public:
  std::string play(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) take(line);
    end_section();
    finish();
    return out_;
  }
  size_t count() const { return count_; }

 private:
  void take(const std::string& line) {
    if (!line.starts_with('@')) {
      if (section_ != "expect") out_ += line + "\n";
      body_ += line + "\n";
      return;
    }
    end_section();
    const size_t space = std::min(line.find(' '), line.size());
    const std::string section = line.substr(1, space - 1);
    if (section == "case") finish();
    section_ = section;
    argument_ = space < line.size() ? line.substr(space + 1) : "";
    if (section != "expect") out_ += line + "\n";
    if (section == "case") begin();
  }

  void begin() {
    case_ = std::make_unique<Case>();
    case_->name = argument_;
    ++count_;
  }

  void end_section() {
    std::string body = std::exchange(body_, "");
    if (!case_) return;
    if (section_ == "script") {
      case_->script = body;
    } else if (section_ == "include" || section_ == "global") {
      case_->add_script(section_ == "include" ? ScriptLocation::kPersonal : ScriptLocation::kGlobal,
                        argument_, body);
    } else if (section_ == "message") {
      if (body.ends_with("\n\n")) body.pop_back();  // the line between it and the next thing
      case_->message = with_crlf_lines(
          argument_.empty() ? body : read_file(kRoot / "messages" / (argument_ + ".eml")));
    } else if (section_ == "with") {
      const size_t space = std::min(argument_.find(' '), argument_.size());
      case_->set(argument_.substr(0, space),
                 space < argument_.size() ? argument_.substr(space + 1) : "");
    } else {
      EXPECT_TRUE(section_ == "case" || section_ == "expect" || section_ == "differs" ||
                  section_ == "#" || section_.empty())
          << section_;
    }
    section_.clear();
  }

  void finish() {
    if (case_) out_ += "@expect\n" + case_->run() + "\n";
    case_.reset();
  }

  std::unique_ptr<Case> case_;
  std::string section_;
  std::string argument_;
  std::string body_;
  std::string out_;
  size_t count_ = 0;
};

TEST(Cases, EndAsTheyMust) {
  const char* rewrite = std::getenv("GEMEL_REWRITE");
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot / "cases")) {
    SCOPED_TRACE(entry.path().filename());
    const std::string before = read_file(entry.path());
    CaseFile file;
    const std::string after = file.play(before);
    count += file.count();
    if (rewrite != nullptr)
      std::ofstream(entry.path(), std::ios::binary) << after;
    else
      EXPECT_EQ(after, before);
  }
  EXPECT_GE(count, 200U);
}

}  // namespace
}  // namespace gemel::sieve
