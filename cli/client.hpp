#pragma once
/// The running node, asked over the Unix socket of its profile (docs/api.md). Blocks: a command does one
/// thing.
#include "cli/outcome.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace conclave::cli {

using Json = nlohmann::json;

class Client {
 public:
  /// Fails with Exit::no_node where none is running for the profile.
  static Outcome<Client> connect(const std::filesystem::path& profile);
  Client(Client&&) noexcept;
  ~Client();

  /// The method's result, or the node's refusal with the exit code that belongs to it.
  Outcome<Json> call(const std::string& method, const Json& params);

  /// Sees events and lines of standard input until one of the two says false, standard input ends where
  /// `on_line` is given, the node goes (a trouble) or SIGINT comes (good). Events that arrived during calls
  /// come first.
  Outcome<> listen(std::function<bool(const Json& event)> on_event,
                   std::function<bool(std::string line)> on_line = {});

 private:
  struct Body;
  explicit Client(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

/// Whether somebody answers on the profile's socket.
bool node_is_running(const std::filesystem::path& profile);

}  // namespace conclave::cli
