#pragma once
/// The protocols of a multiaddr that we can read, with their multicodec codes (multiformats/multicodec, table.csv).
#include <optional>

#include "crypto/bytes.hpp"

namespace conclave::address {

enum class Protocol : std::uint32_t {
  ip4 = 0x04,
  tcp = 0x06,
  ip6 = 0x29,
  dns = 0x35,
  dns4 = 0x36,
  dns6 = 0x37,
  udp = 0x0111,
  webrtc_direct = 0x0118,
  webrtc = 0x0119,
  p2p_circuit = 0x0122,
  p2p = 0x01a5,
  tls = 0x01c0,
  sni = 0x01c1,
  noise = 0x01c6,
  quic_v1 = 0x01cd,
  webtransport = 0x01d1,
  certhash = 0x01d2,
  ws = 0x01dd,
  wss = 0x01de,
  http = 0x01e0,
  /// Ours: QUIC with a Noise handshake (docs/nquic.md), from multicodec's range for private use,
  /// 0x300000–0x3fffff; the low bytes are "nq".
  nquic = 0x306e71,
};

/// What stands behind a protocol's name.
enum class ValueKind : Byte {
  none,
  ip4,       ///< 4 bytes
  ip6,       ///< 16 bytes
  port,      ///< 2 bytes, big endian
  name,      ///< varint length ‖ letters, digits, '-', '_', '.'
  peer,      ///< varint length ‖ multihash of a peer id
  certhash,  ///< varint length ‖ multihash
};

struct ProtocolEntry {
  Protocol protocol;
  std::string_view name;
  ValueKind value;
};

std::optional<ProtocolEntry> find(std::string_view name);
std::optional<ProtocolEntry> find(std::uint64_t code);

}  // namespace conclave::address
