#pragma once
/// identify and identify/push: what a node says of itself, over a stream of any transport.
///
/// Spec: libp2p/specs, identify/README.md. On `/ipfs/id/1.0.0` the one who was asked sends one message and closes; on
/// `/ipfs/id/push/1.0.0` the one who opened the stream does, when something about it changed. Message: unsigned-varint
/// length, then
///
///     message Identify {
///       bytes publicKey = 1;      repeated bytes listenAddrs = 2;   repeated string protocols = 3;
///       bytes observedAddr = 4;   string protocolVersion = 5;       string agentVersion = 6;
///       bytes signedPeerRecord = 8;
///     }
///
/// Deviations: we send no signed peer record and skip those we get (our own records are signed elsewhere). Addresses
/// that do not parse are left out, not held against the message. Nothing in the message is proven but by the
/// connection it came over: a public key other than the connection's is refused.
#include <boost/asio/awaitable.hpp>
#include <optional>

#include "crypto/keys.hpp"
#include "transport/address/multiaddr.hpp"
#include "transport/io/stream.hpp"

namespace conclave::identify {

constexpr std::string_view protocol = "/ipfs/id/1.0.0";
constexpr std::string_view push_protocol = "/ipfs/id/push/1.0.0";

struct Identity {
  static constexpr std::size_t message_max = 8 * 1024;  ///< the specification's limit
  static constexpr std::size_t messages_max = 10;       ///< parts of one identity that are merged
  static constexpr std::size_t addresses_max = 64;      ///< more are ignored
  static constexpr std::size_t protocols_max = 256;     ///< more are ignored
  static constexpr std::size_t name_max = 256;          ///< of a protocol, a version, an agent: longer is malformed

  std::optional<NodeKey> key;
  std::vector<address::Multiaddr> listening;
  std::vector<std::string> protocols;
  std::optional<address::Multiaddr> observed;  ///< the address that the speaker sees the listener at
  std::string protocol_version;                ///< "ipfs/0.1.0" by custom
  std::string agent;                           ///< "conclave/0.1.0"
  bool operator==(const Identity&) const = default;
};

/// The Protocol Buffers message, without its length. `identity` keeps to the limits above, addresses_max included.
Bytes encode_identity(const Identity& identity);
/// Reads a message into `into`: lists grow, other fields are replaced. Fails with Errc::malformed, too_long, or
/// what codec::node_key_from_protobuf says of the key.
Result<> decode_identity(ByteView message, Identity& into);

/// Our end of `protocol`, and of a push of ours: says `ours` and finishes.
boost::asio::awaitable<Result<>> tell(io::Stream& stream, Identity ours);
/// Their end: hears until the speaker finishes. Fails with Errc::bad_key if they name another key than `peer`, the
/// connection's; with Errc::limit_reached after `messages_max` parts; with decode_identity's or the stream's errors.
/// The deadline is the caller's: reset the stream.
boost::asio::awaitable<Result<Identity>> hear(io::Stream& stream, NodeKey peer);

}  // namespace conclave::identify
