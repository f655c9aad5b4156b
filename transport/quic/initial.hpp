#pragma once
/// Reads Initial packets without a connection: what both ends check before the QUIC library sees a byte.
///
/// Wire: RFC 9000 17.2 and 19. An Initial packet is protected with keys that follow from the responder's
/// public key, so anybody who knows that key can make one that opens; only its Noise message tells friend
/// from forger. So until the handshake has keys of its own, we let through nothing but packets that consist
/// of PADDING, PING, ACK and the CRYPTO bytes that Noise has accepted: no forged CONNECTION_CLOSE or ACK can
/// end a dial.
#include "transport/quic/packet_key.hpp"
#include "transport/quic/schedule.hpp"

namespace conclave::quic {

struct LongHeader {
  enum class Type : Byte { initial, zero_rtt, handshake, retry };
  Type type{};
  std::uint32_t version = 0;
  Cid destination;
  Cid source;
  ByteView token;             ///< Initial only
  std::size_t number_at = 0;  ///< where the packet number starts
  std::size_t size = 0;       ///< of the packet; more may follow in the datagram
};

/// Fails with Errc::malformed; Errc::unsupported for a version that is not 1.
Result<LongHeader> decode_long_header(ByteView datagram);

struct InitialKeys {
  PacketKey key;
  PacketMask mask;
  explicit InitialKeys(const crypto::HmacKey& secret)
      : key(Suite::chacha20_poly1305, secret), mask(Suite::chacha20_poly1305, secret) {}
};

/// What protects the Initial packets of one connection, as one of its ends sees it.
struct InitialProtection {
  InitialKeys theirs;
  Secret<32> mine;
  /// `original`: the destination of the initiator's first packet, or of its first one after a Retry (RFC 9001 5.2).
  static InitialProtection of(const Cid& original, const X25519Key& responder, bool for_initiator);
};

struct InitialPacket {
  std::uint64_t number = 0;
  ByteView payload;  ///< where the caller said
};
/// `packet` is one packet, as `header.size` says. `text` holds what was in it and may serve for the next one.
/// Fails with Errc::undecryptable or malformed.
Result<InitialPacket> open_initial(InitialKeys& keys, const LongHeader& header, ByteView packet, Bytes& text);

struct InitialFrames {
  struct Crypto {
    std::uint64_t offset = 0;
    ByteView bytes;  ///< into the payload
  };
  std::optional<Crypto> crypto;               ///< at most one is allowed
  std::optional<std::uint64_t> acknowledged;  ///< the largest
};
/// Fails with Errc::unexpected_type for any frame but PADDING, PING, ACK and one CRYPTO; Errc::malformed.
Result<InitialFrames> decode_initial_frames(ByteView payload);

/// Whether `frames` carries nothing but a piece of `message` and plausible acknowledgements.
bool only_part_of(const InitialFrames& frames, ByteView message, std::uint64_t sent_max);

}  // namespace conclave::quic
