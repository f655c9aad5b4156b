#pragma once
/// Parameters of the local API that name accounts, nodes and messages.
#include "node/api_failure.hpp"
#include "node/node.hpp"

namespace conclave::node {

/// A key, did:key or link; where it is none of these, the name of exactly one contact. Codes "malformed",
/// "bad_checksum", "bad_key", "unknown_account", "ambiguous".
boost::asio::awaitable<gateway::Param<AccountKey>> account_param(Node& node, gateway::Json params,
                                                                 std::string name);
/// Why `text`, which failed with `error`, names no account: a typing error in something that could be a link,
/// or nothing of the kind.
gateway::Failure not_an_account(std::string_view text, const Error& error);
gateway::Param<NodeKey> node_param(const gateway::Json& params, std::string_view name);
/// `12D3KooW…/7`: the node that wrote it, and its number there.
gateway::Param<chat::MessageId> message_param(const gateway::Json& params, std::string_view name);
gateway::Param<std::optional<chat::MessageId>> optional_message_param(const gateway::Json& params,
                                                                      std::string_view name);

}  // namespace conclave::node
