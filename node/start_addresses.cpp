#include "node/start_addresses.hpp"

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
    TRY(auto link, link_from_text(text));
    return start_addresses(link);
  }
  TRY(auto one, PeerAddress::parse(text));
  if (!one.node) return fail(conclave::Errc::malformed);
  return std::vector<PeerAddress>{one};
}

}  // namespace conclave::node
