#include "bin/gemel_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "mail/binary_encoding.h"

namespace gemel::tool {
namespace {

namespace fs = std::filesystem;
using OnMessage = std::function<Result<void>(SourceMessage)>;

// RFC 5322 §2.1: lines end in CRLF; files on disk mostly have LF.
std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

// What is binary in it is encoded before its LFs could be taken for line ends.
std::string message_of(std::string_view file) {
  LineScan lines;
  lines.add(file);
  if (!may_be_unfit(lines, Carrier::kReader)) return with_crlf(file);
  std::string out;
  WholeMessage whole(file);
  const auto put = [&](std::string_view piece) {
    out += piece;
    return Result<void>();
  };
  const Result<void> done =
      put_binary_as_base64(whole, parse_structure(file), Carrier::kReader, put);
  CHECK(done.has_value());
  return with_crlf(out);
}

Result<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string out((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.good() && !in.eof()) return fail(Code::kIo, fmt::format("can't read {}", path.string()));
  return out;
}

int64_t modification_time_s(const fs::path& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (error) return 0;
  const auto system = std::chrono::file_clock::to_sys(time);
  return std::chrono::duration_cast<std::chrono::seconds>(system.time_since_epoch()).count();
}

std::vector<fs::path> sorted_entries(const fs::path& directory) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

bool is_maildir(const fs::path& path) {
  return fs::is_directory(path / "cur") && fs::is_directory(path / "new");
}

// The letters after ":2," (maildir(5)), or "!2," and ";2," on file systems without colons.
std::vector<std::string> maildir_flags(const std::string& file_name) {
  constexpr std::pair<char, const char*> kFlags[] = {{'D', "\\Draft"},    {'F', "\\Flagged"},
                                                     {'P', "$Forwarded"}, {'R', "\\Answered"},
                                                     {'S', "\\Seen"},     {'T', "\\Deleted"}};
  std::vector<std::string> out;
  const size_t info = file_name.rfind("2,");
  if (info == std::string::npos || info == 0) return out;
  for (const auto& [letter, flag] : kFlags)
    if (file_name.find(letter, info + 2) != std::string::npos) out.emplace_back(flag);
  return out;
}

// Where messages go, and who takes them.
struct Target {
  std::string mailbox;
  UidlFinder& uidls;
  const OnMessage& on_message;
  Target below(std::string path) const { return {std::move(path), uidls, on_message}; }
};

Result<void> read_message_file(const fs::path& path, std::vector<std::string> flags,
                               const Target& target) {
  TRY(const std::string text, read_file(path));
  return target.on_message({.mailbox = target.mailbox,
                            .flags = std::move(flags),
                            .internaldate_s = modification_time_s(path),
                            .bytes = message_of(text),
                            .uidl = target.uidls.find(path.filename().string(), text)});
}

Result<void> read_one_maildir(const fs::path& path, const Target& target) {
  TRY_OK(target.uidls.enter_maildir(path.string()));
  std::vector<fs::path> files = sorted_entries(path / "cur");
  const std::vector<fs::path> unread = sorted_entries(path / "new");
  files.insert(files.end(), unread.begin(), unread.end());
  std::ranges::sort(files, {}, [](const fs::path& file) { return file.filename(); });
  for (const fs::path& file : files) {
    if (!fs::is_regular_file(file) || file.filename().string().starts_with('.')) continue;
    TRY_OK(read_message_file(file, maildir_flags(file.filename().string()), target));
  }
  return {};
}

// Maildir++: ".Archive.2024" beside cur and new is the mailbox Archive/2024.
Result<void> read_maildir(const fs::path& path, const Target& target) {
  TRY_OK(read_one_maildir(path, target));
  for (const fs::path& entry : sorted_entries(path)) {
    std::string name = entry.filename().string();
    if (name.size() < 2 || name.front() != '.' || !is_maildir(entry)) continue;
    std::ranges::replace(name, '.', '/');
    TRY_OK(read_one_maildir(entry, target.below(name.substr(1))));
  }
  return {};
}

// "From sender Wed Nov 25 10:00:00 2026" (RFC 4155); 0 if the date does not parse.
int64_t date_of_from_line(const std::string& line) {
  const size_t space = line.find(' ', 5);
  std::tm tm{};
  if (space == std::string::npos) return 0;
  const char* date = line.c_str() + line.find_first_not_of(' ', space);
  return strptime(date, "%a %b %e %H:%M:%S %Y", &tm) == nullptr ? 0 : timegm(&tm);
}

class MboxReader {
 public:
  explicit MboxReader(const Target& target) : target_(target) {}

