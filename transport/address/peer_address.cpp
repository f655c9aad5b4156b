#include "transport/address/peer_address.hpp"

#include "crypto/codec/key_text.hpp"
#include "crypto/ensure.hpp"

namespace conclave::address {
namespace {

using Parts = std::span<const Multiaddr::Part>;

bool starts_with(Parts parts, Protocol protocol) { return !parts.empty() && parts[0].protocol == protocol; }

Result<io::Endpoint> take_endpoint(Parts& parts) {
  if (parts.size() < 2) return fail(Errc::unsupported);
  io::Endpoint out;
  if (parts[0].protocol == Protocol::ip6) {
    out.ip.family = io::IpAddress::Family::v6;
  } else if (parts[0].protocol != Protocol::ip4) {
    return fail(Errc::unsupported);
  }
  const auto& ip = parts[0].value;
  const auto& port = parts[1].value;
  if (parts[1].protocol != Protocol::udp && parts[1].protocol != Protocol::tcp)
    return fail(Errc::unsupported);
  std::copy(ip.begin(), ip.end(), out.ip.bytes.begin());
  out.port = static_cast<std::uint16_t>(port[0] << 8 | port[1]);
  parts = parts.subspan(1);  // the transport is read from here
  return out;
}

Result<PeerAddress::Transport> take_transport(Parts& parts) {
  bool udp = starts_with(parts, Protocol::udp);
  parts = parts.subspan(1);
  if (udp) {
    if (!starts_with(parts, Protocol::nquic)) return fail(Errc::unsupported);
    parts = parts.subspan(1);
    return PeerAddress::Transport::nquic;
  }
  if (!starts_with(parts, Protocol::ws)) return PeerAddress::Transport::tcp;
  parts = parts.subspan(1);
  return PeerAddress::Transport::ws;
}

Result<std::optional<NodeKey>> take_node(Parts& parts) {
  if (!starts_with(parts, Protocol::p2p)) return std::nullopt;
  TRY(auto node, codec::node_key_from_peer_id(parts[0].value));
  parts = parts.subspan(1);
  return node;
}

}  // namespace

Result<PeerAddress> PeerAddress::from(const Multiaddr& address) {
  Parts rest = address.parts();
  PeerAddress out;
  TRY(out.endpoint, take_endpoint(rest));
  TRY(out.transport, take_transport(rest));
  TRY(out.node, take_node(rest));
  if (rest.empty()) return out;
  if (!out.node || !starts_with(rest, Protocol::p2p_circuit)) return fail(Errc::unsupported);
  rest = rest.subspan(1);
  out.relay = out.node;
  TRY(out.node, take_node(rest));
  if (!out.node || !rest.empty()) return fail(Errc::unsupported);
  return out;
}

Result<PeerAddress> PeerAddress::parse(std::string_view text) {
  TRY(auto address, Multiaddr::parse(text));
  return from(address);
}

Multiaddr PeerAddress::multiaddr() const {
  ensure(!relay || node, "behind a relay there is a node");
  bool v4 = endpoint.ip.family == io::IpAddress::Family::v4;
  std::vector<Multiaddr::Part> parts;
  parts.push_back({v4 ? Protocol::ip4 : Protocol::ip6, copy(endpoint.ip.view())});
  parts.push_back({transport == Transport::nquic ? Protocol::udp : Protocol::tcp,
                   {static_cast<Byte>(endpoint.port >> 8), static_cast<Byte>(endpoint.port)}});
  if (transport == Transport::nquic) parts.push_back({Protocol::nquic, {}});
  if (transport == Transport::ws) parts.push_back({Protocol::ws, {}});
  if (relay) {
    parts.push_back({Protocol::p2p, codec::peer_id(*relay)});
    parts.push_back({Protocol::p2p_circuit, {}});
  }
  if (node) parts.push_back({Protocol::p2p, codec::peer_id(*node)});
  return Multiaddr(std::move(parts));
}

}  // namespace conclave::address
