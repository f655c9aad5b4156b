#pragma once
/// What every command is given: the options that stand before or behind any of them, and where output goes.
#include "cli/client.hpp"
#include "cli/outcome.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace CLI {
class App;
}

namespace conclave::cli {

struct Context {
  std::filesystem::path profile;
  std::optional<std::filesystem::path> config;
  bool json = false;
  std::string log_level;  ///< empty: the config's
  std::optional<std::filesystem::path> passphrase_file;
  /// The command that was parsed; main runs it.
  std::function<Outcome<>()> action;

  /// One line of JSON on stdout.
  void print(const Json& value) const;
  /// Prints `value` with --json; otherwise calls `words`.
  void print(const Json& value, const std::function<void()>& words) const;
  /// From --passphrase-file or $CONCLAVE_PASSPHRASE; nothing where neither is given. One newline at the end
  /// of the file does not count.
  Outcome<std::optional<std::string>> given_passphrase() const;
  /// The same, or asks at the terminal. `again` asks twice.
  Outcome<std::string> passphrase(std::string_view question, bool again) const;
};

/// Adds a command to the program. Each is a file of that name.
void add_run(CLI::App& program, Context& context);
void add_id(CLI::App& program, Context& context);
void add_status(CLI::App& program, Context& context);
void add_page(CLI::App& program, Context& context);
void add_contact(CLI::App& program, Context& context);
void add_requests(CLI::App& program, Context& context);
void add_send(CLI::App& program, Context& context);
void add_change(CLI::App& program, Context& context);
void add_call(CLI::App& program, Context& context);  ///< and join
void add_chat(CLI::App& program, Context& context);
void add_history(CLI::App& program, Context& context);
void add_watch(CLI::App& program, Context& context);
void add_ping(CLI::App& program, Context& context);
void add_backup(CLI::App& program, Context& context);
void add_device(CLI::App& program, Context& context);
void add_doctor(CLI::App& program, Context& context);
void add_completion(CLI::App& program, Context& context);

}  // namespace conclave::cli
