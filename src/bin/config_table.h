// A configuration file as tables that are read key by key. What is wrong is collected, with its
// line, so that one look tells of every mistake; a key that nobody read is one too.
//
// Owns     the file's content; tables are views of it.
// Threads  one at a time.
// Source   TOML 1.0.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gemel::bin {

struct ConfigProblem {
  int line = 0;  // 0: of the file as a whole
  std::string text;
  auto operator<=>(const ConfigProblem&) const = default;
};

class ConfigTable {
 public:
  /// Reads `path`. A file that can't be read or is no TOML is a problem too, and the table empty.
  static ConfigTable read_file(const std::string& path);
  static ConfigTable parse(std::string_view text);

  bool has(std::string_view key) const;
  /// All keys of this table, for one whose names are not known before.
  std::vector<std::string> keys() const;
  /// Each gives the fallback where the key is missing or wrong.
  std::string text(std::string_view key, std::string_view fallback = "");
  int64_t number(std::string_view key, int64_t fallback, int64_t min, int64_t max);
  enum class Switch : uint8_t { kOff, kOn };
  Switch on_off(std::string_view key, Switch fallback);
  /// One of `choices`, whose first is the fallback. Gives its place among them.
  size_t choice(std::string_view key, const std::vector<std::string_view>& choices);
  std::vector<std::string> texts(std::string_view key);
  /// A table whose values are strings, by name.
  std::map<std::string, std::string> text_map(std::string_view key);
  ConfigTable table(std::string_view key);
  /// `[[key]]`.
  std::vector<ConfigTable> tables(std::string_view key);

  /// Adds a problem at `key`'s line, or at this table's where it has none.
  void wrong(std::string_view key, std::string text);
  /// After all keys were read: a problem for each that was not.
  void check_all_read();
  /// By line.
  std::vector<ConfigProblem> problems() const;

 private:
  struct File;
  struct Node;
  ConfigTable(std::shared_ptr<File> file, std::shared_ptr<Node> node);

  std::shared_ptr<File> file_;
  std::shared_ptr<Node> node_;
};

}  // namespace gemel::bin
