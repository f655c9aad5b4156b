#pragma once
/// The config file: TOML, every key optional, every unknown key an error that names its line. conclave(1)
/// lists them. What stands on the command line beats what stands here.
#include "cli/outcome.hpp"
#include "node/node.hpp"

#include <filesystem>
#include <optional>
#include <string_view>

namespace conclave::cli {

struct Config {
  node::Options node;
  bool page = true;
  std::uint16_t page_port = 0;
  std::string log_level = "info";
};

/// $XDG_CONFIG_HOME/conclave/config.toml, or ~/.config/conclave/config.toml.
std::filesystem::path default_config_file();
/// `name` is for the sentence that says what is wrong, and where.
Outcome<Config> parse_config(std::string_view text, std::string_view name);
/// The defaults where `file` is not given and the default one does not exist; a file that is given must
/// exist.
Outcome<Config> load_config(const std::optional<std::filesystem::path>& file);

/// Whether spdlog knows a level of this name.
bool is_log_level(std::string_view name);

}  // namespace conclave::cli
