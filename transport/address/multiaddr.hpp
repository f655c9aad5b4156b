#pragma once
/// A multiaddr: an address that says which protocols to speak there, `/ip4/1.2.3.4/udp/4001/nquic/p2p/12D3KooW…`.
///
/// Spec: multiformats/multiaddr; libp2p/specs, addressing. Every protocol in address/protocol.hpp is read and
/// written; which of them we can dial is `PeerAddress`'s affair. A multiaddr with an unknown protocol cannot be
/// split into parts and is refused as a whole: drop that address, not the message that names it.
#include "crypto/codec/msgpack.hpp"
#include "transport/address/protocol.hpp"

namespace conclave::address {

class Multiaddr {
 public:
  /// A relayed WebTransport address with two certificate hashes has under 250 bytes; strangers send these.
  static constexpr std::size_t size_max = 512;
  static constexpr std::size_t text_max = 1024;
  static constexpr std::size_t parts_max = 16;

  struct Part {
    Protocol protocol;
    Bytes value;  ///< without its length prefix
    bool operator==(const Part&) const = default;
  };

  Multiaddr() = default;
  /// The parts have values as `ValueKind` says.
  explicit Multiaddr(std::vector<Part> parts);

  /// Fail with Errc::malformed, too_long or unsupported (an unknown protocol).
  static Result<Multiaddr> parse(std::string_view text);
  static Result<Multiaddr> decode(ByteView bytes);

  std::string text() const;
  Bytes encode() const;
  const std::vector<Part>& parts() const { return parts_; }
  /// With one more part behind: `.with(Protocol::p2p, codec::peer_id(key))`.
  Multiaddr with(Protocol protocol, Bytes value = {}) const;

  friend bool operator==(const Multiaddr&, const Multiaddr&) = default;

 private:
  std::vector<Part> parts_;
};

/// In msgpack a multiaddr is a bin.
void write(codec::Packer& to, const Multiaddr& value);
Result<> read(codec::Item from, Multiaddr& out);

}  // namespace conclave::address
