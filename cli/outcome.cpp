#include "cli/outcome.hpp"

#include "node/api_failure.hpp"

#include <map>

namespace conclave::cli {

Exit exit_for(std::string_view code) {
  static const std::map<std::string_view, Exit> known{
      {"malformed", Exit::usage},
      {"too_long", Exit::usage},
      {"bad_key", Exit::usage},
      {"bad_checksum", Exit::usage},
      {"ambiguous", Exit::usage},
      {"unknown_account", Exit::usage},
      {"own_account", Exit::usage},
      {"not_text", Exit::usage},
      {"unknown_message", Exit::usage},
      {"unsupported", Exit::usage},
      {"not_a_node", Exit::usage},
      {"no_such_address", Exit::usage},
      {"timed_out", Exit::not_reached},
      {"unreachable", Exit::not_reached},
      {"profile_in_use", Exit::taken},
      {"port_taken", Exit::taken},
      {"profile_damaged", Exit::damaged},
      {"profile_unreadable", Exit::damaged},
      {"store_damaged", Exit::damaged},
      {"store_too_new", Exit::damaged},
      {"backup_damaged", Exit::damaged},
      {"wrong_passphrase", Exit::damaged},
      {"passphrase_needed", Exit::damaged},
      {"not_running", Exit::no_node},
  };
  auto found = known.find(code);
  return found == known.end() ? Exit::failed : found->second;
}

std::unexpected<Trouble> trouble(const Error& error) {
  auto failure = node::failure(error);
  return trouble(exit_for(failure.code), failure.code, failure.message, failure.hint);
}

}  // namespace conclave::cli
