#pragma once
/// The commands that ask the running node one thing and print its answer.
#include "cli/context.hpp"

#include <nlohmann/json.hpp>

namespace conclave::cli {

/// Connects and calls.
inline Outcome<Json> ask(const Context& context, const std::string& method,
                         const Json& params = Json::object()) {
  TRY(auto client, Client::connect(context.profile));
  return client.call(method, params);
}

/// A contact's name, or its key where it has none; harmless to print.
std::string display_name(const Json& contact);

}  // namespace conclave::cli
