#pragma once
/// How a command ends: well, or with one sentence for a person and an exit code for a program.
#include "crypto/result.hpp"

#include <expected>
#include <string>

namespace conclave::cli {

/// The exit codes of `conclave`; conclave(1) has the same table.
enum class Exit : int {
  good = 0,
  failed = 1,       ///< the node could not do it
  usage = 2,        ///< the command line or something on it is wrong: an option, a key, a link
  no_node = 3,      ///< no node is running for this profile
  not_reached = 4,  ///< not delivered, not found or not answered in the time given
  taken = 5,        ///< the profile or a port is in use by another program
  damaged = 6,      ///< the config, the profile, the database or a backup cannot be read
};

struct Trouble {
  Exit exit = Exit::failed;
  std::string code;     ///< for programs, as in docs/api.md
  std::string message;  ///< what is wrong
  std::string hint;     ///< what to do about it; may be empty
};

template <class T = void>
using Outcome = std::expected<T, Trouble>;

inline std::unexpected<Trouble> trouble(Exit exit, std::string code, std::string message,
                                        std::string hint = {}) {
  return std::unexpected(Trouble{exit, std::move(code), std::move(message), std::move(hint)});
}

/// The exit code for a failure's code.
Exit exit_for(std::string_view code);
/// The sentences of node/error.hpp for an error of the node or its profile.
std::unexpected<Trouble> trouble(const Error& error);

}  // namespace conclave::cli
