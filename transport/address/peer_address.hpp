#pragma once
/// What we can dial, taken out of a multiaddr. The forms, with `<ip>` being `/ip4/…` or `/ip6/…`:
///
///     <ip>/udp/<port>/nquic[/p2p/<node>]
///     <ip>/tcp/<port>[/p2p/<node>]
///     <ip>/tcp/<port>/ws[/p2p/<node>]
///     one of these with its node, as the relay's address, then /p2p-circuit/p2p/<node>
///
/// Everything else (quic-v1, webtransport, dns names …) is somebody else's: Errc::unsupported, skip it. Names are
/// not dialled because a resolver would learn, and could choose, whom we talk to.
#include "crypto/keys.hpp"
#include "transport/address/multiaddr.hpp"
#include "transport/io/endpoint.hpp"

namespace conclave::address {

struct PeerAddress {
  enum class Transport : Byte { nquic, tcp, ws };
  Transport transport = Transport::nquic;
  io::Endpoint endpoint;         ///< of the relay where there is one
  std::optional<NodeKey> relay;  ///< who forwards
  std::optional<NodeKey> node;   ///< who answers; always there behind a relay
  friend auto operator<=>(const PeerAddress&, const PeerAddress&) = default;

  /// Fails with Errc::unsupported, or what codec::node_key_from_peer_id says of a peer id.
  static Result<PeerAddress> from(const Multiaddr& address);
  /// `Multiaddr::parse` and `from` in one.
  static Result<PeerAddress> parse(std::string_view text);
  Multiaddr multiaddr() const;
  std::string text() const { return multiaddr().text(); }
};

}  // namespace conclave::address
