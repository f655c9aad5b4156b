#pragma once
/// The key schedule of nQUIC: from a connection id, a public key and a Noise handshake to packet keys.
///
/// Exact layout: docs/nquic.md, "Key schedule". HKDF-Expand-Label, header protection and key update are RFC
/// 9001's; the secrets they start from are ours.
#include "crypto/noise/handshake.hpp"
#include "transport/quic/cid.hpp"

namespace conclave::quic {

inline constexpr std::uint32_t protocol_version = 1;

/// One secret per direction; the initiator is the one who dialled.
struct Secrets {
  Secret<32> initiator;  ///< protects what the initiator sends
  Secret<32> responder;
};

/// "conclave/nquic" ‖ version (4 bytes, big endian) ‖ responder's Ed25519 key.
Bytes prologue(const NodeKey& responder);

/// Initial packets: readable by whoever knows the responder's key, and meaningless to everybody else.
Secrets initial_secrets(const Cid& original, const X25519Key& responder);
/// Handshake packets. `hash` is Noise's h after message 2.
Secrets handshake_secrets(const Secret<32>& chaining_key, const crypto::Digest& hash);
/// h, with the responder's hello mixed in.
crypto::Digest hash_hello(const crypto::Digest& hash, ByteView hello);
/// What the initiator sends to prove that it read the hello.
Secret<32> finished(const Secret<32>& chaining_key, const crypto::Digest& hash);
/// 1-RTT packets. `hash` includes the hello.
Secrets application_secrets(const noise::Handshake::Keys& split, const crypto::Digest& hash);
/// RFC 9001 6.1.
Secret<32> next_secret(const Secret<32>& secret);
/// What `export_secret` derives from.
Secret<32> exporter_secret(const Secret<32>& chaining_key, const crypto::Digest& hash);
/// Seals Retry packets in place of the public constant of RFC 9001 5.8: who does not know the responder
/// cannot forge one.
Secret<32> retry_key(const X25519Key& responder);

}  // namespace conclave::quic
