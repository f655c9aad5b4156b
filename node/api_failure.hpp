#pragma once
/// Errors of the node as the local API tells them, and parameters that name accounts, nodes and messages.
#include "node/gateway/params.hpp"
#include "node/node.hpp"

namespace conclave::node {

/// "unknown_account" for Errc::unknown_account; message and hint are `advice()` in two parts.
gateway::Failure failure(const Error& error);

template <class T>
gateway::Param<T> told(Result<T> result) {
  if (!result) return std::unexpected(failure(result.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

/// A key, did:key or link; where it is none of these, the name of exactly one contact. Codes "malformed",
/// "bad_checksum", "bad_key", "unknown_account", "ambiguous".
boost::asio::awaitable<gateway::Param<AccountKey>> account_param(Node& node, gateway::Json params, std::string name);
gateway::Param<NodeKey> node_param(const gateway::Json& params, std::string_view name);
/// `12D3KooW…/7`: the node that wrote it, and its number there.
gateway::Param<chat::MessageId> message_param(const gateway::Json& params, std::string_view name);
gateway::Param<std::optional<chat::MessageId>> optional_message_param(const gateway::Json& params,
                                                                      std::string_view name);

}  // namespace conclave::node
