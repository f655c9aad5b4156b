#include "node/start_addresses.hpp"

#include "node/error.hpp"

namespace conclave::node {
using address::PeerAddress;

std::vector<PeerAddress> start_addresses(const Link& link) {
  std::vector<PeerAddress> out;
  for (auto& node : link.nodes) {
    auto multiaddr = address::Multiaddr::decode(node.address);
    if (!multiaddr) continue;
    auto one = PeerAddress::from(*multiaddr);
    if (!one) continue;
    one->node = node.key;
    out.push_back(*one);
  }
  return out;
}

Result<std::vector<PeerAddress>> start_addresses(std::string_view text) {
  if (!text.starts_with('/')) {
    auto link = link_from_text(text);
    if (!link) return fail(Errc::not_a_node);
    return start_addresses(*link);
  }
  auto one = PeerAddress::parse(text);
  if (!one || !one->node) return fail(Errc::not_a_node);
  return std::vector<PeerAddress>{*one};
}

}  // namespace conclave::node
