#pragma once
/// What libp2p says inside its Noise handshake: who I am, and which muxers I speak.
///
/// Spec: libp2p/specs, noise/README.md, "Handshake Payload":
///
///     message NoiseExtensions { repeated bytes webtransport_certhashes = 1;
///                               repeated string stream_muxers = 2; }
///     message NoiseHandshakePayload { bytes identity_key = 1; bytes identity_sig = 2;
///                                     NoiseExtensions extensions = 4; }
///
/// The identity key signs "noise-libp2p-static-key:" ‖ the X25519 static key of the handshake, which ties the two.
#include <optional>

#include "crypto/keys.hpp"

namespace conclave::tcp {

struct NoisePayload {
  /// Nobody needs a kilobyte to say this; the Noise message would let 64 through.
  static constexpr std::size_t size_max = 4096;
  static constexpr std::size_t muxers_max = 16;

  NodeKey identity;
  std::vector<std::string> muxers;  ///< in the order of preference; empty without the extension
  bool operator==(const NoisePayload&) const = default;
};

Bytes encode_noise_payload(const NodeKeys& keys, const X25519Key& static_key, const std::vector<std::string>& muxers);

/// Fails with Errc::unsupported if the identity is not an Ed25519 key, Errc::bad_signature if it did not sign
/// `static_key`, Errc::bad_key, Errc::too_long, Errc::malformed.
Result<NoisePayload> verify_noise_payload(ByteView payload, const X25519Key& static_key);

/// The muxer that both sides reach from the same two lists: the initiator's first that the responder has as well.
/// Nothing where a side sent no list; fails with Errc::unsupported if both did and share none.
Result<std::optional<std::string>> early_muxer(const std::vector<std::string>& initiator,
                                               const std::vector<std::string>& responder);

}  // namespace conclave::tcp