  Result<void> read(std::istream& in) {
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.starts_with("From ") && after_blank_) {
        TRY_OK(finish());
        started_ = true;
        date_s_ = date_of_from_line(line);
        in_header_ = true;
        continue;
      }
      add(line);
    }
    return finish();
  }

 private:
  void add(std::string& line) {
    if (in_header_) note_status(line);
    after_blank_ = line.empty();
    if (line.empty()) in_header_ = false;
    const size_t quotes = line.find_first_not_of('>');  // mboxrd: ">From " was "From "
    if (quotes != std::string::npos && quotes > 0 && line.compare(quotes, 5, "From ") == 0)
      line.erase(0, 1);
    (bytes_ += line) += "\r\n";
  }

  void note_status(const std::string& line) {
    const bool is_status = line.starts_with("Status:") || line.starts_with("X-Status:");
    if (!is_status) return;
    constexpr std::pair<char, const char*> kFlags[] = {{'R', "\\Seen"},
                                                       {'A', "\\Answered"},
                                                       {'F', "\\Flagged"},
                                                       {'D', "\\Deleted"},
                                                       {'T', "\\Draft"}};
    const std::string_view letters = std::string_view(line).substr(line.find(':') + 1);
    for (const auto& [letter, flag] : kFlags)
      if (letters.find(letter) != std::string_view::npos) flags_.emplace_back(flag);
  }

  Result<void> finish() {
    std::string bytes = std::exchange(bytes_, {});
    if (!std::exchange(started_, false)) return {};
    if (bytes.ends_with("\r\n\r\n")) bytes.resize(bytes.size() - 2);  // separates messages
    std::string uidl = target_.uidls.find("", bytes);
    return target_.on_message({.mailbox = target_.mailbox,
                               .flags = std::exchange(flags_, {}),
                               .internaldate_s = date_s_,
                               .bytes = std::move(bytes),
                               .uidl = std::move(uidl)});
  }

  const Target& target_;
  std::string bytes_;
  std::vector<std::string> flags_;
  int64_t date_s_ = 0;
  bool started_ = false;
  bool in_header_ = false;
  bool after_blank_ =
      true;  // a "From " line starts a message only at the start or after a blank line
};

bool is_mbox(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  char start[5] = {};
  in.read(start, sizeof start);
  return in.gcount() == sizeof start && std::string_view(start, sizeof start) == "From ";
}

bool is_eml(const fs::path& path) { return to_lower(path.extension().string()) == ".eml"; }

Result<void> read_plain_file(const fs::path& path, const Target& target) {
  if (is_mbox(path)) {
    std::ifstream in(path, std::ios::binary);
    return MboxReader(target).read(in);
  }
  return read_message_file(path, {}, target);
}

Result<void> read_directory(const fs::path& path, const Target& target) {
  const auto below = [&](const std::string& name) {
    return target.below(target.mailbox == "INBOX" ? name : target.mailbox + "/" + name);
  };
  for (const fs::path& entry : sorted_entries(path)) {
    const std::string name = entry.filename().string();
    if (name.starts_with('.')) continue;
    if (fs::is_directory(entry)) {
      TRY_OK(is_maildir(entry) ? read_maildir(entry, below(name))
                               : read_directory(entry, below(name)));
    } else if (is_eml(entry)) {
      TRY_OK(read_message_file(entry, {}, target));
    } else if (is_mbox(entry)) {
      TRY_OK(read_plain_file(entry, below(entry.stem().string())));
    }
  }
  return {};
}

}  // namespace

Result<void> read_source(const std::string& path, const SourceOptions& options,
                         const OnMessage& on_message) {
  const Target target{options.mailbox, options.uidls, on_message};
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return fail(Code::kNotFound, fmt::format("there is no {}", path));
  if (fs::is_directory(status))
    return is_maildir(path) ? read_maildir(path, target) : read_directory(path, target);
  if (is_eml(path) || is_mbox(path)) return read_plain_file(path, target);
  return fail(Code::kUnsupported,
              fmt::format("{} is no Maildir, mbox, .eml file or directory of those", path));
}

}  // namespace gemel::tool
