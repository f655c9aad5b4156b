#include "cli/config.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

#include <toml++/toml.h>

namespace conclave::cli {
namespace {

constexpr std::string_view todo = "See conclave(1), CONFIGURATION, for the keys.";

/// What a key takes, for the sentence, and how it goes in; false where the value is of another kind.
struct Key {
  std::string_view takes;
  std::function<bool(const toml::node&, Config&)> take;
};

template <class T>
auto flag(T where) {
  return Key{"true or false", [where](const toml::node& value, Config& config) {
               auto given = value.value_exact<bool>();
               if (given) where(config) = *given;
               return given.has_value();
             }};
}

template <class T>
auto port(T where) {
  return Key{"a port, 0 to 65535", [where](const toml::node& value, Config& config) {
               auto given = value.value_exact<std::int64_t>();
               if (!given || *given < 0 || *given > 65535) return false;
               where(config) = static_cast<std::uint16_t>(*given);
               return true;
             }};
}

template <class T>
auto text(T where) {
  return Key{"a text", [where](const toml::node& value, Config& config) {
               auto given = value.value_exact<std::string>();
               if (given) where(config) = *given;
               return given.has_value();
             }};
}

bool take_bootstrap(const toml::node& value, Config& config) {
  auto* list = value.as_array();
  if (!list) return false;
  for (auto& item : *list) {
    auto node = item.value_exact<std::string>();
    if (!node) return false;
    config.node.bootstrap.push_back(*node);
  }
  return true;
}

bool take_log_level(const toml::node& value, Config& config) {
  auto given = value.value_exact<std::string>();
  if (!given || !is_log_level(*given)) return false;
  config.log_level = *given;
  return true;
}

bool take_page_urls(const toml::node& value, Config& config) {
  auto* list = value.as_array();
  if (!list) return false;
  for (auto& item : *list) {
    auto url = item.value_exact<std::string>();
    if (!url || !url->starts_with("https://")) return false;
    config.node.page_urls.push_back(*url);
  }
  return true;
}

/// Mbit/s in the file, as lines are sold.
bool take_uplink(const toml::node& value, Config& config) {
  auto given = value.value<double>();
  if (!given || *given < 0 || *given > 100'000) return false;
  config.node.uplink_bps = static_cast<std::uint64_t>(*given * 1e6);
  return true;
}

const std::map<std::string_view, Key>& keys() {
  static const std::map<std::string_view, Key> all{
      {"udp_port", port([](Config& c) -> auto& { return c.node.udp_port; })},
      {"tcp_port", port([](Config& c) -> auto& { return c.node.tcp_port; })},
      {"page_port", port([](Config& c) -> auto& { return c.page_port; })},
      {"listen", text([](Config& c) -> auto& { return c.node.listen; })},
      {"tcp", flag([](Config& c) -> auto& { return c.node.tcp; })},
      {"lan", flag([](Config& c) -> auto& { return c.node.lan; })},
      {"map_port", flag([](Config& c) -> auto& { return c.node.map_port; })},
      {"read_receipts", flag([](Config& c) -> auto& { return c.node.read_receipts; })},
      {"page", flag([](Config& c) -> auto& { return c.page; })},
      {"bootstrap", {"a list of texts", take_bootstrap}},
      {"page_urls", {"a list of https:// addresses", take_page_urls}},
      {"uplink_mbit", {"a number of Mbit/s", take_uplink}},
      {"log_level", {"one of trace, debug, info, warning, error, off", take_log_level}},
  };
  return all;
}

std::string at(std::string_view name, const toml::source_region& where) {
  return std::string(name) + ", line " + std::to_string(where.begin.line);
}

}  // namespace

bool is_log_level(std::string_view name) {
  static constexpr std::array<std::string_view, 6> levels{"trace",   "debug", "info",
                                                          "warning", "error", "off"};
  return std::ranges::find(levels, name) != levels.end();
}

std::filesystem::path default_config_file() {
  const char* xdg = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  auto base = xdg && *xdg ? std::filesystem::path(xdg) : std::filesystem::path(home ? home : "/") / ".config";
  return base / "conclave" / "config.toml";
}

Outcome<Config> parse_config(std::string_view text, std::string_view name) {
  Config config;
  toml::table table;
  try {
    table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {  // the parser's own door
    return trouble(Exit::damaged, "bad_config",
                   at(name, error.source()) + ": not TOML: " + std::string(error.description()) + ".",
                   "Texts stand in quotes, lists in brackets.");
  }
  for (auto&& [key, value] : table) {
    auto known = keys().find(key.str());
    if (known == keys().end())
      return trouble(Exit::damaged, "bad_config",
                     at(name, key.source()) + ": there is no setting \"" + std::string(key.str()) + "\".",
                     std::string(todo));
    if (!known->second.take(value, config))
      return trouble(Exit::damaged, "bad_config",
                     at(name, value.source()) + ": \"" + std::string(key.str()) + "\" takes " +
                         std::string(known->second.takes) + ".",
                     std::string(todo));
  }
  return config;
}

Outcome<Config> load_config(const std::optional<std::filesystem::path>& file) {
  auto path = file ? *file : default_config_file();
  std::error_code error;
  if (!file && !std::filesystem::exists(path, error) && !error) return Config{};
  bool is_file =
      std::filesystem::is_regular_file(path, error) || std::filesystem::is_character_file(path, error);
  std::ifstream in;
  if (is_file) in.open(path);  // a directory opens, and throws when it is read
  if (!is_file || !in) {
    return trouble(Exit::damaged, "bad_config", "The config file " + path.string() + " cannot be read.",
                   "Check that it exists and that you may read it, or leave --config away.");
  }
  std::string text(std::istreambuf_iterator<char>(in), {});
  return parse_config(text, path.string());
}

}  // namespace conclave::cli
