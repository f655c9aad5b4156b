#pragma once
/// What a page says about itself before any connection exists: the ICE user fragment that it chooses for the
/// node. 255 ice-chars carry 191 bytes; sealed to the node's key (48 bytes of HPKE), 143 remain:
///
///     version 1 | flags 1 | SHA-256 of the page's certificate 32 | payload types 5 | extension ids 3 | proof ≤ 96
///
/// Payload types in order: Opus, VP8, VP8 retransmission, VP9, VP9 retransmission; 0 = not offered. Extension
/// ids are nibbles: mid, rid, repaired rid, audio level, absolute send time, transport-wide numbers. The proof
/// is who invited the page; the endpoint hands it up unread.
#include <string>

#include "transport/webrtc/certificate.hpp"
#include "transport/webrtc/rtp.hpp"

namespace conclave::webrtc {

struct PayloadTypes {
  Byte opus = 0, vp8 = 0, vp8_rtx = 0, vp9 = 0, vp9_rtx = 0;
  bool operator==(const PayloadTypes&) const = default;
};

struct Claims {
  static constexpr Byte version = 1;
  static constexpr std::size_t proof_max = 96;  ///< a key and a signature
  static constexpr std::size_t sealed_max = 191;

  Fingerprint page;
  bool page_is_dtls_client = false;  ///< the page's answer says setup:passive for the node
  bool data_channel = true;          ///< the page has an application line
  PayloadTypes payload_types;
  ExtensionIds extensions;
  Bytes proof;
  bool operator==(const Claims&) const = default;
};

Bytes encode(const Claims& claims);
/// Fails with Errc::malformed, Errc::unsupported for another version.
Result<Claims> decode_claims(ByteView bytes);

/// Base64 in the standard alphabet without padding, which is exactly the alphabet of ICE.
std::string to_ice_chars(ByteView bytes);
/// Fails with Errc::malformed, Errc::too_long.
Result<Bytes> from_ice_chars(std::string_view text);

}  // namespace conclave::webrtc
