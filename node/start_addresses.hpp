#pragma once
/// Nodes to start from, as people hand them around: multiaddrs and links.
#include "crypto/link.hpp"
#include "transport/address/peer_address.hpp"

#include <vector>

namespace conclave::node {

/// The addresses of a link that we can dial; each names its node.
std::vector<address::PeerAddress> start_addresses(const Link& link);
/// The same for a link as text, or the one address of a multiaddr that ends in /p2p/…. Fails with
/// Errc::not_a_node.
Result<std::vector<address::PeerAddress>> start_addresses(std::string_view text);

}  // namespace conclave::node
