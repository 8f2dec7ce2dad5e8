#include "bin/config_table.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

namespace gemel::bin {

struct ConfigTable::File {
  toml::table root;
  std::vector<ConfigProblem> problems;
};

// One table of the file; null where the file has none. `name` is for people: "imap.".
struct ConfigTable::Node {
  const toml::table* table = nullptr;
  std::string name;
  std::set<std::string, std::less<>> read;

  const toml::node* find(std::string_view key) {
    read.emplace(key);
    return table == nullptr ? nullptr : table->get(key);
  }
};

namespace {

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

}  // namespace

ConfigTable::ConfigTable(std::shared_ptr<File> file, std::shared_ptr<Node> node)
    : file_(std::move(file)), node_(std::move(node)) {}

ConfigTable ConfigTable::read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    ConfigTable empty = parse("");
    empty.file_->problems.push_back({0, "the file can't be read"});
    return empty;
  }
  return parse(std::string(std::istreambuf_iterator<char>(stream), {}));
}

ConfigTable ConfigTable::parse(std::string_view text) {
  auto file = std::make_shared<File>();
  auto node = std::make_shared<Node>();
  try {
    file->root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    file->problems.push_back(
        {static_cast<int>(error.source().begin.line), std::string(error.description())});
  }
  node->table = &file->root;
  return {std::move(file), std::move(node)};
}

bool ConfigTable::has(std::string_view key) const { return node_->find(key) != nullptr; }

std::string ConfigTable::text(std::string_view key, std::string_view fallback) {
  const toml::node* found = node_->find(key);
  if (found == nullptr) return std::string(fallback);
  if (const auto* value = found->as_string()) return value->get();
  wrong(key, "must be a string");
  return std::string(fallback);
}

int64_t ConfigTable::number(std::string_view key, int64_t fallback, int64_t min, int64_t max) {
  const toml::node* found = node_->find(key);
  if (found == nullptr) return fallback;
  const auto* value = found->as_integer();
  if (value != nullptr && value->get() >= min && value->get() <= max) return value->get();
  wrong(key, fmt::format("must be a whole number from {} to {}", min, max));
  return fallback;
}

ConfigTable::Switch ConfigTable::on_off(std::string_view key, Switch fallback) {
  const toml::node* found = node_->find(key);
  if (found == nullptr) return fallback;
  if (const auto* value = found->as_boolean()) return value->get() ? Switch::kOn : Switch::kOff;
  wrong(key, "must be true or false");
  return fallback;
}

size_t ConfigTable::choice(std::string_view key, const std::vector<std::string_view>& choices) {
  const toml::node* found = node_->find(key);
  if (found == nullptr) return 0;
  const auto* value = found->as_string();
  const auto chosen = value == nullptr ? choices.end() : std::ranges::find(choices, value->get());
  if (chosen != choices.end()) return static_cast<size_t>(chosen - choices.begin());
  wrong(key, fmt::format("must be \"{}\"", fmt::join(choices, "\" or \"")));
  return 0;
}

std::vector<std::string> ConfigTable::texts(std::string_view key) {
  std::vector<std::string> out;
  const toml::node* found = node_->find(key);
  if (found == nullptr) return out;
  const toml::array* array = found->as_array();
  const auto is_text = [](const toml::node& each) { return each.is_string(); };
  if (array == nullptr || !std::ranges::all_of(*array, is_text)) {
    wrong(key, "must be a list of strings");
    return out;
  }
  for (const toml::node& each : *array) out.push_back(each.as_string()->get());
  return out;
}

std::vector<std::string> ConfigTable::keys() const {
  std::vector<std::string> out;
  if (node_->table == nullptr) return out;
  for (const auto& [name, value] : *node_->table) out.emplace_back(name.str());
  return out;
}

std::map<std::string, std::string> ConfigTable::text_map(std::string_view key) {
  std::map<std::string, std::string> out;
  const toml::node* found = node_->find(key);
  if (found == nullptr) return out;
  if (!found->is_table()) {
    wrong(key, "must be a table of strings");
    return out;
  }
  const toml::table& entries = *found->as_table();
  for (const auto& [name, value] : entries) {
    if (const auto* text = value.as_string())
      out[std::string(name.str())] = text->get();
    else
      file_->problems.push_back(
          {line_of(value), fmt::format("{}{}.{}: must be a string", node_->name, key, name.str())});
  }
  return out;
}

ConfigTable ConfigTable::table(std::string_view key) {
  auto node = std::make_shared<Node>();
  node->name = fmt::format("{}{}.", node_->name, key);
  if (const toml::node* found = node_->find(key)) {
    node->table = found->as_table();
    if (node->table == nullptr) wrong(key, "must be a table");
  }
  return {file_, std::move(node)};
}

std::vector<ConfigTable> ConfigTable::tables(std::string_view key) {
  std::vector<ConfigTable> out;
  const toml::node* found = node_->find(key);
  if (found == nullptr) return out;
  const toml::array* array = found->as_array();
  const auto is_table = [](const toml::node& each) { return each.is_table(); };
  if (array == nullptr || !std::ranges::all_of(*array, is_table)) {
    wrong(key, fmt::format("must be tables, each begun by [[{}]]", key));
    return out;
  }
  for (const toml::node& each : *array) {
    auto node = std::make_shared<Node>();
    node->name = fmt::format("{}{}.", node_->name, key);
    node->table = each.as_table();
    out.push_back(ConfigTable(file_, std::move(node)));
  }
  return out;
}

void ConfigTable::wrong(std::string_view key, std::string text) {
  const toml::node* found = node_->find(key);
  int line = node_->table == nullptr ? 0 : line_of(*node_->table);
  if (found != nullptr) line = line_of(*found);
  file_->problems.push_back({line, fmt::format("{}{}: {}", node_->name, key, text)});
}

void ConfigTable::check_all_read() {
  if (node_->table == nullptr) return;
  for (const auto& [key, value] : *node_->table) {
    if (node_->read.contains(key.str())) continue;
    file_->problems.push_back({static_cast<int>(key.source().begin.line),
                               fmt::format("{}{}: there is no such key", node_->name, key.str())});
  }
}

std::vector<ConfigProblem> ConfigTable::problems() const {
  std::vector<ConfigProblem> out = file_->problems;
  std::ranges::sort(out);
  return out;
}

}  // namespace gemel::bin
